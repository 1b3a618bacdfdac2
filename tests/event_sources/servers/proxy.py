"""A way to a server that can be cut: every connection through it ends at once; or that is long."""

from __future__ import annotations

import asyncio
import contextlib


class Proxy:
    """Listens on a port of its own, for the server on `port`.

    seconds:   that each word of the server is on its way, and its end
    unnoticed: seconds after a cut in which the server does not hear of it
    """

    def __init__(self, port: int, seconds: float = 0.0, unnoticed: float = 0.0) -> None:
        self._target, self.port, self.cuts = port, 0, 0
        self._seconds, self._unnoticed = seconds, unnoticed
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def cut(self) -> None:
        """End every connection that there is now, in the middle of what it says."""
        self.cuts += 1
        for each in self._writers:
            each.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(OSError):
            theirs, to_them = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers |= {writer, to_them} if not self._unnoticed else {writer}
            await asyncio.gather(
                _pump(reader, to_them, last=self._unnoticed),
                _pump(theirs, writer, self._seconds, last=self._seconds),
            )
            self._writers -= {writer, to_them}


async def _pump(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    seconds: float = 0.0,
    *,
    last: float,
) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            await asyncio.sleep(seconds)
            writer.write(data)
            await writer.drain()
    await asyncio.sleep(last)  # that it ends is a word as well
    writer.transport.abort()
