"""What a processor counts of its events, as Prometheus reads it.

The names are those of Nuclio's own processor; an event whose answer is 400 or more counts as a
failure there, too.  Source: Nuclio's public metric sinks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

EVENTS = "nuclio_processor_handled_events_total"
TIME = "nuclio_processor_handled_events_duration_milliseconds"


@dataclass(slots=True)
class Statistics:
    """One trigger's counts since its processor started."""

    success: int = 0
    failure: int = 0
    milliseconds: float = 0.0

    def add(self, seconds: float, failed: bool, events: int = 1) -> None:
        self.milliseconds += seconds * 1000
        if failed:
            self.failure += events
        else:
            self.success += events


def page(found: Iterable[tuple[Mapping[str, str], Statistics]]) -> str:
    """A page in Prometheus' text form, of (labels, counts).

    >>> print(page([({"function": "f"}, Statistics(3, 1, 12.5))]).splitlines()[2])
    nuclio_processor_handled_events_total{function="f",result="success"} 3
    """
    listed = list(found)
    lines = [f"# HELP {EVENTS} Total number of handled events", f"# TYPE {EVENTS} counter"]
    for labels, counts in listed:
        for result, events in (("success", counts.success), ("failure", counts.failure)):
            lines.append(f"{EVENTS}{_labels({**labels, 'result': result})} {events}")
    for name in (f"{TIME}_sum", f"{TIME}_count"):
        lines.append(f"# TYPE {name} counter")
        for labels, counts in listed:
            is_sum = name.endswith("sum")
            number = counts.milliseconds if is_sum else counts.success + counts.failure
            lines.append(f"{name}{_labels(labels)} {number:g}")
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items())
    return f"{{{inside}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
