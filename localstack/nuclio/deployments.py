"""How wanted functions come to run: builds in a queue, processors that take each other's place.

One task a function; a later deployment of it begins when the earlier one has ended.  What was
built for a function is removed with its processor.  No request and no rule of the API is here.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..link_farm import RuntimeMissing
from ..store import Store
from .builder import Builder, Log, Made
from .cluster.objects import Cluster
from .cluster.pod import Pod
from .cluster.variables import followed
from .errors import DeployFailed, Refused
from .journal import Journal
from .processor import Processor, Site
from .remembered import ASLEEP, ENVIRONMENT, PORT, Remembered
from .states import BUILDING, ERROR, IMPORTED, READY, RUNNING, STARTING, WAITING, ZERO, Status
from .statistics import page

# Builds at once: they download, unpack and compile, and a machine that does forty of them at a
# time does none of them soon.
BUILDS = max(2, os.cpu_count() or 1)


class Deployments:
    """What runs of each function, by name, and the state of each.

    cluster: where Secrets and ConfigMaps are; None where there are none, as on Docker
    """

    def __init__(self, store: Store, builder: Builder, site: Site, cluster: Cluster | None) -> None:
        self._builder, self._site, self._cluster = builder, site, cluster
        self._clock = site.clock
        self._statuses: dict[str, Status] = {}
        self._processors: dict[str, Processor] = {}
        self._namespaces: dict[str, str] = {}
        self._remembered = Remembered(store)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ending: dict[Processor, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(BUILDS)

    async def start(self, names: Iterable[str]) -> None:
        """Be rid of what an emulator left that was killed, as all code is made anew, and of
        environments that nobody has used for long.

        names: the functions that are to run; while one of them never did, it may want any of these
        """
        await asyncio.to_thread(self._builder.sweep, self._remembered.environments(names))
        self._write_addresses()

    # -- what there is
    def status(self, name: str) -> Status:
        return self._statuses.get(name) or Status()

    def replicas(self, name: str) -> list[str]:
        """The names of a function's replicas; none where none runs."""
        processor = self._processors.get(name)
        return processor.replicas if processor is not None else []

    def journal(self, name: str) -> Journal | None:
        processor = self._processors.get(name)
        return processor.logs if processor is not None else None

    def processor(self, name: str) -> Processor:
        """The running function; raises `Refused` 503."""
        processor = self._processors.get(name)
        if processor is None or processor.http is None:
            state = self.status(name).state
            if state == READY and processor is not None:
                raise Refused(503, f"function {name} has no HTTP trigger")
            state = "disabled" if state == READY else state
            # At the emulator's start there is a moment in which it has none yet.
            raise Refused(503, f"Server not ready: function {name} is {state or WAITING}")
        return processor

    def statistics(self, labels: Callable[[str], dict[str, str]]) -> str:
        return page(
            (labels(name) | {"trigger_id": trigger, "trigger_kind": kind}, counts)
            for name, processor in self._processors.items()
            for trigger, kind, counts in processor.statistics()
        )

    # -- deploying
    def begin(
        self, name: str, wanted: Mapping[str, Any], *, imported: bool = False, again: bool = False
    ) -> None:
        """Begin to deploy a configuration; one that is only imported is just noted.

        again: after a restart, when what was scaled to zero comes back like that
        """
        if not again:
            self._remembered.drop(ASLEEP, name)
        former = self._tasks.get(name)
        if former is not None:
            former.cancel()
        self._namespaces[name] = wanted["metadata"]["namespace"]
        status = self._statuses[name] = Status()
        if imported:
            status.enter(IMPORTED, "", self._clock.time())
            work = self._retire(name, former)
        else:
            status.enter(WAITING, "", self._clock.time())
            work = self._deploy(name, wanted, status, former)
        self._tasks[name] = asyncio.get_running_loop().create_task(work)

    async def over(self, name: str) -> None:
        """Come back when the deployment under way has ended, however it went."""
        task = self._tasks.get(name)
        if task is not None:
            await asyncio.wait([task])

    async def sleep(self, name: str) -> None:
        """Scale a running function to zero; raises `Refused` 412 for one that does not run."""
        processor = self._processors.get(name)
        if processor is None:
            raise Refused(412, f"Function {name} is {self.status(name).state}: it does not run")
        await processor.sleep()

    async def _retire(self, name: str, former: asyncio.Task[None] | None) -> None:
        if former is not None:
            await asyncio.gather(former, return_exceptions=True)
        await self._stop(name)

    async def _deploy(
        self,
        name: str,
        wanted: Mapping[str, Any],
        status: Status,
        former: asyncio.Task[None] | None,
    ) -> None:
        if former is not None:
            await asyncio.gather(former, return_exceptions=True)
        try:
            await self._bring_up(name, wanted, status)
        except Exception as error:
            if not isinstance(error, DeployFailed | RuntimeMissing | OSError):
                traceback.print_exc()  # ours, or a spec of a shape nobody thought of
            # What answered until now goes on, as the pods of a cluster's last good state do.
            status.enter(ERROR, str(error) or repr(error), self._clock.time())

    async def _bring_up(self, name: str, wanted: Mapping[str, Any], status: Status) -> None:
        """Build, start, and let the new processor take the old one's place."""

        def log(level: str, message: str) -> None:
            status.log(level, message, self._clock.time())

        async with self._turns:
            status.enter(BUILDING, "", self._clock.time())
            made = await self._builder.build(name, wanted["spec"], log, self._pod(wanted))
        asleep = bool(self._remembered.get(ASLEEP, name))
        told = "Scaled to zero: no worker is started" if asleep else "Starting the workers"
        status.enter(STARTING, told, self._clock.time())
        if made.spec.get("disable"):
            await asyncio.to_thread(self._builder.remove, made.code)
            await self._stop(name)
            self._remembered.put(ENVIRONMENT, name, made.code.environment)
            status.enter(READY, "Function is disabled", self._clock.time())
            return
        try:
            processor = await self._started(name, wanted, made, log, asleep)
        except BaseException:  # whoever is told to end leaves nothing behind, either
            await asyncio.to_thread(self._builder.remove, made.code)
            raise
        former = self._processors.pop(name, None)
        self._processors[name] = processor
        self._remembered.put(ENVIRONMENT, name, made.code.environment)
        self._note_address(name, processor, status)
        told = "Function is scaled to zero" if asleep else "Function deploy complete"
        status.enter(ZERO if asleep else READY, told, self._clock.time())
        if former is not None:
            await self._end(former)

    async def _started(
        self, name: str, wanted: Mapping[str, Any], made: Made, log: Log, asleep: bool
    ) -> Processor:
        variables = await self._variables(made.spec, log, self._pod(wanted))
        processor = Processor(
            wanted["metadata"],
            {**made.spec, "env": variables},
            made.code,
            self._site,
            lambda state, message: self._came_to(name, processor, state, message),
        )
        port = self._remembered.get(PORT, name, 0)
        await processor.start(self._processors.get(name), port, asleep=asleep)
        return processor

    def _came_to(self, name: str, processor: Processor, state: str, message: str) -> None:
        """A running function's own changes of its state: scaled to zero, and from it.

        What runs on while a later deployment is under way, or has failed, is not its state.
        """
        status = self.status(name)
        if self._processors.get(name) is processor and status.state in RUNNING:
            status.enter(state, message, self._clock.time())
            known = self._remembered
            error = known.put(ASLEEP, name, 1) if state == ZERO else known.drop(ASLEEP, name)
            if error:
                told = f"after a restart it may have another state, as this is not kept: {error}"
                status.log("warn", told, self._clock.time())

    def _pod(self, wanted: Mapping[str, Any]) -> Pod:
        account = str(wanted["spec"].get("serviceAccount") or "")
        return Pod(wanted["metadata"], account, self._site.host)

    async def _variables(self, spec: Mapping[str, Any], log: Log, pod: Pod) -> list[dict[str, Any]]:
        """Its variables with what they refer to, which stands nowhere else; Docker follows none."""
        given: list[dict[str, Any]] = spec.get("env") or []
        if self._cluster is not None:
            return [*await followed(spec, self._cluster, pod)]
        for each in given:
            if each.get("valueFrom"):
                told = f"environment {each.get('name')} stays empty: Docker follows no valueFrom"
                log("warn", told)
        return given

    def _note_address(self, name: str, processor: Processor, status: Status) -> None:
        if processor.http is not None:
            status.http_port = processor.http.port
            status.addresses = [f"{self._site.host}:{processor.http.port}"]
            if error := self._remembered.put(PORT, name, processor.http.port):
                told = f"after a restart it may have another port, as this one is not kept: {error}"
                status.log("warn", told, self._clock.time())  # it answers there all the same
        self._write_addresses()

    # -- ending
    async def remove(self, name: str) -> None:
        """End a deployment that is under way, and what runs."""
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._stop(name)
        self._statuses.pop(name, None)

    def forget(self, name: str) -> None:
        """Let a function's port go to others, and all else that is kept of it."""
        self._remembered.forget(name)

    async def halt(self) -> None:
        """End everything at once; calls that wait for a worker are not served any more."""
        ending = dict(self._ending)
        under_way = [*self._tasks.values(), *ending.values()]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await asyncio.gather(
            *(self._stop(name, serve=False) for name in list(self._processors)),
            *(self._end(processor, serve=False) for processor in ending),
        )

    def clear(self) -> None:
        """Everything was wiped."""
        self._statuses.clear()
        self._tasks.clear()
        self._remembered.clear()
        self._write_addresses()

    async def _stop(self, name: str, *, serve: bool = True) -> None:
        processor = self._processors.pop(name, None)
        if processor is not None:
            self._write_addresses()
            await self._end(processor, serve)

    async def _end(self, processor: Processor, serve: bool = True) -> None:
        """Stop it, and remove its code: a later one has a folder of its own.

        It comes to its end even when who waits for that is told to go on: a second deployment may
        begin while the events of the one before the first are still being answered.
        """
        task = asyncio.get_running_loop().create_task(self._close(processor, serve))
        self._ending[processor] = task
        task.add_done_callback(lambda done: self._ending.pop(processor, None))
        await asyncio.shield(task)

    async def _close(self, processor: Processor, serve: bool) -> None:
        await processor.close(serve=serve)
        await asyncio.to_thread(self._builder.remove, processor.code)

    # -- what functions call one another by
    def _write_addresses(self) -> None:
        """Where each function is, under the names of its service on Docker and on Kubernetes."""
        known = {
            service: f"{self._site.host}:{processor.http.port}"
            for name, processor in self._processors.items()
            if processor.http is not None
            for service in (f"nuclio-{self._namespaces[name]}-{name}", f"nuclio-{name}")
        }
        draft = self._site.addresses.with_suffix(".draft")
        try:
            draft.write_text(json.dumps(known))
            draft.replace(self._site.addresses)  # functions read it at any time
        except OSError as error:  # what runs goes on, and what is to end ends
            told = f"nuclio: functions may not find one another by name: {error}"
            print(told, file=sys.stderr, flush=True)
