"""The one port of a function's debugger, whichever process of it is there.

A client that comes while none is waits for the next.  One whose process ends, by itself or because
new code takes its place, is asked by the protocol's own event to come back at once; all else is
passed on as it is.  Source: the Debug Adapter Protocol's base protocol, and its event `terminated`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress

HOST = "127.0.0.1"
# How a message begins.  What a web page can send to a port of this machine does not.
_HEAD = re.compile(rb"(?i)content-length: *(\d{1,8})\r\n(?:[!-9;-~]+:[^\r\n]*\r\n)*\r\n")
_ENDS = (b'"disconnect"', b'"terminate"')  # the requests


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
        except (OSError, asyncio.CancelledError):
            pass  # it has hung up, or is hung up on by `close`: nobody awaits this task
        finally:
            self._clients.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = messages(reader)
        first = await anext(asked, None)
        if first is None:
            return
        answers, to_it = await self._debugger()
        session = _Session(to_it, writer)
        await session.ask(first)
        there = asyncio.ensure_future(session.pass_asked(asked))
        back = asyncio.ensure_future(session.pass_answers(messages(answers)))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
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


class _Session:
    """A client and the debugger that it has got to."""

    def __init__(self, to_debugger: asyncio.StreamWriter, to_client: asyncio.StreamWriter) -> None:
        self._to_debugger, self._to_client = to_debugger, to_client
        self._over = False  # the client has asked for the end, or has been told of it

    async def pass_asked(self, asked: AsyncIterator[bytes]) -> None:
        async for each in asked:
            await self.ask(each)

    async def ask(self, message: bytes) -> None:
        self._over = self._over or any(end in message for end in _ENDS)
        with suppress(OSError):  # its process has just ended, which `pass_answers` tells
            self._to_debugger.write(message)
            await self._to_debugger.drain()

    async def pass_answers(self, answers: AsyncIterator[bytes]) -> None:
        async for each in answers:
            if not self._over and is_end(each):
                await self._ask_back()
            else:
                self._to_client.write(each)
                await self._to_client.drain()
        if not self._over:
            await self._ask_back()

    async def _ask_back(self) -> None:
        self._over = True
        self._to_client.write(come_back())
        await self._to_client.drain()


async def messages(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Each whole message; ends with the connection, and at what is no message."""
    with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            found = _HEAD.fullmatch(head)
            if found is None:
                return
            yield head + await reader.readexactly(int(found[1]))


def is_end(message: bytes) -> bool:
    """Whether a message says that the session is over.

    >>> is_end(come_back()), is_end(b'Content-Length: 2' + b'{}')
    (True, False)
    """
    if b'"terminated"' not in message:
        return False
    said = json.loads(message[message.index(b"{") :])
    return bool(said.get("event") == "terminated")


def come_back() -> bytes:
    """The event that a session is over and that its client may begin another at once.

    >>> come_back()[:20]
    b'Content-Length: 77\\r\\n'
    """
    event = {"seq": 0, "type": "event", "event": "terminated", "body": {"restart": True}}
    body = json.dumps(event).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
