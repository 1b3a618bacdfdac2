"""`StepWatch`: counts and times every step of a graph into `Metrics`.

An event leaves its times behind, in one list; they are folded into histograms a hundred events at
a time, or when somebody reads the numbers.  What is kept never grows with the number of events.
"""

from __future__ import annotations

from _thread import allocate_lock
from collections.abc import Callable, Sequence
from operator import sub
from time import perf_counter

from ..handlers.metrics import Histogram, Metrics
from .kit.base import Drop

PENDING = 128  # events whose times wait to be folded; folding them takes less than 0.1 ms

STEP_SECONDS = "pelton_step_seconds"
GRAPH_SECONDS = "pelton_graph_seconds"
ERRORS = "pelton_step_errors_total"
DROPS = "pelton_step_drops_total"
CANCELLED = "pelton_step_cancelled_total"
OWN = "pelton_step_"  # and what a step tells of itself: its gauges and counters


class StepWatch:
    """A watch (see `Graph.compile`) that counts into `metrics`, by graph and step path.

    Every call of a step is one in `pelton_step_seconds`, also one that raised: that is then one in
    `pelton_step_errors_total` by the error's type, in `pelton_step_drops_total` when the event
    went no further, or in `pelton_step_cancelled_total`.  `pelton_graph_seconds` are the whole
    runs.  A step that holds others has its own numbers, and those inside have theirs.

    now: seconds that only go forward

    >>> from pelton import Graph
    >>> metrics = Metrics()
    >>> run = (Graph("size", str) >> len).compile(watch=StepWatch(metrics))
    >>> run("four"), run("three")
    (4, 5)
    >>> metrics.histogram("pelton_step_seconds", graph="size", step="size/len").count
    0
    >>> [(dict(labels)["step"], each.count) for family, labels, each in metrics
    ...  if family.name == "pelton_step_seconds"]
    [('size/len', 2)]
    """

    def __init__(self, metrics: Metrics, *, now: Callable[[], float] = perf_counter) -> None:
        self.metrics, self.now = metrics, now
        self._tracks: dict[str, _Track] = {}
        metrics.before(self.fold)

    def track(self, path: str, steps: Sequence[str]) -> _Track:
        # A graph that is loaded again goes on with the numbers it had.
        track = self._tracks.get(path)
        if track is None or track.steps != tuple(steps):
            track = self._tracks[path] = _Track(self.metrics, path, steps, self.now)
        return track

    def gauge(self, path: str, name: str, read: Callable[[], float]) -> None:
        self.metrics.gauge(f"{OWN}{name}", f"{_words(name)} of a step", **labels(path)).follow(read)

    def counter(self, path: str, name: str) -> Callable[[float], object]:
        text = f"{_words(name)} of a step"
        return self.metrics.counter(f"{OWN}{name}_total", text, **labels(path)).add

    def fold(self) -> None:
        """Bring the histograms up to the last event."""
        for track in list(self._tracks.values()):
            track.fold()


def labels(path: str) -> dict[str, str]:
    return {"graph": path.partition("/")[0], "step": path}


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


class _Track:
    """One sequence's share: see `compile.Track`."""

    def __init__(
        self, metrics: Metrics, path: str, steps: Sequence[str], now: Callable[[], float]
    ) -> None:
        self.metrics, self.steps, self.now = metrics, tuple(steps), now
        self.paths = [f"{path}/{name}" for name in steps]
        self._seconds = [
            metrics.histogram(STEP_SECONDS, "Seconds that a step took", **labels(each))
            for each in self.paths
        ]
        self._whole: Histogram | None = None
        if "/" not in path:
            text = "Seconds that a run of the whole graph took"
            self._whole = metrics.histogram(GRAPH_SECONDS, text, graph=path)
        self._pending: list[float] = []  # event after event, each `len(steps) + 1` times
        self._lock = allocate_lock()
        self.seen = self._seen()

    def _seen(self) -> Callable[[tuple[float, ...]], object]:
        pending, fold = self._pending, self.fold
        extend, size, most = pending.extend, pending.__len__, PENDING * (len(self.steps) + 1)

        def seen(times: tuple[float, ...]) -> None:
            extend(times)
            if size() >= most:
                fold()

        return seen

    def fold(self) -> None:
        with self._lock:
            times = self._pending[:]
            del self._pending[: len(times)]  # what other threads add meanwhile stays
        if not times:
            return
        each = len(self.steps) + 1
        between = list(map(sub, times[1:], times))  # the last of each event is no step's
        for place, histogram in enumerate(self._seconds):
            histogram.merge(between[place::each])
        if self._whole is not None:
            self._whole.merge(list(map(sub, times[each - 1 :: each], times[::each])))

    def one(self, place: int, seconds: float, error: BaseException | None = None) -> None:
        self._seconds[place].observe(seconds)
        if error is not None:
            self._count(labels(self.paths[place]), error)

    def whole(self, seconds: float) -> None:
        if self._whole is not None:
            self._whole.observe(seconds)

    def failed(self, place: int, error: BaseException, times: tuple[float, ...]) -> None:
        ends = (*times[1:], self.now())
        for number, (began, ended) in enumerate(zip(times, ends, strict=True)):
            self._seconds[number].observe(ended - began)
        self.whole(ends[-1] - times[0])
        self._count(labels(self.paths[place]), error)

    def _count(self, where: dict[str, str], error: BaseException) -> None:
        if isinstance(error, Drop):
            self.metrics.counter(DROPS, "Events that a step let go no further", **where).add()
        elif isinstance(error, Exception):
            kind = type(error).__name__
            self.metrics.counter(ERRORS, "Errors by type", **where, type=kind).add()
        else:
            self.metrics.counter(CANCELLED, "Calls that were cancelled", **where).add()
