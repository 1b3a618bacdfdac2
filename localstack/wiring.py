"""What runs behind the API: sandboxes, events, pollers, logs, the Nuclio dashboard.

Each is made here with what it needs of the others, started after the API answers, and stopped
in the opposite order.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from .clock import Clock
from .lambda_.async_events import AsyncEvents
from .lambda_.calls import make_call
from .lambda_.destinations import Destinations
from .lambda_.environment import Account as Environment
from .lambda_.errors import AwsError
from .lambda_.event_configs import EventFunctions
from .lambda_.hosts import Hosts
from .lambda_.invocations import Invocations
from .lambda_.logs import LogSink, LogsRefused
from .lambda_.mappings.sqs import FunctionGone, SourceRefused, SqsPoller
from .lambda_.names import Place, refer
from .lambda_.records import Execution, Outcome, SourceMapping
from .lambda_.registry import Registry
from .services import ServiceRefused, Services
from .store import CorruptData

_LOGS, _SQS = "Logs_20140328", "AmazonSQS"


def say(line: str) -> None:
    """One line for whoever runs the emulator."""
    print(line, file=sys.stderr, flush=True)


class Pollers:
    """One poller an enabled mapping (`account.Sources`)."""

    def __init__(
        self,
        clock: Clock,
        place: Place,
        services: Services,
        registry: Registry,
        execution: Execution,
    ) -> None:
        self._clock, self._place, self._services = clock, place, services
        self._registry, self._execution = registry, execution
        self._pollers: dict[str, SqsPoller] = {}

    async def start(self, mapping: Mapping[str, Any]) -> None:
        await self.stop(mapping["UUID"])
        poller = SqsPoller(source(mapping), self._sqs, self._invoke, self._clock, say)
        self._pollers[mapping["UUID"]] = poller
        poller.start()

    async def stop(self, uuid: str) -> None:
        poller = self._pollers.pop(uuid, None)
        if poller is not None:
            await poller.stop()

    async def abort(self) -> None:
        """End every poller at once; what was in hand comes back by its visibility timeout."""
        pollers, self._pollers = list(self._pollers.values()), {}
        for poller in pollers:
            await poller.abort()

    async def _sqs(self, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._services.call("sqs", f"{_SQS}.{operation}", members)
        except ServiceRefused as error:
            raise SourceRefused(error.code, error.message) from None

    async def _invoke(self, function_arn: str, payload: bytes) -> Outcome:
        try:
            reference = refer(self._place, function_arn)
            call = make_call(self._registry, reference, payload, str(uuid4()))
        except AwsError:
            raise FunctionGone(f"Function not found: {function_arn}") from None
        return await self._execution.invoke(call)


class Machinery:
    """Everything that runs for one emulator.

    endpoint:  where functions reach the emulator
    execution: who runs functions; None is the real runtime client in real processes
    """

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        place: Place,
        services: Services,
        registry: Registry,
        retry_delay: float,
        endpoint: str,
        execution: Execution | None = None,
    ) -> None:
        self._directory, self._clock, self._place = directory, clock, place
        self._services, self._registry = services, registry
        self._scratch = tempfile.TemporaryDirectory(prefix="pelton-sandboxes-")
        self.logs = LogSink(self._call_logs, clock)
        # Their runtime folders are in the user's cache, not here: they are the same for every run.
        self.hosts = Hosts()
        self._real: Invocations | None = None
        self.execution: Execution = execution or self._invocations(endpoint)
        self.events = self._events(retry_delay)
        self.destinations = Destinations(services, registry, self.events.accept)
        self.events.deliver_to(self.destinations)
        self.sources = Pollers(clock, place, services, registry, self.execution)
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Start what may start behind the first answers."""
        loop = asyncio.get_running_loop()
        if self._real is not None:
            self._tasks.append(loop.create_task(self._real.prepare()))
        self.events.start()
        self._tasks.append(loop.create_task(self._start_sources()))

    async def reset(self) -> None:
        """Forget events, stop pollers."""
        await self.sources.abort()
        await self.events.reset()
        self.logs.forget()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.sources.abort()
        await self.events.close()
        await self.execution.close()
        if self._services.ready:
            await self.logs.flush()
        self._scratch.cleanup()

    # -- making
    def _invocations(self, endpoint: str) -> Invocations:
        environment = Environment(self._place.region, endpoint)
        self._real = Invocations(
            self._clock,
            environment,
            Path(self._scratch.name),
            self.logs,
            self.hosts,
        )
        return self._real

    def _events(self, retry_delay: float) -> AsyncEvents:
        path = self._directory / "events.sqlite"
        try:
            functions = EventFunctions(self._registry)
            return AsyncEvents(path, self._clock, self.execution, functions, retry_delay, say)
        except sqlite3.DatabaseError as error:
            raise CorruptData(
                f"{path} is not a file of events that pelton can read ({error}); move it away to "
                "start without the events in it"
            ) from None

    async def _start_sources(self) -> None:
        for mapping in list(self._registry.mappings.values()):
            if mapping["State"] == "Enabled":
                await self.sources.start(mapping)

    async def _call_logs(self, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._services.call("logs", f"{_LOGS}.{operation}", members)
        except ServiceRefused as error:
            raise LogsRefused(error.code, error.message) from None


def source(mapping: Mapping[str, Any]) -> SourceMapping:
    """A stored mapping as its poller needs it."""
    scaling = mapping.get("ScalingConfig", {})
    filters = mapping.get("FilterCriteria", {}).get("Filters", [])
    return SourceMapping(
        mapping["UUID"],
        mapping["EventSourceArn"],
        mapping["FunctionArn"],
        mapping["BatchSize"],
        float(mapping["MaximumBatchingWindowInSeconds"]),
        "ReportBatchItemFailures" in mapping["FunctionResponseTypes"],
        tuple(each["Pattern"] for each in filters if "Pattern" in each),
        scaling.get("MaximumConcurrency"),
    )
