"""What a platform counted of one version in a time, the same for every platform.

Plain data: where the numbers come from, and what is thought of them, is not known here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

MILLISECONDS = ("mean", "p50", "p90", "p95", "p99", "max")
METRICS = ("errors", "requests", *MILLISECONDS)


@dataclass(frozen=True, slots=True)
class Facts:
    """One version's requests.  None is what the platform does not tell.

    errors: the share of requests that failed, 0 to 1; mean, p50 … max: their duration in
    milliseconds

    >>> Facts("3", 200, 0.01, p99=140.0).told("errors"), Facts("3").told("p99")
    ('1%', 'not known')
    """

    version: str
    requests: float = 0
    errors: float | None = None
    mean: float | None = None
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None

    def value(self, metric: str) -> float | None:
        """One of `METRICS`."""
        found: float | None = getattr(self, metric)
        return found

    def told(self, metric: str) -> str:
        """The metric as people read it, with its unit."""
        return worded(metric, self.value(metric))

    def document(self) -> dict[str, Any]:
        """JSON-ready, without what is not known."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def worded(metric: str, value: float | None) -> str:
    """A metric's value with its unit.

    >>> worded("errors", 0.0425), worded("p99", 182.25), worded("requests", 1204.0)
    ('4.25%', '182 ms', '1204')
    """
    if value is None:
        return "not known"
    if metric == "errors":
        return f"{value * 100:.3g}%"
    return f"{value:.3g} ms" if metric in MILLISECONDS and value < 1000 else _large(metric, value)


def _large(metric: str, value: float) -> str:
    return f"{value:.0f} ms" if metric in MILLISECONDS else f"{value:.0f}"
