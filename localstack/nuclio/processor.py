"""One deployed function, running: its triggers and their workers, its replicas, its log."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..clock import Clock
from ..front import OPEN, Gate
from ..recordings import Recordings
from .builder import Built
from .cluster.pod import OWN, own
from .durations import seconds
from .errors import DeployFailed
from .journal import Journal
from .pool import NoWorker, Pool
from .program import Program
from .recorded import noting
from .scaling import Scale, bounds_of
from .statistics import Statistics
from .triggers import KINDS
from .triggers.base import Around, Trigger
from .triggers.http import HttpTrigger
from .volumes import for_worker
from .worker import Worker, WorkerFailed, WorkerTimedOut

READY_SECONDS, AVAILABILITY_SECONDS = 120.0, 10.0
TERMINATION = "10s"
DECODE = "NUCLIO_PYTHON_DECODE_EVENT_STRINGS"
LEVELS = ("debug", "info", "warn", "error")


@dataclass(frozen=True, slots=True)
class Site:
    """What every function of one emulator stands in.

    addresses:   the file that says where functions are
    sockets:     a folder with a short path, for the workers' sockets
    environment: variables that every worker gets
    recordings:  who is told of calls, while somebody records
    gate:        who may call the functions' ports
    wrapper:     Nuclio's own `_nuclio_wrapper.py`, run in the place of ours
    platform:    "kube" or "local", as workers are told
    """

    addresses: Path
    sockets: Path
    environment: Mapping[str, str]
    clock: Clock
    host: str
    recordings: Recordings
    gate: Gate = OPEN
    wrapper: Path | None = None
    platform: str = "kube"


class Processor:
    """Runs one function's configuration.

    code: what its workers run
    told: called with each state that it comes to by itself (scaled to zero, …) and its message
    """

    def __init__(
        self,
        metadata: Mapping[str, Any],
        spec: Mapping[str, Any],
        code: Built,
        site: Site,
        told: Callable[[str, str], None] = lambda state, message: None,
    ) -> None:
        self._metadata, self._spec, self.code, self._site = metadata, spec, code, site
        self._told = told
        env = spec.get("env") or []
        # Its own variables, and which of them are fields of the replica that has them.
        self._given = {str(each["name"]): str(each.get("value", "")) for each in env}
        self._fields = {str(e["name"]): e["field"] for e in env if e.get("field") in OWN}
        self._environment = {**self._make_environment(), **self._given}
        self._level = _least_level(spec)
        self.logs = Journal(site.clock.time)
        self._pools: list[tuple[Pool, int]] = []  # and how many workers of it a replica has
        self._triggers: list[Trigger] = []  # one a pool
        self._started: list[Trigger] = []
        self._scale: Scale | None = None
        self.http: HttpTrigger | None = None

    # -- beginning
    async def start(
        self, former: Processor | None = None, port: int = 0, *, asleep: bool = False
    ) -> None:
        """Start workers, then triggers.  Raises `DeployFailed` with what the workers said; whatever
        it raises, nothing is left of it.

        former: the one that this takes the place of; its HTTP port passes on without a gap
        port:   the HTTP port to take when it is free, where none is configured
        asleep: whether it is scaled to zero, without a worker until the first event
        """
        site = self._site
        before = former.http if former else None
        around = Around(site.host, site.clock, site.gate, self.code.code, self._say, before, port)
        try:
            bounds = bounds_of(self._spec)
            replicas = 0 if asleep else max(bounds.least, 1)
            for name, settings in self._wanted_triggers().items():
                await self._make_trigger(name, settings, around, replicas)
            # Who takes the former one's port is last: what fails before leaves that answering.
            for each in sorted(self._triggers, key=_takes_over):
                await each.start()
                self._started.append(each)
            self._scale = Scale(bounds, self._pools, site.clock, self._told, replicas)
            self._scale.begin()
        except BaseException as error:
            await self.close(serve=False)
            if isinstance(error, WorkerFailed | WorkerTimedOut | ValueError | OSError):
                raise DeployFailed(str(error)) from None
            raise
        if self._spec.get("targetCPU"):
            self._say("warn", "targetCPU is not held to: replicas are added while events wait")

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

    async def _make_trigger(
        self, name: str, settings: dict[str, Any], around: Around, replicas: int
    ) -> None:
        """Start a trigger's workers, and make it, to be started later."""
        kind = str(settings.get("kind"))
        if kind not in KINDS:
            raise DeployFailed(
                f"trigger {name!r}: the emulator has no trigger of kind {kind!r}; "
                f"it has {', '.join(KINDS)}"
            )
        each = int(settings.get("numWorkers") or settings.get("maxWorkers") or 1)
        pool = self._pool(name, kind, settings, each, replicas)
        self._pools.append((pool, each))
        await pool.start()
        trigger = KINDS[kind](name, settings, pool, around)
        if isinstance(trigger, HttpTrigger):
            self.http = trigger
        self._triggers.append(trigger)

    def _pool(
        self, name: str, kind: str, settings: dict[str, Any], each: int, replicas: int
    ) -> Pool:
        wait = settings.get("workerAvailabilityTimeoutMilliseconds")
        timeout, end_in = self._spec.get("eventTimeout"), settings.get("workerTerminationTimeout")
        program = self._program(name, kind)
        pool = Pool(
            lambda number: self._worker(program, number % each, number // each, pool),
            each * replicas,
            wait=AVAILABILITY_SECONDS if wait is None else float(wait) / 1000,
            ready_in=float(self._spec.get("readinessTimeoutSeconds") or READY_SECONDS),
            timeout=(seconds(timeout, "eventTimeout") if timeout else 0.0) or None,
            end_in=seconds(end_in or TERMINATION, f"trigger {name}: workerTerminationTimeout"),
            warn=lambda message: self._say("warn", message),
            note=noting(self._site.recordings, str(self._metadata.get("name"))),
        )
        return pool

    def _program(self, name: str, kind: str) -> Program:
        return Program(
            path=self.code.path,
            python=str(self.code.python),
            handler=str(self._spec.get("handler") or "handler:handler"),
            kind=kind,
            trigger=name,
            namespace=str(self._metadata.get("namespace") or "nuclio"),
            addresses=str(self._site.addresses),
            sockets=self._site.sockets,
            decoded=self._environment.get(DECODE, "").lower() == "true",
            wrapper=self._site.wrapper,
            platform=self._site.platform,
            runs_on=self.code.interpreter.executable,
        )

    def _worker(self, program: Program, number: int, replica: int, pool: Pool) -> Worker:
        name, namespace = self.replica_name(replica), program.namespace
        given = dict(self._given)
        for variable, field in self._fields.items():
            given[variable] = own(field, name, namespace)
        environment = {**self._environment, **given, "NUCLIO_FUNCTION_INSTANCE": name}
        program = replace(program, mounts=for_worker(self.code.mounts, given))
        return Worker(program, number, environment, str(self.code.code), self._log, pool.heard)

    def _make_environment(self) -> dict[str, str]:
        spec = self._spec
        return {
            **self._site.environment,
            **dict(self.code.variables),
            "PATH": os.pathsep.join([str(self.code.python.parent), os.defpath]),
            "LANG": "C.UTF-8",
            "NUCLIO_FUNCTION_NAME": str(self._metadata.get("name", "")),
            "NUCLIO_FUNCTION_DESCRIPTION": str(spec.get("description") or ""),
            "NUCLIO_FUNCTION_VERSION": "latest",
            "NUCLIO_FUNCTION_HANDLER": str(spec.get("handler", "")),
            "PYTHONPATH": os.pathsep.join(map(str, self.code.packages)),
        }

    # -- its log
    def _log(self, level: str, message: str, fields: Mapping[str, Any]) -> None:
        if level in LEVELS and LEVELS.index(level) < self._level:
            return
        self.logs.append(
            {
                "level": level,
                "message": message,
                "time": self._site.clock.time() * 1000,
                "name": "processor",
                **({"more": json.dumps(fields, default=str)} if fields else {}),
            }
        )

    def _say(self, level: str, message: str) -> None:
        self._log(level, message, {})

    def statistics(self) -> list[tuple[str, str, Statistics]]:
        """Each trigger's name, kind and counts."""
        return [
            (each.name, each.kind, pool.statistics)
            for each, (pool, _) in zip(self._triggers, self._pools, strict=False)
        ]

    # -- its replicas
    def replica_name(self, replica: int) -> str:
        """What a replica is called.

        On a cluster it is a pod's name, with letters by chance at its end.
        """
        return f"nuclio-{self._metadata.get('name', '')}-{replica}"

    @property
    def replicas(self) -> list[str]:
        """The names of those that there are now; none when it is scaled to zero."""
        count = self._scale.count if self._scale else 0
        return [self.replica_name(each) for each in range(count)]

    async def wake(self) -> None:
        """Scale from zero, where it is scaled to that.  Raises `DeployFailed` when no worker
        starts."""
        if self._scale is not None:
            try:
                await self._scale.wake()
            except NoWorker:
                raise DeployFailed(f"no worker of {self._metadata.get('name')} starts") from None

    async def sleep(self) -> None:
        """Scale to zero now, whatever its bounds are; the next event wakes it."""
        if self._scale is not None:
            await self._scale.sleep()

    # -- ending
    async def close(self, *, serve: bool = True) -> None:
        """End the workers, each after the event in hand, whose answer still goes out; `serve`: and
        after those that wait."""
        for each in self._started:
            each.retire()
        if serve:
            await asyncio.gather(*(pool.served() for pool, _ in self._pools))
        if self._scale is not None:
            await self._scale.close()
        await asyncio.gather(*(pool.close(serve=serve) for pool, _ in self._pools))
        for trigger in self._started:
            await trigger.close()
        self.logs.close()


def _takes_over(trigger: Trigger) -> bool:
    return isinstance(trigger, HttpTrigger) and trigger.takes_over


def _least_level(spec: Mapping[str, Any]) -> int:
    """The place in LEVELS of the lowest level that one of the function's log sinks takes.

    >>> LEVELS[_least_level({"loggerSinks": [{"level": "warn"}]})], LEVELS[_least_level({})]
    ('warn', 'debug')
    """
    given = [str(each.get("level") or "debug") for each in spec.get("loggerSinks") or []]
    return min((LEVELS.index(each) for each in given if each in LEVELS), default=0)
