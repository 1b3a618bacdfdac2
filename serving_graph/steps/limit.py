"""So many events in a step at a time, and a bounded queue before it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Literal

from ...handlers.errors import Overloaded
from ..compile import note
from ..deadline import check_time, exceeded, time_left
from ..drive import AsyncRun
from ..kit.around import Around, called, check_whole
from ..kit.base import Branches, Step
from ..kit.hold import Wait
from ..places import Full, Places, Ticket
from ..refer import Place, meant, place, wrong
from ..spec import Key, StepSpec
from .call import steps_of

if TYPE_CHECKING:
    from ..protocols import Clock
    from ..run import Worker

REFUSE, WAIT = "refuse", "wait"


class Limit(Around):
    """See `limit`."""

    def __init__(self, branches: Branches, options: dict[str, Any], name: str, at: Place) -> None:
        what = called("limit", name, branches)
        check_whole(what, "concurrency", options["concurrency"], at, least=1)
        check_whole(what, "room", options["room"], at, least=0)
        full = options["full"]
        if full not in (REFUSE, WAIT):
            advice = meant(str(full), [REFUSE, WAIT])
            raise wrong(f"{what}: full={full!r} is not known", advice, at=at)
        super().__init__("limit", branches, name, at, options)
        self.concurrency, self.waiting_places = options["concurrency"], options["room"]
        self.full = full

    def policy(
        self, runs: dict[Key, AsyncRun], path: str, worker: Worker, wait: Wait
    ) -> Callable[[Any, Any], Coroutine[Any, Any, Any]]:
        run, places = runs[""], self._places(path, worker)
        enter = _enter_loop if self.is_async else _enter_thread
        rejected = worker.counter(path, "rejected")

        async def queue(value: Any, context: Any) -> None:
            try:
                entered = await enter(places, worker.clock, time_left(context))
            except Full:
                rejected(1)
                raise self._overloaded(path, value) from None
            if not entered:
                what = f"the event's time was over while it waited for step {path}"
                raise exceeded(what, path, value)

        async def limited(value: Any, context: Any) -> Any:
            check_time(context, path, value)
            if not places.take():
                await queue(value, context)
            try:
                return await run(value, context)
            finally:
                places.leave()

        return limited

    def _places(self, path: str, worker: Worker) -> Places:
        most = self.waiting_places if self.full == REFUSE else None
        places = Places(self.concurrency, most)
        worker.gauge(path, "running", lambda: places.taken)
        worker.gauge(path, "queue_depth", lambda: places.waiting)
        return places

    def _overloaded(self, path: str, value: Any) -> Overloaded:
        queue = f"and {self.waiting_places} wait" if self.waiting_places else "and none may wait"
        error = Overloaded(f"step {path} is full: {self.concurrency} events are in it, {queue}")
        note(error, path, value)
        return error


async def _enter_thread(places: Places, clock: Clock, seconds: float) -> bool:
    """Blocks this thread until there is a place; False when the time is over before."""
    from _thread import allocate_lock

    from ..clock import wake

    told = allocate_lock()
    told.acquire()
    ticket = places.enter(lambda: wake(told))
    if ticket is None:
        return True
    ends = clock.now() + seconds
    try:
        while not ticket.granted and (left := ends - clock.now()) > 0:
            clock.until(told, None if left == float("inf") else left)
    except BaseException:
        places.give_up(ticket)
        raise
    return _in_time(places, ticket, clock, ends)


async def _enter_loop(places: Places, clock: Clock, seconds: float) -> bool:
    """The same for a task."""
    import asyncio

    from ..clock import end

    loop = asyncio.get_running_loop()
    told: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        try:
            loop.call_soon_threadsafe(end, told)
        except RuntimeError:  # its loop is closed, and nobody there will use the place
            places.leave()

    ticket = places.enter(wake)
    if ticket is None:
        return True
    ends = clock.now() + seconds
    timer = None if seconds == float("inf") else asyncio.ensure_future(clock.wait(seconds))
    try:
        await asyncio.wait([told, *([timer] if timer else [])], return_when=asyncio.FIRST_COMPLETED)
    except BaseException:
        places.give_up(ticket)
        raise
    finally:
        if timer is not None:
            timer.cancel()
            await asyncio.gather(timer, return_exceptions=True)
    return _in_time(places, ticket, clock, ends)


def _in_time(places: Places, ticket: Ticket, clock: Clock, ends: float) -> bool:
    if ticket.granted and clock.now() < ends:
        return True
    places.give_up(ticket)
    return False


def limit(
    step: Any,
    *,
    concurrency: int = 8,
    room: int = 16,
    full: Literal["refuse", "wait"] = "refuse",
    name: str = "",
) -> Step[Any, Any]:
    """A step with at most `concurrency` events in it at a time; others wait before it, in order.

    room:      how many may wait
    full:      what becomes of one more: "refuse" raises `Overloaded` (HTTP: 429, with
               `retry-after`); "wait" lets it wait, too, which holds up whoever brings it: for
               events whose number is bounded where they come from (the records of a queue, the
               items of a `map`)

    An event waits no longer than its deadline; `DeadlineExceeded` (504) is raised then.  It holds
    for plain graphs that several threads call, and each worker counts for itself.  A watch sees
    "running" and "queue_depth".

    Raises `GraphError` for numbers out of bounds.

    >>> from pelton import Graph, steps
    >>> graph = Graph("size", str) >> steps.limit(len, concurrency=2, room=0)
    >>> graph("four")
    4
    """
    options = {"concurrency": concurrency, "room": room, "full": full}
    return Limit((("", steps_of(step)),), options, name, place())


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    words = ("concurrency", "room", "full")
    return Limit(branches, {word: spec.option(word) for word in words}, spec.name, at)
