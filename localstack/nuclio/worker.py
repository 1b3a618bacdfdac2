"""One worker process as the processor sees it: start it, give it one event, hear its answer.

The program in it is a wrapper, ours (`worker_child`) or Nuclio's own: all that is known of it is
the protocol, its two sockets and three signals.  Its process is in `worker_process`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from ..clock import MACHINE
from .program import Program
from .sayings import Lines, listener_at
from .streams import Stream
from .work import Work
from .worker_process import WorkerProcess

STREAMED = (b"c", b"b", b"e", b"m")  # what an answer that comes piece by piece consists of
SILENCE = 1.0  # seconds in which a wrapper says that it goes on
LEVELS = {"warning": "warn", "critical": "error", "fatal": "error"}
# What says that the function has drained: a control message (`drainDone` in 2024, `drain` since
# 2026). And that it is asked to, or to terminate: Nuclio's own says so in its log, ours does not.
DRAINED = ("drain", "drainDone")
DRAINS, TERMINATES = "Calling platform drain handler", "Calling platform termination handler"
HEARD, LOGGED = "Received signal", "log"

Log = Callable[[str, str, Mapping[str, Any]], None]


class WorkerFailed(Exception):
    """The worker process ended; the message is what it last said.

    killed: by a signal, which no function of its own accord does
    """

    def __init__(self, message: str, killed: bool = False) -> None:
        self.killed = killed
        super().__init__(message)


class WorkerTimedOut(Exception):
    """The event took longer than the function's event timeout."""


