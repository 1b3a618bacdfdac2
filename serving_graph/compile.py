"""A sequence of bound steps as one generated function: no loop, no counter, no bookkeeping.

Every step has its own line, so the line that an error's traceback points at names the step:
the way without an error pays nothing for the step's path in the message.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from .steps.base import Bound

_FIRST_LINE = 3  # of the steps, in the source below

Run = Callable[[Any, Any], Any]


def compile_sequence(path: str, steps: Sequence[Bound], *, is_async: bool) -> Run:
    """The function `run(value, context=None)` that calls the steps one after another.

    With `is_async` it is a coroutine function, and steps that wait are awaited.

    >>> size = Bound("size", "demo/size", len)
    >>> compile_sequence("demo", [size], is_async=False)("four")
    4
    """
    names = [f"{_identifier(each.name)}_{place}" for place, each in enumerate(steps, 1)]
    source = _source(names, steps, is_async)
    file = f"<graph {path}>"

    def blame(error: Exception) -> None:
        trace = error.__traceback__
        assert trace is not None
        failed = steps[trace.tb_lineno - _FIRST_LINE]
        _show(file, source)
        if failed.leaf:
            note(error, failed.path)

    scope: dict[str, Any] = dict(zip(names, (each.call for each in steps), strict=True))
    scope["blame"] = blame
    scope["__name__"] = __name__  # so that who shows a trace knows this frame for ours
    exec(compile(source, file, "exec"), scope)
    run: Run = scope["run"]
    return run


def note(error: Exception, path: str) -> None:
    """Say in which step an error was raised: as a note, and as its attribute `step`."""
    text = f"in step {path}"
    notes = getattr(error, "__notes__", [])
    # Past a `__setattr__` of the error's own: a frozen one must be raised as it is, too.
    if text not in notes:
        object.__setattr__(error, "__notes__", [*notes, text])
    object.__setattr__(error, "step", path)


def _source(names: Sequence[str], steps: Sequence[Bound], is_async: bool) -> str:
    lines = [f"{'async ' if is_async else ''}def run(value, context=None):", "    try:"]
    for place, (name, each) in enumerate(zip(names, steps, strict=True), 1):
        target = "return" if place == len(steps) else "value ="
        wait = "await " if each.is_async else ""
        more = f", {each.context}=context" if each.context else ""
        lines.append(f"        {target} {wait}{name}(value{more})")
    lines += ["    except Exception as error:", "        blame(error)", "        raise", ""]
    return "\n".join(lines)


def _identifier(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in f"_{name}").lstrip("_") or "s"


def _show(file: str, source: str) -> None:
    """Let tracebacks print the generated line, where the program prints tracebacks at all."""
    lines = sys.modules.get("linecache")
    if lines is not None and file not in lines.cache:
        lines.cache[file] = (len(source), None, source.splitlines(True), file)
