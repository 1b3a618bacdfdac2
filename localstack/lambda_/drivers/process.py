"""The driver for archives: processes of this machine, forked from a warm Python.

They see code, layers and /tmp by mounts of their own where the machine allows it.
"""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..environment import (
    Account,
    command,
    environment,
    extension_environment,
    extension_programs,
    places,
    programs,
    python_path,
)
from ..extensions.crew import new_address
from ..extensions.program import Program
from ..fork_server import kill_group
from ..hosts import Host
from ..records import Revision
from .started import OnExit


@dataclass(frozen=True, slots=True)
class Forked:
    """A process that leads a group of its own."""

    pid: int
    fault: tuple[str, str] = ("", "")

    async def known(self) -> None:
        """From the start."""

    def terminate(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        kill_group(self.pid)


class ProcessDriver:
    """Starts what one sandbox runs from a host's fork server."""

    kind = "process"
    lag = 0.0

    def __init__(
        self,
        revision: Revision,
        account: Account,
        host: Host,
        scratch: Path,
        stream: str,
        debugger: Path | None = None,
    ) -> None:
        self._revision, self._account, self._host = revision, account, host
        self._scratch, self._stream = scratch, stream
        self._place = places(revision, host.interpreter, host.folder, scratch, debugger)
        self.notice = _stand_in(revision, host) if host.reason else b""

    @property
    def address(self) -> str:
        return new_address() if self._place.mounts else "127.0.0.1"

    def extensions(self) -> dict[str, str]:
        return extension_programs(self._place)

    async def start(self, api: str, address: str, output: int, on_exit: OnExit) -> Forked:
        message = self._message(api, address)
        return Forked(await self._host.fork_server.fork(message, [output], on_exit))

    async def start_extension(self, program: Program, path: str, api: str, address: str) -> None:
        message = self._message(api, address)
        of_runtime: dict[str, str] = message["environment"]
        told = {
            "environment": extension_environment(of_runtime, self._host.interpreter),
            "cwd": "/",
            "program": path,
        }
        said = message | told

        async def fork(output: int, fault: int, on_exit: OnExit) -> Forked:
            return Forked(await self._host.fork_server.fork(said, [output, fault], on_exit))

        await program.start(fork)

    def forget(self) -> None:
        self._host.fork_server.forget(self._scratch)

    def _message(self, api: str, address: str) -> dict[str, Any]:
        """What the fork server is told of a process."""
        python, place, revision = self._host.interpreter, self._place, self._revision
        return {
            "environment": environment(revision, self._account, place, python, api, self._stream),
            "path": python_path(revision, place, python),
            "command": command(revision, place),
            "python": f"{programs(place)}/python3",
            "cwd": place.task,
            "handler": revision.handler,
            "mounts": place.mounts,
            "scratch": [str(self._scratch), revision.scratch_mb] if place.mounts else None,
            "address": address,
        }


def _stand_in(revision: Revision, host: Host) -> bytes:
    """The line in a function's log that says what Python it runs on, when that is another."""
    return (
        f"[WARNING] pelton emulator: {revision.name} asks for {revision.runtime} and runs on the "
        f"emulator's own {host.interpreter.runtime}: {host.reason}\n"
    ).encode()
