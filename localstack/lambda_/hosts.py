"""What runs the functions of each runtime: a Python, its runtime folder, its fork server.

A runtime gets its own Python where the machine has one and the runtime client can be had for it;
else the emulator's own stands in, and the reason is kept for whoever must be told.  Nothing is
looked for or started before a function asks.  It knows no function and no sandbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..link_farm import RuntimeMissing
from .environment import LANG, can_mount
from .fork_server import ForkServer
from .interpreters import VERSIONS, Interpreter, find, own
from .runtime_folder import runtime_folder


@dataclass(frozen=True, slots=True)
class Choice:
    """The Python that runs a runtime's functions.

    reason: why it is not the runtime's own Python, "" when it is
    """

    interpreter: Interpreter
    folder: Path
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """Where sandboxes of a runtime start."""

    interpreter: Interpreter
    folder: Path
    fork_server: ForkServer
    reason: str = ""


class Hosts:
    """The hosts of one emulator.

    cache: where runtime folders are kept; None is the user's cache
    """

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache
        self._choices: dict[str, Choice] = {}
        self._servers: dict[str, ForkServer] = {}
        self._choosing = asyncio.Lock()

    async def choose(self, runtime: str) -> Choice:
        """What runs functions of `runtime` ("python3.12"); the same for as long as the emulator
        runs.  Raises `RuntimeMissing` when even the emulator's own Python has no runtime client."""
        if runtime not in self._choices:
            async with self._choosing:
                if runtime not in self._choices:
                    self._choices[runtime] = await asyncio.to_thread(self._decide, runtime)
        return self._choices[runtime]

    async def host(self, runtime: str) -> Host:
        """The same, with its fork server running."""
        choice = await self.choose(runtime)
        python = choice.interpreter
        server = self._servers.get(python.version)
        if server is None:
            bound = python.prefix if can_mount(python) else ""
            server = ForkServer(python.executable, choice.folder, bound)
            self._servers[python.version] = server
        await server.ensure()
        if server.prefix == LANG:
            python = python.at(LANG)
        return Host(python, choice.folder, server, choice.reason)

    async def told(self, runtimes: Sequence[str] = ()) -> dict[str, Any]:
        """The Pythons that functions can have, by version, for the health page.

        `runtimes` are decided first; the others are "found" until a function asks for them.
        """
        for runtime in runtimes:
            if runtime.removeprefix("python") in VERSIONS:
                await self.choose(runtime)
        found = await asyncio.to_thread(lambda: [(each, find(each)) for each in VERSIONS])
        return {version: self._told(python) for version, python in found if python is not None}

    def _told(self, python: Interpreter) -> dict[str, str]:
        told = {"release": python.release, "executable": python.executable, "state": "found"}
        choice = self._choices.get(python.runtime)
        if choice is not None:
            told["state"] = "unavailable" if choice.reason else "ready"
            if choice.reason:
                told["reason"] = choice.reason
        elif python == own():
            told["state"] = "ready"
        return told

    def _decide(self, runtime: str) -> Choice:
        version, reason = runtime.removeprefix("python"), ""
        python = find(version) if version in VERSIONS else None
        if python is None:
            reason = f"no Python {version} that the runtime client is made for is on this machine"
            if version in VERSIONS:
                reason = f"no Python {version} is on this machine"
            python = own()
        try:
            return Choice(python, runtime_folder(python, self._cache), reason)
        except RuntimeMissing as error:
            if python == own():
                raise
            reason = f"Python {python.release} is on this machine, but {error}"
        return Choice(own(), runtime_folder(own(), self._cache), reason)

    async def close(self) -> None:
        """Stop every fork server and every sandbox."""
        for server in self._servers.values():
            await server.close()
        self._servers.clear()
