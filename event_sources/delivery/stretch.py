"""A worker that never waits, because its handler does not, keeps everybody else waiting: for how
long it may, and how it is noticed that it waits after all.  What the work is, nothing here knows.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Coroutine, Generator
from time import monotonic
from typing import Any, TypeVar

T = TypeVar("T")


class Stretch:
    """What a worker does in one go, while all others of the event loop wait.

    seconds: how long that may be

    >>> long, none = Stretch(60), Stretch(0)
    >>> long.over, none.over
    (False, True)
    """

    def __init__(self, seconds: float) -> None:
        self._seconds, self._end = seconds, 0.0

    @property
    def end(self) -> float:
        """Until when it goes, by `monotonic`; it begins when somebody asks first."""
        if not self._end:
            self._end = monotonic() + self._seconds
        return self._end

    @property
    def over(self) -> bool:
        """Whether the others are to have their turn."""
        end = self.end  # which begins with the first question
        return monotonic() >= end

    def turn(self) -> None:
        """They have it: the next one is another stretch."""
        self._end = 0.0


@types.coroutine
def noticed(work: Coroutine[Any, Any, T], waits: Callable[[], None]) -> Generator[Any, Any, T]:
    """Await `work`; `waits` is called before it waits for the first time, if it does.

    All that it does until then is one step, in which nothing else has happened.
    """
    try:
        waited_for = work.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    waits()
    while True:
        try:
            yield waited_for
        except BaseException as error:
            # Cancelled, as a rule; it may wait for something else then.
            try:
                waited_for = work.throw(error)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]
        else:
            return (yield from work.__await__())
