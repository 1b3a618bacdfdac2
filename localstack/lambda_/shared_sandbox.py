"""A sandbox that takes several events at once, one for each of its workers.

So it is on Lambda Managed Instances, where AWS_LAMBDA_MAX_CONCURRENCY tells the runtime client how
many workers to fork; here a function asks for it by setting that variable.  The workers share /tmp,
the log stream and the memory; each has globals of its own.  An event that takes too long is told to
its caller, and its worker goes on with it.  Extensions are beside them all: told of the end, not of
events.  Source: Lambda's pages on managed instances, and the runtime interface emulator's part for
them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..clock import MACHINE
from .drivers.base import Driver
from .records import Revision
from .runtime_api import Delivery
from .sandbox import Sandbox
from .sandbox_process import Answer
from .shared_runtime import SharedServer, SharedState
from .streams import ResponseStream
from .telemetry.journal import Journal


class SharedSandbox(Sandbox):
    """A process group for one revision."""

    tells_events = False

    def __init__(
        self,
        revision: Revision,
        driver: Driver,
        scratch: Path,
        journal: Journal,
        phase: str = "init",
    ) -> None:
        super().__init__(revision, driver, scratch, journal, phase)
        self.running = 0  # calls that wait for an end here
        self.worn = False  # one of its workers has ended: it takes no more events
        self._ends: dict[str, asyncio.Future[Answer]] = {}
        state = SharedState(self._workers_ready, self._worker_answered, self._init_failed)
        self._shared = self._server = SharedServer(
            state, self._worker_lost, self._other, self._connection_gone
        )

    @property
    def over(self) -> bool:
        """Whether it takes no more events."""
        return self.worn or self.retired or self.failed or not self.alive

    @property
    def has_room(self) -> bool:
        return not self.over and self._shared.taken < self.revision.max_concurrency

    async def invoke(
        self, delivery: Delivery, seconds: float, stream: ResponseStream | None = None
    ) -> Answer:
        """Give one worker the event and wait for how it ends; its response comes whole."""
        if not self.alive:
            return Answer("exit", code=self._code)
        if self.crew is not None and self.crew.fault is not None:
            return self._fault(self.crew)
        end: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._ends[delivery.request_id] = end
        timer = MACHINE.call_later(seconds, lambda: _settle(end, Answer("timeout")))
        self._shared.dispatch(delivery)
        try:
            answer = await end
        finally:
            timer.cancel()
            del self._ends[delivery.request_id]
        if answer.kind == "timeout":
            self._shared.give_up(delivery.request_id)
        self._output.read()
        return answer

    def _workers_ready(self) -> None:
        if self.crew is not None:
            self._crew_changed()
        else:
            self._settle(Answer("ready"))

    def _crew_changed(self) -> None:
        super()._crew_changed()
        if self.crew is not None and self.crew.fault is not None:
            self.worn = True
            for end in list(self._ends.values()):
                _settle(end, self._fault(self.crew))

    def _worker_answered(self, request_id: str, body: bytes, failed: bool) -> None:
        self._shared.answered(request_id)
        if request_id in self._ends:
            _settle(self._ends[request_id], Answer("error" if failed else "response", body))

    def _worker_lost(self, request_id: str) -> None:
        self.worn = True
        if request_id in self._ends:
            _settle(self._ends[request_id], Answer("exit", code=0))

    def _exited(self, code: int, peak: int) -> None:
        super()._exited(code, peak)
        for end in list(self._ends.values()):
            _settle(end, Answer("exit", code=code))


def _settle(end: asyncio.Future[Answer], answer: Answer) -> None:
    if not end.done():
        end.set_result(answer)


# revision -> a sandbox whose init is over, and what ended that when it failed
Start = Callable[[Revision], Awaitable[tuple[Sandbox, Answer | None]]]


@dataclass(slots=True)
class _Pool:
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    sandboxes: list[SharedSandbox] = field(default_factory=list)


class SharedSandboxes:
    """Those of one emulator.

    discard: ends a sandbox
    """

    def __init__(self, start: Start, discard: Callable[[Sandbox], None]) -> None:
        self._start, self._discard = start, discard
        self._pools: dict[str, _Pool] = {}  # by the key of their revision

    async def take(self, revision: Revision) -> tuple[SharedSandbox, Answer | None, bool]:
        """One with a free worker, what ended its init when that failed, and whether it is new.

        Who comes while one starts waits for that one, which may have room for all.
        """
        pool = self._pools.setdefault(revision.key, _Pool())
        async with pool.starting:
            for each in [each for each in pool.sandboxes if each.running == 0 and each.over]:
                self._drop(each)
            found = next((each for each in pool.sandboxes if each.has_room), None)
            if found is not None:
                found.running += 1
                return found, None, False
            sandbox, failed = await self._start(revision)
            assert isinstance(sandbox, SharedSandbox)
            sandbox.running += 1
            if failed is None:
                pool.sandboxes.append(sandbox)
            return sandbox, failed, True

    def give_back(self, sandbox: SharedSandbox, now: float) -> None:
        """A call is over; a sandbox that takes no more ends with its last one."""
        sandbox.running -= 1
        sandbox.idle_since = now
        if sandbox.running == 0 and sandbox.over:
            self._drop(sandbox)

    def discard_where(self, unwanted: Callable[[Sandbox], bool]) -> None:
        """Among those without an event."""
        for pool in list(self._pools.values()):
            for sandbox in list(pool.sandboxes):
                if sandbox.running == 0 and unwanted(sandbox):
                    self._drop(sandbox)

    def _drop(self, sandbox: SharedSandbox) -> None:
        pool = self._pools.get(sandbox.revision.key)
        if pool is not None and sandbox in pool.sandboxes:
            pool.sandboxes.remove(sandbox)
            if not pool.sandboxes and not pool.starting.locked():
                del self._pools[sandbox.revision.key]
        self._discard(sandbox)
