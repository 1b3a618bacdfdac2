"""The executor: a graph on one worker, its class steps made, loaded, and closed at the end.

Knows no kind of step; each binds itself.  Two executors of one graph share nothing but
models, which a worker loads once.
"""

from __future__ import annotations

from _thread import RLock
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from .clock import RealClock
from .compile import Run, compile_sequence, note
from .kit.base import Bound, Drop, Step
from .refer import wrong
from .spec import Key

if TYPE_CHECKING:
    from ..handlers.telemetry import Telemetry
    from .aside import Aside
    from .in_flight import InFlight
    from .many import Many
    from .protocols import Clock, Track, Watch
    from .spans import Spans

UNDER_WAY = 30.0  # seconds that calls get to end before what they use is closed


class Worker:
    """What the steps of one executor have made, in the order in which they made it.

    context: the worker's, as `load` was given it
    clock:   what everything that waits asks
    watch:   who counts and times the steps; None for nobody
    spans:   who makes spans of them; None for nobody
    in_flight: how many events are inside the graph, where a step of it asks
    """

    def __init__(
        self,
        context: Any = None,
        clock: Clock | None = None,
        watch: Watch | None = None,
        spans: Spans | None = None,
    ) -> None:
        self.context, self.watch, self.spans = context, watch, spans
        self.clock: Clock = clock or RealClock()
        self._contexts: Callable[[], Any] | None = None
        self.made: list[tuple[str, Any]] = []
        self.in_flight: InFlight | None = None

    def count(self) -> InFlight:
        """How many events are inside the graph, from its first event on."""
        from .in_flight import InFlight

        self.in_flight = self.in_flight or InFlight()
        return self.in_flight

    def contexts(self) -> Callable[[], Any]:
        """What makes a context for each event of a graph that is called without one."""
        if self._contexts is None:
            from .plainly import contexts

            self._contexts = contexts(self.clock)
        return self._contexts

    def hooked(self, hook: Callable[..., Any]) -> None:
        """Call a hook of a class step, with the worker's context if it has a parameter for it."""
        if not _takes_argument(hook):
            hook()
        else:
            hook(self.contexts()() if self.context is None else self.context)

    def make(self, factory: Callable[[], Any], path: str) -> Any:
        """Make a class step and load it; an error says in which step."""
        try:
            instance = factory()
            self.made.append((path, instance))
            if (load := getattr(instance, "load", None)) is not None:
                self.hooked(load)
        except Exception as error:
            note(error, path)
            raise
        return instance

    def sequence(self, steps: Sequence[Step[Any, Any]], path: str, *, is_async: bool) -> Run:
        """The steps of a graph or a branch, bound to this worker, as one function."""
        return self.compiled(self.bound(steps, path, is_async=is_async), path, is_async=is_async)

    def compiled(self, bound: Sequence[Bound], path: str, *, is_async: bool) -> Run:
        """Steps that are bound already, as one function: of one that holds others its own, where
        nobody counts, since it says the paths of its errors itself."""
        first = bound[0]
        itself = not first.leaf and first.context == "context" and first.is_async == is_async
        if len(bound) == 1 and itself and self.watch is None and self.spans is None:
            call: Run = first.call
            return call
        return compile_sequence(path, bound, is_async=is_async, track=self._track(path, bound))

    def sequences(
        self,
        steps: Sequence[Step[Any, Any]],
        path: str,
        *,
        is_async: bool,
        concurrency: int = 16,
    ) -> tuple[Run, Many | None]:
        """`sequence`, and beside it the same steps for many values at once, where one of them
        would rather have them so; `concurrency` is that of the others, where they wait."""
        bound = self.bound(steps, path, is_async=is_async)
        if any(each.after for each in bound) or all(each.many is None for each in bound):
            return self.compiled(bound, path, is_async=is_async), None
        from .many import staged

        track = self._track(path, bound)
        run = compile_sequence(path, bound, is_async=is_async, track=track)
        return run, staged(path, bound, track, is_async=is_async, concurrency=concurrency)

    def bound(self, steps: Sequence[Step[Any, Any]], path: str, *, is_async: bool) -> list[Bound]:
        if is_async:
            steps = [each.waiting() if each.either else each for each in steps]
        bound = [each.bind(self, f"{path}/{each.word}") for each in steps]
        for each, given in zip(bound, steps, strict=True):
            each.after = given.after
        if is_async:
            from .held import watched

            bound = [watched(each, self) for each in bound]
        return bound if self.spans is None else [self.spans.step(each) for each in bound]

    def _track(self, path: str, bound: Sequence[Bound]) -> Track | None:
        words = [each.path.rpartition("/")[2] for each in bound]
        return self.watch.track(path, words) if self.watch else None

    def branch(
        self, key: Key, steps: Sequence[Step[Any, Any]], path: str, *, is_async: bool
    ) -> Run:
        """`sequence` for a branch, see `branch_path`."""
        from .paths import branch_path  # a graph without branches has no use for it

        return self.sequence(steps, branch_path(path, key, steps), is_async=is_async)

    def gauge(self, path: str, name: str, read: Callable[[], float]) -> None:
        """Let who watches read a step's level whenever asked: worker.gauge(path, "queue_depth",
        lambda: len(waiting)).  Nothing without a watch."""
        if self.watch is not None:
            self.watch.gauge(path, name, read)

    def counter(self, path: str, name: str) -> Callable[[float], object]:
        """What to call with how many more of something a step has seen: retries = worker.counter(
        path, "retries"); retries(1).  Without a watch it counts nothing."""
        return _uncounted if self.watch is None else self.watch.counter(path, name)

    def asides(self) -> list[Aside]:
        """What runs beside the events and is waited for before the worker stands still, what was
        made first coming first."""
        return [each for _, each in self.made if getattr(each, "awaited", False)]

    def tell(self, hook: str, *, backwards: bool = False) -> None:
        """Call a hook of every instance that has it; the first error is raised after the last."""
        failures: list[Exception] = []
        for path, instance in reversed(self.made) if backwards else self.made:
            function = getattr(instance, hook, None)
            if function is None:
                continue
            try:
                self.hooked(function)
            except Exception as error:
                note(error, path)
                failures.append(error)
        if failures:
            raise failures[0]


