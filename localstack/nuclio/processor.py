"""One deployed function, running: its triggers and their workers, its log."""

from __future__ import annotations

import asyncio
import json
import os
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..clock import Clock
from ..front import OPEN, Gate
from .builder import Built
from .durations import seconds
from .errors import DeployFailed
from .pool import Pool
from .statistics import Statistics
from .triggers.cron import CronTrigger
from .triggers.http import HttpTrigger
from .worker import Worker, WorkerFailed, WorkerTimedOut

READY_SECONDS, AVAILABILITY_SECONDS, LOG_LINES = 120.0, 10.0, 2000
TERMINATION = "10s"


class Processor:
    """Runs one function's configuration.

    code: what its workers run; addresses: file that says where other functions are
    """

    def __init__(
        self,
        metadata: Mapping[str, Any],
        spec: Mapping[str, Any],
        code: Built,
        addresses: Path,
        environment: Mapping[str, str],
        clock: Clock,
        host: str,
        gate: Gate = OPEN,
    ) -> None:
        self._metadata, self._spec, self.code = metadata, spec, code
        self._addresses, self._clock, self._host = addresses, clock, host
        self._gate = gate
        self._environment = self._make_environment(environment)
        self.logs: deque[dict[str, Any]] = deque(maxlen=LOG_LINES)
        self._pools: list[Pool] = []
        self._triggers: list[HttpTrigger | CronTrigger] = []
        self.http: HttpTrigger | None = None

    async def start(self, former: Processor | None = None, port: int = 0) -> None:
        """Start workers, then triggers.  Raises `DeployFailed` with what the workers said.

        former: the one that this takes the place of; its HTTP port passes on without a gap
        port:   the HTTP port to take when it is free, where none is configured
        """
        self._former, self._port = former.http if former else None, port
        try:
            for name, settings in self._wanted_triggers().items():
                await self._start_trigger(name, settings)
        except (WorkerFailed, WorkerTimedOut, ValueError, OSError) as error:
            await self.close(serve=False)
            raise DeployFailed(str(error)) from None

    def _wanted_triggers(self) -> dict[str, dict[str, Any]]:
        """The configured triggers; a default HTTP trigger where there is none."""
        given = {
            name: settings
            for name, settings in (self._spec.get("triggers") or {}).items()
            if not settings.get("disabled")
        }
        if not any(settings.get("kind") == "http" for settings in given.values()):
            if not self._spec.get("disableDefaultHTTPTrigger"):
                given["default-http"] = {"kind": "http", "numWorkers": 1}
        return given

    async def _start_trigger(self, name: str, settings: dict[str, Any]) -> None:
        kind = settings.get("kind")
        if kind not in ("http", "cron"):
            raise DeployFailed(
                f"trigger {name!r}: the emulator has no trigger of kind {kind!r}; it has http, cron"
            )
        pool = self._pool(name, str(kind), settings)
        self._pools.append(pool)
        await pool.start()
        trigger: HttpTrigger | CronTrigger
        if kind == "http":
            trigger = self.http = HttpTrigger(
                name, settings, pool, self._host, self._clock, self._gate, self._former, self._port
            )
            self._former, self._port = None, 0  # of several, the first takes them
        else:
            trigger = CronTrigger(name, settings, pool, self._clock)
        self._triggers.append(trigger)
        await trigger.start()

    def _pool(self, name: str, kind: str, settings: dict[str, Any]) -> Pool:
        wait = settings.get("workerAvailabilityTimeoutMilliseconds")
        timeout = self._spec.get("eventTimeout")
        return Pool(
            lambda number: self._worker(name, kind, number),
            int(settings.get("numWorkers") or settings.get("maxWorkers") or 1),
            wait=AVAILABILITY_SECONDS if wait is None else float(wait) / 1000,
            ready_in=float(self._spec.get("readinessTimeoutSeconds") or READY_SECONDS),
            timeout=seconds(timeout) if timeout else None,
            end_in=seconds(str(settings.get("workerTerminationTimeout") or TERMINATION)),
        )

    def _worker(self, name: str, kind: str, number: int) -> Worker:
        given = {
            "path": self.code.path,
            "python": str(self.code.python),
            "handler": str(self._spec.get("handler") or "handler:handler"),
            "worker": number,
            "trigger": {"kind": kind, "name": name},
            "namespace": self._metadata.get("namespace") or "nuclio",
            "addresses": str(self._addresses),
        }
        return Worker(given, self._environment, str(self.code.code), self._log)

    def _make_environment(self, common: Mapping[str, str]) -> dict[str, str]:
        name = str(self._metadata.get("name", ""))
        known = {
            **common,
            "PATH": os.pathsep.join([str(self.code.python.parent), os.defpath]),
            "LANG": "C.UTF-8",
            "NUCLIO_FUNCTION_NAME": name,
            "NUCLIO_FUNCTION_VERSION": "latest",
            "NUCLIO_FUNCTION_HANDLER": str(self._spec.get("handler", "")),
            "PYTHONPATH": os.pathsep.join(map(str, self.code.packages)),
        }
        for each in self._spec.get("env") or []:
            known[str(each["name"])] = str(each.get("value", ""))
        return known

    def _log(self, level: str, message: str, fields: Mapping[str, Any]) -> None:
        self.logs.append(
            {
                "level": level,
                "message": message,
                "time": self._clock.time() * 1000,
                "name": "processor",
                **({"more": json.dumps(fields, default=str)} if fields else {}),
            }
        )

    def statistics(self) -> list[tuple[str, str, Statistics]]:
        """Each trigger's name, kind and counts."""
        return [
            (each.name, each.kind, pool.statistics)
            for each, pool in zip(self._triggers, self._pools, strict=False)
        ]

    async def close(self, *, serve: bool = True) -> None:
        """End the workers, each after the event in hand, whose answer still goes out; `serve`: and
        after those that wait."""
        for each in self._triggers:
            each.retire()
        await asyncio.gather(*(pool.close(serve=serve) for pool in self._pools))
        for trigger in self._triggers:
            await trigger.close()
