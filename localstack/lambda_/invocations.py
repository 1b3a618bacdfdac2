"""Every running function: an event each time, the sandbox that it goes to, and how it ends.

A warm idle sandbox takes the event; when all are busy another is started, up to the function's
reserved concurrency and the account's limit.  Which are there, and what becomes of them afterwards,
is `sandboxes`' matter.  The texts of ends are those recorded on AWS.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..clock import MACHINE, Clock
from ..recordings import Recordings
from .admission import Admission
from .debug_post import NotDebugged
from .drivers.choice import Drivers
from .endings import Ending, answered, rest, tell_end
from .logs import LogSink
from .metrics import Metrics
from .records import Allocation, Call, Outcome, Provision, Revision, Throttled
from .runtime_api import Delivery
from .sandbox import Sandbox
from .sandbox_process import Answer
from .sandboxes import Sandboxes
from .snapshots import SNAP_START
from .verdicts import Verdict, of_init, of_invocation

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
        self._admission = Admission(left)
        self._endings: deque[Ending] = deque()
        self._sandboxes = Sandboxes(clock, scratch, logs, drivers)
        self._memory, self.debugged = self._sandboxes.memory, self._sandboxes.debugged

    async def prepare(self) -> None:
        """Start what the first call would otherwise wait for."""
        self._sandboxes.begin()
        await self._drivers.prepare()

    async def invoke(self, call: Call) -> Outcome:
        revision = call.revision
        self._finish_all()
        if revision.name in self.debugged:
            with suppress(NotDebugged):
                return await self._run_debugged(call)
        admitted = self._admission.of(revision, self._sandboxes.warm.has_idle(revision.key))
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
        sandbox = self._sandboxes.take(call.revision)
        began = time.perf_counter()
        cold = sandbox is None
        timeout = float(call.revision.timeout_s)
        if sandbox is None and call.revision.initialization == SNAP_START:
            sandbox, cold = await self._sandboxes.snapshots.restored(call.revision), False
            sandbox.journal.begin(call)
            began = time.perf_counter()
        elif sandbox is None:
            sandbox, failed = await self._sandboxes.starts.start(call.revision)
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
        sandbox, failed, cold = await self._sandboxes.shared.take(call.revision)
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
            self._sandboxes.abandon(sandbox)
            raise
        finally:
            self._memory.end(entry)

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
        self._metrics.ended(call, seconds, bool(verdict.error))
        ending = Ending(partial(self._finish, call, sandbox, answer, verdict, seconds, init))
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
            self._sandboxes.ends.later(self._rest(call, sandbox, verdict, seconds, init))
            return answered(call, sandbox, verdict, seconds, init)
        log = tell_end(call, sandbox, verdict, seconds, init)
        self._sandboxes.give_back(sandbox, answer.kind)
        return log

    async def _rest(
        self, call: Call, sandbox: Sandbox, verdict: Verdict, seconds: float, init: float
    ) -> None:
        """Extensions go on after the answer; until they rest the sandbox takes no event."""
        try:
            with self._clock.busy(f"extensions of invocation {call.request_id}"):
                failed = await rest(call, sandbox, verdict, seconds, init)
                self._sandboxes.give_back(sandbox, failed.kind if failed is not None else "")
        finally:
            self._admission.release(call.revision.name)

    async def retire(self, name: str, keep: str = "") -> None:
        self._finish_all()
        self._sandboxes.retire(name, keep)

    def provision(self, name: str, wanted: Mapping[str, Provision]) -> None:
        self._sandboxes.warm.want(name, wanted)

    def allocation(self, key: str) -> Allocation:
        return self._sandboxes.warm.allocation(key)

    async def take_snapshot(self, revision: Revision) -> bool:
        """A version is published with SnapStart: whether its init goes well."""
        if revision.initialization != SNAP_START:  # several workers cannot stand
            return True
        with self._clock.busy(f"the init of {revision.name}, version {revision.version}"):
            return await self._sandboxes.snapshots.take(revision)

    async def rest(self) -> None:
        """Come back when the calls that are under way now have ended, whatever begins meanwhile."""
        now = set(self._admission.inside)
        while now & self._admission.inside:
            await MACHINE.sleep(REST_LOOK)

    async def close(self) -> None:
        await self._sandboxes.start_no_more()
        self._finish_all()
        await self._sandboxes.close()
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