def _uncounted(more: float) -> None:
    """Nobody watches."""


def _takes_argument(function: Callable[..., Any]) -> bool:
    """Whether a hook was written with a parameter for the context."""
    code = getattr(function, "__code__", None)
    own = 1 if hasattr(function, "__self__") else 0
    return code is None or code.co_argcount > own


class Executor:
    """A graph on one worker: call it with a value; it loads itself on the first call.

    clock:   what whatever waits asks; the machine's when left out
    watch:   who counts and times the steps
    spans:   who makes spans of the runs and the steps
    dropped: the answer for an event that goes no further
    check:   raises for steps that cannot run together; asked when a call is what loads it

    >>> from pelton import Graph
    >>> run = (Graph("size", str) >> len).compile()
    >>> run("four")
    4
    """

    def __init__(
        self,
        name: str,
        steps: Sequence[Step[Any, Any]],
        *,
        is_async: bool,
        clock: Clock | None = None,
        watch: Watch | None = None,
        spans: Spans | None = None,
        dropped: Any = None,
        check: Callable[[], object] | None = None,
    ) -> None:
        self.name, self.steps, self.is_async = name, tuple(steps), is_async
        self.dropped, self._check = dropped, check
        self.clock, self.watch, self.spans = clock, watch, spans
        self._lock = RLock()  # of `threading` this is all that is needed here
        self._worker: Worker | None = None
        self._many: Many | None = None
        self.run: Run = self._first

    def __call__(self, value: Any, context: Any = None) -> Any:
        return self.run(value, context)

    def _first(self, value: Any, context: Any = None) -> Any:
        self._begin(context)
        return self.run(value, context)

    def many(self, values: Sequence[Any], context: Any = None) -> Any:
        """Each value's answer, or `Failed` with its error: batched steps get full batches.

        Of an async graph, an awaitable of that.
        """
        from .many import answered, one_by_one

        self._begin(context)
        many = self._many or one_by_one(self.run, is_async=self.is_async)
        return answered(many(values, context), self.dropped, is_async=self.is_async)

    def _begin(self, context: Any) -> None:
        """Loaded by a call: nobody has served the graph, who would have looked at it before."""
        if self._worker is None and self._check is not None:
            self._check()
        self.load(context)

    def load(self, context: Any = None, *, telemetry: Telemetry | None = None) -> None:
        """Make and load every class step, once; what was made is closed again if one fails.

        telemetry: what is to be told of the steps, to the context's metrics, where nothing was
                   chosen before; a graph that was called before it was served is loaded anew
        """
        with self._lock:
            if self._worker is not None:
                if telemetry is None or self._tells(telemetry):
                    return
                self.stop(context)
            if not self.steps:
                raise wrong(f"graph {self.name!r} has no steps", "give it at least one")
            if telemetry is not None:
                self.observe(context, telemetry)
            worker = Worker(context, self.clock, self.watch, self.spans)
            try:
                run, many = self._sequences(worker)
                if worker.made:
                    worker.count()  # so that nothing is closed under a call
                counted = worker.in_flight
                run = counted.counted(run, is_async=self.is_async) if counted else run
                if self.spans is not None:
                    run = self.spans.graph(self.name, run, is_async=self.is_async)
                if any(each.takes_context for each in self.steps):
                    from .plainly import given

                    run = given(run, worker.contexts())
                    many = given(many, worker.contexts()) if many else None
                self.run = run
                self._many = many
            except Exception as error:
                self._close_after(error, worker)
                raise
            self._worker = worker

    def _sequences(self, worker: Worker) -> tuple[Run, Many | None]:
        """The graph's steps as one function (two, where it answers before its last step), and for
        many values at once where a step has that."""
        if any(each.answers for each in self.steps):
            from .answers import parts

            first, then = parts(self.name, self.steps)
            if then:
                behind = worker.sequence(then, self.name, is_async=self.is_async)
                run = worker.sequence(first, self.name, is_async=self.is_async)
                both = _both(run, self._ending(behind, then), self.is_async)
                return self._ending(both, first), None
        run, many = worker.sequences(self.steps, self.name, is_async=self.is_async)
        return self._ending(run, self.steps), many

    def _ending(self, run: Run, steps: Sequence[Step[Any, Any]]) -> Run:
        drops = any(each.drops for each in steps)
        return until_dropped(run, self.dropped, is_async=self.is_async) if drops else run

    def _tells(self, telemetry: Telemetry) -> bool:
        """Whether the steps as they are loaded are counted and traced as asked."""
        counted = self.watch is not None or not telemetry.steps
        return counted and (self.spans is not None or not telemetry.traces)

    def observe(self, context: Any, telemetry: Telemetry) -> None:
        """Have the steps that are loaded from now on counted and traced, as `telemetry` says."""
        if telemetry.steps and self.watch is None:
            from .watch import StepWatch

            self.watch = StepWatch(context.metrics)
        if telemetry.traces and self.spans is None:
            from .spans import Spans

            self.spans = Spans()

    def _close_after(self, error: Exception, worker: Worker) -> None:
        try:
            worker.tell("close", backwards=True)
        except Exception as closing:  # the first error is the one to see; this one goes along
            error.add_note(f"and closing what was loaded failed: {closing!r}")

    def settle(self, within: float | None = None) -> bool:
        """Wait until nothing runs aside that is waited for (taps); whether that is so.

        within: seconds; None: as long as each of them is given when a worker ends
        """
        asides = self._worker.asides() if self._worker is not None else []
        if not any(map(len, asides)):
            return True
        ends = None if within is None else monotonic() + within
        while any(map(len, asides)):  # what runs aside may hand more to others
            for each in reversed(asides):
                if not each.settle(None if ends is None else max(0.0, ends - monotonic())):
                    return False
        return True

    def drain(self, context: Any = None) -> None:
        """Wait for what runs aside, and tell every class step that has `drain` that no more events
        will come for now."""
        self.settle()
        if self._worker is not None:
            self._worker.tell("drain")

    def stop(self, context: Any = None) -> None:
        """Close every class step, the last made first, when the calls that are under way in other
        threads have ended; they get 30 s.  A later call would load again."""
        with self._lock:
            worker, self._worker, self.run = self._worker, None, self._first
        if worker is None:
            return
        if worker.in_flight is not None and not worker.in_flight.wait(worker.clock, UNDER_WAY):
            from .logs import log

            said = {"graph": self.name, "seconds": UNDER_WAY}
            log(context or worker.context, "warning", "closed under calls that do not end", said)
        worker.tell("close", backwards=True)


def until_dropped(run: Run, instead: Any, *, is_async: bool) -> Run:
    """`run`, answering `instead` for an event that goes no further."""

    def plain(value: Any, context: Any = None) -> Any:
        try:
            return run(value, context)
        except Drop:
            return instead

    async def waiting(value: Any, context: Any = None) -> Any:
        try:
            return await run(value, context)
        except Drop:
            return instead

    return waiting if is_async else plain


def _both(first: Run, then: Run, is_async: bool) -> Run:
    """The answer of `first`, once `then` has had it, too."""

    def plain(value: Any, context: Any = None) -> Any:
        answer = first(value, context)
        then(answer, context)
        return answer

    async def waiting(value: Any, context: Any = None) -> Any:
        answer = await first(value, context)
        await then(answer, context)
        return answer

    return waiting if is_async else plain
