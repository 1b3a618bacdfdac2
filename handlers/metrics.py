"""`Metrics`: counters, gauges and histograms by name and labels, as `context.metrics` gives them.

Numbers are kept in this process, in bounded memory; how they are told (Prometheus text, lines of a
log) is not known here.
"""

from __future__ import annotations

from _thread import allocate_lock
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

# Edges of a histogram of seconds: 10 µs to 60 s, so that a step and a whole graph fit in one.
SECONDS = (
    *(1e-05, 2.5e-05, 5e-05, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025),
    *(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
SERIES = 1000  # of one name: labels made of ids would otherwise take all memory
VALUES = 10_000  # that one histogram keeps between two tellings, where they are kept at all

Labels = tuple[tuple[str, str], ...]
_START = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_DIGITS = frozenset("0123456789")


class Counter:
    """Something that is counted, and never goes down."""

    kind = "counter"

    def __init__(self) -> None:
        self.value: float = 0
        self._lock = allocate_lock()

    def add(self, more: float = 1) -> None:
        """Count `more`.  Raises ValueError for less than nothing."""
        if not more >= 0:
            raise ValueError(f"a counter cannot be moved by {more!r}: use a gauge")
        with self._lock:
            self.value += more


class Gauge:
    """A level that goes up and down."""

    kind = "gauge"

    def __init__(self) -> None:
        self._value: float = 0
        self._read: Callable[[], float] | None = None
        self._lock = allocate_lock()

    @property
    def value(self) -> float:
        if self._read is None:
            return self._value
        try:
            return self._read()
        except Exception:  # what cannot be read must not hide all the others
            return float("nan")

    def set(self, value: float) -> None:
        self._value, self._read = value, None

    def add(self, more: float = 1) -> None:
        with self._lock:
            self._value += more

    def follow(self, read: Callable[[], float]) -> None:
        """Let the level be what `read()` says whenever somebody asks."""
        self._read = read


class Histogram:
    """How many values were at most each edge, how many there were, and their sum.

    values: what was seen since they were last taken, where that is kept (see `Metrics`)
    """

    kind = "histogram"

    def __init__(self, edges: Sequence[float] = SECONDS, *, keep: bool = False) -> None:
        self.edges = tuple(edges)
        self.buckets = [0] * (len(self.edges) + 1)
        self.sum: float = 0.0
        self.values: list[float] | None = [] if keep else None
        self._lock = allocate_lock()

    @property
    def count(self) -> int:
        return sum(self.buckets)

    def observe(self, value: float) -> None:
        with self._lock:
            self.buckets[bisect_left(self.edges, value)] += 1
            self.sum += value
            self._keep((value,))

    def merge(self, values: list[float]) -> None:
        """Observe many values at once, at least one: much cheaper each.  May sort the list."""
        edges, below, found = self.edges, 0, list[int]()
        first, last = bisect_left(edges, min(values)), bisect_left(edges, max(values))
        if first < last:  # else all are in one bucket, as those of a quick step are
            values.sort()
        for edge in edges[first:last]:
            to = bisect_right(values, edge)
            found.append(to - below)
            below = to
        found.append(len(values) - below)
        with self._lock:
            for place, more in enumerate(found, first):
                self.buckets[place] += more
            self.sum += sum(values)
            self._keep(values)

    def _keep(self, values: Sequence[float]) -> None:
        if self.values is not None:
            self.values += values[: VALUES - len(self.values)]

    def take(self) -> list[float]:
        """The values kept since the last time."""
        with self._lock:
            values, self.values = self.values or [], None if self.values is None else []
        return values


S = TypeVar("S", Counter, Gauge, Histogram)


class Family:
    """All series of one name."""

    def __init__(self, name: str, kind: str, help: str) -> None:
        self.name, self.kind, self.help = name, kind, help
        self.series: dict[Labels, Any] = {}
        self.make: Callable[[], Any] = Counter


class Metrics:
    """Counters, gauges and histograms of one worker.

    keep_values: whether histograms also keep the values seen until they are told, `VALUES` at most

    A name with more than `SERIES` different labels counts the rest under the value "other".

    >>> metrics = Metrics()
    >>> metrics.counter("orders", region="eu").add()
    >>> metrics.counter("orders", region="eu").add(2)
    >>> [(family.name, dict(labels), each.value) for family, labels, each in metrics]
    [('orders', {'region': 'eu'}, 3)]
    """

    def __init__(self, *, keep_values: bool = False) -> None:
        self.keep_values = keep_values
        self._families: dict[str, Family] = {}
        self._before: list[Callable[[], object]] = []
        self._lock = allocate_lock()

    def counter(self, name: str, help: str = "", /, **labels: object) -> Counter:
        """The counter of that name and those labels; `.add(n)`.

        Raises ValueError for a name that Prometheus would refuse, or that is of another kind.
        """
        return self._series(Counter, name, help, labels)

    def gauge(self, name: str, help: str = "", /, **labels: object) -> Gauge:
        """The gauge of that name and those labels; `.set(x)`, `.add(n)`, `.follow(function)`."""
        return self._series(Gauge, name, help, labels)

    def histogram(
        self, name: str, help: str = "", edges: Sequence[float] = SECONDS, /, **labels: object
    ) -> Histogram:
        """The histogram of that name and those labels; `.observe(x)`.

        edges: ascending, without infinity; those of the name's first histogram hold for all
        """
        return self._series(Histogram, name, help, labels, edges)

    def _series(
        self,
        of: type[S],
        name: str,
        help: str,
        labels: dict[str, Any],
        edges: Sequence[float] = SECONDS,
    ) -> S:
        family = self._families.get(name) or self._family(of, name, help, edges)
        if family.kind != of.kind:
            raise ValueError(f"the metric {name!r} is a {family.kind}, not a {of.kind}")
        key = tuple((label, str(value)) for label, value in sorted(labels.items()))
        found: S | None = family.series.get(key)
        return self._made(family, key) if found is None else found

    def _family(self, of: type[S], name: str, help: str, edges: Sequence[float]) -> Family:
        _check(name, name.replace(":", "_"))
        if list(edges) != sorted(set(edges)):
            raise ValueError(f"the edges of the histogram {name!r} do not ascend: {edges!r:.80}")
        made = Family(name, of.kind, help)
        made.make = partial(Histogram, edges, keep=self.keep_values) if of is Histogram else of
        return self._families.setdefault(name, made)

    def _made(self, family: Family, labels: Labels) -> Any:
        for label, _ in labels:
            _check(family.name, label)
        with self._lock:
            if len(family.series) >= SERIES and labels not in family.series:
                labels = tuple((label, "other") for label, _ in labels)
            if labels not in family.series:
                family.series[labels] = family.make()
            return family.series[labels]

    def before(self, hook: Callable[[], object]) -> None:
        """Call `hook` before the numbers are read: for who counts lazily."""
        self._before.append(hook)

    def families(self) -> list[Family]:
        """Every name with its series, as they are now."""
        for hook in self._before:
            hook()
        return [each for each in list(self._families.values()) if each.series]

    def __iter__(self) -> Iterator[tuple[Family, Labels, Any]]:
        for family in self.families():
            for labels, series in list(family.series.items()):
                yield family, labels, series


def _check(name: str, word: str) -> None:
    """Raise ValueError for what is no [a-zA-Z_][a-zA-Z0-9_]*, or is Prometheus's own."""
    if not word or word[0] not in _START or not _START.union(_DIGITS).issuperset(word):
        raise ValueError(
            f"the metric {name!r} has a name or label {word!r} that Prometheus refuses: use "
            "letters, digits and '_'"
        )
    if word.startswith("__") or word == "le":
        raise ValueError(f"the metric {name!r}: {word!r} is Prometheus's own word")
