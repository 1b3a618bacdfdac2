"""Which driver a function's sandboxes have: containers for an image, processes for an archive."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ...debugging.folder import debugger_folder
from ..containers.fleet import Fleet
from ..environment import Account
from ..hosts import Hosts
from ..interpreters import own
from ..records import Revision
from .base import Driver, Make
from .container import ContainerDriver
from .process import ProcessDriver


class Drivers:
    """The drivers of one emulator.

    hosts: the Pythons that run archives;  fleet: the containers that run images
    """

    def __init__(self, account: Account, hosts: Hosts, fleet: Fleet) -> None:
        self._account, self._hosts, self._fleet = account, hosts, fleet

    async def prepare(self) -> None:
        """Start what the first call would otherwise wait for."""
        await self._hosts.host(own().runtime)

    async def of(self, revision: Revision) -> Make:
        """What makes a driver for each new sandbox of a revision."""
        if revision.image is not None:
            return lambda scratch, stream: self._in_container(revision, scratch, stream)
        host = await self._hosts.host(revision.runtime)
        debugger = await self._debugger(revision) if revision.debug is not None else None
        return lambda scratch, stream: ProcessDriver(
            revision, self._account, host, scratch, stream, debugger
        )

    async def _debugger(self, revision: Revision) -> Path:
        """The folder of the debugger.  Raises `RuntimeMissing`."""
        python = (await self._hosts.choose(revision.runtime)).interpreter
        return await asyncio.to_thread(debugger_folder, python.executable, python.tag)

    def _in_container(self, revision: Revision, scratch: Path, stream: str) -> Driver:
        return ContainerDriver(revision, self._account, self._fleet, scratch, stream)

    async def close(self) -> None:
        """Stop every process and every container."""
        await self._fleet.close()
        await self._hosts.close()
