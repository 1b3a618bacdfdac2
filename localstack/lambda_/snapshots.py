"""SnapStart: sandboxes that are initialised when a version is published, and restored for calls.

A snapshot of memory is not taken: the sandbox of the publication stands where the real runtime
client asks to be restored, and serves the first call that needs one; for each further one the init
is run again up to there.  What is left of the order is AWS's: init and before-snapshot hooks at
publication, after-restore hooks in the call.  Sources: Lambda's pages on SnapStart (phases, limits
of time) and the shapes of its exceptions in the service model.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from .endings import tell_restore
from .records import RestoreFailed, Revision
from .sandbox import Sandbox
from .sandbox_process import Answer

SNAP_START = "snap-start"
SNAPSHOT_SECONDS, RESTORE_SECONDS = 130.0, 10.0

# (revision, seconds) -> a sandbox whose init is over, and what ended that when it failed
Start = Callable[[Revision, float], Awaitable[tuple[Sandbox, Answer | None]]]


class Snapshots:
    """The sandboxes that stand to be restored.

    discard: ends a sandbox
    """

    def __init__(self, start: Start, discard: Callable[[Sandbox], None]) -> None:
        self._start, self._discard = start, discard
        self.kept: dict[str, list[Sandbox]] = {}  # by the key of their revision

    async def take(self, revision: Revision) -> bool:
        """A version is published: whether its init and its before-snapshot hooks succeed."""
        sandbox, failed = await self._initialised(revision)
        if failed is not None:
            self._discard(sandbox)
            return False
        self.kept.setdefault(revision.key, []).append(sandbox)
        return True

    async def restored(self, revision: Revision) -> Sandbox:
        """A sandbox that is ready for a call.  Raises `RestoreFailed`."""
        sandbox = self._standing(revision)
        if sandbox is None:
            sandbox, failed = await self._initialised(revision)
            if failed is not None:
                self._discard(sandbox)
                raise RestoreFailed("SnapStartException", "The init of the function failed.")
        failed = await sandbox.restore(RESTORE_SECONDS)
        tell_restore(sandbox, failed)
        if failed is None:
            return sandbox
        self._discard(sandbox)
        if failed.kind == "timeout":
            raise RestoreFailed(
                "SnapStartTimeoutException",
                "Lambda couldn't restore the snapshot within the timeout limit.",
                408,
            )
        raise RestoreFailed(
            "SnapStartException",
            "The afterRestore() runtime hook encountered an error. For more information, check "
            "the Amazon CloudWatch logs.",
        )

    def _standing(self, revision: Revision) -> Sandbox | None:
        kept = self.kept.get(revision.key, [])
        while kept:
            sandbox = kept.pop()
            if sandbox.alive:
                return sandbox
            self._discard(sandbox)
        return None

    async def _initialised(self, revision: Revision) -> tuple[Sandbox, Answer | None]:
        """Its init may take longer than that of others: 130 seconds, or the function's timeout."""
        seconds = max(SNAPSHOT_SECONDS, float(revision.timeout_s))
        sandbox, failed = await self._start(revision, seconds)
        sandbox.journal.take_tail()  # it is no part of the call that comes
        return sandbox, failed
