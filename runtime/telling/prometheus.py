"""Metrics in Prometheus's text form (version 0.0.4), as scrapers read it.

Source: the page "Exposition formats" of Prometheus's documentation.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from ...handlers.event import Result
from ...handlers.metrics import Family, Labels, Metrics

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def page(metrics: Metrics) -> Result:
    """The answer to who asks for the metrics by HTTP."""
    return Result(expose(metrics), headers={"content-type": CONTENT_TYPE})


def expose(metrics: Metrics) -> str:
    r"""All metrics as text.

    >>> metrics = Metrics()
    >>> metrics.counter("orders", "Orders taken", region="a\"b").add(2)
    >>> print(expose(metrics), end="")
    # HELP orders_total Orders taken
    # TYPE orders_total counter
    orders_total{region="a\"b"} 2
    """
    return "".join(f"{line}\n" for family in metrics.families() for line in _family(family))


def _family(family: Family) -> list[str]:
    name = family.name
    if family.kind == "counter" and not name.endswith("_total"):
        name += "_total"
    lines = [f"# HELP {name} {_escaped(family.help, quote=False)}"] if family.help else []
    lines.append(f"# TYPE {name} {family.kind}")
    for labels, series in list(family.series.items()):
        if family.kind == "histogram":
            lines += _histogram(name, labels, series)
        else:
            lines.append(f"{name}{_labels(labels)} {number(series.value)}")
    return lines


def _histogram(name: str, labels: Labels, series: Any) -> list[str]:
    buckets, total = list(accumulate(series.buckets)), series.sum
    edges = [*map(number, series.edges), "+Inf"]
    lines = [
        f"{name}_bucket{_labels((*labels, ('le', edge)))} {count}"
        for edge, count in zip(edges, buckets, strict=True)
    ]
    said = _labels(labels)
    return [*lines, f"{name}_sum{said} {number(total)}", f"{name}_count{said} {buckets[-1]}"]


def _labels(labels: Labels) -> str:
    said = ",".join(f'{name}="{_escaped(value, quote=True)}"' for name, value in labels)
    return f"{{{said}}}" if said else ""


def _escaped(text: str, *, quote: bool) -> str:
    text = text.replace("\\", r"\\").replace("\n", r"\n")
    return text.replace('"', r"\"") if quote else text


def number(value: float) -> str:
    """
    >>> number(2.0), number(1e-05), number(float("inf")), number(float("nan"))
    ('2', '1e-05', '+Inf', 'NaN')
    """
    value = float(value)
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
