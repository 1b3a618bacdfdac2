"""The shapes that others may fill: a clock, a watch, and what can be a step.

For type checkers alone: nothing that runs imports this, since a protocol's class is made at every
cold start of an artifact, and each costs a tenth of a millisecond.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .kit.base import Step

if TYPE_CHECKING:
    from _thread import LockType

I_contra = TypeVar("I_contra", contravariant=True)
O_co = TypeVar("O_co", covariant=True)


class Clock(Protocol):
    """Seconds that only go forward, and four ways to let them pass.

    sleep: this thread does nothing else
    wait:  this task does nothing else
    lapse: this thread takes a lock that another one releases; at the latest after `seconds` it
           goes on without
    until: the same, where the other thread is at work on what is waited for, so that a manual
           clock leaves the time to it; the lock may have been released by the clock, so whoever
           waits looks for itself whether it has what it waits for
    """

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...

    async def wait(self, seconds: float) -> None: ...

    def lapse(self, lock: LockType, seconds: float | None) -> bool: ...

    def until(self, lock: LockType, seconds: float | None) -> None: ...


class Track(Protocol):
    """What a sequence tells of itself: when each of its steps began, and which one failed.

    now:    the clock that is read before the first step and after each
    seen:   called after the last step with all those times
    failed: called instead when a step raised (a `Drop` too, or that it was cancelled), with the
            times until then: the last is when the step in question began
    one:    called instead of both where steps overlap: one step's seconds, and what it raised
    whole:  and there the seconds from the first step's beginning to the last one's end
    """

    def now(self) -> float: ...

    def seen(self, times: tuple[float, ...]) -> object: ...

    def failed(self, place: int, error: BaseException, times: tuple[float, ...]) -> None: ...

    def one(self, place: int, seconds: float, error: BaseException | None = None) -> None: ...

    def whole(self, seconds: float) -> None: ...


class Watch(Protocol):
    """Who wants to know what the steps of an executor do.

    track:   of a sequence's steps, see `Track`
    gauge:   a step's level that is read when somebody asks (a queue's depth)
    counter: what a step counts for itself (tries, hits); called with how many more
    """

    def track(self, path: str, steps: Sequence[str]) -> Track: ...

    def gauge(self, path: str, name: str, read: Callable[[], float]) -> None: ...

    def counter(self, path: str, name: str) -> Callable[[float], object]: ...


class Calls(Protocol[I_contra, O_co]):
    """An instance of a class step, called with the value."""

    def __call__(self, value: I_contra, /) -> O_co: ...


class Does(Protocol[I_contra, O_co]):
    """An instance of a class step whose verb is `do`."""

    def do(self, value: I_contra, /) -> O_co: ...


class CallsWithContext(Protocol[I_contra, O_co]):
    """An instance of a class step, called with the value and the context."""

    def __call__(self, value: I_contra, context: Any, /) -> O_co: ...


class DoesWithContext(Protocol[I_contra, O_co]):
    """An instance of a class step whose verb is `do`, and which takes the context."""

    def do(self, value: I_contra, context: Any, /) -> O_co: ...


# What can be a step, by what calling it gives: at once, or when it is awaited.  For the words'
# annotations, so that a static checker finds a misfit, too.
Made = (
    Step[I_contra, O_co]
    | type[Calls[I_contra, O_co]]
    | type[Does[I_contra, O_co]]
    | type[CallsWithContext[I_contra, O_co]]
    | type[DoesWithContext[I_contra, O_co]]
    | Callable[[I_contra], O_co]
    | Callable[[I_contra, Any], O_co]
)
Waits = (
    type[Calls[I_contra, Awaitable[O_co]]]
    | type[Does[I_contra, Awaitable[O_co]]]
    | type[CallsWithContext[I_contra, Awaitable[O_co]]]
    | type[DoesWithContext[I_contra, Awaitable[O_co]]]
    | Callable[[I_contra], Awaitable[O_co]]
    | Callable[[I_contra, Any], Awaitable[O_co]]
)
