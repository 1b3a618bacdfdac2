"""One worker process as the processor sees it: start it, give it one event, hear its answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.resources import as_file, files
from typing import Any

from ..clock import MACHINE
from . import wire

LINE_LIMIT = 64 * 1024 * 1024
KEEP_OUTPUT = 1 << 20


class WorkerFailed(Exception):
    """The worker process ended; the message is what it last said."""


class WorkerTimedOut(Exception):
    """The event took longer than the function's event timeout."""


class Worker:
    """A process that runs one function for one trigger, one event at a time.

    given: what worker_child.py reads from its argument, short of the channel
    log:   called with (level, message, fields) for every line the function logs or prints
    """

    def __init__(
        self,
        given: Mapping[str, Any],
        environment: Mapping[str, str],
        cwd: str,
        log: Callable[[str, str, Mapping[str, Any]], None],
    ) -> None:
        self._given, self._environment, self._cwd = given, environment, cwd
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._read_end = -1
        self._said = bytearray()
        self._records: list[dict[str, Any]] = []
        self._ready = False
        self._turn = asyncio.Lock()  # who listens: the event in hand, or the end

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self, seconds: float) -> None:
        """Start the process and wait for its `s`; raises `WorkerFailed` or `WorkerTimedOut`."""
        ours, theirs = socket.socketpair()
        read_end, write_end = os.pipe()
        with theirs, as_file(files(__package__) / "worker_child.py") as program:
            given = json.dumps({**self._given, "channel": theirs.fileno()})
            self._process = subprocess.Popen(
                [sys.executable, "-S", "-s", "-E", "-u", str(program), given],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                env=dict(self._environment),
                cwd=self._cwd,
                start_new_session=True,
            )
        os.close(write_end)
        os.set_blocking(read_end, False)
        self._read_end = read_end
        asyncio.get_running_loop().add_reader(read_end, self._read_output)
        self._reader, self._writer = await asyncio.open_connection(sock=ours, limit=LINE_LIMIT)
        await self._within(self._line("s"), seconds)
        self._ready = True

    async def call(self, event: Mapping[str, Any], seconds: float | None) -> wire.Reply:
        """Give the worker one event; raises `WorkerFailed`, `WorkerTimedOut` (it is then gone)."""
        import msgpack

        async with self._turn:
            self._records = []
            self._said.clear()  # its last words, should it end, are of this event
            try:
                self._writer.write(wire.frame(msgpack.packb(event)))
                text = await self._within(self._line("r"), seconds)
            except (ConnectionError, WorkerFailed):
                await self.stop()
                raise WorkerFailed(self._last_words()) from None
            return wire.reply(text)

    def take_records(self) -> list[dict[str, Any]]:
        """The log records of the last event."""
        records, self._records = self._records, []
        return records

    async def _within(self, work: Any, seconds: float | None) -> bytes:
        task = asyncio.ensure_future(work)
        if seconds is None:
            return bytes(await task)
        timer = asyncio.ensure_future(MACHINE.sleep(seconds))
        await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
        timer.cancel()
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, WorkerFailed):
                await task
            await self.stop()
            raise WorkerTimedOut(f"no answer within {seconds:g} s")
        return bytes(task.result())

    async def _line(self, letter: str) -> bytes:
        """The text of the next line with that letter; log lines on the way are passed on."""
        while True:
            line = await self._reader.readline()
            if not line:
                await self._ended()
                raise WorkerFailed(self._last_words())
            kind, text = line[:1].decode(), line[1:].rstrip(b"\n")
            if kind == letter:
                return text
            if kind == "l":
                record = json.loads(text)
                self._records.append(record)
                self._log(record["level"], record["message"], record.get("with") or {})

    def _read_output(self) -> None:
        """Prints of the function become lines of its log; never waits.

        The descriptor is read and closed here: uvloop's own pipe transport closes it twice, and
        the second time it may be somebody else's.
        """
        while self._read_end >= 0:
            try:
                data = os.read(self._read_end, 1 << 16)
            except BlockingIOError:
                return
            if not data:
                return self._close_output()
            self._printed(data)

    def _close_output(self) -> None:
        if self._read_end >= 0:
            asyncio.get_running_loop().remove_reader(self._read_end)
            os.close(self._read_end)
            self._read_end = -1

    def _printed(self, data: bytes) -> None:
        self._said += data
        del self._said[: max(0, len(self._said) - KEEP_OUTPUT)]
        for line in data.decode("utf-8", "replace").splitlines():
            if line:
                self._log("info", line[:4096], {})

    def _last_words(self) -> str:
        said = self._said.decode("utf-8", "replace").strip()
        code = self._process.poll() if self._process else None
        return f"the worker process ended with code {code}" + (f":\n{said[-4000:]}" if said else "")

    async def _ended(self) -> None:
        if self._process is not None:
            await asyncio.to_thread(self._process.wait)
        # What it has printed is there; a process of its own that lives on may hold the other end.
        self._read_output()
        self._close_output()

    async def end(self, seconds: float) -> None:
        """Let the function drain and terminate, within `seconds`, then `stop`."""
        if self._ready and self.alive:
            with contextlib.suppress(WorkerFailed, WorkerTimedOut):
                await self._within(self._told_to_end(), seconds)
        await self.stop()

    async def _told_to_end(self) -> bytes:
        """Drain (SIGUSR2), then terminate (SIGUSR1), each after the event in hand.

        Source: the signals of Nuclio's public wrapper.
        """
        self._signal(signal.SIGUSR2)
        async with self._turn:
            await self._line("d")
            self._signal(signal.SIGUSR1)
            return await self._line("")  # until it is gone

    def _signal(self, number: int) -> None:
        if self._process is not None and self.alive:
            self._process.send_signal(number)

    async def stop(self) -> None:
        """End the process and everything it started."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._ended()
        if hasattr(self, "_writer"):
            self._writer.close()
