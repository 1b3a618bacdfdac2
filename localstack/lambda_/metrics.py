"""What Lambda counts of invocations, as CloudWatch tells it: the namespace AWS/Lambda.

Invocations, Errors, Duration and Throttles by function, by function and what was called of it
(Resource), and for an alias by the version that answered, too (ExecutedVersion), which is how the
two versions of a weighted alias are told apart.  An invocation only counts; CloudWatch gets what
was counted when somebody asks it, so nobody waits for it and no clock is needed.

Source: AWS's page "Types of metrics for Lambda functions".
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..clock import Clock
from .records import Call

NAMESPACE = "AWS/Lambda"
MOST = 10_000  # seconds of functions that are held before CloudWatch gets them unasked
BATCH = 200  # of one request's metrics; CloudWatch takes 1,000, and 150 values of each
VALUES = 150

# Puts metrics into CloudWatch; raises OSError or ValueError when that is not there yet.
Put = Callable[[list[dict[str, Any]]], Awaitable[None]]
_Key = tuple[str, str, str, int]  # function, qualifier, version, second


@dataclass(slots=True)
class _Counted:
    errors: int = 0
    throttles: int = 0
    durations: Counter[float] = field(default_factory=Counter)  # by milliseconds


class Metrics:
    """Counts, until it is asked to `flush`."""

    def __init__(self, put: Put, clock: Clock) -> None:
        self._put, self._clock = put, clock
        self._counted: dict[_Key, _Counted] = {}
        self._flushing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def ended(self, call: Call, seconds: float, failed: bool) -> None:
        """An invocation is over."""
        counted = self._of(call)
        counted.durations[float(f"{seconds * 1000:.3g}")] += 1
        counted.errors += failed

    def throttled(self, call: Call) -> None:
        """A call was turned away: no invocation, and no error."""
        self._of(call).throttles += 1

    def forget(self) -> None:
        """Everything was wiped."""
        self._counted.clear()

    async def flush(self) -> None:
        """Come back when CloudWatch has what was counted."""
        with self._clock.busy("delivery of metrics"):
            async with self._flushing:
                counted, self._counted = self._counted, {}
                data = [each for key, found in counted.items() for each in _data(key, found)]
                for at in range(0, len(data), BATCH):
                    await self._put(data[at : at + BATCH])

    def _of(self, call: Call) -> _Counted:
        revision = call.revision
        qualifier = call.invoked_arn[len(revision.arn) + 1 :]
        key = (revision.name, qualifier, revision.version, int(self._clock.time()))
        found = self._counted.get(key)
        if found is None:
            found = self._counted[key] = _Counted()
            if len(self._counted) > MOST and not self._tasks:
                task = asyncio.get_running_loop().create_task(self.flush())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        return found


def _data(key: _Key, counted: _Counted) -> Iterator[dict[str, Any]]:
    """One second of one function as CloudWatch takes it."""
    name, qualifier, version, second = key
    resource = f"{name}:{qualifier}" if qualifier else name
    by_name = {"FunctionName": name}
    by_resource = {**by_name, "Resource": resource}
    sets = [by_name, by_resource]
    if qualifier and qualifier != version:
        sets.append({**by_resource, "ExecutedVersion": version})
    for dimensions in sets:
        common = {
            "Timestamp": second,
            "Dimensions": [{"Name": each, "Value": dimensions[each]} for each in dimensions],
        }
        for metric, values, unit in _metrics(counted):
            for part in _parts(values):
                yield {
                    **common,
                    "MetricName": metric,
                    "Unit": unit,
                    "Values": list(part),
                    "Counts": list(part.values()),
                }


def _metrics(counted: _Counted) -> Iterator[tuple[str, Counter[float], str]]:
    invocations = counted.durations.total()
    if invocations:
        yield "Invocations", Counter({1.0: invocations}), "Count"
        # Every invocation says whether it failed, so that a rate has its 0.
        errors = {0.0: invocations - counted.errors, 1.0: counted.errors}
        yield "Errors", Counter({value: n for value, n in errors.items() if n}), "Count"
        yield "Duration", counted.durations, "Milliseconds"
    throttled = {0.0: invocations, 1.0: counted.throttles}
    yield "Throttles", Counter({value: n for value, n in throttled.items() if n}), "Count"


def _parts(values: Counter[float]) -> Iterator[dict[float, int]]:
    pairs = sorted(values.items())
    for at in range(0, len(pairs), VALUES):
        yield dict(pairs[at : at + VALUES])
