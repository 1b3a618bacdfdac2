"""A function sent as a pickle, because it was asked for: made, pinned, and checked before upload.

For functions that no import can find again: of a notebook, or made by another function around a
model just trained.  cloudpickle is imported here and in the function's own environment only.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import pickletools
import re
import sys
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

from ..handlers.function import Function
from ..runtime.by_value import version_of
from .errors import CannotPickle
from .gathered import Gathered
from .imports import DISTRIBUTION_OF
from .target import Target
from .trim import normal
from .unsendable import find_culprit

ENTRY = '''"""The way into {app}.{function}, sent as a pickle; written by pelton's builder."""

import os

from pelton.runtime.{adapter} import {maker}
from pelton.runtime.by_value import revive

app = revive(os.path.dirname(__file__), {file!r}, {sha256!r}, {versions!r})
{names} = {maker}(__name__, {function!r}, "app")
'''
_KEPT_SETTINGS = ("memory", "timeout", "triggers", "telemetry", "style", "concurrency")


@dataclass(frozen=True, slots=True)
class Pickled:
    """content: the pickle; versions: of Python and of every distribution whose code is in it;
    modules: the user's own, which it imports and which must be shipped."""

    file: str
    content: bytes
    versions: Mapping[str, str]
    modules: tuple[str, ...]

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def make_pickle(function: Function[..., Any], root: Path, target: Target) -> Pickled:
    """The pickle of a function.

    Raises `CannotPickle` with the culprit: a variable that cannot be sent, a module that is neither
    the user's own nor installed, a Python other than the target's, cloudpickle missing here.
    """
    where = f"function {function.name} ({function.file}:{function.line})"
    here = version_of("python")
    if target.python != here:
        raise CannotPickle(
            f"{where} is pickled by Python {here}, and its target runs {target.python}, which "
            f"cannot read that; build with Python {target.python}, or choose runtime "
            f'"python{here}"'
        )
    content = _dumps(function, where)
    modules = dict.fromkeys(_modules(content))
    own = tuple(each for each in modules if _is_below(each, root))
    others = {each.partition(".")[0] for each in modules if each not in own}
    others -= {*sys.stdlib_module_names, "pelton", *target.runtime_modules}
    versions = {"python": here}
    for top in sorted(others):
        versions[_distribution(top, where)] = version_of(_distribution(top, where))
    name = f"pelton_pickled_{function.name.replace('-', '_')}.pkl"
    return Pickled(name, content, versions, own)


def check_pins(pickled: Pickled, gathered: Gathered | None, function: Function[..., Any]) -> None:
    """Raise `CannotPickle` unless the requirements bring the very versions it was made with."""
    _check(f"function {function.name}", pickled.versions, gathered, function)


def check_models(
    graphs: Sequence[Any],
    gathered: Gathered | None,
    function: Function[..., Any],
    target: Target,
) -> None:
    """Hold the pickled models of graphs to their pins, before anything is uploaded.

    Raises `CannotPickle` for another Python, another version or another file.
    """
    for graph in graphs:
        for step in graph.walk():
            if step.spec.kind != "pickled":
                continue
            where = f"step {step.spec.name} of graph {graph.name}"
            versions = step.spec.option("versions")
            if versions["python"] != target.python:
                raise CannotPickle(
                    f"{where} was pickled with Python {versions['python']}, and the target of "
                    f"function {function.name} runs {target.python}; choose that runtime, or "
                    "pickle it again"
                )
            _check(where, versions, gathered, function)
            for file in step.files:
                try:
                    file.read()
                except (OSError, ValueError) as error:
                    raise CannotPickle(f"{where}: {error}") from None


def _check(
    what: str,
    versions: Mapping[str, str],
    gathered: Gathered | None,
    function: Function[..., Any],
) -> None:
    brought = {normal(e.name): e.version for e in gathered.packages} if gathered else {}
    for name, version in versions.items():
        found = brought.get(normal(name), "")
        if name == "python" or found == version or (not found and function.settings.aws.layers):
            continue
        bring = f"bring {name} {found}" if found else f"do not bring {name}"
        raise CannotPickle(
            f"{what} was pickled with {name} {version}, and the requirements of function "
            f'{function.name} {bring}; write "{name}=={version}" into them'
        )


def entry(function: Function[..., Any], pickled: Pickled, platform: str) -> str:
    """The source of the entry module."""
    aws = platform == "lambda"
    return ENTRY.format(
        app=function.app.name, function=function.name, adapter="aws" if aws else "nuclio",
        maker="handler_for" if aws else "entry_for", file=pickled.file, sha256=pickled.sha256,
        versions=dict(pickled.versions), names="handler" if aws else "handler, init_context",
    )  # fmt: skip


def _dumps(function: Function[..., Any], where: str) -> bytes:
    try:
        import cloudpickle
    except ImportError:
        raise CannotPickle(
            f"{where} is to be pickled, which needs cloudpickle here: pip install cloudpickle"
        ) from None
    user = function.user_function
    if not isinstance(user, FunctionType):
        raise CannotPickle(f"{where} is no plain function; only one written with def is pickled")
    settings = {name: getattr(function.settings, name) for name in _KEPT_SETTINGS}
    hooks = {kind: list(getattr(function.hooks, kind)) for kind in ("init", "drain", "stop")}
    module = sys.modules.get(user.__module__)
    by_value = module is not None and user.__module__ != "__main__"
    if by_value:
        cloudpickle.register_pickle_by_value(module)
    try:
        payload = (function.app.name, function.name, settings, _with_types(user), hooks)
        return _steady(_pickle_of(payload, cloudpickle), cloudpickle)
    except Exception as error:  # a pickler raises whatever an object's own reduction raises
        culprit = find_culprit(user, function.name, lambda each: _can_send(each, cloudpickle))
        for kind, added in hooks.items():
            for each in added:
                culprit = culprit or find_culprit(
                    each, f"{kind} hook {each.__name__}", lambda one: _can_send(one, cloudpickle)
                )
        what = f"{culprit.path} is {culprit.what}" if culprit else str(error)
        raise CannotPickle(
            f"{where} cannot be sent: {what}; make it in an init hook, or inside the function"
        ) from error
    finally:
        if by_value:
            cloudpickle.unregister_pickle_by_value(module)


def _with_types(user: FunctionType) -> FunctionType:
    """The function with its annotations as types: their names may not be found again over there."""
    made = FunctionType(
        user.__code__, user.__globals__, user.__name__, user.__defaults__, user.__closure__
    )
    made.__kwdefaults__, made.__module__ = user.__kwdefaults__, user.__module__
    made.__qualname__, made.__doc__ = user.__qualname__, user.__doc__
    made.__dict__.update(user.__dict__)
    made.__annotations__ = typing.get_type_hints(user, include_extras=True)
    return made


def _can_send(value: Any, pickler: Any) -> bool:
    try:
        _pickle_of(value, pickler)
    except Exception:  # as above: any error says that it cannot
        return False
    return True


def _pickle_of(value: Any, cloudpickle: Any) -> bytes:
    """What cloudpickle makes of a value; an open text file is refused, whose content it would
    silently take along."""

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, io.TextIOWrapper) and obj not in (sys.stdout, sys.stderr):
                raise pickle.PicklingError("an open file cannot be sent")
            return super().reducer_override(obj)

    written = io.BytesIO()
    Pickler(written).dump(value)
    return written.getvalue()


def _steady(content: bytes, cloudpickle: Any) -> bytes:
    """The same pickle with names of its classes that do not differ from run to run: cloudpickle
    draws a random one for each class that it sends."""
    drawn = getattr(cloudpickle.cloudpickle, "_DYNAMIC_CLASS_TRACKER_BY_ID", {})
    seen: dict[str, str] = {}
    for number, found in enumerate(re.findall(rb"\x8c\x20([0-9a-f]{32})", content)):
        name = found.decode()
        if name in drawn and name not in seen:
            seen[name] = hashlib.md5(f"class {number}".encode(), usedforsecurity=False).hexdigest()
    for name, steady in seen.items():
        content = content.replace(name.encode(), steady.encode())
    return content


def _modules(content: bytes) -> Iterator[str]:
    """The modules that reading a pickle would import: those of its globals, and those that
    cloudpickle's `subimport` is called with."""
    memo: list[Any] = []
    pushed: list[Any] = [None, None]
    for opcode, argument, _ in pickletools.genops(content):
        name = opcode.name
        if name in ("PROTO", "FRAME"):
            continue
        if name == "MEMOIZE":
            memo.append(pushed[-1])
            continue
        value: Any = None
        if name == "GLOBAL":
            yield str(argument).partition(" ")[0]
        elif name == "STACK_GLOBAL":
            module, value = pushed[-2], (pushed[-1],)
            yield str(module)
        elif isinstance(argument, str):
            value = argument
            if pushed[-1] == ("subimport",):
                yield argument
        elif name in ("BINGET", "LONG_BINGET"):
            value = memo[int(argument or 0)]
            if pushed[-1] == ("subimport",) and isinstance(value, str):
                yield value
        pushed = [pushed[-1], value]


def _is_below(module: str, root: Path) -> bool:
    file = getattr(sys.modules.get(module), "__file__", None)
    if not file or "site-packages" in file:
        return False
    return Path(file).resolve().is_relative_to(root.resolve())


def _distribution(top: str, where: str) -> str:
    from importlib.metadata import packages_distributions

    found = packages_distributions().get(top, [])
    name = found[0] if found else DISTRIBUTION_OF.get(top, top)
    if not version_of(name):
        raise CannotPickle(
            f"{where} uses the module {top!r}, which is neither below the app's folder nor of an "
            "installed distribution, so it cannot be shipped"
        )
    return name
