"""A model step: an ONNX file that travels in the artifact, loaded once a worker."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from posixpath import basename, isabs, normpath, splitext
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

from ..fit import type_from_dict, type_to_dict
from ..refer import Place, place, resolve, wrong
from ..spec import StepSpec, canonical
from .base import Bound, Branches, Step

if TYPE_CHECKING:
    from ..run import Worker

N = TypeVar("N")


class ModelFile(NamedTuple):
    """A file that a step loads.

    declared: the path as it was written, relative to the module that wrote it
    base:     that module's directory
    module:   that module's name
    sha256:   the pinned hash; "" for none
    """

    declared: str
    base: str
    module: str
    sha256: str = ""

    @property
    def path(self) -> str:
        """The file: beside its module, else under the app's root; where neither is, beside."""
        from os.path import exists, join

        root = self.base
        for _ in range(self.module.count(".")):
            root = join(root, "..")
        beside = join(self.base, self.declared)
        below = join(root, self.declared)
        return below if not exists(beside) and exists(below) else beside


class OnnxStep(Step[Any, Any]):
    """See `onnx`."""

    def __init__(self, spec: StepSpec, base: str, output_type: Any, at: Place) -> None:
        super().__init__(spec, at)
        self.output_type = output_type
        path, pin = spec.option("path"), spec.option("sha256", "")
        self.file = ModelFile(path, base, spec.reference, pin)
        self.files = (self.file,)

    def bind(self, worker: Worker, path: str) -> Bound:
        from ..models.onnx import OnnxModel

        inputs, outputs = self.spec.option("inputs"), self.spec.option("outputs")
        model = worker.make(partial(OnnxModel, self.file, inputs, outputs), path)
        return Bound(self.name, path, model, leaf=True)


@overload
def onnx(
    path: str,
    *,
    output_type: type[N],
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    sha256: str = "",
    name: str = "",
) -> Step[Any, N]: ...
@overload
def onnx(
    path: str,
    *,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    sha256: str = "",
    name: str = "",
) -> Step[Any, Any]: ...


def onnx(
    path: str,
    *,
    output_type: Any = Any,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    sha256: str = "",
    name: str = "",
) -> Step[Any, Any]:
    """A step that runs the ONNX model in `path`, relative to the module that says so.

    The value is one row (a list of numbers, or a dict of feature to number), several rows (a list
    of those), or a numpy array; one row in gives one answer out, several give a list, an array
    gives an array.  Needs onnxruntime and numpy in the function's requirements; both are imported,
    and the file is read, when a worker loads the graph.

    inputs:      the features' names in the model's order, for values that are dicts
    outputs:     the model's outputs to give; one name gives its value, several a dict by name;
                 all of them when left out
    output_type: what the step gives, for the checks at build; it converts nothing
    sha256:      the file's hash in hex: another file is refused when it is loaded
    name:        the step's name; the file's own when left out

    Raises `GraphError` at build for an absolute path, or one that leaves the app.

    >>> onnx("models/delay.onnx", outputs=["probabilities"])
    <onnx step delay: Any -> Any>
    """
    at = place()
    options: dict[str, Any] = {"path": _checked(path, at), "sha256": sha256.lower()}
    if output_type is not Any:
        options["gives"] = type_to_dict(output_type)
    named = {"inputs": inputs, "outputs": outputs}
    for key, names in named.items():
        if isinstance(names, str):
            raise wrong(f"onnx: {key}={names!r} is a string", f"write {key}=[{names!r}]", at=at)
        options |= {key: list(names)} if names is not None else {}
    spec = StepSpec("onnx", name or splitext(basename(path))[0], at.module, canonical(options))
    return OnnxStep(spec, at.file.rpartition("/")[0] or ".", output_type, at)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    from importlib import import_module

    try:
        module = sys.modules.get(spec.reference) or import_module(spec.reference)
    except ModuleNotFoundError as error:
        raise wrong(
            f"step {spec.name!r}: the module {spec.reference} is not here", at=at
        ) from error
    base = (module.__file__ or "").rpartition("/")[0] or "."
    return OnnxStep(spec, base, type_from_dict(spec.option("gives"), resolve), at)


def _checked(path: str, at: Place) -> str:
    if not path or isabs(path) or ".." in path.split("/"):
        raise wrong(
            f"onnx: the path {path!r} is not inside the app",
            "give a path relative to the module, so that the file travels in the artifact",
            at=at,
        )
    return normpath(path)
