"""What people see of an error: their own frames, and where they are told what none of them says.

An adapter's outermost frame calls `shown` before it lets an error go.  Frames of pelton, and of
what pelton went through to get to the user's code, are cut off the front.  A graph's error gets one
frame that names its step; a refusal of ours (input that does not fit) has no frame of theirs, so
it points at their function.  Knows no platform, and of graphs only that an error may say `step`.
"""

from __future__ import annotations

import sys
from types import FunctionType, TracebackType
from typing import Any

from ..handlers.context import Context
from ..handlers.errors import PeltonError
from ..handlers.function import Function
from .refusals import where

_ROOT = __package__.rpartition(".")[0]
_OURS = tuple(f"{_ROOT}.{part}." for part in ("runtime", "handlers", "serving_graph"))
# What runs a coroutine, or an import, for us.
_BETWEEN = ("asyncio.", "concurrent.futures.", "importlib")


def shown(error: BaseException, function: Function[..., Any]) -> TracebackType | None:
    """The trace to show for an error of `function`."""
    trace = without_our_frames(error)
    if trace is None:
        return frame_at(function.file, function.line, function.name)
    if step := step_of(error):
        graph = step.partition("/")[0]
        return frame_at(f"<graph {graph}>", 1, step, trace)
    return trace


def step_of(error: BaseException) -> str:
    """The path of the graph's step in which the error was raised; "" for any other error."""
    step = getattr(error, "step", "")
    return step if isinstance(step, str) else ""


def log_step(error: BaseException, context: Context) -> None:
    """One line that names the step, for an error of a graph."""
    if step_of(error):
        said = f"{type(error).__name__}: {error}"
        context.logger.error("step failed", error=said, **where(error))


def without_our_frames(error: BaseException) -> TracebackType | None:
    """The error's trace from the user's first frame on.

    With no frame of theirs: none of a refusal that we said ourselves (the sentence is all there is
    to it), ours of anything else (a fault of ours, to be found).
    """
    trace = error.__traceback__
    while trace is not None and _is_ours(trace):
        trace = trace.tb_next
    return trace or (None if isinstance(error, PeltonError) else error.__traceback__)


def _is_ours(trace: TracebackType) -> bool:
    name = trace.tb_frame.f_globals.get("__name__", "")
    return isinstance(name, str) and (name.startswith(_OURS) or name.startswith(_BETWEEN))


def frame_at(
    file: str, line: int, name: str, following: TracebackType | None = None
) -> TracebackType:
    """A trace whose first frame is at a place of our choice, under a name of our choice.

    >>> import traceback
    >>> traceback.extract_tb(frame_at("app.py", 7, "delay/clean"))[0].name
    'delay/clean'
    """
    code = _here.__code__.replace(co_filename=file, co_name=name, co_firstlineno=line)
    frame = FunctionType(code, {"sys": sys})()
    return TracebackType(following, frame, -1, line)


def _here() -> Any:
    return sys._getframe()
