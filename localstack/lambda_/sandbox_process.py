"""The process of a sandbox, whatever it is asked: how it starts, stands still, ends, what it holds.

A driver starts it with what a function sees around it, as a process of this machine or in a
container; its output goes to the journal.  Whoever waits for it gets an answer, also when it dies.
It knows nothing of the Runtime API: what it does with events is `sandbox`'s.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ..clock import MACHINE
from . import memory
from .deadlines import Deadline
from .drivers.base import Driver
from .drivers.started import Started
from .processes import Pipe
from .records import Revision
from .telemetry.journal import Journal

STATUS = 1 << 16  # bytes, more than /proc/<pid>/status has
# Seconds: memory grows by little in the one, and a reading of it is good for the other.
SHORT, FRESH = 0.001, 0.02


class Answer(NamedTuple):
    """How the worker ended an event or its init: `kind` is "response", "error" (posted by the
    runtime client), "exit" (the process ended: `code`; an `error_type` and `words` where it could
    not be run), "fault" (an extension failed: its `error_type` and `words`), or "timeout"."""

    kind: str
    body: bytes = b""
    code: int = 0
    error_type: str = ""
    words: str = ""


class SandboxProcess:
    """A process for one revision, with its /tmp (`scratch`) and its journal."""

    def __init__(self, revision: Revision, driver: Driver, scratch: Path, journal: Journal) -> None:
        self.revision, self.scratch, self.journal = revision, scratch, journal
        self._driver = driver
        self._started: Started | None = None
        self.alive = False
        self.ended: Callable[[], None] | None = None  # told once, when the process has ended
        self.out_of_memory = False
        self._output = Pipe(journal.read)
        self._code = 1
        self._frozen: list[int] = []  # its processes that stand still
        self._waiting: asyncio.Future[Answer] | None = None
        self._deadline = Deadline(self._expire)
        self._status = -1  # /proc/<pid>/status, kept open: read after events
        self._looked = 0.0  # when that was, by time.perf_counter
        self._peak = 1  # KB, of all its processes together, as far as it was seen

    @property
    def pid(self) -> int:
        """Of its first process, 0 while there is none or it is not known."""
        return 0 if self._started is None else self._started.pid

    # -- beginning
    async def _start(self, api: str, address: str) -> None:
        """api: where its Runtime API is;  address: that of its extensions' listeners, or "" """
        write_end = self._output.open()
        try:
            self._started = await self._driver.start(api, address, write_end, self._exited)
            self.alive = True
        except BaseException:
            self._output.close()  # nobody will write into it
            raise
        finally:
            os.close(write_end)

    # -- waiting
    async def _wait(self, seconds: float) -> Answer:
        """What ends the event, or "timeout" after `seconds` of real time."""
        waiting = self._waiting
        assert waiting is not None
        self._deadline.begin(seconds)
        try:
            answer = await waiting
        finally:
            self._deadline.end()
            self._waiting = None
        if answer.kind == "timeout":
            self._overdue()
        return answer

    def _overdue(self) -> None:
        """What it was to do has taken too long."""
        self.kill()

    def _settle(self, answer: Answer) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(answer)

    def _expire(self) -> None:
        self._settle(Answer("timeout"))

    def read_output(self) -> None:
        """Take what the process has printed so far; never waits."""
        self._output.read()

    # -- standing still
    def freeze(self) -> None:
        """Let its processes stand still until the next event."""
        if self.alive and self.pid:
            # A process is stopped before its children are looked for: none is missed.
            for pid in memory.processes(self.pid):
                if _signal(pid, signal.SIGSTOP):
                    self._frozen.append(pid)

    def _thaw(self) -> None:
        frozen, self._frozen = self._frozen, []
        for pid in frozen:
            _signal(pid, signal.SIGCONT)

    # -- ending
    def _exited(self, code: int, peak: int) -> None:
        self.alive = False
        self._code, self._peak = code, max(peak, self._peak)
        self._deadline.close()
        self._output.read()
        self.journal.lines.end(self.journal.now())
        kind = words = ""
        if self._started is not None:
            self._started.kill()  # what it has started
            if not self._was_heard():
                kind, words = self._started.fault
        self._settle(Answer("exit", code=code, error_type=kind, words=words))
        self._output.close()
        if self._status >= 0:
            os.close(self._status)
            self._status = -1
        if self.ended is not None:
            self.ended()

    def _was_heard(self) -> bool:
        """Whether it has asked for anything: then it could be run, whatever code it ended with."""
        return False

    async def _terminate(self, seconds: float) -> None:
        """SIGTERM, and SIGKILL after `seconds`."""
        late = MACHINE.time() + seconds
        if self.alive and seconds > 0 and self._started is not None:
            self._started.terminate()
        while self.alive and MACHINE.time() < late:
            await MACHINE.sleep(0.005)
        SandboxProcess.kill(self)  # the process alone

    def kill(self) -> None:
        """End the process, and what it started, at once."""
        if self.alive and self._started is not None:
            self._started.kill()

    def discard(self) -> None:
        """End it, and its /tmp with it."""
        self.kill()
        self._driver.forget()
        shutil.rmtree(self.scratch, ignore_errors=True)

    # -- memory
    def peak_mb(self, seconds: float = FRESH) -> int:
        """The most memory it ever had, in MB, spikes included; never over its limit, as on AWS.

        seconds: how long its event took: after one that was too short to change it by much, a
        reading of a moment ago is as good as another
        """
        now = time.perf_counter()
        if seconds >= SHORT or now - self._looked >= FRESH:
            self._looked = now
            self._peak = max(memory.field(self._status_text(), b"VmHWM:"), self._peak, 1)
        return min(-(-self._peak // 1024), self.revision.memory_mb)

    def has_too_much(self) -> bool:
        """Whether its processes together are over the limit now."""
        self._peak = max(self._peak, memory.resident_kb(self.pid))
        limit = self.revision.memory_mb * 1024
        return memory.held_kb(self.pid, limit) > limit

    def _status_text(self) -> bytes:
        try:
            if self._status < 0:
                if not self.alive:  # its number may be another's by now
                    return b""
                self._status = os.open(f"/proc/{self.pid}/status", os.O_RDONLY | os.O_CLOEXEC)
            return os.pread(self._status, STATUS, 0)
        except OSError:
            return b""


def _signal(pid: int, number: signal.Signals) -> bool:
    """Whether there was a process to tell."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
