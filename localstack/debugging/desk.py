"""Where processes that are debugged say how far they are: a port of this machine, lines of JSON.

Each is expected by a token that only it was given; what else connects is not heard.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from typing import NamedTuple

LINE = 1 << 16


class Listening(NamedTuple):
    """A debugger that takes clients: its port, and where its function's code is in its process."""

    port: int
    root: str


class Refused(Exception):
    """No debugger could be started in a process, in its words."""


class Expected:
    """One process that will say something.

    tell:  called when it listens
    heard: what it said; fails with `Refused`
    """

    def __init__(self, tell: Callable[[Listening], None]) -> None:
        self._tell = tell
        self.token = secrets.token_hex(16)
        self.heard: asyncio.Future[Listening] = asyncio.get_running_loop().create_future()

    def take(self, said: dict[str, object]) -> None:
        if self.heard.done():
            return
        if "refused" in said:
            self.heard.set_exception(Refused(str(said["refused"])))
            self.heard.exception()  # it may be that nobody asks
        else:
            listening = Listening(int(str(said["port"])), str(said["root"]))
            self._tell(listening)
            self.heard.set_result(listening)


class Desk:
    """Hears them.  It listens from the first that is expected on."""

    def __init__(self) -> None:
        self._expected: dict[str, Expected] = {}
        self._server: asyncio.Server | None = None
        self._opening = asyncio.Lock()
        self.address: tuple[str, int] = ("127.0.0.1", 0)

    async def open(self) -> None:
        async with self._opening:
            if self._server is None:
                self._server = await asyncio.start_server(
                    self._hear, self.address[0], 0, limit=LINE
                )
                self.address = self._server.sockets[0].getsockname()[:2]

    def expect(self, tell: Callable[[Listening], None]) -> Expected:
        """Another process that was not heard of yet."""
        expected = Expected(tell)
        self._expected[expected.token] = expected
        return expected

    def forget(self, expected: Expected) -> None:
        self._expected.pop(expected.token, None)

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                said = json.loads(line)
                expected = self._expected.get(str(said["token"]))
                if expected is not None:
                    expected.take(said)
        except (ValueError, KeyError, TypeError, ConnectionError):
            pass  # it is none of ours, or has been killed
        finally:
            writer.close()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
