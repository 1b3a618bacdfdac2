"""One subscription at work: what the journal tells is gathered, and delivered in order.

Delivery is a task of its own: it never makes an invocation wait, it tries again with a growing
pause while nobody listens, and what a subscriber cannot take is dropped and told as
platform.logsDropped.  Sources: AWS's "Telemetry API" and "Logs API" pages.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from ...clock import MACHINE, Timer
from .buffers import Buffer
from .events import Record, dropped, iso
from .subscriptions import Subscription

# Seconds between two attempts to deliver a batch: the first, and the longest.
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
_OF_THE_LOGS_API = frozenset(
    f"platform.{name}"
    for name in (
        "start", "end", "report", "fault", "extension", "logsSubscription", "logsDropped",
        "runtimeDone",
    )
)  # fmt: skip
_NOT_OF_TELEMETRY = ("platform.end", "platform.fault")


class NotTaken(Exception):
    """The listener answered with an error."""


class Subscriber:
    """`journal.Subscriber` for one subscription.

    address: where the sandbox's listeners are (AWS's sandbox.localdomain)
    json_lines: whether the function logs in JSON
    """

    def __init__(self, name: str, wanted: Subscription, address: str, json_lines: bool) -> None:
        self.name, self.wanted = name, wanted
        self._address = address
        self._objects = json_lines and wanted.has_objects
        self._buffer = Buffer(wanted.max_bytes, wanted.max_items)
        self._timer: Timer | None = None
        self._sender: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None  # of a TCP destination
        self._closed = False

    # -- what is told
    def line(self, source: str, at: int, message: bytes) -> None:
        if source in self.wanted.types:
            self._add(source, self._text(message), at)

    def event(self, kind: str, record: Record, at: int) -> None:
        if "platform" not in self.wanted.types:
            return
        if self.wanted.api == "telemetry":
            if kind not in _NOT_OF_TELEMETRY:
                self._add(kind, record, at)
        elif kind in _OF_THE_LOGS_API:
            if kind != "platform.runtimeDone" or self.wanted.has_runtime_done:
                self._add(kind, record.get("fault", record), at)

    def _text(self, message: bytes) -> Any:
        text = message.decode("utf-8", "replace")
        if self._objects and text.startswith("{"):
            with contextlib.suppress(ValueError, RecursionError):
                return json.loads(text)
        return text

    def _add(self, kind: str, record: Any, at: int) -> None:
        if self._closed:
            return
        told = {"time": iso(at), "type": kind, "record": record}
        if self._buffer.add(json.dumps(told, separators=(",", ":")).encode()):
            self._stop_timer()
            self._timer = MACHINE.call_later(self.wanted.timeout_ms / 1000, self.flush)
        if self._buffer.has_whole:
            self._send()

    # -- what is delivered
    def flush(self) -> None:
        """Deliver what has gathered."""
        self._stop_timer()
        self._buffer.close_batch()
        self._send()

    async def drained(self) -> None:
        """Come back when everything told is delivered."""
        self.flush()
        while not self._closed and self._sender is not None:
            await asyncio.wait([self._sender])
            self.flush()

    def close(self) -> None:
        """Deliver nothing more."""
        self._closed = True
        self._stop_timer()
        if self._sender is not None:
            self._sender.cancel()
        if self._writer is not None:
            self._writer.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _send(self) -> None:
        if self._sender is None and self._buffer.has_whole and not self._closed:
            self._sender = asyncio.get_running_loop().create_task(self._deliver_all())
            self._sender.add_done_callback(self._sent)

    def _sent(self, sender: asyncio.Task[None]) -> None:
        self._sender = None
        records, size = self._buffer.take_dropped()
        if records:
            self.event(*dropped(records, size), int(MACHINE.time() * 1000))

    async def _deliver_all(self) -> None:
        while (batch := self._buffer.take()) is not None:
            pause = FIRST_PAUSE
            while not await self._delivered(batch):
                await MACHINE.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _delivered(self, batch: list[bytes]) -> bool:
        try:
            await (self._post(batch) if self.wanted.method else self._write(batch))
        except (OSError, NotTaken, EOFError, asyncio.LimitOverrunError):
            return False
        return True

    async def _post(self, batch: list[bytes]) -> None:
        """One request a batch: an array of events."""
        body = b"[" + b",".join(batch) + b"]"
        head = (
            f"{self.wanted.method} {self.wanted.path} HTTP/1.1\r\n"
            f"Host: sandbox.localdomain:{self.wanted.port}\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection(self._address, self.wanted.port)
        try:
            writer.write(head.encode() + body)
            await writer.drain()
            status = (await reader.readline()).split()
            if len(status) < 2 or not status[1].startswith(b"2"):
                raise NotTaken(repr(status))
            await reader.readuntil(b"\r\n\r\n")
        finally:
            writer.close()

    async def _write(self, batch: list[bytes]) -> None:
        """One connection for all: an event a line."""
        if self._writer is None or self._writer.is_closing():
            _, self._writer = await asyncio.open_connection(self._address, self.wanted.port)
        self._writer.write(b"\n".join(batch) + b"\n")
        await self._writer.drain()
