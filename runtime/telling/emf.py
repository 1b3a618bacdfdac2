"""Metrics as lines of CloudWatch's embedded metric format, for where nobody can scrape.

After each event one line is printed for every set of labels that something changed of; CloudWatch
makes metrics of them, with the labels as dimensions.  Counters are told as what was added since the
last line, histograms as the values themselves.

Source: AWS's page "Specification: Embedded metric format": at most 100 metrics a line, 100 values a
metric, 30 dimensions.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from ...handlers.metrics import Family, Labels, Metrics
from ..logs import to_stdout
from ..worker import Worker

MOST = 100  # metrics of a line, and values of a metric
DIMENSIONS = 30
UNITS = {"_seconds": "Seconds", "_bytes": "Bytes", "_total": "Count"}

Handler = Callable[[Any, Any], Any]


def after_each(handler: Handler, worker: Worker, namespace: str) -> Handler:
    """`handler`, which prints what its event changed when it is done with it, or has failed."""
    lines: list[Emf] = []

    def handle(event: Any, raw: Any) -> Any:
        if not lines:
            lines.append(Emf(worker.metrics(), namespace))
        try:
            return handler(event, raw)
        finally:
            lines[0].flush()

    return handle


class Emf:
    """Writes what changed in `metrics` since the last time, one JSON document a line.

    >>> metrics = Metrics(keep_values=True)
    >>> metrics.counter("orders", region="eu").add(2)
    >>> Emf(metrics, "shop", write=print, clock=lambda: 1.0).flush()
    {"_aws": {"Timestamp": 1000, "CloudWatchMetrics": [{"Namespace": "shop", "Dimensions": [["region"]], "Metrics": [{"Name": "orders", "Unit": "Count"}]}]}, "region": "eu", "orders": 2}
    """  # noqa: E501 - a log line is as long as it is

    def __init__(
        self,
        metrics: Metrics,
        namespace: str,
        *,
        write: Callable[[str], Any] = to_stdout,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._metrics, self._namespace = metrics, namespace
        self._write, self._clock = write, clock
        self._told: dict[tuple[str, Labels], float] = {}

    def flush(self) -> None:
        """Write the lines; none where nothing changed."""
        changed: dict[Labels, dict[str, tuple[str, Any]]] = {}
        for family, labels, series in self._metrics:
            value = self._value(family, labels, series)
            if value is not None and value != []:
                changed.setdefault(labels, {})[family.name] = (_unit(family), value)
        for labels, found in changed.items():
            for part in _parts(found):
                self._write(json.dumps(self._document(labels, part)))

    def _value(self, family: Family, labels: Labels, series: Any) -> Any:
        if family.kind == "histogram":
            return series.take()
        value, key = series.value, (family.name, labels)
        if value != value or value in (float("inf"), float("-inf")):
            return None  # CloudWatch takes no such value
        before = self._told.get(key)
        self._told[key] = value
        if family.kind == "gauge":
            return value if value != before else None
        return value - (before or 0) or None

    def _document(self, labels: Labels, part: dict[str, tuple[str, Any]]) -> dict[str, Any]:
        named = {name: value for name, value in labels[:DIMENSIONS] if value}
        directive = {
            "Namespace": self._namespace,
            "Dimensions": [list(named)],
            "Metrics": [{"Name": name, "Unit": unit} for name, (unit, _) in part.items()],
        }
        about = {"Timestamp": int(self._clock() * 1000), "CloudWatchMetrics": [directive]}
        return {"_aws": about, **named, **{name: value for name, (_, value) in part.items()}}


def _unit(family: Family) -> str:
    if family.kind == "counter":
        return "Count"
    return next((unit for end, unit in UNITS.items() if family.name.endswith(end)), "None")


def _parts(found: dict[str, tuple[str, Any]]) -> Iterator[dict[str, tuple[str, Any]]]:
    """The metrics in lines' worth: long lists of values in several, many metrics in several."""
    while found:
        part = dict(list(found.items())[:MOST])
        yield {name: (unit, _first(value)) for name, (unit, value) in part.items()}
        rest = {name: (unit, _rest(value)) for name, (unit, value) in part.items()}
        found = {name: each for name, each in rest.items() if each[1]} | {
            name: each for name, each in found.items() if name not in part
        }


def _first(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return value[0] if len(value) == 1 else value[:MOST]


def _rest(value: Any) -> Any:
    return value[MOST:] if isinstance(value, list) else None
