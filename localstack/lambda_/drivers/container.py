"""The driver for images: containers of the machine's engine, on the machine's network.

So the runtime client that is in the image reaches the sandbox's Runtime API as it would on AWS.
The image's own file system is read-only and /tmp is the sandbox's, as there.  The image's external
extensions are containers of their own beside the runtime's, with the same image, network and /tmp.
"""

from __future__ import annotations

import asyncio
import errno
import os
from dataclasses import dataclass
from pathlib import Path

from ..containers.container import NOT_EXECUTABLE, NOT_FOUND, REFUSED, Container
from ..containers.engine import EngineRefused, NoEngine
from ..containers.fleet import Fleet
from ..containers.images import EXTENSIONS
from ..environment import Account, image_environment, without_runtime
from ..extensions.crew import new_address
from ..extensions.program import Program
from ..records import ImageRun, Revision
from .started import OnExit, Started

# AWS's type of an image that cannot be run, and its words as public reports quote them.
INVALID_ENTRYPOINT = "Runtime.InvalidEntrypoint"
_REASONS = {
    REFUSED: "the container engine cannot run the image (its words are in the function's log)",
    NOT_EXECUTABLE: "permission denied, or exec format error",
    NOT_FOUND: "no such file or directory",
}
_ERRNOS = {REFUSED: errno.EIO, NOT_EXECUTABLE: errno.EACCES, NOT_FOUND: errno.ENOENT}
SANDBOX_NAMES = ("sandbox.localdomain", "sandbox")  # where an extension's listeners are


@dataclass(frozen=True, slots=True)
class NotStarted:
    """What stands for a container that could not be made."""

    fault: tuple[str, str]
    pid: int = 0

    async def known(self) -> None:
        """There is none."""

    def terminate(self) -> None:
        """There is none."""

    def kill(self) -> None:
        """There is none."""


class ContainerDriver:
    """Starts one sandbox's container."""

    kind = "container"
    lag = 0.2
    notice = b""

    def __init__(
        self, revision: Revision, account: Account, fleet: Fleet, scratch: Path, stream: str
    ) -> None:
        assert revision.image is not None
        self._revision, self._account, self._fleet = revision, account, fleet
        self._image: ImageRun = revision.image
        self._scratch, self._stream = scratch, stream
        scratch.chmod(0o1777)  # whoever the image's user is

    @property
    def address(self) -> str:
        return new_address()

    def extensions(self) -> dict[str, str]:
        return {name: f"{EXTENSIONS}/{name}" for name in self._image.extensions}

    async def start(self, api: str, address: str, output: int, on_exit: OnExit) -> Started:
        told = image_environment(self._revision, self._account, api, self._stream)
        words = self._options(told, address, self._image.directory, self._image.command)
        return await self._run(words, output, on_exit)

    async def _run(self, words: list[str], output: int, on_exit: OnExit) -> Started:
        """A container, or what stands for one that cannot be made."""
        container: Container | None = None

        def ended(code: int, peak: int) -> None:
            if container is not None and code in _REASONS:
                container.fault = (INVALID_ENTRYPOINT, self._words(_REASONS[code]))
            on_exit(code, peak)

        try:
            container = await self._fleet.run(words, output, ended)
        except (NoEngine, EngineRefused) as error:
            asyncio.get_running_loop().call_soon(on_exit, REFUSED, 0)
            return NotStarted((INVALID_ENTRYPOINT, self._words(f"no container: {error}")))
        return container

    async def start_extension(self, program: Program, path: str, api: str, address: str) -> None:
        told = image_environment(self._revision, self._account, api, self._stream)
        words = self._options(without_runtime(told), address, "/", (path,))

        async def run(output: int, fault: int, on_exit: OnExit) -> Started:
            fault = os.dup(fault)

            def ended(code: int, peak: int) -> None:
                if code in _ERRNOS:
                    os.write(fault, str(_ERRNOS[code]).encode())
                os.close(fault)
                on_exit(code, peak)

            return await self._run(words, output, ended)

        await program.start(run)

    def forget(self) -> None:
        """Its /tmp is a folder that goes like any other."""

    def _options(
        self, told: dict[str, str], address: str, directory: str, command: tuple[str, ...]
    ) -> list[str]:
        """What `run` is told, by the engines' common options."""
        options = ["--network=host", "--read-only", f"--volume={self._scratch}:/tmp"]
        options += [f"--env={name}={value}" for name, value in told.items()]
        if address:
            options += [f"--add-host={name}:{address}" for name in SANDBOX_NAMES]
        if directory:
            options.append(f"--workdir={directory}")
        program, *arguments = command or ("",)
        if program:
            options.append(f"--entrypoint={program}")
        return [*options, self._image.id, *arguments]

    def _words(self, reason: str) -> str:
        program = self._image.command[0] if self._image.command else ""
        return f"fork/exec {program}: {reason}"
