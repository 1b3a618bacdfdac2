"""One sandbox: a runtime, mostly the real runtime client's, and one event at a time.

It lives through init, idle, busy and ends once; whoever waits for it always gets an answer, also
when the process dies (`sandbox_process`).  Where there are extensions, it waits for them too.  It
knows nothing of the API or of other sandboxes.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from ..clock import MACHINE
from .drivers.base import Driver
from .extensions.crew import Crew
from .extensions.muster import Muster, recruit
from .records import Revision
from .response_body import KEPT, headers_of
from .runtime_api import Delivery, Reply, WorkerState
from .runtime_server import RuntimeConnection, RuntimeServer
from .sandbox_process import Answer, SandboxProcess
from .streams import ResponseStream, Tap, truncated
from .telemetry.events import init_start, restore_start
from .telemetry.journal import Journal

EXIT_SECONDS = 0.2  # in which the end of a process is heard of, after that of its connections
QUIET = 0.01  # seconds without a line after which no more is on its way
# What the runtime client calls failures of SnapStart's hooks, beside the exception's own type.
HOOK_ERRORS = ("Runtime.BeforeSnapshotError", "Runtime.AfterRestoreError")


class Sandbox(SandboxProcess):
    """A process for one revision.

    scratch: its /tmp, kept when a new sandbox takes the place of a timed-out one
    phase:   "init", or "invoke" for an init that is run again as part of an invocation
    """

    tells_events = True  # whether extensions are told of events, and so are at work after an answer

    def __init__(
        self,
        revision: Revision,
        driver: Driver,
        scratch: Path,
        journal: Journal,
        phase: str = "init",
    ) -> None:
        super().__init__(revision, driver, scratch, journal)
        self.phase = phase
        self.failed = False  # its init did: it ends
        self.retired = False  # its revision is not wanted any more: it ends after its event
        self.idle_since = 0.0
        self.init_seconds = 0.0
        self.rests = 0  # the number of its rest, while it has no event (see freezing)
        self._next: Delivery | None = None
        self.crew: Crew | None = None  # its extensions; most have none
        self._goal = "init"  # what is waited for while the crew changes
        self._muster: Muster | None = None  # of its external extensions
        self._worker = WorkerState(self._ready, self._answered, self._init_failed, self._standing)
        self.restore_seconds = 0.0  # of a restore that no report has told yet
        self._server = RuntimeServer(self._worker, self._other, self._connection_gone)
        self._tap = self._server.tap = Tap(self._streamed, KEPT, self._broke_off)

    async def start(self, seconds: float) -> Answer | None:
        """Start the process and wait for its init: None when it is ready for events."""
        await self._server.start()
        self.journal.tell(init_start(self.revision, self.journal.stream, self.phase))
        began = time.perf_counter()
        self._waiting = asyncio.get_running_loop().create_future()
        api = self._server.address
        if programs := self._driver.extensions():
            self.crew = self._recruit(programs, self._driver.address)
            self._muster = Muster(self.crew, self._driver, programs, api)
            self._muster.begin(self._start, self._lost)
        else:
            await self._start(api, "")
        answer = await self._wait(seconds)
        self._goal = ""
        self._output.read()
        self.init_seconds = time.perf_counter() - began
        if self._driver.lag:
            await self._hear(self._driver.lag)
        if self._started is not None:
            await self._started.known()
        if self.crew is not None:
            self.crew.close_init()
        if self._muster is not None:
            await self._muster.stop()
        self.failed = answer.kind not in ("ready", "standing")
        return answer if self.failed else None

    async def restore(self, seconds: float) -> Answer | None:
        """Let it go on from where its snapshot is: None when it is ready for events."""
        self.journal.tell(restore_start(self.revision, self.journal.stream))
        began = time.perf_counter()
        self._waiting = asyncio.get_running_loop().create_future()
        self._goal = "runtime"
        if not self.alive or not self._server.restore():
            self._settle(Answer("exit", code=self._code))
        answer = await self._wait(seconds)
        self._goal = ""
        self._output.read()
        self.restore_seconds = time.perf_counter() - began
        self.failed = answer.kind not in ("ready", "rests")
        return answer if self.failed else None

    async def invoke(
        self, delivery: Delivery, seconds: float, stream: ResponseStream | None = None
    ) -> Answer:
        """Give the worker one event and wait for how it ends.

        stream: where a response that streams goes as it comes; None keeps it together
        """
        self._tap.stream = stream
        self._waiting = asyncio.get_running_loop().create_future()
        self.rests = 0
        if self._frozen:
            self._thaw()
        if not self.alive:
            return Answer("exit", code=self._code)
        if self.crew is not None:
            if self.crew.fault is not None:
                return self._fault(self.crew)
            self.crew.invoke(delivery)
        if not self._server.dispatch(delivery):
            self._next = delivery
        answer = await self._wait(seconds)
        if answer.kind not in ("response", "error"):
            # Before a worker's own answer its loop has read what was printed before it.
            self._output.read()
        elif self._driver.lag:
            await self._hear(self._driver.lag)
        return answer

    async def _hear(self, seconds: float) -> None:
        """Take what it has printed and what is still on its way here: until nothing comes."""
        late, heard = MACHINE.time() + seconds, -1
        while heard != self._output.taken and MACHINE.time() < late:
            heard = self._output.taken
            await MACHINE.sleep(QUIET)
            self._output.read()

    def _ready(self) -> None:
        """The worker asks for an event: at first that ends its init, later one may be waiting."""
        if self.crew is not None:
            self._crew_changed()
        elif self._worker.request_id == "":
            self._settle(Answer("ready"))
        if self._next is not None:
            asyncio.get_running_loop().call_soon(self._dispatch_next)

    def _dispatch_next(self) -> None:
        # One turn later: the connection is put to waiting after the state has changed.
        delivery, self._next = self._next, None
        if delivery is not None:
            self._server.dispatch(delivery)

    def _answered(self, request_id: str, body: bytes, failed: bool) -> None:
        self._settle(Answer("error" if failed else "response", body))

    def _streamed(self, error: bytes, body: bytes) -> None:
        self._settle(Answer("error", error) if error else Answer("response", body))

    def _broke_off(self) -> None:
        """A streaming response lost its connection: its process has ended, or will not say more."""
        waiting = self._waiting
        answer = Answer("error", truncated("the response broke off before its end"))

        def settle() -> None:
            if waiting is not None and not waiting.done():
                self._worker.end_stream()
                waiting.set_result(answer)

        MACHINE.call_later(EXIT_SECONDS, settle)

    def _init_failed(self, body: bytes, error_type: str) -> None:
        hook = error_type if error_type in HOOK_ERRORS else ""
        self._settle(Answer("error", body, error_type=hook))

    def _standing(self) -> None:
        if self.crew is not None:
            self._crew_changed()
        else:
            self._settle(Answer("standing"))

    def _lost(self) -> None:
        """What starts its programs has gone."""
        self._settle(Answer("exit", code=-signal.SIGKILL))

    def _overdue(self) -> None:
        if self.crew is None:  # extensions have their shutdown phase first
            super()._overdue()

    def _exited(self, code: int, peak: int) -> None:
        self._next = None
        if self.crew is None:
            self._server.close()
        super()._exited(code, peak)

    def _was_heard(self) -> bool:
        return self._server.worker.state != "starting"

    def freeze(self) -> None:
        if self.crew is None:  # extensions have their own rest
            super().freeze()

    def kill(self) -> None:
        """End the process, what it started, and its extensions, at once."""
        if self.crew is not None:
            self.crew.close()
        if not self.alive:
            self._server.close()
        super().kill()

    # -- extensions
    async def rest(self, goal: str, seconds: float) -> Answer | None:
        """Wait until the "runtime" asks for the next event, or until the "crew" does so too: those
        extensions which were told of this one.  What came instead, if anything did."""
        self._waiting = asyncio.get_running_loop().create_future()
        self._goal = goal
        if not self.alive:
            self._settle(Answer("exit", code=self._code))
        self._crew_changed()
        answer = await self._wait(seconds)
        self._goal = ""
        return None if answer.kind == "rests" else answer

    async def end(self, reason: str) -> None:
        """The shutdown phase; returns when nothing of it is left.

        reason: "spindown", "timeout" or "failure"
        """
        if self.crew is not None:
            await self.crew.shutdown(reason, self._terminate)
        self.kill()
        self._server.close()

    def _recruit(self, programs: Iterable[str], address: str) -> Crew:
        changed, told = self._crew_changed, self.tells_events
        return recruit(self.revision, programs, address, self.journal, changed, told)

    def _crew_changed(self) -> None:
        """Extensions have registered, asked for an event, or failed; or the runtime has asked."""
        crew = self.crew
        if crew is None:
            return
        state = self._server.worker.state
        if crew.fault is not None:
            self._settle(self._fault(crew))
        elif self._goal == "init":
            if self._muster is not None:
                self._muster.look()
            if state in ("idle", "ready", "standing"):
                crew.close_registration()
                if crew.states.ready:
                    self._settle(Answer("standing" if state == "standing" else "ready"))
        elif state == "idle" and (self._goal == "runtime" or (self._goal == "crew" and crew.rests)):
            self._settle(Answer("rests"))

    def _fault(self, crew: Crew) -> Answer:
        assert crew.fault is not None
        return Answer("fault", error_type=crew.fault.kind, words=crew.fault.words)

    def _other(
        self, connection: RuntimeConnection, method: str, path: str, head: bytes, body: bytes
    ) -> Reply | None:
        """A request that is not the runtime's; the first of an internal extension makes a crew."""
        crew = self.crew
        if crew is None:
            crew = self._recruit((), "127.0.0.1")
            if self._goal != "init":
                crew.close_init()
        reply = crew.request(connection, method, path, headers_of(head), body)
        if crew.states.all:
            self.crew = crew
        return reply

    def _connection_gone(self, connection: RuntimeConnection) -> None:
        if self.crew is not None:
            self.crew.forget(connection)
