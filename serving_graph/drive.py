"""One source for plain and waiting steps: written once with `async def`, run without a loop.

A kind of step that only orders other calls (try again, wait, fall back) is written once, as a
coroutine.  In a graph without async steps nothing in it ever waits for a loop, so it runs through
when it is asked for its first value.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
AsyncRun = Callable[[Any, Any], Awaitable[Any]]


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine that never waits comes to.

    Raises RuntimeError when it does wait: a plain graph has no loop to wait on.

    >>> async def half(n: int) -> float:
    ...     return n / 2
    >>> drive(half(3))
    1.5
    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    coroutine.close()
    name = getattr(coroutine, "__qualname__", "a step")
    raise RuntimeError(f"{name} waits, in a graph that has no async step")


def lifted(run: Callable[[Any, Any], Any]) -> AsyncRun:
    """A plain function of (value, context) as one that can be awaited and never waits."""

    async def lift(value: Any, context: Any) -> Any:
        return run(value, context)

    return lift
