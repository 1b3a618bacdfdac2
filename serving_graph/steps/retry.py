"""Another try when a step fails, after a pause that grows."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from ...handlers.errors import NotReady, Overloaded
from ...runtime.refusals import after_of
from ..compile import remark
from ..deadline import time_left
from ..drive import AsyncRun
from ..kit.around import Around, called, check_number, check_whole
from ..kit.base import Branches, Step
from ..kit.hold import Wait
from ..kit.on import REFUSALS, Types, concerns, error_types, read, written
from ..refer import Place, place, wrong
from ..spec import Key, StepSpec
from .call import steps_of

if TYPE_CHECKING:
    from ..run import Worker

PASSING: Types = (ConnectionError, TimeoutError, Overloaded, NotReady)


class Retry(Around):
    """See `retry`."""

    repeats = True

    def __init__(
        self, branches: Branches, on: Types, numbers: dict[str, Any], name: str, at: Place
    ) -> None:
        what = called("retry", name, branches)
        check_whole(what, "attempts", numbers["attempts"], at, least=1)
        for word, least in (("backoff", 0), ("factor", 1), ("max_backoff", 0)):
            check_number(what, word, numbers[word], at, least=least)
        check_number(what, "jitter", numbers["jitter"], at, least=0, most=1)
        super().__init__("retry", branches, name, at, {"on": written(on), **numbers})
        if never := [each for each in on if issubclass(each, REFUSALS)]:
            raise wrong(
                f"{self.what}: {never[0].__name__} says that the event is bad, which another try "
                "does not mend",
                f"use catch or fallback for {never[0].__name__}",
                at=at,
            )
        self.on, self.attempts = on, int(numbers["attempts"])
        self.backoff, self.factor = float(numbers["backoff"]), float(numbers["factor"])
        self.max_backoff, self.jitter = float(numbers["max_backoff"]), float(numbers["jitter"])

    def policy(
        self, runs: dict[Key, AsyncRun], path: str, worker: Worker, wait: Wait
    ) -> Callable[[Any, Any], Coroutine[Any, Any, Any]]:
        run, retries, shorten = runs[""], worker.counter(path, "retries"), _shorter(self.jitter)

        async def again(value: Any, context: Any) -> Any:
            backoff = self.backoff
            for attempt in range(1, self.attempts + 1):
                try:
                    return await run(value, context)
                except Exception as error:
                    pause = max(shorten(min(backoff, self.max_backoff)), after_of(error) or 0.0)
                    if self._last(error, attempt, time_left(context) <= pause):
                        raise
                backoff = min(backoff * self.factor, self.max_backoff)
                retries(1)
                if pause:
                    await wait(pause)
            raise AssertionError("the last attempt has answered or raised")

        return again

    def _last(self, error: Exception, attempt: int, late: bool) -> bool:
        """Whether this was the last attempt; its error then says which."""
        tried = concerns(error, self.on)
        last = not tried or attempt == self.attempts or late
        if last:
            object.__setattr__(error, "attempts", attempt)
            if tried or attempt > 1:
                more = f", with no time for another of {self.attempts}"
                late = late and attempt < self.attempts and tried
                times = "1 attempt" if attempt == 1 else f"{attempt} attempts"
                remark(error, f"after {times}{more if late else ''}")
        return last


def _shorter(jitter: float) -> Callable[[float], float]:
    if not jitter:
        return lambda pause: pause
    from random import random

    return lambda pause: pause * (1 - jitter * random())


def retry(
    step: Any,
    *,
    attempts: int = 3,
    on: type[Exception] | Iterable[type[Exception]] = PASSING,
    backoff: float = 0.1,
    factor: float = 2,
    max_backoff: float = 30.0,
    jitter: float = 0.5,
    name: str = "",
) -> Step[Any, Any]:
    """A step that is tried again when it fails.

    attempts:    how often it is called at most
    on:          the classes of errors after which it is; left out, those that pass: connections,
                 time-outs, `Overloaded` and `NotReady`
    backoff:     seconds before the second attempt, times `factor` before each further one, at most
                 `max_backoff`; at least the `after` of an error that has one
    jitter:      the part of a pause, 0 to 1, by which chance may shorten it

    No pause ends after the event's deadline: the error is raised at once then.  `Reject`,
    `InvalidInput` and `MalformedBody` are never tried again.  The last error is raised as it is; a
    note and its `attempts` say how many there were.

    Raises `GraphError` for numbers out of bounds and for a class that is no error.

    >>> from pelton import Graph, steps
    >>> said = []
    >>> def fetch(order: int) -> str:
    ...     said.append(order)
    ...     if len(said) < 3:
    ...         raise ConnectionError("refused")
    ...     return f"order {order}"
    >>> graph = Graph("orders", int) >> steps.retry(fetch, backoff=0.001)
    >>> graph(7), said
    ('order 7', [7, 7, 7])
    """
    at = place()
    numbers = {
        "attempts": attempts,
        "backoff": backoff,
        "factor": factor,
        "max_backoff": max_backoff,
        "jitter": jitter,
    }
    held = steps_of(step)
    return Retry((("", held),), error_types(on, "retry", at), numbers, name, at)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    words = ("attempts", "backoff", "factor", "max_backoff", "jitter")
    numbers = {word: spec.option(word) for word in words}
    return Retry(branches, read(spec.option("on")), numbers, spec.name, at)
