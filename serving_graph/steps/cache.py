"""Answers that are kept: the same value again is not worked out again, for a while."""

from __future__ import annotations

from _thread import allocate_lock
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ...handlers.errors import DeadlineExceeded
from ..check import agreed
from ..compile import Run, note
from ..kit.ask import Ask, ask, read, takes
from ..kit.base import Branches, Step
from ..kit.freeze import freeze
from ..kit.hold import Holder
from ..refer import Place, place, wrong
from ..spec import Key, StepSpec, canonical
from .call import steps_of

if TYPE_CHECKING:
    from ..protocols import Clock, Made, Waits
    from ..run import Worker

I = TypeVar("I")  # noqa: E741 - the field's own letter
O = TypeVar("O")  # noqa: E741
_ABSENT = object()


class Cache(Holder):
    """See `cache`."""

    def __init__(
        self, branches: Branches, key: Ask | None, size: int, ttl: Any, name: str, at: Place
    ) -> None:
        what = f"cache {name!r}"
        if size < 1:
            raise wrong(f"{what}: size={size} keeps nothing", at=at)
        if ttl is not None and not ttl > 0:
            raise wrong(f"{what}: ttl={ttl} keeps nothing", "give seconds, or leave it out", at=at)
        written = {"key": key.written if key else None, "size": size, "ttl": ttl}
        super().__init__("cache", name, branches, at, options=canonical(written))
        self.key, self.size, self.ttl = key, size, ttl
        takes(self, key)
        steps = self.branches[0][1]
        taken = [(f"step {steps[0].name!r}", steps[0].input_type)]
        if key is not None:
            taken.append((f"key={key.name}", key.input_types[0]))
        self.input_type, self.output_type = agreed(what, taken, at), steps[-1].output_type
        if key is not None:
            key.check(self.input_type, what, at)

    def join(self, runs: dict[Key, Run], path: str, worker: Worker) -> Run:
        (run,) = runs.values()
        kept = Kept(self.size, self.ttl, worker.clock)
        if self.is_async:
            key = self.key.waiting(worker, path, is_async=True) if self.key else None
            return _together(run, kept, key, path)
        return _in_turn(run, kept, self.key.plain(worker, path) if self.key else None, path)


class Kept:
    """The answers of the last `size` keys, each for `ttl` seconds; safe among threads.

    >>> from pelton.serving_graph.clock import ManualClock
    >>> kept = Kept(2, 60, ManualClock())
    >>> for key in "abc":
    ...     kept.put(key, key.upper())
    >>> kept.get("a", None), kept.get("c", None)
    (None, 'C')
    """

    def __init__(self, size: int, ttl: float | None, clock: Clock) -> None:
        self._size, self._ttl, self._clock = size, ttl, clock
        self._answers: OrderedDict[Any, tuple[Any, float]] = OrderedDict()
        self._lock = allocate_lock()

    def get(self, key: Any, otherwise: Any) -> Any:
        with self._lock:
            found = self._answers.get(key)
            if found is None:
                return otherwise
            if self._ttl is not None and self._clock.now() >= found[1]:
                del self._answers[key]
                return otherwise
            self._answers.move_to_end(key)
            return found[0]

    def put(self, key: Any, answer: Any) -> None:
        ends = self._clock.now() + self._ttl if self._ttl is not None else 0.0
        with self._lock:
            self._answers[key] = answer, ends
            self._answers.move_to_end(key)
            if len(self._answers) > self._size:
                self._answers.popitem(last=False)


def _frozen(value: Any, path: str) -> Any:
    try:
        return freeze(value)
    except TypeError as error:
        note(error, path, value)
        raise


def _in_turn(run: Run, kept: Kept, ask_key: Callable[..., Any] | None, path: str) -> Run:
    def cached(value: Any, context: Any) -> Any:
        key = _frozen(ask_key(context, value) if ask_key else value, path)
        answer = kept.get(key, _ABSENT)
        if answer is _ABSENT:
            answer = run(value, context)
            kept.put(key, answer)
        return answer

    return cached


def _together(
    run: Run, kept: Kept, ask_key: Callable[..., Awaitable[Any]] | None, path: str
) -> Run:
    under_way: dict[Any, _Once] = {}

    async def work(key: Any, value: Any, context: Any) -> Any:
        answer = await run(value, context)
        kept.put(key, answer)
        return answer

    async def cached(value: Any, context: Any) -> Any:
        key = _frozen(await ask_key(context, value) if ask_key else value, path)
        while True:
            answer = kept.get(key, _ABSENT)
            if answer is not _ABSENT:
                return answer
            once, mine = under_way.get(key), False
            if once is None or not once.joinable():
                mine = True
                once = under_way[key] = _Once(work(key, value, context))
            try:
                return await once.wait()
            except DeadlineExceeded:
                # The time that was over is the first caller's; the others have their own.
                if mine:
                    raise
            finally:
                if once.over() and under_way.get(key) is once:
                    del under_way[key]

    return cached


class _Once:
    """Work that several wait for; it is cancelled when the last of them is."""

    def __init__(self, coroutine: Any) -> None:
        import asyncio

        self._task, self._waiting = asyncio.ensure_future(coroutine), 0
        self._given_up = False

    def joinable(self) -> bool:
        """Whether it goes on, on the loop that runs now."""
        import asyncio

        ends = self._given_up or self._task.done()
        return not ends and self._task.get_loop() is asyncio.get_running_loop()

    def over(self) -> bool:
        return self._task.done() or not self._waiting

    async def wait(self) -> Any:
        import asyncio

        self._waiting += 1
        try:
            return await asyncio.shield(self._task)
        finally:
            self._waiting -= 1
            if not self._waiting and not self._task.done():
                self._given_up = True  # who comes now starts anew
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)


@overload
def cache(
    step: Waits[I, O],
    *,
    key: str | Callable[[I], Any] | None = None,
    size: int = 1024,
    ttl: float | None = None,
    name: str = "cache",
) -> Step[I, O]: ...
@overload
def cache(
    step: Made[I, O],
    *,
    key: str | Callable[[I], Any] | None = None,
    size: int = 1024,
    ttl: float | None = None,
    name: str = "cache",
) -> Step[I, O]: ...


def cache(
    step: Any,
    *,
    key: Any = None,
    size: int = 1024,
    ttl: float | None = None,
    name: str = "cache",
) -> Step[Any, Any]:
    """`step`, whose answers are kept by worker: an equal value gets the answer that it got.

    key:  what of a value counts, a field's name or a function of it; the whole value when left out
    size: how many answers are kept; the one that was asked for longest ago goes first
    ttl:  seconds that an answer is good for, by the graph's clock; None: as long as it is kept

    The very object is given again: it must not be changed by who gets it.  Errors are not kept, nor
    is what a `filter` lets go no further.  In an async graph equal values that come together are
    worked out once, by the context of the first.

    Raises `GraphError` for a size below one; at run `TypeError` for a value that is no key.

    >>> from pelton import Graph, steps
    >>> graph = Graph("size", str) >> steps.cache(len, size=100, ttl=60)
    >>> graph("four"), graph("four")
    (4, 4)
    """
    at = place()
    asked = None if key is None else ask(key, f"cache {name!r}: key", at)
    return Cache((("", steps_of(step)),), asked, size, ttl, name, at)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    key = spec.option("key")
    asked = None if key is None else read(key, f"cache {spec.name!r}: key", at)
    return Cache(branches, asked, spec.option("size"), spec.option("ttl"), spec.name, at)
