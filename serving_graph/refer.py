"""References: where a graph's words were written, and "module:qualname" back to the object.

Knows nothing of steps; `place` looks at the caller's frame, nothing here keeps one.
"""

from __future__ import annotations

import sys
from functools import reduce
from importlib import import_module
from itertools import islice
from types import FrameType, MethodType
from typing import Any

from ..handlers.errors import GraphError
from ..handlers.frozen import Frozen

_ROOT = __name__.partition(".")[0]


class Place(Frozen):
    """A line of the user's source, and the module it is in."""

    file: str = ""
    line: int = 0
    module: str = ""


def place() -> Place:
    """The user's line that called into the graph's words: the last line of the expression; none
    where a command of ours did."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _is_ours(module := frame.f_globals.get("__name__", "")):
        frame = None if module.startswith(f"{_ROOT}.cli.") else frame.f_back
    if frame is None:
        return Place()
    positions = islice(frame.f_code.co_positions(), frame.f_lasti // 2, None)
    _, end, _, _ = next(positions, (None, None, None, None))
    code = frame.f_code.co_filename
    return Place(code, end or frame.f_lineno, frame.f_globals.get("__name__", ""))


def _is_ours(module: str) -> bool:
    return module == _ROOT or module.startswith(f"{_ROOT}.")


def wrong(what: str, advice: str = "", *, at: Place | None = None) -> GraphError:
    """A `GraphError` with the user's line."""
    at = at or place()
    return GraphError(what, file=at.file, line=at.line, advice=advice)


def reference(thing: Any) -> str:
    """ "module:qualname" of a function or class.

    >>> reference(len)
    'builtins:len'
    """
    return f"{getattr(thing, '__module__', None) or 'builtins'}:{thing.__qualname__}"


def resolve(text: str) -> Any:
    """The object that a reference names.  Raises `GraphError` in a sentence when there is none.

    >>> resolve("builtins:len") is len
    True
    """
    module, colon, name = text.partition(":")
    if not colon or not module or "<" in name:
        raise GraphError(
            f"the reference {text!r} names nothing that can be imported",
            advice="define the step at the top of a module, with def or class",
        )
    try:
        return reduce(getattr, name.split("."), import_module(module))
    except ModuleNotFoundError as error:
        if error.name != module and not module.startswith(f"{error.name}."):
            raise  # the module is there, what it imports is not
        raise GraphError(f"the reference {text!r} names a module that is not here") from error
    except AttributeError as error:
        raise GraphError(f"the module {module} has no {name}") from error


def meant(word: str, known: list[str]) -> str:
    """What to say of a word that is not known: the nearest that is, and all there are.

    >>> meant("clena", ["clean", "score"])
    "did you mean 'clean'? there are clean, score"
    """
    from difflib import get_close_matches  # only a declaration that fails waits for it

    close = get_close_matches(word, known, 1)
    near = f"did you mean {close[0]!r}? " if close else ""
    return f"{near}there are {', '.join(known) or 'none'}"


def holds_state(thing: Any) -> bool:
    """Whether a bound method carries an instance that no reference can name."""
    return isinstance(thing, MethodType) and not isinstance(thing.__self__, type)
