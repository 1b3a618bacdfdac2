"""A sequence of bound steps as one generated function: no loop, no counter, no bookkeeping.

Every step has its own line, so the line that an error's traceback points at names the step:
the way without an error pays nothing for the step's path and its input's digest.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .kit.base import Bound

if TYPE_CHECKING:
    from types import FrameType

    from .protocols import Track

_FIRST_LINE = 3  # of the steps, in the source below; one more where the time is taken

Run = Callable[[Any, Any], Any]


def compile_sequence(
    path: str, steps: Sequence[Bound], *, is_async: bool, track: Track | None = None
) -> Run:
    """The function `run(value, context=None)` that calls the steps one after another.

    With `is_async` it is a coroutine function, and steps that wait are awaited.  A step with
    `after` takes the values of the steps it names instead of the one before it.

    >>> size = Bound("size", "demo/size", len)
    >>> compile_sequence("demo", [size], is_async=False)("four")
    4
    """
    if is_async and any(len(each.after) > 1 for each in steps):
        from .flow import compile_flow

        return compile_flow(path, steps, track)
    names = [f"{identifier(each.name)}_{place}" for place, each in enumerate(steps, 1)]
    values = _values(steps)
    source = _source(names, values, steps, is_async, timed=track is not None)
    file = f"<graph {path}>"

    def blame(error: BaseException) -> None:
        trace = error.__traceback__
        assert trace is not None
        place = trace.tb_lineno - _FIRST_LINE - (track is not None)
        show(file, source)
        if track is not None:
            known = trace.tb_frame.f_locals
            track.failed(place, error, tuple(known[f"t{each}"] for each in range(place + 1)))
        if steps[place].leaf and isinstance(error, Exception):
            note(error, steps[place].path, eval(values[place], {}, trace.tb_frame.f_locals))

    scope: dict[str, Any] = dict(zip(names, (each.call for each in steps), strict=True))
    scope |= {"blame": blame, "paths": tuple(each.path for each in steps)}
    if track is not None:
        scope |= {"now": track.now, "seen": track.seen}
    scope["__name__"] = __name__  # so that who shows a trace knows this frame for ours
    exec(compile(source, file, "exec"), scope)
    run: Run = scope["run"]
    if len(steps) == 1 and steps[0].leaf and not is_async and track is None:
        run.alone = steps[0]  # type: ignore[attr-defined]  # see `together`
    return run


def step_at(frame: FrameType) -> str:
    """The path of the step that a frame is at, where it is one of a compiled sequence; else ""."""
    if not frame.f_code.co_filename.startswith("<graph "):
        return ""
    paths = frame.f_globals.get("paths", ())
    place = frame.f_lineno - _FIRST_LINE - ("now" in frame.f_globals)
    return paths[place] if 0 <= place < len(paths) else ""


_NO_INPUT = object()


def note(error: Exception, path: str, value: Any = _NO_INPUT) -> None:
    """Say in which step an error was raised: as a note, and as its attributes `step` and
    `input_digest` (of the value that the step was given, where that is known)."""
    remark(error, f"in step {path}")
    object.__setattr__(error, "step", path)
    if value is not _NO_INPUT and not hasattr(error, "input_digest"):
        from .digest import digest

        object.__setattr__(error, "input_digest", digest(value))


def remark(error: Exception, text: str) -> None:
    """Add a note to an error, once."""
    notes = getattr(error, "__notes__", [])
    # Past a `__setattr__` of the error's own: a frozen one must be raised as it is, too.
    if text not in notes:
        object.__setattr__(error, "__notes__", [*notes, text])


def _values(steps: Sequence[Bound]) -> list[str]:
    """What each step takes, as an expression over the values so far."""
    if not any(each.after for each in steps):
        return ["value"] * len(steps)
    given = {each.name: f"v{place}" for place, each in enumerate(steps, 1)}
    given = {"input": "value"} | given
    found = []
    for place, each in enumerate(steps):
        before = f"v{place}" if place else "value"
        named = [given[name] for name in each.after] or [before]
        pairs = ", ".join(f"{name!r}: {given[name]}" for name in each.after)
        found.append(named[0] if len(named) == 1 else f"{{{pairs}}}")
    return found


def _source(
    names: Sequence[str],
    values: Sequence[str],
    steps: Sequence[Bound],
    is_async: bool,
    *,
    timed: bool,
) -> str:
    head = f"{'async ' if is_async else ''}def run(value, context=None):"
    lines = [head, "    t0 = now()", "    try:"] if timed else [head, "    try:"]
    apart = any(each.after for each in steps)
    for place, (name, each) in enumerate(zip(names, steps, strict=True), 1):
        target = f"v{place}" if apart else "value"
        wait = "await " if each.is_async else ""
        more = f", {each.context}=context" if each.context else ""
        call = f"{wait}{name}({values[place - 1]}{more})"
        if timed:
            lines.append(f"        {target} = {call}; t{place} = now()")
        else:
            lines.append(f"        {'return' if place == len(steps) else f'{target} ='} {call}")
    # Who counts also wants to know of what went no further, or was cancelled.
    kind = "BaseException" if timed else "Exception"
    lines += [f"    except {kind} as error:", "        blame(error)", "        raise"]
    if timed:
        times = ", ".join(f"t{place}" for place in range(len(steps) + 1))
        lines += [f"    seen(({times}))", f"    return {target}"]
    return "\n".join([*lines, ""])


def identifier(name: str) -> str:
    """A word of Python's that says the name.

    >>> identifier("fare-model 2")
    'fare_model_2'
    """
    return "".join(letter if letter.isalnum() else "_" for letter in f"_{name}").lstrip("_") or "s"


def show(file: str, source: str) -> None:
    """Let tracebacks print the generated line, where the program prints tracebacks at all."""
    lines = sys.modules.get("linecache")
    if lines is not None and file not in lines.cache:
        lines.cache[file] = (len(source), None, source.splitlines(True), file)
