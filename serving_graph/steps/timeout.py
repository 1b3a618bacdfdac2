"""A bound on a step's time."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from ..compile import Run
from ..deadline import check_time, context_for, exceeded, time_left
from ..drive import drive
from ..kit.around import Around, called, check_number, check_whole
from ..kit.base import Bound, Branches, Step
from ..refer import Place, place
from ..spec import Key, StepSpec
from ..tries import Tries, Try
from .call import steps_of

if TYPE_CHECKING:
    from ...handlers.context import Context
    from ..run import Worker


class Trying(Around):
    """A policy over calls that may be given up, see `Tries`.

    A plain step is called in a thread, also where other steps wait (async): their loop goes on.
    """

    threads: int

    def bind(self, worker: Worker, path: str) -> Bound:
        plain = not any(each.is_async for each in self.branches[0][1])
        key, steps = self.branches[0]
        run = worker.branch(key, steps, path, is_async=not plain)
        call = self.join({"": run}, path, worker)
        return Bound(self.name, path, call, is_async=self.is_async, context="context")

    def join(self, runs: dict[Key, Run], path: str, worker: Worker) -> Run:
        run = runs[""]
        if any(each.is_async for each in self.branches[0][1]):
            return self.tried(_tasks(run, worker), path, worker)
        from ..threads import Threads

        threads = Threads(run, worker.clock, path, self.threads)
        worker.gauge(path, "threads", lambda: threads.running)
        if self.is_async:
            return self.tried(_tasks(threads.awaited(), worker), path, worker)
        policy = self.tried(threads, path, worker)
        return lambda value, context: drive(policy(value, context))

    def tried(
        self, tries: Tries, path: str, worker: Worker
    ) -> Callable[[Any, Any], Coroutine[Any, Any, Any]]:
        """The coroutine function `(value, context)`."""
        raise NotImplementedError


def _tasks(run: Run, worker: Worker) -> Tries:
    from ..tries import Tasks

    return Tasks(run, worker.clock)


async def answer_within(
    tries: Tries, value: Any, context: Context, seconds: float, worker: Worker
) -> Try | None:
    """The try, when it was over in time; else None, and it is given up."""
    ends = worker.clock.now() + seconds
    one = tries.start(value, context)
    try:
        while one.ended is None and (left := ends - worker.clock.now()) > 0:
            await tries.wait([one], None if left == float("inf") else left)
    finally:
        in_time = one.ended is not None and one.ended < ends
        if one.ended is None:
            await one.give_up()
    return one if in_time else None


class Timeout(Trying):
    """See `timeout`."""

    def __init__(
        self, branches: Branches, seconds: float, threads: int, name: str, at: Place
    ) -> None:
        what = called("timeout", name, branches)
        check_number(what, "seconds", seconds, at, least=0)
        check_whole(what, "threads", threads, at, least=1)
        super().__init__("timeout", branches, name, at, {"seconds": seconds, "threads": threads})
        self.seconds, self.threads = float(seconds), threads

    def tried(
        self, tries: Tries, path: str, worker: Worker
    ) -> Callable[[Any, Any], Coroutine[Any, Any, Any]]:
        timeouts = worker.counter(path, "timeouts")

        async def in_time(value: Any, context: Any) -> Any:
            check_time(context, path, value)
            context = context_for(context, worker.clock)
            seconds = min(self.seconds, time_left(context))
            one = await answer_within(tries, value, context.within(seconds), seconds, worker)
            if one is not None:
                return one.result()
            timeouts(1)
            whose = "its" if seconds == self.seconds else "the event's last"
            raise exceeded(f"step {path} was not done within {whose} {seconds:g} s", path, value)

        return in_time


def timeout(step: Any, seconds: float, *, threads: int = 32, name: str = "") -> Step[Any, Any]:
    """A step that has `seconds` for its answer; `DeadlineExceeded` (HTTP: 504) is raised when it
    does not come.

    A step that waits (async) is cancelled, and its `finally` runs.  A plain one is called in a
    thread, which cannot be ended from outside: its caller goes on, and the thread's
    `context.cancelled` says so.  `context.deadline` is nearer inside, for all that asks it.  The
    event's own deadline holds too.

    threads: how many calls of a plain step there may be in one worker, those included that were
             given up and do not end; `Overloaded` (429) is raised for more

    Raises `GraphError` for numbers out of bounds.

    >>> from pelton import Graph, steps
    >>> graph = Graph("size", str) >> steps.timeout(len, 5)
    >>> graph("four")
    4
    """
    return Timeout((("", steps_of(step)),), seconds, threads, name, place())


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    return Timeout(branches, spec.option("seconds"), spec.option("threads"), spec.name, at)
