"""The ends of sandboxes: at once, or in the background where extensions have a shutdown phase.

Which sandbox ends, and when, is decided by who calls this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from .sandbox import Sandbox


class SandboxEnds:
    """Those of one emulator, and what else goes on in the background of its invocations."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def discard(self, sandbox: Sandbox) -> None:
        """End a sandbox, and its /tmp with it."""
        if sandbox.crew is None:
            sandbox.discard()
        else:
            self.later(_discard_in_time(sandbox))

    def end(self, sandbox: Sandbox, reason: str) -> None:
        """End a sandbox whose /tmp another takes over; reason: as `Sandbox.end` has it."""
        if sandbox.crew is None:
            sandbox.kill()
        else:
            self.later(sandbox.end(reason))

    def later(self, work: Coroutine[None, None, None]) -> None:
        """Do it in the background."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Come back when nothing of it is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)


async def _discard_in_time(sandbox: Sandbox) -> None:
    """Its extensions have their shutdown phase first."""
    await sandbox.end("spindown")
    sandbox.discard()
