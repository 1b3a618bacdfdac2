"""Every sandbox of one emulator: who takes an event, and what becomes of it when that has ended.

Idle ones, those that are started ahead, those with several workers, snapshots and those that are
debugged have a keeper each; here is who of them is asked.  What an event is, it does not know.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from ..clock import Clock
from .debugged import Debugged
from .drivers.choice import Drivers
from .freezing import Freezer
from .idle import Idle, discard_where
from .logs import LogSink
from .memory_watch import MemoryWatch
from .names import LATEST
from .records import Revision
from .sandbox import Sandbox
from .sandbox_ends import SandboxEnds
from .shared_sandbox import SharedSandbox, SharedSandboxes
from .snapshots import Snapshots
from .starting import Starts
from .warm import WarmPools

IDLE_SECONDS = 600.0
RECLAIM_SECONDS = 120.0
ENDS_IT = ("exit", "fault", "timeout")  # how an event ends that its sandbox does not outlive


class Sandboxes:
    """Those of one emulator.

    scratch: a folder for their /tmp
    drivers: what their processes are started by
    """

    def __init__(self, clock: Clock, scratch: Path, logs: LogSink, drivers: Drivers) -> None:
        self._clock = clock
        self.memory, self.ends, self._freezer = MemoryWatch(), SandboxEnds(), Freezer()
        self.starts = starts = Starts(clock, scratch, logs, drivers, self.memory, self._discard)
        self.warm = WarmPools(starts.start_ahead, self._discard, clock)
        self.shared = SharedSandboxes(starts.start, self._discard)
        self.snapshots = Snapshots(starts.start_once, self._discard)
        self.debugged = Debugged(scratch, starts.start_once, self._discard)
        self._idle = Idle(self._discard)
        self._keepers: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Watch over them from now on."""
        loop = asyncio.get_running_loop()
        work = (self._reclaim(), self.memory.run(), self._freezer.run())
        self._keepers = [loop.create_task(each) for each in work]

    def take(self, revision: Revision) -> Sandbox | None:
        """An idle one.  What it has printed was read by the loop before the call for it was."""
        return self.warm.take(revision.key) or self._idle.take(revision.key)

    def give_back(self, sandbox: Sandbox, kind: str) -> None:
        """Its event has ended so (an `Answer`'s kind): it is idle, or it ends."""
        if isinstance(sandbox, SharedSandbox):
            return self.shared.give_back(sandbox, self._clock.time())
        if sandbox.revision.debug is not None:
            return self.debugged.give_back(sandbox, kind)
        sandbox.idle_since = self._clock.time()
        if sandbox.retired:
            self._discard(sandbox)
        elif kind in ENDS_IT or sandbox.failed or not sandbox.alive:
            self._end(sandbox, "timeout" if kind == "timeout" else "failure")
        else:
            if not self.warm.give_back(sandbox):
                self._idle.keep(sandbox)
            self._freezer.rests(sandbox)

    def abandon(self, sandbox: Sandbox) -> None:
        """Nobody waits for what it does any more."""
        if isinstance(sandbox, SharedSandbox) and sandbox.running:
            self.shared.give_back(sandbox, self._clock.time())  # others may
        elif sandbox.revision.debug is not None:
            self.debugged.give_back(sandbox, "exit")
        else:  # and nobody will take it back
            self._discard(sandbox)

    def _end(self, sandbox: Sandbox, reason: str) -> None:
        """End a sandbox; the next of its revision has its /tmp."""
        self.starts.all.discard(sandbox)
        self.ends.end(sandbox, reason)
        self.starts.ended.setdefault(sandbox.revision.key, []).append(sandbox)

    def _discard(self, sandbox: Sandbox) -> None:
        """End a sandbox, and its /tmp with it."""
        self.starts.all.discard(sandbox)
        self.ends.discard(sandbox)

    # -- those that are not wanted any more
    def retire(self, name: str, keep: str) -> None:
        """As `records.Execution.retire`."""

        def unwanted(sandbox: Sandbox) -> bool:
            # Those of published versions are as frozen as these, until the function goes.
            revision = sandbox.revision
            old = revision.version == LATEST and revision.key != keep
            return revision.name == name and (old or not keep)

        for sandbox in self.starts.all:
            if unwanted(sandbox):
                sandbox.retired = True
        self._discard_where(unwanted)
        self.debugged.retire(name, keep, unwanted)

    async def _reclaim(self) -> None:
        """End sandboxes that have been idle for long."""
        while True:
            await self._clock.sleep(RECLAIM_SECONDS)
            self._discard_idle(self._clock.time() - IDLE_SECONDS)

    def _discard_idle(self, since: float) -> None:
        self._discard_where(lambda each: each.idle_since < since)

    def _discard_where(self, unwanted: Callable[[Sandbox], bool]) -> None:
        """Among those without an event."""
        self.shared.discard_where(unwanted)
        for kept in (self._idle.kept, self.starts.ended, self.snapshots.kept):
            discard_where(kept, unwanted, self._discard)

    async def start_no_more(self) -> None:
        """Neither ahead of calls nor for a debugger."""
        await self.warm.close()
        self.debugged.close()

    async def close(self) -> None:
        """End all of them; comes back when none is left."""
        for keeper in self._keepers:
            keeper.cancel()
        self._discard_where(lambda each: True)
        for sandbox in list(self.starts.all):
            self._discard(sandbox)
        await self.ends.close()
