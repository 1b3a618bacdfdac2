"""What runs behind the API: sandboxes, events, pollers, logs, the Nuclio dashboard.

Each is made here with what it needs of the others, started after the API answers, and stopped
in the opposite order.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .bell import Bell
from .clock import Clock
from .lambda_.async_events import AsyncEvents
from .lambda_.concurrency import Left
from .lambda_.containers.fleet import Fleet
from .lambda_.debugged import Debugged
from .lambda_.destinations import Destinations
from .lambda_.drivers.choice import Drivers
from .lambda_.environment import Account as Environment
from .lambda_.event_configs import EventFunctions
from .lambda_.hosts import Hosts
from .lambda_.invocations import Invocations
from .lambda_.logs import LogSink, LogsRefused
from .lambda_.mappings.mq import Brokers
from .lambda_.mappings.pollers import Pollers
from .lambda_.mappings.positions import Positions
from .lambda_.metrics import NAMESPACE, Metrics
from .lambda_.names import Place
from .lambda_.provisioned import provisions
from .lambda_.records import Execution, Revision
from .lambda_.registry import Registry
from .recordings import Recordings
from .scratch import sweep
from .services import ServiceRefused, Services
from .signatures.check import EVERYBODY, Credential
from .store import CorruptData

_LOGS = "Logs_20140328"
_CLOUDWATCH = "GraniteServiceVersion20100801"


def say(line: str) -> None:
    """One line for whoever runs the emulator."""
    print(line, file=sys.stderr, flush=True)


class Machinery:
    """Everything that runs for one emulator.

    directory: what is kept;  scratch: the sandboxes' folders
    endpoint:  where functions reach the emulator
    execution: who runs functions; None is the real runtime client in real processes
    credential: what functions sign their own calls with
    variables: what functions find where they have no such variable already
    brokers:   where brokers of Amazon MQ are
    """

    def __init__(
        self,
        directory: Path,
        scratch: Path,
        clock: Clock,
        place: Place,
        services: Services,
        registry: Registry,
        retry_delay: float,
        endpoint: str,
        execution: Execution | None = None,
        credential: Credential = EVERYBODY,
        variables: Mapping[str, str] | None = None,
        brokers: Brokers | None = None,
    ) -> None:
        self._credential, self._variables = credential, variables or {}
        self._directory, self._scratch = directory, scratch
        self._clock, self._place = clock, place
        self._services, self._registry = services, registry
        self.logs = LogSink(self._call_logs, clock)
        self.metrics = Metrics(self._put_metrics, clock)
        # Their runtime folders are in the user's cache, not here: they are the same for every run.
        self.hosts, self.fleet = Hosts(), Fleet()
        self.recordings = Recordings(clock)
        self._real: Invocations | None = None
        self.execution: Execution = execution or self._invocations(endpoint)
        self.events = self._events(retry_delay)
        self.destinations = Destinations(services, registry, self.events.accept)
        self.events.deliver_to(self.destinations)
        self.bell = Bell(clock)
        self._positions = self._open_positions()
        self.sources = Pollers(
            clock,
            place,
            services,
            registry,
            self.execution,
            self.destinations,
            self._positions,
            self.bell,
            say,
            brokers or Brokers(),
        )
        self._tasks: list[asyncio.Task[None]] = []
        registry.watchers.append(self._provision)

    async def take_snapshot(self, revision: Revision) -> bool:
        """Initialise a version that is published with SnapStart; whether that went well."""
        return self._real is None or await self._real.take_snapshot(revision)

    @property
    def debugged(self) -> Debugged | None:
        """The functions that are debugged; None where no real process runs them."""
        return None if self._real is None else self._real.debugged

    def begin(self) -> None:
        """Start what may start behind the first answers."""
        loop = asyncio.get_running_loop()
        if self._real is not None:
            self._tasks.append(loop.create_task(self._real.prepare()))
        for name, function in self._registry.functions.items():
            if function.provisioned:
                self._provision(name)
        self.events.start()
        self.sources.resume()
        self._tasks.append(loop.create_task(asyncio.to_thread(sweep)))

    def _provision(self, name: str) -> None:
        """A function has changed: what it has ready follows."""
        self.execution.provision(name, provisions(self._registry, name))

    async def reset(self) -> None:
        """Forget events, stop pollers."""
        await self.sources.reset()
        await self.events.reset()
        self.logs.forget()
        self.metrics.forget()

    async def rest(self) -> None:
        """Come back when the calls of functions that are under way now have ended."""
        if self._real is not None:
            await self._real.rest()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.sources.close()
        self._positions.close()
        await self.events.close()
        await self.execution.close()
        if self._services.ready:
            await self.logs.flush()
            await self.metrics.flush()

    # -- making
    def _invocations(self, endpoint: str) -> Invocations:
        signs = self._credential
        environment = Environment(
            self._place.region,
            endpoint,
            signs.access_key,
            signs.secret,
            signs.token,
            self._variables,
        )
        self._real = Invocations(
            self._clock,
            self._scratch,
            self.logs,
            Drivers(environment, self.hosts, self.fleet),
            Left(self._registry),
            self.metrics,
            self.recordings,
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

    def _open_positions(self) -> Positions:
        path = self._directory / "positions.sqlite"
        try:
            return Positions(path)
        except sqlite3.DatabaseError as error:
            raise CorruptData(
                f"{path} is not a file of positions that pelton can read ({error}); move it away "
                "to read every stream from its mapping's starting position"
            ) from None

    async def _call_logs(self, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._services.call("logs", f"{_LOGS}.{operation}", members)
        except ServiceRefused as error:
            raise LogsRefused(error.code, error.message) from None

    async def _put_metrics(self, data: list[dict[str, Any]]) -> None:
        members = {"Namespace": NAMESPACE, "MetricData": data}
        await self._services.call("monitoring", f"{_CLOUDWATCH}.PutMetricData", members)
