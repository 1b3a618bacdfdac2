"""What a running graph's metrics say of each step, as marks for its picture.

Reads Prometheus's text form, so it works across processes and machines: it needs the address of a
`/metrics` page and nothing else.  Makes no request itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .layout import Mark

_SAMPLE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)")
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')
_ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}
_SECONDS = "pelton_step_seconds"


class Sample(NamedTuple):
    """One line of the page."""

    name: str
    labels: dict[str, str]
    value: float


def read(text: str) -> list[Sample]:
    r"""The samples of a page; lines that are none are left out.

    >>> read('# TYPE n counter\nn_total{a="x\\"y"} 2\n')
    [Sample(name='n_total', labels={'a': 'x"y'}, value=2.0)]
    """
    return list(_samples(text.splitlines()))


def _samples(lines: Iterable[str]) -> Iterator[Sample]:
    for line in lines:
        found = None if line.startswith("#") else _SAMPLE.match(line)
        if found is None:
            continue
        pairs = _LABEL.findall(found[2] or "")
        labels = {name: re.sub(r"\\.", _plain, value) for name, value in pairs}
        try:
            yield Sample(found[1], labels, float(found[3]))
        except ValueError:
            continue


def _plain(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[0], found[0])


class Seen:
    """The numbers of one step."""

    def __init__(self) -> None:
        self.calls = self.seconds = 0.0
        self.buckets: list[tuple[float, float]] = []
        self.counts: dict[str, float] = {}  # "errors", "drops", a step's own counters
        self.levels: dict[str, float] = {}  # a step's own gauges

    def quantile(self, part: float) -> float | None:
        """The seconds that `part` of the calls took at most, read off the buckets' lines."""
        if not self.calls:
            return None
        wanted, below, edge = part * self.calls, 0.0, 0.0
        for upper, count in sorted(self.buckets):
            if count >= wanted and count > below:
                if upper == float("inf"):
                    return edge
                return edge + (upper - edge) * (wanted - below) / (count - below)
            below, edge = count, upper
        return edge


def steps(samples: Iterable[Sample]) -> dict[str, Seen]:
    """The numbers by step path; those of a step's errors summed over their types."""
    found: dict[str, Seen] = {}
    for name, labels, value in samples:
        if "step" not in labels or not name.startswith("pelton_step_"):
            continue
        seen = found.setdefault(labels["step"], Seen())
        word = name.removeprefix("pelton_step_")
        if name == f"{_SECONDS}_bucket":
            seen.buckets.append((float(labels.get("le", "inf")), value))
        elif name == f"{_SECONDS}_count":
            seen.calls = value
        elif name == f"{_SECONDS}_sum":
            seen.seconds = value
        elif word.endswith("_total"):
            word = word.removesuffix("_total")
            seen.counts[word] = seen.counts.get(word, 0) + value
        else:
            seen.levels[word] = value
    return found


def marks(
    now: dict[str, Seen], before: dict[str, Seen] | None = None, seconds: float = 0
) -> dict[str, Mark]:
    """A mark for each step's box: calls, or calls a second since `before`, latencies, trouble.

    >>> page = '''
    ... pelton_step_seconds_bucket{step="g/a",le="0.001"} 3
    ... pelton_step_seconds_bucket{step="g/a",le="+Inf"} 4
    ... pelton_step_seconds_count{step="g/a"} 4
    ... pelton_step_errors_total{step="g/a",type="KeyError"} 1
    ... '''
    >>> marks(steps(read(page)))["g/a"]
    Mark(text='4 · 0.67 ms · 1 error', bad=True)
    """
    return {path: _mark(each, (before or {}).get(path), seconds) for path, each in now.items()}


def _mark(seen: Seen, before: Seen | None, seconds: float) -> Mark:
    told = [f"{seen.calls:,.0f}"]
    if before is not None and seconds > 0:
        told.append(f"{max(0.0, seen.calls - before.calls) / seconds:,.0f}/s")
    middle, late = seen.quantile(0.5), seen.quantile(0.99)
    if middle is not None and late is not None:
        same = time(middle) == time(late) or seen.calls < 10
        told.append(time(middle) if same else f"{time(middle)} p99 {time(late)}")
    counted = [_counted(word, value) for word, value in sorted(seen.counts.items()) if value]
    levels = [f"{word.replace('_', ' ')} {value:g}" for word, value in sorted(seen.levels.items())]
    return Mark(" · ".join([*told, *counted, *levels]), bad=bool(seen.counts.get("errors")))


def _counted(word: str, value: float) -> str:
    plain = word.replace("_", " ")
    return f"{value:,.0f} {plain.removesuffix('s') if value == 1 else plain}"


def time(seconds: float) -> str:
    """
    >>> time(0.0000034), time(0.00123), time(2.5)
    ('3 µs', '1.2 ms', '2.5 s')
    """
    if seconds < 0.0001:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 1:
        return f"{seconds * 1000:{'.2g' if seconds < 0.1 else '.0f'}} ms"
    return f"{seconds:{'.2g' if seconds < 10 else '.0f'}} s"
