"""Functions of the dashboard: what is wanted of each, kept in SQLite before it is answered.

What is there of it, and in which state, is the deployments' (deployments.py).  A document has a
version that every change counts up; who changes by a stale one is refused.  Source for the rules:
the checks of Nuclio's abstract platform (pkg/platform/abstract/platform.go).
"""

from __future__ import annotations

import asyncio
import copy
import re
from typing import Any

from ..store import Store
from .deployments import Deployments
from .errors import Refused
from .journal import Journal
from .processor import Processor
from .shapes import check_function
from .states import IMPORTED, READY, ZERO

KIND = "function"
NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
RESERVED = ("dashboard", "controller", "dlx", "scaler")
PROJECT_LABEL = "nuclio.io/project-name"
# Put on by an export, so that an import keeps a function without deploying it.
SKIPS = ("skip-build", "skip-deploy")


class Functions:
    """Every function, by name."""

    def __init__(self, store: Store, deployments: Deployments) -> None:
        self._store, self._deployments = store, deployments
        self._wanted: dict[str, dict[str, Any]] = store.all(KIND)
        self._leaving: dict[str, asyncio.Task[None]] = {}  # those that are being deleted

    async def start(self) -> None:
        """Deploy again what was there before, in whatever state an emulator left it."""
        await self._deployments.start(name for name in self._wanted if not self._is_skipped(name))
        for name in self._wanted:
            self._begin(name, again=True)

    # -- what the dashboard shows
    def names(self) -> list[str]:
        return list(self._wanted)

    def wanted(self, name: str) -> dict[str, Any]:
        """The configuration; raises `Refused` 404."""
        if name not in self._wanted:
            raise Refused(404, "Function not found")
        return self._wanted[name]

    def show(self, name: str) -> dict[str, Any]:
        """Configuration and status; raises `Refused` 404."""
        wanted = self.wanted(name)
        status = self._deployments.status(name).shown()
        status["logs"] += list(self._deployments.journal(name) or ())
        return {**wanted, "status": status}

    def export(self, name: str) -> dict[str, Any]:
        """The configuration as another dashboard can import it: without what belongs here."""
        told = copy.deepcopy(self.wanted(name))
        for key in ("namespace", "resourceVersion"):
            told["metadata"].pop(key, None)
        notes = told["metadata"].get("annotations") or {}
        told["metadata"]["annotations"] = {**notes, **dict.fromkeys(SKIPS, "true")}
        told["spec"].pop("runRegistry", None)
        (told["spec"].get("build") or {}).pop("registry", None)
        for trigger in (told["spec"].get("triggers") or {}).values():
            trigger.pop("password", None)
            trigger.pop("secret", None)
        return told

    def project_of(self, name: str) -> str:
        """Raises `Refused` 404."""
        return str(self.wanted(name)["metadata"]["labels"].get(PROJECT_LABEL, "default"))

    def processor(self, name: str) -> Processor:
        """The running function; raises `Refused` 404 or 503."""
        self.wanted(name)
        return self._deployments.processor(name)

    def replicas(self, name: str) -> list[str]:
        """The names of what runs a function; raises `Refused` 404."""
        self.wanted(name)
        return self._deployments.replicas(name)

    def journal(self, name: str) -> Journal | None:
        """What its replicas log, all in one; None where none runs."""
        return self._deployments.journal(name)

    def is_imported(self, name: str) -> bool:
        return self._deployments.status(name).state == IMPORTED

    def statistics(self) -> str:
        """What the processors count, as Prometheus reads it."""
        return self._deployments.statistics(self._labels)

    def _labels(self, name: str) -> dict[str, str]:
        namespace = self._wanted[name]["metadata"]["namespace"]
        return {"namespace": namespace, "project": self.project_of(name), "function": name}

    # -- what changes
    def put(self, given: dict[str, Any], *, new: bool) -> None:
        """Take a configuration and begin to deploy it.  Raises `Refused`."""
        check_function(given)
        metadata = dict(given.get("metadata") or {})
        name = str(metadata.get("name") or "")
        _check_name(name)
        if new and name in self._wanted:
            raise Refused(409, "Cannot create two functions with the same name")
        if name in self._wanted:  # one that is not there is made by either
            self.check_change(name, str(metadata.get("resourceVersion") or ""), "updated")
        metadata["namespace"] = metadata.get("namespace") or "nuclio"
        labels = metadata.get("labels") or {}
        metadata["labels"] = {**labels, PROJECT_LABEL: labels.get(PROJECT_LABEL) or "default"}
        self._keep(name, {"metadata": metadata, "spec": given.get("spec") or {}})
        self._begin(name)

    def check_change(self, name: str, version: str, what: str, *, busy_too: bool = False) -> None:
        """Raise `Refused` 404, 409 for a stale version, 412 while it is being provisioned."""
        known = self.wanted(name)
        if name in self._leaving and what != "deleted":
            raise Refused(412, "Function is being deleted and cannot be updated")
        if version and version != known["metadata"].get("resourceVersion"):
            raise Refused(409, "Function resource version is stale")
        if not (busy_too or name in self._leaving) and not self._deployments.status(name).settled:
            said = {
                "updated": "Function cannot be updated when existing function is being provisioned",
                "deleted": "Function is being provisioned and cannot be deleted",
            }
            raise Refused(412, said[what])

    async def reach(self, name: str, state: str) -> None:
        """Bring a function to a state: `ready` deploys it again, an imported one for the first
        time; `scaledToZero` ends its workers until the next event.  Raises `Refused`."""
        if state not in (READY, ZERO):
            raise Refused(400, f"Unsupported desired state in patch request: {state}")
        self.check_change(name, "", "updated")
        if state == ZERO:
            await self._deployments.sleep(name)
            return
        known = copy.deepcopy(self._wanted[name])
        notes = known["metadata"].get("annotations") or {}
        known["metadata"]["annotations"] = {k: v for k, v in notes.items() if k not in SKIPS}
        self._keep(name, known)
        self._begin(name)

    async def deployed(self, name: str) -> None:
        """Come back when the deployment under way is over, however it went."""
        await self._deployments.over(name)

    async def delete(self, name: str) -> None:
        """Forget and stop, in whatever state it is; whoever asks as well comes back then, too."""
        if name not in self._leaving:
            with self._store.together():  # where this cannot be kept, nothing has happened
                self._store.delete(KIND, name)
                self._deployments.forget(name)
            task = asyncio.get_running_loop().create_task(self._leave(name))
            self._leaving[name] = task
        await asyncio.shield(self._leaving[name])

    async def _leave(self, name: str) -> None:
        try:
            await self._deployments.remove(name)
        finally:
            self._wanted.pop(name, None)
            self._leaving.pop(name, None)

    def _keep(self, name: str, document: dict[str, Any]) -> None:
        former = self._wanted.get(name, {}).get("metadata", {}).get("resourceVersion") or "0"
        document["metadata"]["resourceVersion"] = str(int(former) + 1)
        self._store.put(KIND, name, document)
        self._wanted[name] = document

    def _begin(self, name: str, *, again: bool = False) -> None:
        skipped = self._is_skipped(name)
        self._deployments.begin(name, self._wanted[name], imported=skipped, again=again)

    def _is_skipped(self, name: str) -> bool:
        """Whether it is only imported."""
        notes = self._wanted[name]["metadata"].get("annotations") or {}
        return any(str(notes.get(each, "")).lower() == "true" for each in SKIPS)

    async def reset(self) -> None:
        """Stop and forget everything."""
        await self._halt()
        self._store.clear()
        self._wanted.clear()
        self._deployments.clear()

    async def close(self) -> None:
        await self._halt()
        self._store.close()

    async def _halt(self) -> None:
        await self._deployments.halt()
        await asyncio.gather(*self._leaving.values(), return_exceptions=True)


def _check_name(name: str) -> None:
    if not name:
        raise Refused(400, "Function name must be provided in metadata")
    if not NAME.fullmatch(name):
        raise Refused(400, f"Function name doesn't conform to k8s naming convention: {name}")
    if name in RESERVED:
        raise Refused(412, f"Function name {name} is reserved and cannot be used.")
