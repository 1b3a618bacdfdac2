"""A worker's life around its events: find the function, run its hooks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ..handlers.app import App
from ..handlers.context import Context
from ..handlers.errors import WrongUse
from ..handlers.event import Result
from ..handlers.function import Function
from .call import maybe_await

if TYPE_CHECKING:
    from ..handlers.metrics import Metrics


def find_function(module: str, function: str, app: str) -> Function[..., Any]:
    """The function called `function` of the app that `module` names `app`.

    Raises `WrongUse` that says what the module has instead.
    """
    try:
        found = getattr(import_module(module), app, None)
    except Exception as error:
        from .traces import without_our_frames

        raise error.with_traceback(without_our_frames(error))  # noqa: B904 - the same error
    if not isinstance(found, App):
        raise WrongUse(f"module {module} has no pelton.App named {app!r}")
    if function not in found.functions:
        raise WrongUse(
            f"app {found.name} has no function {function!r}",
            advice=f"it has {', '.join(found.functions) or 'none'}",
        )
    return found.functions[function]


def native_init(function: Function[..., Any]) -> Callable[[Any], Any] | None:
    """The `init_context` of the module of a Nuclio-style function, if it has one."""
    module = sys.modules.get(function.module)
    return getattr(module, "init_context", None) if function.style == "nuclio" else None


class Worker:
    """One function in one process: its state and its hooks, each run once.

    native: nuclio_sdk's context where we made it ourselves; its module's `init_context` and its
            platform's callbacks then run with the hooks
    hosted: the ASGI application that the function is, started and stopped with the hooks
    on_begin: called once, when the init hooks are done
    metrics:  what the function counts; made when it is first asked for
    """

    def __init__(self, function: Function[..., Any], metrics: Metrics | None = None) -> None:
        self.function = function
        self._metrics = metrics
        self.state = SimpleNamespace()
        self.native: Any = None
        self.hosted: Any = None
        self.on_begin: Callable[[], None] | None = None
        self._begun = self._ended = False

    def metrics(self) -> Metrics:
        if self._metrics is None:
            from ..handlers.metrics import Metrics  # only a function that counts pays for it

            self._metrics = Metrics(keep_values=self.function.settings.telemetry.emf)
        return self._metrics

    def page(self) -> Result:
        """The metrics, as who scrapes them reads them."""
        from .telling.prometheus import page

        return page(self.metrics())

    @property
    def has_ends(self) -> bool:
        """Whether anything is to be done when the worker ends."""
        hooks = self.function.hooks
        return bool(hooks.drain or hooks.stop or self.native is not None or self.hosted)

    def begin(self, context: Context) -> None:
        """Run the init hooks, once; when one raises, all are run again for the next event."""
        if not self._begun:
            for hook in self.function.hooks.init:
                maybe_await(hook(context))
            if self.native is not None and (init := native_init(self.function)):
                maybe_await(init(self.native))
            if self.hosted is not None:
                self.hosted.start()
            if self.on_begin is not None:
                self.on_begin()
            self._begun = True

    def drain(self, context: Context) -> None:
        """Run the drain hooks: the platform asks to finish what is in hand."""
        if self._begun:
            for hook in self.function.hooks.drain:
                maybe_await(hook(context))
            self._signal("drain")

    def end(self, context: Context) -> None:
        """Run the stop hooks, last added first, once."""
        if self._begun and not self._ended:
            self._ended = True
            if self.hosted is not None:
                self.hosted.stop()
            self._signal("termination")
            for hook in reversed(self.function.hooks.stop):
                maybe_await(hook(context))

    def _signal(self, kind: str) -> None:
        if self.native is not None:
            maybe_await(self.native.platform.on_signal(kind))


def flush_prints() -> None:
    """User prints belong to their event: nothing of it may wait in a buffer."""
    sys.stdout.flush()
    sys.stderr.flush()
