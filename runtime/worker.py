"""A worker's life around its events: find the function, run its hooks, strip our own frames."""

from __future__ import annotations

import sys
from importlib import import_module
from types import SimpleNamespace, TracebackType
from typing import Any

from ..handlers.app import App
from ..handlers.context import Context
from ..handlers.errors import PeltonError, WrongUse
from ..handlers.function import Function
from .call import maybe_await

_OURS = (f"{__package__}.", __package__.rpartition(".")[0] + ".handlers.")


def find_function(module: str, function: str, app: str) -> Function[..., Any]:
    """The function called `function` of the app that `module` names `app`.

    Raises `WrongUse` that says what the module has instead.
    """
    found = getattr(import_module(module), app, None)
    if not isinstance(found, App):
        raise WrongUse(f"module {module} has no pelton.App named {app!r}")
    if function not in found.functions:
        raise WrongUse(
            f"app {found.name} has no function {function!r}",
            advice=f"it has {', '.join(found.functions) or 'none'}",
        )
    return found.functions[function]


class Worker:
    """One function in one process: its state and its hooks, each run once."""

    def __init__(self, function: Function[..., Any]) -> None:
        self.function = function
        self.state = SimpleNamespace()
        self._begun = self._ended = False

    def begin(self, context: Context) -> None:
        """Run the init hooks, once; a hook that raises is run again for the next event."""
        if not self._begun:
            for hook in self.function.hooks.init:
                maybe_await(hook(context))
            self._begun = True

    def drain(self, context: Context) -> None:
        """Run the drain hooks: the platform asks to finish what is in hand."""
        for hook in self.function.hooks.drain:
            maybe_await(hook(context))

    def end(self, context: Context) -> None:
        """Run the stop hooks, last added first, once."""
        if self._begun and not self._ended:
            self._ended = True
            for hook in reversed(self.function.hooks.stop):
                maybe_await(hook(context))


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
    return isinstance(name, str) and name.startswith(_OURS)


def flush_prints() -> None:
    """User prints belong to their event: nothing of it may wait in a buffer."""
    sys.stdout.flush()
    sys.stderr.flush()