class Worker:
    """A process that runs one function for one trigger, one event at a time.

    log:     called with (level, message, fields) for every line the function logs or prints
    control: called with every control message that the function sends
    """

    def __init__(
        self,
        program: Program,
        number: int,
        environment: Mapping[str, str],
        cwd: str,
        log: Log,
        control: Callable[[Mapping[str, Any]], None] = lambda message: None,
    ) -> None:
        self._program, self.number = program, number
        self._environment, self._cwd = environment, cwd
        self._log, self._tell_control = log, control
        self._process = WorkerProcess(lambda line: log("info", line, {}), self._ended)
        self._records: list[dict[str, Any]] = []
        self._transports: list[asyncio.Transport] = []
        # Called when the event in hand has been answered.
        self.on_free: Callable[[], None] = lambda: None
        self._work: Work | None = None  # in hand
        self._next: Work | None = None  # taken while somebody else has the turn
        self._turn = asyncio.Lock()  # who may speak between events: a drain, the end
        self._held = False  # somebody has it, or waits for the event in hand to end
        self._idle: asyncio.Future[None] | None = None
        self.began = 0.0  # of the event in hand, by time.monotonic; 0 while there is none

    @property
    def alive(self) -> bool:
        return self._process.alive

    # -- beginning
    async def start(self, seconds: float) -> None:
        """Start the process and wait for its `s`; raises `WorkerFailed` or `WorkerTimedOut`."""
        loop = asyncio.get_running_loop()
        self._started = loop.create_future()
        self._gone: asyncio.Future[None] = loop.create_future()
        self._drained: asyncio.Event = asyncio.Event()
        self._drains: asyncio.Event = asyncio.Event()
        self._terminates: asyncio.Event = asyncio.Event()
        self._continues: asyncio.Event = asyncio.Event()
        name = uuid4().hex[:16]
        paths = [str(self._program.sockets / f"{name}.{each}") for each in ("event", "control")]
        listeners = [listener_at(path) for path in paths]
        try:
            options = self._program.options(self.number, *paths)
            self._process.start(self._program, options, self._environment, self._cwd)
            await self._within(self._connected(listeners), seconds)
        except BaseException:
            await self.stop()
            raise
        finally:
            for listener, path in zip(listeners, paths, strict=True):
                listener.close()
                Path(path).unlink(missing_ok=True)

    async def _connected(self, listeners: list[socket.socket]) -> None:
        loop = asyncio.get_running_loop()
        for listener, told in zip(listeners, (self._event_line, self._control_line), strict=True):
            taken = asyncio.ensure_future(loop.sock_accept(listener))
            await self._first_of(taken)
            connection, _ = taken.result()
            make = partial(Lines, told, self._process.lost)
            transport, _ = await loop.create_unix_connection(make, sock=connection)
            self._transports.append(transport)
        await self._first_of(self._started)

    async def _first_of(self, wanted: asyncio.Future[Any]) -> None:
        """Wait for it; raises `WorkerFailed` when the process ends before."""
        await asyncio.wait({wanted, self._gone}, return_when=asyncio.FIRST_COMPLETED)
        if not wanted.done():
            wanted.cancel()
            raise WorkerFailed(self._process.last_words, self._process.was_killed)

    async def _within(self, work: Any, seconds: float) -> None:
        task, timer = asyncio.ensure_future(work), asyncio.ensure_future(MACHINE.sleep(seconds))
        try:
            await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if task.cancelled():
            raise WorkerTimedOut(f"the worker did not start within {seconds:g} s")
        task.result()

    # -- events
    def take(self, work: Work) -> None:
        """Ask it, when nobody else is to have its turn; what it says comes to `work.answer`.

        It is free when this is called.  The answer is a `WorkerFailed` when the process ends, or a
        `WorkerTimedOut` after `expire`; who waits then calls `stop`.
        """
        if self._held:
            self._next = work
        else:
            self._ask(work)

    def has(self, work: Work) -> bool:
        """Whether the work is in hand, or next."""
        return work in (self._work, self._next)

    def _ask(self, work: Work) -> None:
        self._work, self._records = work, []
        self._process.forget()  # its last words, should it end, are of this event
        self.began = work.began = time.monotonic()
        self._transports[0].write(work.frame)

    def expire(self) -> None:
        """The event in hand takes too long: it is over, and so is the worker."""
        if self._work is not None:
            self._work.records = self._records
            self._work.fail(WorkerTimedOut("no answer within the event timeout"))

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Nothing is in hand inside, and nothing is begun."""
        async with self._turn:
            self._held = True
            try:
                if self._work is not None:
                    self._idle = asyncio.get_running_loop().create_future()
                    await self._idle
                yield
            finally:
                self._held, self._idle = False, None
                if self._next is not None:
                    work, self._next = self._next, None
                    self._ask(work)

    def _nothing_in_hand(self) -> None:
        self._work, self.began = None, 0.0
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    # -- what it says
    def _event_line(self, line: bytes) -> None:
        letter = line[:1]
        if letter == b"r":
            self._answered(line)
        elif letter == b"l":
            self._record(line[1:])
        elif letter in STREAMED:
            self._streamed(letter, line)
        elif letter == b"s" and not self._started.done():
            self._started.set_result(None)

    def _answered(self, line: bytes) -> None:
        work = self._work
        if work is not None and work.stream is not None:
            return self._stream_ends(work.stream, broken=True)  # it failed on the way
        if work is None or work.answer.done():
            return  # it was given up, and the worker is being stopped
        work.took = time.monotonic() - work.began
        work.records, self._records = self._records, []
        self._nothing_in_hand()
        self.on_free()  # the next event is on its way before this answer is looked at
        work.answer.set_result(line[1:])

    def _streamed(self, letter: bytes, line: bytes) -> None:
        """A part of an answer that comes piece by piece; the worker has it in hand to its end."""
        work = self._work
        if letter == b"c":
            if work is not None and not work.answer.done():
                work.took = time.monotonic() - work.began
                work.records, self._records = self._records, []
                events = self._transports[0]
                work.stream = Stream(events.pause_reading, events.resume_reading)
                work.answer.set_result(line[1:])
        elif work is not None and work.stream is not None:
            if letter != b"b":
                return self._stream_ends(work.stream)
            try:
                work.stream.put(line[1:])
            except ValueError:  # not from Nuclio's wrapper, nor ours
                work.stream.end(broken=True)

    def _stream_ends(self, stream: Stream, *, broken: bool = False) -> None:
        self._nothing_in_hand()
        self.on_free()
        stream.end(broken=broken)

    def _record(self, text: bytes) -> None:
        try:
            record = json.loads(text)
        except ValueError:
            return
        self._logged(record)

    def _logged(self, record: dict[str, Any]) -> None:
        level = str(record.get("level", "info"))
        record["level"] = LEVELS.get(level, level)
        message = str(record.get("message", ""))
        if message == DRAINS:
            self._drains.set()
        elif message == TERMINATES:
            self._terminates.set()
        elif message == HEARD and (record.get("with") or {}).get("signal") == "SIGCONT":
            self._continues.set()
        self._records.append(record)
        self._log(record["level"], message, record.get("with") or {})

    def _control_line(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            self._log("warn", "Failed to read control message", {})
            return
        kind, said = message.get("kind"), message.get("attributes")
        if kind in DRAINED:
            self._drained.set()
        elif kind == LOGGED and isinstance(said, dict):  # what Nuclio's own has no event for
            return self._logged(said)
        self._tell_control(message)

    # -- ends
    def _ended(self) -> None:
        """The process has ended: whoever waits for it is told."""
        for transport in self._transports:
            transport.close()
        if self._work is not None and not self._work.answer.done():
            self._work.records = self._records
        for work in (self._work, self._next):
            if work is not None:
                work.fail(WorkerFailed(self._process.last_words))
        stream = self._work.stream if self._work is not None else None
        self._next = None
        self._nothing_in_hand()
        if stream is not None:  # its client has the beginning; who is next finds the worker dead
            self._stream_ends(stream, broken=True)
        self._gone.set_result(None)

    async def drain(self, seconds: float) -> None:
        """Let the function finish what it holds: its drain callback (SIGUSR2), after the event in
        hand.  Events are discarded from then on, until `resume`.  Raises TimeoutError."""
        await self._told_to_drain(seconds)
        if not self._drained.is_set():  # Nuclio's own, which says no more, in its versions to 2025
            with contextlib.suppress(TimeoutError):
                await self._one_of(SILENCE, self._drained)

    async def _told_to_drain(self, seconds: float) -> None:
        async with self._alone():
            if not (self._drained.is_set() or self._drains.is_set()):  # another would be ignored
                self._process.signal(signal.SIGUSR2)
                await self._one_of(seconds, self._drained, self._drains)

    async def resume(self) -> None:
        """Take events again (SIGCONT), from when the wrapper says that it has heard."""
        self._drained.clear()
        self._drains.clear()
        self._continues.clear()
        self._process.signal(signal.SIGCONT)
        with contextlib.suppress(TimeoutError):  # one that says nothing is believed
            await self._one_of(SILENCE, self._continues)

    async def end(self, seconds: float) -> None:
        """Let the function drain and terminate, within `seconds`, then `stop`.

        Each after the event in hand.  Source: the signals of Nuclio's public wrapper.
        """
        if self._transports and self._started.done() and self.alive:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told_to_end(seconds), seconds)
        if self._work is not None:
            said = (
                f"the worker was told to end, and {seconds:g} s later had not answered this event"
            )
            self._work.fail(WorkerFailed(f"{said} (workerTerminationTimeout)"))
        await self.stop()

    async def _told_to_end(self, seconds: float) -> None:
        await self._told_to_drain(seconds)
        async with self._alone():
            self._process.signal(signal.SIGUSR1)
            await self._one_of(seconds, self._terminates)
            if self.alive:  # Nuclio's own ends when its processor hangs up
                with contextlib.suppress(OSError):
                    self._transports[0].write_eof()
            await self._gone

    async def _one_of(self, seconds: float, *events: asyncio.Event) -> None:
        """Until one is set or the process is gone; raises TimeoutError."""
        tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(each.wait()) for each in events]
        all_of = {*tasks, self._gone}
        try:
            done, _ = await asyncio.wait(
                all_of, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in tasks:
                task.cancel()
        if not done:
            raise TimeoutError

    async def stop(self) -> None:
        """End the process and everything it started."""
        if self._process.began:
            self._process.kill()
            await asyncio.shield(self._gone)
