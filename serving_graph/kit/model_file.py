"""What every model step shares: a share in a loaded model, settings as data, a file that travels.

Loads nothing and imports no format: a worker does, when it binds the step.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from posixpath import basename, isabs, normpath, splitext
from typing import TYPE_CHECKING, Any

from ...handlers.errors import WrongUse
from ..fit import type_from_dict, type_to_dict
from ..models.file import ModelFile
from ..refer import Place, resolve, wrong
from ..spec import StepSpec, canonical
from .base import Bound, Branches, Step

if TYPE_CHECKING:
    from ...runtime.assets import Asset
    from ..models.shared import Lease
    from ..run import Worker

_OF_THE_STEP = ("gives", "path", "sha256")  # options that are the step's, not the model's
_OF_ALL = ("inputs", "outputs", "nan", "warm_up")
_OF_A_KIND = {
    "onnx": (),
    "skops": ("by_label", "trusted"),
    "pickled": ("by_label", "versions"),
}


class FileStep(Step[Any, Any]):
    """A step that runs a model file: see `pelton.onnx`, `pelton.skops`, `pelton.pickled`."""

    def __init__(self, spec: StepSpec, base: str, output_type: Any, at: Place) -> None:
        super().__init__(spec, at)
        self.output_type = output_type
        path, pin = spec.option("path"), spec.option("sha256", "")
        self.file = ModelFile(path, base, spec.reference, pin)
        if "://" not in path:  # what is fetched does not travel along
            self.files = (self.file,)

    def lease(self) -> Lease:
        """A share in the model of this step's file and settings."""
        from ..models.shared import Lease

        settings = self.settings()
        warm_up, features = settings.pop("warm_up", None), settings.pop("inputs", None)
        make = partial(_class_of(self.spec.kind), self.file, features=features, **settings)
        return Lease(make, self.key, warm_up)

    def loadables(self) -> Iterator[tuple[str, str, Any, bool]]:
        """This model for a repository of models, see `Models.of`."""
        yield self.name, "1", self.lease, True

    def settings(self) -> dict[str, Any]:
        """What the model is told, by the words of the step's own function."""
        import json

        options = json.loads(self.spec.options)
        return {key: each for key, each in options.items() if key not in _OF_THE_STEP}

    def key(self) -> tuple[Any, ...]:
        settings = canonical(self.settings())
        return (self.spec.kind, self.file.identity(), self.file.sha256, settings)

    def bind(self, worker: Worker, path: str) -> Bound:
        lease = worker.make(self.lease, path)
        return Bound(self.name, path, lease.model, leaf=True, model=lease.model)


def _class_of(kind: str) -> Callable[..., Any]:
    """The model class of a kind of file; its module is imported when a worker needs it."""
    from importlib import import_module

    module, name = {
        "onnx": ("onnx", "OnnxModel"),
        "skops": ("skops", "SkopsModel"),
        "pickled": ("pickled", "PickledModel"),
    }[kind]
    found: Callable[..., Any] = getattr(import_module(f"..models.{module}", __package__), name)
    return found


def file_step(
    kind: str,
    path: str | Asset,
    at: Place,
    *,
    name: str,
    sha256: str,
    output_type: Any,
    inputs: Any,
    outputs: Sequence[str] | None,
    nan: str,
    warm_up: Any,
    more: Mapping[str, Any] | None = None,
) -> FileStep:
    """The step of a model file.  Raises `GraphError` for settings that cannot be."""
    sha256 = sha256 or getattr(path, "sha256", "")
    path = _checked(kind, getattr(path, "uri", path), at, sha256)
    options: dict[str, Any] = {"path": path, "sha256": sha256.lower()}
    if output_type is not Any:
        options["gives"] = type_to_dict(output_type)
    _check_nan(kind, nan, at)
    given = {"inputs": inputs, "outputs": outputs, "warm_up": warm_up, **(more or {})}
    given["nan"] = nan if nan != "refuse" else None
    for key, value in given.items():
        options |= _option(kind, key, value, at)
    spec = StepSpec(kind, name or splitext(basename(path))[0], at.module, canonical(options))
    return FileStep(spec, at.file.rpartition("/")[0] or ".", output_type, at)


def _option(kind: str, key: str, value: Any, at: Place) -> dict[str, Any]:
    """One setting as data; nothing where it was left out."""
    if value is None:
        return {}
    if key in ("inputs", "outputs", "trusted") and isinstance(value, str):
        raise wrong(f"{kind}: {key}={value!r} is a string", f"write {key}=[{value!r}]", at=at)
    listed = list(value) if key in ("outputs", "trusted") or isinstance(value, tuple) else value
    try:
        canonical(listed)
    except (TypeError, ValueError):
        raise wrong(f"{kind}: {key}={value!r:.60} is not JSON-ready", at=at) from None
    return {key: listed}


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> FileStep:
    """The step that a spec says."""
    from importlib import import_module

    try:
        module = sys.modules.get(spec.reference) or import_module(spec.reference)
    except ModuleNotFoundError as error:
        raise wrong(
            f"step {spec.name!r}: the module {spec.reference} is not here", at=at
        ) from error
    _checked(spec.kind, spec.option("path"), at, spec.option("sha256", ""))
    made = FileStep(spec, _folder(module), type_from_dict(spec.option("gives"), resolve), at)
    _check_nan(spec.kind, spec.option("nan", "refuse"), at)
    for key in made.settings():
        if key not in (*_OF_ALL, *_OF_A_KIND[spec.kind]):
            raise wrong(f"step {spec.name!r}: {spec.kind} has no setting {key!r}", at=at)
    return made


def _folder(module: Any) -> str:
    return (module.__file__ or "").rpartition("/")[0] or "."


def _check_nan(kind: str, nan: Any, at: Place) -> None:
    if nan not in ("refuse", "allow"):
        raise wrong(f"{kind}: nan={nan!r} is not a choice", "use 'refuse' or 'allow'", at=at)


def _checked(kind: str, path: Any, at: Place, sha256: str) -> str:
    if isinstance(path, str) and "://" in path:
        from ...runtime.assets import asset

        try:
            return asset(path, sha256=sha256).uri
        except WrongUse as error:
            raise wrong(f"{kind}: {error.what}", error.advice, at=at) from None
    if not path or not isinstance(path, str) or isabs(path) or ".." in path.split("/"):
        raise wrong(
            f"{kind}: the path {path!r} is not inside the app",
            "give a path relative to the module, so that the file travels in the artifact",
            at=at,
        )
    return normpath(path)
