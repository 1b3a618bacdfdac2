"""A second try beside a slow first one; the first answer wins."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from ..deadline import check_time, context_for, exceeded, time_left
from ..kit.around import called, check_number, check_whole
from ..kit.base import Branches, Step
from ..refer import Place, place
from ..spec import StepSpec
from ..tries import Tries, Try
from .call import steps_of
from .timeout import Trying

if TYPE_CHECKING:
    from ...handlers.context import Context
    from ..run import Worker


class Hedge(Trying):
    """See `hedge`."""

    repeats = True

    def __init__(
        self, branches: Branches, after: float, threads: int, name: str, at: Place
    ) -> None:
        what = called("hedge", name, branches)
        check_number(what, "after", after, at, least=0)
        check_whole(what, "threads", threads, at, least=2)
        super().__init__("hedge", branches, name, at, {"after": after, "threads": threads})
        self.after_seconds, self.threads = float(after), threads

    def tried(
        self, tries: Tries, path: str, worker: Worker
    ) -> Callable[[Any, Any], Coroutine[Any, Any, Any]]:
        hedges = worker.counter(path, "hedges")

        async def hedged(value: Any, context: Any) -> Any:
            check_time(context, path, value)
            context = context_for(context, worker.clock)
            due = worker.clock.now() + self.after_seconds
            begun = [tries.start(value, context.part())]
            try:
                while begun[0].ended is None and (left := due - worker.clock.now()) > 0:
                    await tries.wait(begun, min(left, time_left(context)))
                    if time_left(context) <= 0:
                        break
                if begun[0].ended is None and time_left(context) > 0:
                    hedges(1)
                    begun.append(tries.start(value, context.part()))
                winner = await _first_answer(tries, begun, context)
                if winner is not None:
                    return winner.result()
            finally:
                for each in begun:
                    if each.ended is None:
                        await each.give_up()
            raise exceeded(f"the event's time was over within step {path}", path, value)

        return hedged


async def _first_answer(tries: Tries, begun: list[Try], context: Context) -> Try | None:
    """The try that answered first; where all failed, the one that failed first; None when the
    time was over before."""
    while True:
        over = sorted((each for each in begun if each.ended is not None), key=_ended)
        for each in over:
            if not each.failed:
                return each
        if len(over) == len(begun):
            return over[0]
        left = time_left(context)
        if left <= 0:
            return None
        waiting = [each for each in begun if each.ended is None]
        await tries.wait(waiting, None if left == float("inf") else left)


def _ended(one: Try) -> float:
    assert one.ended is not None
    return one.ended


def hedge(step: Any, after: float, *, threads: int = 32, name: str = "") -> Step[Any, Any]:
    """A step that is tried a second time, beside the first, when it has not answered after a while.

    The first answer wins, and the other try is given up: a task is cancelled, a plain step's thread
    hears it by `context.cancelled`.  An error of one try leaves it to the other; when both fail
    the first error is raised.  A try that fails before `after` is not tried again: see `retry`.

    after:   seconds, such as the time within which 95 of 100 calls answer
    threads: how many calls of a plain step there may be in one worker, see `timeout`

    For steps that may run twice for one event.  Raises `GraphError` for numbers out of bounds.

    >>> from pelton import Graph, steps
    >>> graph = Graph("size", str) >> steps.hedge(len, after=5)
    >>> graph("four")
    4
    """
    return Hedge((("", steps_of(step)),), after, threads, name, place())


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    return Hedge(branches, spec.option("after"), spec.option("threads"), spec.name, at)
