"""How sandboxes begin: for a call, ahead of the calls, or once for a snapshot.

Each begins with its process's init, which is told in its journal, watched for its memory, and for
a call run again when it fails.  Who gets which event, and what becomes of sandboxes after it, is
`invocations`' matter.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..clock import Clock
from .endings import tell_init
from .environment import Account
from .fork_server import ForkServerGone
from .hosts import Host, Hosts
from .logs import LogSink
from .memory_watch import MemoryWatch
from .records import Revision
from .sandbox import Sandbox
from .sandbox_process import Answer
from .shared_sandbox import SharedSandbox
from .telemetry.journal import Journal

INIT_SECONDS = 10.0
AHEAD_SECONDS = 130.0  # of an init that no call waits for, or the function's timeout if longer
PROVISIONED = "provisioned-concurrency"


class Starts:
    """Starts the sandboxes of one emulator.

    scratch: a folder for their /tmp
    hosts:   the Pythons that run functions
    discard: ends a sandbox
    """

    def __init__(
        self,
        clock: Clock,
        account: Account,
        scratch: Path,
        logs: LogSink,
        hosts: Hosts,
        memory: MemoryWatch,
        discard: Callable[[Sandbox], None],
    ) -> None:
        self._clock, self._account, self._scratch, self._logs = clock, account, scratch, logs
        self._hosts, self._memory, self._discard = hosts, memory, discard
        self.all: set[Sandbox] = set()  # that have begun and have not ended
        self.ended: dict[str, list[Sandbox]] = {}  # for the /tmp that each has left
        self._told: set[str] = set()

    async def start(self, revision: Revision) -> tuple[Sandbox, Answer | None]:
        """A new sandbox and None, or the answer that its init ended with.

        An init that fails, or takes longer than its 10 seconds, is run again, once, as part of the
        invocation and under the function's timeout.
        """
        host = await self._hosts.host(revision.runtime)
        scratch = self._scratch_for(revision)
        sandbox = self._new(revision, host, scratch)
        failed = await self._init(sandbox, INIT_SECONDS)
        if failed is None:
            return sandbox, None
        self.all.discard(sandbox)
        await sandbox.end("timeout" if failed.kind == "timeout" else "failure")
        sandbox = self._new(revision, host, scratch, "invoke", sandbox.journal)
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
        host: Host,
        scratch: Path,
        phase: str = "init",
        journal: Journal | None = None,
    ) -> Sandbox:
        journal = journal or Journal(self._logs, self._clock, revision)
        make = SharedSandbox if revision.max_concurrency else Sandbox
        sandbox = make(revision, self._account, host, scratch, journal, phase)
        self.all.add(sandbox)
        if host.reason and revision.key not in self._told:
            self._told.add(revision.key)
            sandbox.journal.say(_stand_in(revision, host))
        return sandbox

    async def _init(self, sandbox: Sandbox, seconds: float) -> Answer | None:
        entry = self._memory.begin(sandbox)
        try:
            failed = await self._begun(sandbox, seconds)
        except asyncio.CancelledError:  # nobody waits for it any more
            self._discard(sandbox)
            raise
        finally:
            self._memory.end(entry)
        tell_init(sandbox, failed, seconds)
        return failed

    async def _begun(self, sandbox: Sandbox, seconds: float) -> Answer | None:
        try:
            return await sandbox.start(seconds)
        except ForkServerGone:  # there is another one by now
            return await sandbox.start(seconds)

    async def start_ahead(self, revision: Revision) -> Sandbox | None:
        """A sandbox that no call waits for; None when its init fails, which is not run again."""
        host = await self._hosts.host(revision.runtime)
        scratch = self._scratch_for(revision)
        sandbox = self._new(replace(revision, initialization=PROVISIONED), host, scratch)
        try:
            failed = await self._init(sandbox, max(AHEAD_SECONDS, float(revision.timeout_s)))
        except (ForkServerGone, OSError) as error:  # killed twice, or no process can be made
            sandbox.journal.say(f"[ERROR] pelton emulator: no sandbox: {error}\n".encode())
        else:
            if failed is None:
                return sandbox
        self._discard(sandbox)
        return None

    async def start_once(self, revision: Revision, seconds: float) -> tuple[Sandbox, Answer | None]:
        """A sandbox whose init is not run again when it fails."""
        host = await self._hosts.host(revision.runtime)
        sandbox = self._new(revision, host, self._scratch_for(revision))
        sandbox.idle_since = self._clock.time()
        return sandbox, await self._init(sandbox, seconds)


def _stand_in(revision: Revision, host: Host) -> bytes:
    """The line in a function's log that says what Python it runs on, when that is another."""
    return (
        f"[WARNING] pelton emulator: {revision.name} asks for {revision.runtime} and runs on the "
        f"emulator's own {host.interpreter.runtime}: {host.reason}\n"
    ).encode()
