"""Every running function: sandboxes by revision, one event each, and how each event ends.

A warm idle sandbox takes the event; when all are busy another is started, up to the function's
reserved concurrency and the account's limit.  The texts of ends are those recorded on AWS.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ..clock import MACHINE, Clock
from ..recordings import Recordings
from .admission import Admission
from .debug_post import NotDebugged
from .debugged import Debugged
from .drivers.choice import Drivers
from .endings import Ending, answered, rest, tell_end
from .freezing import Freezer
from .idle import Idle, discard_where
from .logs import LogSink
from .memory_watch import MemoryWatch
from .metrics import Metrics
from .names import LATEST
from .records import Allocation, Call, Outcome, Provision, Revision, Throttled
from .runtime_api import Delivery
from .sandbox import Sandbox
from .sandbox_ends import SandboxEnds
from .sandbox_process import Answer
from .shared_sandbox import SharedSandbox, SharedSandboxes
from .snapshots import SNAP_START, Snapshots
from .starting import Starts
from .verdicts import Verdict, of_init, of_invocation
from .warm import WarmPools

IDLE_SECONDS = 600.0
RECLAIM_SECONDS = 120.0
REST_LOOK = 0.02


class Invocations:
    """The execution side of Lambda (`records.Execution`).

    scratch: a folder for the sandboxes' /tmp
    drivers: what their processes are started by
    left:    how many calls of functions that reserve nothing may run at one time
    metrics: who counts;  recordings: who is told of each call, while somebody records
    """

    def __init__(
        self,
        clock: Clock,
        scratch: Path,
        logs: LogSink,
        drivers: Drivers,
        left: Callable[[], int],
        metrics: Metrics,
        recordings: Recordings,
    ) -> None:
        self._metrics, self._recordings = metrics, recordings
        self._clock, self._drivers = clock, drivers
        self._idle = Idle(self._discard)
        self._memory = MemoryWatch()
        self._starts = starts = Starts(clock, scratch, logs, drivers, self._memory, self._discard)
        self._admission = Admission(left)
        self._endings: deque[Ending] = deque()
        self._ends = SandboxEnds()
        self._warm = WarmPools(starts.start_ahead, self._discard, clock)
        self._shared = SharedSandboxes(starts.start, self._discard)
        self._freezer = Freezer()
        self._snapshots = Snapshots(starts.start_once, self._discard)
        self.debugged = Debugged(scratch, starts.start_once, self._discard)
        self._keepers: list[asyncio.Task[None]] = []

    async def prepare(self) -> None:
        """Start what the first call would otherwise wait for."""
        loop = asyncio.get_running_loop()
        self._keepers = [
            loop.create_task(self._reclaim()),
            loop.create_task(self._memory.run()),
            loop.create_task(self._freezer.run()),
        ]
        await self._drivers.prepare()

    async def invoke(self, call: Call) -> Outcome:
        revision = call.revision
        self._finish_all()
        if revision.name in self.debugged:
            with suppress(NotDebugged):
                return await self._run_debugged(call)
        admitted = self._admission.of(revision, self._warm.has_idle(revision.key))
        try:
            with admitted, self._clock.busy(f"invocation {call.request_id} of {revision.name}"):
                if self._recordings.any:
                    return await self._recorded(call)
                if revision.max_concurrency:
                    return await self._run_shared(call)
                return await self._run(call)
        except Throttled:
            self._metrics.throttled(call)
            raise

    async def _recorded(self, call: Call) -> Outcome:
        run = self._run_shared if call.revision.max_concurrency else self._run
        began = time.perf_counter()
        outcome = await run(call)
        self._recordings.note(
            "lambda",
            call.revision.name,
            call.payload,
            outcome.payload,
            outcome.error,
            time.perf_counter() - began,
            version=call.revision.version,
            request_id=call.request_id,
            streamed=call.stream is not None,
        )
        return outcome

    async def _run(self, call: Call) -> Outcome:
        sandbox = self._take(call.revision)
        began = time.perf_counter()
        cold = sandbox is None
        timeout = float(call.revision.timeout_s)
        if sandbox is None and call.revision.initialization == SNAP_START:
            sandbox, cold = await self._snapshots.restored(call.revision), False
            sandbox.journal.begin(call)
            began = time.perf_counter()
        elif sandbox is None:
            sandbox, failed = await self._starts.start(call.revision)
            spent = sandbox.init_seconds if sandbox.phase == "invoke" else 0.0
            sandbox.journal.begin(call)
            if failed is not None:
                return self._not_begun(call, sandbox, failed, spent)
            began = time.perf_counter() - spent
            timeout -= spent
        else:
            sandbox.journal.begin(call)
        init = sandbox.init_seconds if cold and sandbox.phase == "init" else 0.0
        return await self._run_in(call, sandbox, timeout, began, init)

    async def _run_shared(self, call: Call) -> Outcome:
        """An event for one of the workers of a sandbox."""
        sandbox, failed, cold = await self._shared.take(call.revision)
        sandbox.journal.begin_at_once(call)
        if failed is not None:
            return self._not_begun(call, sandbox, failed, 0.0)
        began, timeout = time.perf_counter(), float(call.revision.timeout_s)
        init = sandbox.init_seconds if cold else 0.0
        return await self._run_in(call, sandbox, timeout, began, init)

    async def _run_debugged(self, call: Call) -> Outcome:
        """An event for the one sandbox of a function that is debugged.  Raises `NotDebugged`."""
        name = call.revision.name
        self._admission.hold(name)
        try:
            with self._clock.busy(f"invocation {call.request_id} of {name}, which is debugged"):
                sandbox, failed = await self.debugged.take(call.revision)
                call = replace(call, revision=sandbox.revision)
                sandbox.journal.begin(call)
                if failed is not None:
                    return self._not_begun(call, sandbox, failed, sandbox.init_seconds)
                timeout = float(call.revision.timeout_s)
                return await self._run_in(call, sandbox, timeout, time.perf_counter(), 0.0)
        finally:
            self._admission.release(name)

    async def _run_in(
        self, call: Call, sandbox: Sandbox, timeout: float, began: float, init: float
    ) -> Outcome:
        """began: when its time began to count, by time.perf_counter;  init: that of a cold start"""
        answer = await self._dispatch(call, sandbox, timeout)
        seconds = time.perf_counter() - began
        verdict = of_invocation(call, answer, sandbox.journal.now(), sandbox.out_of_memory)
        return self._ended(call, sandbox, answer, verdict, seconds, init)

    def _not_begun(self, call: Call, sandbox: Sandbox, failed: Answer, seconds: float) -> Outcome:
        """Its init has failed, which took so long of its own time."""
        verdict = of_init(call, failed, sandbox.journal.now(), sandbox.out_of_memory)
        return self._ended(call, sandbox, failed, verdict, seconds, 0.0)

    async def _dispatch(self, call: Call, sandbox: Sandbox, timeout: float) -> Answer:
        """Give a sandbox its event and wait for the end of it."""
        entry = self._memory.begin(sandbox)
        try:
            return await sandbox.invoke(_delivery(call, timeout), timeout, call.stream)
        except asyncio.CancelledError:
            self._abandon(sandbox)
            raise
        finally:
            self._memory.end(entry)

    def _take(self, revision: Revision) -> Sandbox | None:
        """An idle sandbox.  What it has printed was read by the loop before this call was."""
        return self._warm.take(revision.key) or self._idle.take(revision.key)

    def _ended(
        self,
        call: Call,
        sandbox: Sandbox,
        answer: Answer,
        verdict: Verdict,
        seconds: float,
        init: float,
    ) -> Outcome:
        """What the caller gets now; the log and the sandbox's fate come a turn of the loop later,
        or when the next event, or the caller, asks for them."""

        def finish() -> bytes:
            return self._finish(call, sandbox, answer, verdict, seconds, init)

        self._metrics.ended(call, seconds, bool(verdict.error))
        ending = Ending(finish)
        self._endings.append(ending)
        asyncio.get_running_loop().call_soon(self._finish_all)
        return Outcome(verdict.payload, verdict.error, ending, call.revision.version)

    def _finish_all(self) -> None:
        while self._endings:
            self._endings.popleft()()

    def _finish(
        self,
        call: Call,
        sandbox: Sandbox,
        answer: Answer,
        verdict: Verdict,
        seconds: float,
        init: float,
    ) -> bytes:
        if answer.kind == "timeout":
            seconds = float(call.revision.timeout_s)
        at_work = sandbox.crew is not None and sandbox.tells_events and sandbox.alive
        if at_work and answer.kind in ("response", "error"):
            self._admission.hold(call.revision.name)
            self._ends.later(self._rest(call, sandbox, verdict, seconds, init))
            return answered(call, sandbox, verdict, seconds, init)
        log = tell_end(call, sandbox, verdict, seconds, init)
        self._decide(sandbox, answer.kind)
        return log

    async def _rest(
        self, call: Call, sandbox: Sandbox, verdict: Verdict, seconds: float, init: float
    ) -> None:
        """Extensions go on after the answer; until they rest the sandbox takes no event."""
        try:
            with self._clock.busy(f"extensions of invocation {call.request_id}"):
                failed = await rest(call, sandbox, verdict, seconds, init)
                self._decide(sandbox, failed.kind if failed is not None else "")
        finally:
            self._admission.release(call.revision.name)

    def _decide(self, sandbox: Sandbox, kind: str) -> None:
        """What becomes of a sandbox after an event that ended so (an `Answer`'s kind)."""
        if isinstance(sandbox, SharedSandbox):
            return self._shared.give_back(sandbox, self._clock.time())
        if sandbox.revision.debug is not None:
            return self.debugged.give_back(sandbox, kind)
        key = sandbox.revision.key
        sandbox.idle_since = self._clock.time()
        if sandbox.retired:
            self._discard(sandbox)
        elif kind in ("exit", "fault", "timeout") or sandbox.failed or not sandbox.alive:
            self._starts.all.discard(sandbox)
            self._ends.end(sandbox, "timeout" if kind == "timeout" else "failure")
            self._starts.ended.setdefault(key, []).append(sandbox)
        else:
            if not self._warm.give_back(sandbox):
                self._idle.keep(sandbox)
            self._freezer.rests(sandbox)

    def _discard(self, sandbox: Sandbox) -> None:
        """End a sandbox, and its /tmp with it."""
        self._starts.all.discard(sandbox)
        self._ends.discard(sandbox)

    async def retire(self, name: str, keep: str = "") -> None:
        self._finish_all()

        def unwanted(sandbox: Sandbox) -> bool:
            # Those of published versions are as frozen as these, until the function goes.
            revision = sandbox.revision
            old = revision.version == LATEST and revision.key != keep
            return revision.name == name and (old or not keep)

        for sandbox in self._starts.all:
            if unwanted(sandbox):
                sandbox.retired = True
        self._discard_where(unwanted)
        self.debugged.retire(name, keep, unwanted)

    def provision(self, name: str, wanted: Mapping[str, Provision]) -> None:
        self._warm.want(name, wanted)

    def allocation(self, key: str) -> Allocation:
        return self._warm.allocation(key)

    async def take_snapshot(self, revision: Revision) -> bool:
        """A version is published with SnapStart: whether its init goes well."""
        if revision.initialization != SNAP_START:  # several workers cannot stand
            return True
        with self._clock.busy(f"the init of {revision.name}, version {revision.version}"):
            return await self._snapshots.take(revision)

    async def _reclaim(self) -> None:
        """End sandboxes that have been idle for long."""
        while True:
            await self._clock.sleep(RECLAIM_SECONDS)
            self._discard_idle(self._clock.time() - IDLE_SECONDS)

    def _discard_idle(self, since: float) -> None:
        self._discard_where(lambda each: each.idle_since < since)

    def _discard_where(self, unwanted: Callable[[Sandbox], bool]) -> None:
        """Among those without an event."""
        self._shared.discard_where(unwanted)
        for kept in (self._idle.kept, self._starts.ended, self._snapshots.kept):
            discard_where(kept, unwanted, self._discard)

    def _abandon(self, sandbox: Sandbox) -> None:
        """Nobody waits for what it does any more."""
        if isinstance(sandbox, SharedSandbox) and sandbox.running:
            self._shared.give_back(sandbox, self._clock.time())  # others may
        elif sandbox.revision.debug is not None:
            self.debugged.give_back(sandbox, "exit")
        else:  # and nobody will take it back
            self._discard(sandbox)

    async def rest(self) -> None:
        """Come back when the calls that are under way now have ended, whatever begins meanwhile."""
        now = set(self._admission.inside)
        while now & self._admission.inside:
            await MACHINE.sleep(REST_LOOK)

    async def close(self) -> None:
        await self._warm.close()
        self.debugged.close()
        self._finish_all()
        for keeper in self._keepers:
            keeper.cancel()
        self._discard_where(lambda each: True)
        for sandbox in list(self._starts.all):
            self._discard(sandbox)
        await self._ends.close()
        await self._drivers.close()


def _delivery(call: Call, timeout: float) -> Delivery:
    """The event as it is dispatched now."""
    return Delivery(
        call.request_id,
        call.payload,
        int((MACHINE.time() + timeout) * 1000),
        call.invoked_arn,
        call.trace_id,
        call.client_context,
    )
