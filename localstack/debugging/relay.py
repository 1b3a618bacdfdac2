"""The one port of a function's debugger, whichever process of it is there.

A client that comes while none is waits for the next; one whose process ends (its code was saved)
is told so by the protocol's own event, which asks it to come back.  Bytes are passed on as they
are.  Source: the Debug Adapter Protocol's base protocol, and its event `terminated`.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

HOST = "127.0.0.1"
# How every message begins.  What a web page can send to a port of this machine does not.
FIRST = b"content-length:"
ENDED = b'"terminated"'
PIECE = 1 << 16


class Relay:
    """Listens on one port from `open` to `close`.

    port: 0 takes a free one; the one it has, once it is open
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self._behind = 0  # the port of the debugger that is there; 0 for none
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Raises OSError when the port cannot be had."""
        self._server = await asyncio.start_server(self._come, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def lead_to(self, port: int) -> None:
        """Clients that come, and those that wait, get to this port; 0: they wait."""
        self._behind = port
        self._changed.set()

    async def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            await self._serve(reader, writer)
        except OSError:
            pass  # it has hung up
        finally:
            self._clients.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = b""
        while len(first) < len(FIRST):
            piece = await reader.read(PIECE)
            if not piece:
                return
            first += piece
        if not first.lower().startswith(FIRST):
            return
        behind, to_it = await self._debugger()
        to_it.write(first)
        there = asyncio.ensure_future(_pass_on(reader, to_it))
        back = asyncio.ensure_future(_pass_on(behind, writer))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            if back.done() and not there.done() and not back.result():
                writer.write(come_back())
                await writer.drain()
        finally:
            for each in (there, back):
                each.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            to_it.close()

    async def _debugger(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the one that is there, once there is one."""
        while True:
            self._changed.clear()
            if self._behind:
                with suppress(OSError):  # its process has just ended
                    return await asyncio.open_connection(HOST, self._behind)
            await self._changed.wait()

    def close(self) -> None:
        """Listen no more; clients are hung up on."""
        for each in self._clients:
            each.cancel()
        if self._server is not None:
            self._server.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Until the end; whether a debugger said that it comes."""
    said, last = False, b""
    with suppress(OSError):
        while piece := await reader.read(PIECE):
            said = said or ENDED in last + piece
            last = piece[-len(ENDED) :]
            writer.write(piece)
            await writer.drain()
    return said


def come_back() -> bytes:
    """The event that a session is over and that its client may begin another at once.

    >>> come_back()[:20]
    b'Content-Length: 77\\r\\n'
    """
    event = {"seq": 0, "type": "event", "event": "terminated", "body": {"restart": True}}
    body = json.dumps(event).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
