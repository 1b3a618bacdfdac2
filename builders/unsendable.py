"""What in a function cannot be sent: the name that leads to it, and what it is.

A pickler says only that some lock deep inside cannot be pickled.  Here the function is walked
through what it closes over, its globals, defaults and the parts of those, to the smallest thing
that cannot be, so that the error names a variable of the user's.  A pickler is given to it.
"""

from __future__ import annotations

import dis
import io
import socket
import threading
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..handlers.codec.signature import unwrapped

# A lock's type has no public name; a generator, a socket … do.
KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    ((type(threading.Lock()), type(threading.RLock()), threading.Condition, threading.Event,
      threading.Semaphore), "a lock"),
    (threading.Thread, "a thread"),
    (socket.socket, "a socket"),
    (io.IOBase, "an open file"),
    ((types.GeneratorType, types.AsyncGeneratorType), "a generator"),
    (types.CoroutineType, "a coroutine"),
    (types.FrameType, "a frame"),
    (types.TracebackType, "a traceback"),
    (memoryview, "a view of memory"),
)  # fmt: skip
DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Culprit:
    """path: from the function to the thing, in the user's own names; what: what it is."""

    path: str
    what: str


def find_culprit(value: Any, name: str, can_send: Callable[[Any], bool]) -> Culprit | None:
    """The smallest part of `value` that cannot be sent; None when all of it can.

    >>> lock = threading.Lock()
    >>> def f(n): return lock, n
    >>> find_culprit({"f": [1, lock]}, "x", lambda value: not isinstance(value, type(lock)) and
    ...              not isinstance(value, (dict, list)))
    Culprit(path="x['f'][1]", what='a lock')
    """
    return _find(value, name, can_send, set(), 0)


def _find(
    value: Any, name: str, can_send: Callable[[Any], bool], seen: set[int], depth: int
) -> Culprit | None:
    if id(value) in seen or can_send(value):
        return None
    seen.add(id(value))
    if what := what_is(value):
        return Culprit(name, what)
    if depth < DEEPEST:
        for part, label in parts(value, name):
            if found := _find(part, label, can_send, seen, depth + 1):
                return found
    return Culprit(name, f"of the type {type(value).__module__}.{type(value).__qualname__}")


def what_is(value: Any) -> str:
    """A known unsendable thing in words; "" for others."""
    for kinds, what in KINDS:
        if isinstance(value, kinds):
            return what
    return ""


def parts(value: Any, name: str) -> Iterator[tuple[Any, str]]:
    """What `value` is made of, each with the name that leads to it."""
    if isinstance(value, types.FunctionType):
        yield from _parts_of_function(value, name)
    elif isinstance(value, types.MethodType):
        yield value.__self__, f"{name}.__self__"
    elif isinstance(value, Mapping):
        yield from ((each, f"{name}[{key!r}]") for key, each in list(value.items()))
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((each, f"{name}[{index}]") for index, each in enumerate(value))
    elif isinstance(value, type):
        yield from ((each, f"{name}.{key}") for key, each in vars(value).items())
    else:
        yield from ((each, f"{name}.{key}") for key, each in _state(value).items())


def _parts_of_function(function: types.FunctionType, name: str) -> Iterator[tuple[Any, str]]:
    code = function.__code__
    for variable, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield cell.cell_contents, f"the variable {variable!r} that {name} closes over"
        except ValueError:
            continue  # not assigned yet
    for variable in _globals_of(code):
        if variable in function.__globals__:
            yield function.__globals__[variable], f"the global {variable!r} that {name} uses"
    defaults = {**(function.__kwdefaults__ or {})}
    names = code.co_varnames[: code.co_argcount]
    given = function.__defaults__ or ()
    defaults |= dict(zip(names[len(names) - len(given) :], given, strict=True))
    for variable, each in defaults.items():
        yield each, f"the default of {variable!r} of {name}"
    inner = unwrapped(function)
    if inner is not function:
        yield inner, name
    yield from ((each, f"{name}.{key}") for key, each in vars(function).items() if each != inner)


def _globals_of(code: types.CodeType) -> Iterator[str]:
    """The global names that a code uses, those of the functions inside it included."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _globals_of(constant)


def _state(value: Any) -> dict[str, Any]:
    found = dict(getattr(value, "__dict__", {}))
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for each in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, each):
                found.setdefault(each, getattr(value, each))
    return found
