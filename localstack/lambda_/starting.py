"""How sandboxes begin: for a call, ahead of the calls, or once for a snapshot.

Each begins with its process's init, which is told in its journal, watched for its memory, and for
a call run again when it fails.  Which of them takes an event, and what becomes of it afterwards, is
`sandboxes`' matter.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ..clock import Clock
from .drivers.base import Make
from .drivers.choice import Drivers
from .endings import tell_init
from .fork_server import ForkServerGone
from .logs import LogSink
from .memory_watch import MemoryWatch
from .records import Revision
from .sandbox import Sandbox
from .sandbox_process import Answer
from .shared_sandbox import SharedSandbox
from .telemetry.journal import Journal

INIT_SECONDS = 10.0
AHEAD_SECONDS = 130.0  # of an init that no call waits for, or the function's timeout if longer
FORK_SERVERS = 3  # how many may die under one start
PROVISIONED = "provisioned-concurrency"


class Starts:
    """Starts the sandboxes of one emulator.

    scratch: a folder for their /tmp
    drivers: what their processes are started by
    discard: ends a sandbox
    """

    def __init__(
        self,
        clock: Clock,
        scratch: Path,
        logs: LogSink,
        drivers: Drivers,
        memory: MemoryWatch,
        discard: Callable[[Sandbox], None],
    ) -> None:
        self._clock, self._scratch, self._logs = clock, scratch, logs
        self._drivers, self._memory, self._discard = drivers, memory, discard
        self.all: set[Sandbox] = set()  # that have begun and have not ended
        self.ended: dict[str, list[Sandbox]] = {}  # for the /tmp that each has left
        self._told: set[str] = set()

    async def start(self, revision: Revision) -> tuple[Sandbox, Answer | None]:
        """A new sandbox and None, or the answer that its init ended with.

        An init that fails, or takes longer than its 10 seconds, is run again, once, as part of the
        invocation and under the function's timeout.
        """
        make = await self._drivers.of(revision)
        scratch = self._scratch_for(revision)
        sandbox = self._new(revision, make, scratch)
        failed = await self._init(sandbox, INIT_SECONDS)
        if failed is None:
            return sandbox, None
        self.all.discard(sandbox)
        await sandbox.end("timeout" if failed.kind == "timeout" else "failure")
        sandbox = self._new(revision, make, scratch, "invoke", sandbox.journal)
        return sandbox, await self._init(sandbox, float(revision.timeout_s))

    def _scratch_for(self, revision: Revision) -> Path:
        """The /tmp that a sandbox left which ended itself or was ended, else a new one.

        Lambda resets such an environment, which "does not clear the /tmp directory content prior
        to the next init phase" (its documentation of the execution environment's life).
        """
        ended = self.ended.get(revision.key)
        if ended:
            return ended.pop().scratch
        return Path(tempfile.mkdtemp(prefix="tmp-", dir=self._scratch))

    def _new(
        self,
        revision: Revision,
        make: Make,
        scratch: Path,
        phase: str = "init",
        journal: Journal | None = None,
    ) -> Sandbox:
        journal = journal or Journal(self._logs, self._clock, revision)
        kind = SharedSandbox if revision.max_concurrency else Sandbox
        driver = make(scratch, journal.stream)
        sandbox = kind(revision, driver, scratch, journal, phase)
        self.all.add(sandbox)
        if driver.notice and revision.key not in self._told:
            self._told.add(revision.key)
            sandbox.journal.say(driver.notice)
        return sandbox

    async def _init(self, sandbox: Sandbox, seconds: float) -> Answer | None:
        entry = self._memory.begin(sandbox)
        try:
            failed = await self._begun(sandbox, seconds)
        except (asyncio.CancelledError, ForkServerGone, OSError):
            # Nobody waits for it any more, or no process could be made for it.
            self._discard(sandbox)
            raise
        finally:
            self._memory.end(entry)
        tell_init(sandbox, failed, seconds)
        return failed

    async def _begun(self, sandbox: Sandbox, seconds: float) -> Answer | None:
        for _ in range(FORK_SERVERS - 1):
            with suppress(ForkServerGone):  # there is another one by now
                return await sandbox.start(seconds)
        return await sandbox.start(seconds)

    async def start_ahead(self, revision: Revision) -> Sandbox | None:
        """A sandbox that no call waits for; None when its init fails, which is not run again."""
        revision = replace(revision, initialization=PROVISIONED)
        make = await self._drivers.of(revision)
        sandbox = self._new(revision, make, self._scratch_for(revision))
        try:
            failed = await self._init(sandbox, max(AHEAD_SECONDS, float(revision.timeout_s)))
        except (ForkServerGone, OSError) as error:  # killed again and again, or no more processes
            sandbox.journal.say(f"[ERROR] pelton emulator: no sandbox: {error}\n".encode())
            return None
        if failed is None:
            return sandbox
        self._discard(sandbox)
        return None

    async def start_once(self, revision: Revision, seconds: float) -> tuple[Sandbox, Answer | None]:
        """A sandbox whose init is not run again when it fails."""
        make = await self._drivers.of(revision)
        sandbox = self._new(revision, make, self._scratch_for(revision))
        sandbox.idle_since = self._clock.time()
        return sandbox, await self._init(sandbox, seconds)
