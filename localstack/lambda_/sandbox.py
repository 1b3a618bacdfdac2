"""One sandbox: a process under the real runtime client, one event at a time.

It lives through init, idle, busy and ends once; whoever waits for it always gets an answer, also
when the process dies.  It knows nothing of the API or of other sandboxes.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..clock import MACHINE
from . import memory
from .environment import Account, environment, places, python_path
from .fork_server import kill_group
from .hosts import Host
from .records import Revision
from .runtime_api import Delivery, RuntimeServer, WorkerState
from .telemetry.events import init_start
from .telemetry.journal import Journal

READ = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """How the worker ended an event or its init: `kind` is "response", "error" (posted by the
    runtime client), "exit" (the process ended: `code`), or "timeout".  What ended is the runtime,
    unless `error_type` and `words` say otherwise."""

    kind: str
    body: bytes = b""
    code: int = 0
    error_type: str = ""
    words: str = ""


class Sandbox:
    """A process for one revision.

    scratch: its /tmp, kept when a new sandbox takes the place of a timed-out one
    phase:   "init", or "invoke" for an init that is run again as part of an invocation
    """

    def __init__(
        self,
        revision: Revision,
        account: Account,
        host: Host,
        scratch: Path,
        journal: Journal,
        phase: str = "init",
    ) -> None:
        self.phase = phase
        self.revision, self.scratch = revision, scratch
        self._account, self._host = account, host
        self.pid = 0
        self.alive = False
        self.failed = False  # its init did: it ends
        self.retired = False  # its revision is not wanted any more: it ends after its event
        self.ended: Callable[[], None] | None = None  # told once, when the process has ended
        self.idle_since = 0.0
        self.init_seconds = 0.0
        self.out_of_memory = False
        self.journal = journal
        self._read_end = -1
        self._status = -1  # /proc/<pid>/status, kept open: read after every event
        self._code = 1
        self._peak = 0  # KB, of all its processes together, as far as it was seen
        self._next: Delivery | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        worker = WorkerState(self._ready, self._answered, self._init_failed)
        self._server = RuntimeServer(worker)

    async def start(self, seconds: float) -> Answer | None:
        """Start the process and wait for its init: None when it is ready for events."""
        await self._server.start()
        self.journal.tell(init_start(self.revision, self.journal.stream, self.phase))
        began = time.perf_counter()
        self._waiting = asyncio.get_running_loop().create_future()
        await self._spawn()
        answer = await self._wait(seconds)
        self.read_output()
        self.init_seconds = time.perf_counter() - began
        self.failed = answer.kind != "ready"
        return answer if self.failed else None

    async def _spawn(self) -> None:
        self._read_end, write_end = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._read_end, False)
        python = self._host.interpreter
        place = places(self.revision, python, self._host.folder, self.scratch)
        message = {
            "environment": environment(
                self.revision,
                self._account,
                place,
                python,
                self._server.address,
                self.journal.stream,
            ),
            "path": python_path(place, python),
            "python": f"{place.runtime}/bin/python3",
            "cwd": place.task,
            "handler": self.revision.handler,
            "mounts": place.mounts,
            "scratch": [str(self.scratch), self.revision.scratch_mb] if place.mounts else None,
        }
        asyncio.get_running_loop().add_reader(self._read_end, self.read_output)
        try:
            self.pid = await self._host.fork_server.fork(message, write_end, self._exited)
            self.alive = True
        finally:
            os.close(write_end)

    async def invoke(self, delivery: Delivery, seconds: float) -> Answer:
        """Give the worker one event and wait for how it ends."""
        self._waiting = asyncio.get_running_loop().create_future()
        if not self.alive:
            return Answer("exit", code=self._code)
        if not self._server.dispatch(delivery):
            self._next = delivery
        answer = await self._wait(seconds)
        self.read_output()
        return answer

    async def _wait(self, seconds: float) -> Answer:
        """What ends the event, or "timeout" after `seconds` of real time; then it is killed."""
        waiting = self._waiting
        assert waiting is not None
        timer = MACHINE.call_later(seconds, lambda: _expire(waiting))
        try:
            answer = await waiting
        finally:
            timer.cancel()
            self._waiting = None
        if answer.kind == "timeout":
            self.kill()
        return answer

    def _settle(self, answer: Answer) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(answer)

    def _ready(self) -> None:
        """The worker asks for an event: at first that ends its init, later one may be waiting."""
        if self._server.worker.request_id == "":
            self._settle(Answer("ready"))
        elif self._next is not None:
            asyncio.get_running_loop().call_soon(self._dispatch_next)

    def _dispatch_next(self) -> None:
        # One turn later: the connection is put to waiting after the state has changed.
        delivery, self._next = self._next, None
        if delivery is not None:
            self._server.dispatch(delivery)

    def _answered(self, request_id: str, body: bytes, failed: bool) -> None:
        self._settle(Answer("error" if failed else "response", body))

    def _init_failed(self, body: bytes) -> None:
        self._settle(Answer("error", body))

    def _exited(self, code: int, peak: int) -> None:
        self.alive = False
        self._code, self._peak = code, max(peak, self._peak)
        self._next = None
        self.read_output()
        kill_group(self.pid)
        self._settle(Answer("exit", code=code))
        self._close_output()
        self._server.close()
        if self.ended is not None:
            self.ended()

    def read_output(self) -> None:
        """Take what the process has printed so far; never waits."""
        while self._read_end >= 0:
            try:
                data = os.read(self._read_end, READ)
            except BlockingIOError:
                return
            if not data:
                self._close_output()
                return
            self.journal.read(data)
            if len(data) < READ:
                return

    def _close_output(self) -> None:
        if self._read_end >= 0:
            asyncio.get_running_loop().remove_reader(self._read_end)
            os.close(self._read_end)
            self._read_end = -1
        if self._status >= 0:
            os.close(self._status)
            self._status = -1

    def kill(self) -> None:
        """End the process and everything it started."""
        if self.alive:
            kill_group(self.pid)
        else:
            self._server.close()

    def discard(self) -> None:
        """End it, and its /tmp with it."""
        self.kill()
        self._host.fork_server.forget(self.scratch)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def peak_mb(self) -> int:
        """The most memory it ever had, in MB, spikes included; never over its limit, as on AWS."""
        peak = max(memory.field(self._status_text(), b"VmHWM:"), self._peak, 1)
        return min(-(-peak // 1024), self.revision.memory_mb)

    def has_too_much(self) -> bool:
        """Whether its processes together are over the limit now."""
        self._peak = max(self._peak, memory.resident_kb(self.pid))
        limit = self.revision.memory_mb * 1024
        return memory.held_kb(self.pid, limit) > limit

    def _status_text(self) -> bytes:
        try:
            if self._status < 0:
                self._status = os.open(f"/proc/{self.pid}/status", os.O_RDONLY | os.O_CLOEXEC)
            return os.pread(self._status, READ, 0)
        except OSError:
            return b""


def _expire(waiting: asyncio.Future[Answer]) -> None:
    if not waiting.done():
        waiting.set_result(Answer("timeout"))


def exit_words(code: int) -> str:
    """How AWS words the end of a process.

    >>> exit_words(3), exit_words(-11)
    ('Runtime exited with error: exit status 3', 'Runtime exited with error: signal: segmentation fault')
    """  # noqa: E501 - a recorded text
    if code == 0:
        return "Runtime exited without providing a reason"
    if code > 0:
        return f"Runtime exited with error: exit status {code}"
    names = {
        signal.SIGSEGV: "segmentation fault",
        signal.SIGKILL: "killed",
        signal.SIGABRT: "aborted",
        signal.SIGTERM: "terminated",
        signal.SIGINT: "interrupt",
    }
    try:
        name = names.get(signal.Signals(-code), signal.Signals(-code).name.lower())
    except ValueError:
        name = str(-code)
    return f"Runtime exited with error: signal: {name}"
