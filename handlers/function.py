"""`Function`: a decorated function with what was said of it.  Calling it calls yours, directly."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from .codec import Codec
from .context import Context
from .errors import WrongUse
from .settings import Settings
from .triggers.base import Trigger

if TYPE_CHECKING:
    from .app import App
    from .triggers.broker_handoff import BrokerHandoff
    from .triggers.kinesis import StreamHandoff
    from .triggers.sqs import Handoff

P = ParamSpec("P")
R = TypeVar("R")
Hook = Callable[[Context], Any]
H = TypeVar("H", bound=Hook)
_NOTHING: Any = None  # what a hook's decorator gets when it is written with parentheses


class Hooks:
    """What runs around a worker's life: `init` before its first event, `drain` when it is asked
    to finish, `stop` when it ends; `settle` where it is about to stand still: each gets the seconds
    that it may wait (None: as it likes) and says whether nothing runs aside any more."""

    __slots__ = ("drain", "init", "settle", "stop")

    def __init__(self) -> None:
        self.init: list[Hook] = []
        self.drain: list[Hook] = []
        self.settle: list[Callable[[float | None], bool]] = []
        self.stop: list[Hook] = []


class Function(Generic[P, R]):
    """One deployable function of an app.

    name, settings:      as given to the decorator
    user_function:       yours; for a graph, the graph
    entry:               its name in the code, where an environment has given it another
    module, file, line:  where it was written
    codec:               how events become its arguments; None for the native styles
    sends:               the queues that it sends to, where it is a part of a graph
    hooks:               see `Hooks`; add with the decorators `.init`, `.drain`, `.stop`
    """

    def __init__(
        self,
        user_function: Callable[P, R],
        *,
        app: App,
        name: str,
        settings: Settings,
        codec: Codec | None,
        where: tuple[str, int],
        module: str,
    ) -> None:
        self.user_function, self.app, self.name = user_function, app, name
        self.entry = name
        self.settings, self.codec, self.module = settings, codec, module
        self.file, self.line = where
        self.hooks = Hooks()
        self.sends: tuple[Handoff | StreamHandoff | BrokerHandoff, ...] = ()
        self.__doc__ = getattr(user_function, "__doc__", None)
        self.__name__ = name
        self.__wrapped__ = user_function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.user_function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<pelton function {self.name} at {self.file}:{self.line}>"

    @property
    def style(self) -> str | None:
        return self.settings.style

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        return self.settings.triggers

    def init(self, hook: H = _NOTHING) -> H:
        """Run `hook(context)` once per worker, before its first event."""
        return self._add("init", hook)

    def drain(self, hook: H = _NOTHING) -> H:
        """Run `hook(context)` when the worker is asked to finish its events."""
        return self._add("drain", hook)

    def stop(self, hook: H = _NOTHING) -> H:
        """Run `hook(context)` when the worker ends."""
        return self._add("stop", hook)

    def _add(self, kind: str, hook: H) -> H:
        if not callable(hook):
            raise WrongUse(
                f"@{self.name}.{kind} was given {hook!r}",
                file=self.file,
                line=self.line,
                advice=f"write @{self.name}.{kind} without parentheses above a function",
            )
        if takes_nothing(hook):
            raise WrongUse(
                f"hook {getattr(hook, '__name__', hook)!s} of {self.name} takes nothing",
                file=hook.__code__.co_filename,
                line=hook.__code__.co_firstlineno,
                advice=f"write it as def {getattr(hook, '__name__', 'hook')}(context)",
            )
        getattr(self.hooks, kind).append(hook)
        return hook


def takes_nothing(fn: Any) -> bool:
    """Whether `fn` is written with def and without any parameter."""
    code = getattr(fn, "__code__", None)
    varargs = 4  # CO_VARARGS
    return code is not None and code.co_argcount == 0 and not code.co_flags & varargs
