"""The container engine of this machine: docker, podman or nerdctl, when it works.

An engine is its command line, which all of them share; it works when it can say its release, for
which docker needs its daemon.  It is looked for when the first image asks, and again after it was
not found.  This knows no function and no image.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass

PROBE_SECONDS = 10.0  # for a daemon that does not answer
COMMAND_SECONDS = 60.0

# The engines in the order in which they are asked, and the template of their release; docker's
# tells also where it runs.
ENGINES: Mapping[str, str] = {
    "docker": "{{.ServerVersion}} {{.OperatingSystem}}",
    "podman": "{{.Version.Version}}",
    "nerdctl": "{{.ServerVersion}}",
}
# What of a container only some engines know: where files are labelled, its /tmp is not relabelled.
_MORE: Mapping[str, tuple[str, ...]] = {
    "docker": ("--security-opt=label=disable",),
    "podman": ("--security-opt=label=disable",),
}


class NoEngine(Exception):
    """No engine works here: which were asked, and what each said."""


class EngineRefused(Exception):
    """The engine ended a command with an error, in its own words."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that works."""

    name: str
    executable: str
    release: str

    @property
    def more(self) -> tuple[str, ...]:
        """Options of `run` that this engine has and others have not."""
        return _MORE.get(self.name, ())

    async def ask(self, *words: str, seconds: float = COMMAND_SECONDS) -> str:
        """What a command prints.  Raises `EngineRefused`."""
        return (await self.give(*words, seconds=seconds)).decode(errors="replace")

    async def give(self, *words: str, seconds: float = COMMAND_SECONDS) -> bytes:
        """The same, as it is."""
        try:
            process = await asyncio.create_subprocess_exec(
                self.executable,
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,  # a ctrl-C is the emulator's alone
            )
        except OSError as error:
            raise EngineRefused(str(error)) from None
        try:
            printed, said = await asyncio.wait_for(process.communicate(), seconds)
        except BaseException as error:
            process.kill()
            await process.wait()
            if isinstance(error, TimeoutError):
                raise EngineRefused(f"no answer within {seconds:.0f} seconds") from None
            raise
        if process.returncode:
            raise EngineRefused(_last_line(said) or f"exit status {process.returncode}")
        return printed


class Engines:
    """Finds the engine, once."""

    def __init__(self) -> None:
        self._found: Engine | None = None
        self._looking = asyncio.Lock()

    async def find(self) -> Engine:
        """The first that works.  Raises `NoEngine`."""
        async with self._looking:
            if self._found is None:
                self._found = await _look()
            return self._found


async def _look() -> Engine:
    said = []
    for name, template in ENGINES.items():
        executable = shutil.which(name)
        if executable is None:
            said.append(f"{name} is not on the search path")
            continue
        asked = Engine(name, executable, "")
        try:
            told = await asked.ask("info", "--format", template, seconds=PROBE_SECONDS)
        except EngineRefused as error:
            said.append(f"{name} says: {error}")
            continue
        release, _, system = told.strip().partition(" ")
        if release and "Desktop" not in system:
            return Engine(name, executable, release)
        where = "in a virtual machine, which cannot reach the Runtime API" if system else ""
        said.append(f"{name} runs containers {where}" if where else f"{name} has no daemon")
    raise NoEngine("; ".join(said))


def _last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""
