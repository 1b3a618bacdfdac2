"""Functions and projects of the dashboard: what is wanted, what state it is in, kept in SQLite.

state                  next
(new)                  building
building               waitingForResourceConfiguration, error
waitingFor…            ready, error
ready, error           building (deployed again)
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from ..link_farm import RuntimeMissing, lend_python, link_farm
from ..store import Store
from . import builder
from .cluster_secrets import Find, followed, nothing
from .errors import DeployFailed, Refused
from .processor import Processor, Site
from .shapes import check_function, check_project
from .statistics import page

RUNTIMES = tuple(f"python:3.{minor}" for minor in range(9, 15))
DISTRIBUTIONS = ("nuclio-sdk", "msgpack")
BUSY = frozenset({"building", "waitingForResourceConfiguration"})
NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
PROJECT_LABEL = "nuclio.io/project-name"


def _runtime() -> Path:
    """The folder of what every function finds: nuclio_sdk, and a Python for its children."""
    return link_farm(
        DISTRIBUTIONS, "nuclio2", finish=lambda folder: lend_python(folder, sys.executable)
    )


class Functions:
    """Every function, by name."""

    def __init__(self, folder: Path, site: Site, find: Find = nothing) -> None:
        self._folder, self._site, self._find = folder, site, find
        self._clock, self._host, self._platform = site.clock, site.host, site.platform
        self.store = self._store = Store(folder / "nuclio.sqlite")
        self.projects: dict[str, dict[str, Any]] = self._store.all("project")
        self.projects.setdefault("default", {"metadata": {"name": "default"}, "spec": {}})
        self._wanted: dict[str, dict[str, Any]] = self._store.all("function")
        self._status: dict[str, dict[str, Any]] = {}
        self._processors: dict[str, Processor] = {}
        self._ports: dict[str, int] = self._store.all("port")
        self._code_folder = folder / "functions"
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Deploy again what was there before."""
        # What an emulator left that was killed: every code is made anew from what is kept.
        await asyncio.to_thread(shutil.rmtree, self._code_folder, ignore_errors=True)
        self._write_addresses()
        for name in self._wanted:
            self._begin(name)

    # -- what the dashboard shows
    def names(self) -> list[str]:
        return list(self._wanted)

    def show(self, name: str) -> dict[str, Any]:
        """Configuration and status; raises `Refused` 404."""
        wanted = self._known(name)
        status = dict(self._status.get(name) or {"state": "building"})
        processor = self._processors.get(name)
        status["logs"] = [*status.get("logs", []), *(processor.logs if processor else [])]
        return {**wanted, "status": status}

    def processor(self, name: str) -> Processor:
        """The running function; raises `Refused` 404 or 503."""
        self._known(name)
        processor = self._processors.get(name)
        if processor is None or processor.http is None:
            state = (self._status.get(name) or {}).get("state", "")
            if state == "ready":
                raise Refused(503, f"function {name} has no HTTP trigger")
            raise Refused(503, f"Server not ready: function {name} is {state}")
        return processor

    def logs(self, name: str) -> list[dict[str, Any]]:
        self._known(name)
        processor = self._processors.get(name)
        return list(processor.logs) if processor else []

    def statistics(self) -> str:
        """What the processors count, as Prometheus reads it."""
        return page(
            (self._labels(name) | {"trigger_id": trigger, "trigger_kind": kind}, counts)
            for name, processor in self._processors.items()
            for trigger, kind, counts in processor.statistics()
        )

    def _labels(self, name: str) -> dict[str, str]:
        namespace = self._wanted[name]["metadata"]["namespace"]
        return {"namespace": namespace, "project": self.project_of(name), "function": name}

    def _known(self, name: str) -> dict[str, Any]:
        if name not in self._wanted:
            raise Refused(404, "Function not found")
        return self._wanted[name]

    # -- what changes
    async def put(self, given: dict[str, Any], *, new: bool, wait: bool) -> None:
        """Take a configuration and deploy it.  Raises `Refused` 400, 404 or 409."""
        check_function(given)
        metadata = given.get("metadata") or {}
        name = str(metadata.get("name") or "")
        if not name:
            raise Refused(400, "Function name must be provided in metadata")
        if not NAME.fullmatch(name):
            raise Refused(400, f"Function name doesn't conform to k8s naming convention: {name}")
        if new and name in self._wanted:
            raise Refused(409, "Cannot create function: a function with this name exists")
        if not new:
            self._known(name)
        metadata["namespace"] = metadata.get("namespace") or "nuclio"
        metadata["labels"] = {PROJECT_LABEL: "default", **(metadata.get("labels") or {})}
        wanted = {"metadata": metadata, "spec": given.get("spec") or {}}
        self._store.put("function", name, wanted)
        self._wanted[name] = wanted
        self._begin(name)
        if wait:
            await asyncio.shield(self._tasks[name])

    async def delete(self, name: str) -> None:
        """Stop and forget; raises `Refused` 404, or 412 while it is being deployed."""
        self._known(name)
        if (self._status.get(name) or {}).get("state") in BUSY:
            raise Refused(412, "Function is being provisioned and cannot be deleted")
        await self._stop(name)
        del self._wanted[name]
        self._status.pop(name, None)
        self._store.delete("function", name)
        self._store.delete("port", name)
        self._write_addresses()

    def put_project(self, given: dict[str, Any], *, new: bool) -> dict[str, Any]:
        check_project(given)
        name = str((given.get("metadata") or {}).get("name") or "")
        if not name:
            raise Refused(400, "Project name must be provided in metadata")
        if new and name in self.projects:
            raise Refused(409, "Project already exists")
        if not new and name not in self.projects:
            raise Refused(404, "Project not found")
        given["metadata"].setdefault("namespace", "nuclio")
        project = {"metadata": given["metadata"], "spec": given.get("spec") or {}}
        self._store.put("project", name, project)
        self.projects[name] = project
        return project

    async def delete_project(self, name: str, strategy: str) -> None:
        """Raises `Refused` 404, or 412 when it holds functions and the strategy forbids that."""
        if name not in self.projects:
            raise Refused(404, "Project not found")
        held = [each for each in self.names() if self.project_of(each) == name]
        if held and strategy != "cascading":
            raise Refused(412, f"Project has functions: {', '.join(held)}")
        for each in held:
            await self.delete(each)
        del self.projects[name]
        self._store.delete("project", name)

    def project_of(self, name: str) -> str:
        return str(self._wanted[name]["metadata"]["labels"].get(PROJECT_LABEL, "default"))

    # -- deploying
    def _begin(self, name: str) -> None:
        previous = self._tasks.get(name)
        if previous is not None:
            previous.cancel()
        self._set(name, "building")
        self._tasks[name] = asyncio.get_running_loop().create_task(self._deploy(name, previous))

    async def _deploy(self, name: str, previous: asyncio.Task[None] | None) -> None:
        if previous is not None:
            await asyncio.gather(previous, return_exceptions=True)
        wanted = self._wanted[name]
        try:
            processor = await self._make(name, wanted)
            self._set(name, "waitingForResourceConfiguration", "Starting the workers")
            await processor.start(self._processors.get(name), self._ports.get(name, 0))
        except Exception as error:
            if not isinstance(error, DeployFailed | RuntimeMissing | OSError):
                traceback.print_exc()  # ours, or a spec of a shape nobody thought of
            # What answered until now goes on, as the pods of a cluster's last good state do.
            self._set(name, "error", str(error) or repr(error), level="error")
            return
        old = self._processors.pop(name, None)
        self._processors[name] = processor
        self._ready(name, processor)
        if old is not None:
            await self._end(old)

    async def _make(self, name: str, wanted: Mapping[str, Any]) -> Processor:
        spec = wanted["spec"]
        self._check_runtime(name, str(spec.get("runtime") or "python"))
        folder = self._code_folder / f"{name}-{uuid4().hex[:12]}"
        await builder.make_code(spec, folder)
        commands = [str(each) for each in (spec.get("build") or {}).get("commands") or []]
        site = await builder.install(commands, self._folder / "sites")
        farm = await asyncio.to_thread(_runtime)
        code = builder.built(folder, spec, site, farm)
        return Processor(
            wanted["metadata"],
            {**spec, "env": await self._variables(name, wanted)},
            code,
            self._site,
            lambda state, message: self._set(
                name, state, message, "error" if state == "unhealthy" else "info"
            ),
        )

    async def _variables(self, name: str, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Its variables with what they refer to, which stands nowhere else; Docker follows none."""
        spec = wanted["spec"]
        given: list[dict[str, Any]] = spec.get("env") or []
        if self._platform != "local":
            return await followed(spec, str(wanted["metadata"]["namespace"]), self._find)
        for each in given:
            if each.get("valueFrom"):
                told = f"environment {each.get('name')} stays empty: Docker follows no valueFrom"
                self._set(name, "building", told, level="warn")
        return given

    def _check_runtime(self, name: str, runtime: str) -> None:
        """Raises `DeployFailed` for what is no Python of Nuclio's; warns of another than ours."""
        if runtime not in ("python", *RUNTIMES):
            raise DeployFailed(
                f"the emulator runs {', '.join(RUNTIMES)}; runtime {runtime!r} it cannot run"
            )
        here = f"python:{sys.version_info.major}.{sys.version_info.minor}"
        if runtime not in ("python", here):
            told = f"runtime {runtime} is asked for; the function runs on the emulator's own {here}"
            self._set(name, "building", told, level="warn")

    def _ready(self, name: str, processor: Processor) -> None:
        self._set(name, "ready", "Function deploy complete")
        status = self._status[name]
        if processor.http is not None:
            self._ports[name] = processor.http.port
            self._store.put("port", name, processor.http.port)
            address = f"{self._host}:{processor.http.port}"
            status["httpPort"] = processor.http.port
            status["externalInvocationUrls"] = [address]
            status["internalInvocationUrls"] = [address]
        self._write_addresses()

    def _set(self, name: str, state: str, message: str = "", level: str = "info") -> None:
        status = self._status.get(name)
        if status is None or (state == "building" and not message):
            status = self._status[name] = {"logs": []}
        status["state"] = state
        text = message or f"Function is {state}"
        if level == "error":
            status["message"] = text
        status["logs"].append(
            {"level": level, "message": text, "time": self._clock.time() * 1000, "name": "deployer"}
        )

    async def _stop(self, name: str, *, serve: bool = True) -> None:
        processor = self._processors.pop(name, None)
        if processor is not None:
            await self._end(processor, serve)

    async def _end(self, processor: Processor, serve: bool = True) -> None:
        """Stop it, and remove its code: a later one has a folder of its own."""
        await processor.close(serve=serve)
        await asyncio.to_thread(shutil.rmtree, processor.code.folder, ignore_errors=True)

    @property
    def _addresses(self) -> Path:
        return self._site.addresses

    def _write_addresses(self) -> None:
        """Where each function is, under the names of its service on Docker and on Kubernetes."""
        known = {
            service: f"{self._host}:{processor.http.port}"
            for name, processor in self._processors.items()
            if processor.http is not None and name in self._wanted
            for service in (self._service(name), f"nuclio-{name}")
        }
        draft = self._addresses.with_suffix(".draft")
        draft.write_text(json.dumps(known))
        draft.replace(self._addresses)  # functions read it at any time

    def _service(self, name: str) -> str:
        return f"nuclio-{self._wanted[name]['metadata']['namespace']}-{name}"

    async def _halt(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await asyncio.gather(*(self._stop(name, serve=False) for name in list(self._processors)))

    async def reset(self) -> None:
        """Stop and forget everything."""
        await self._halt()
        self._store.clear()
        self._wanted.clear()
        self._status.clear()
        self._tasks.clear()
        self.projects = {"default": {"metadata": {"name": "default"}, "spec": {}}}
        self._write_addresses()

    async def close(self) -> None:
        await self._halt()
        self._store.close()
