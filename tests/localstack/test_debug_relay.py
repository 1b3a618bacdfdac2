"""The one port of a debugger: who gets to which process, and what its client is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pelton.localstack.debugging.relay import HOST, Relay, come_back

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def message(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


HELLO, DISCONNECT = message(b'{"command":"hello"}'), message(b'{"command":"disconnect"}')
TERMINATED = message(b'{"event": "terminated", "body": {}}')


class Debugger:
    """What is behind the port: it keeps what it was asked, and says what a test lets it say."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[tuple[bytes, asyncio.StreamWriter]] = asyncio.Queue()

    async def open(self) -> int:
        self._server = await asyncio.start_server(self._come, HOST, 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(4096):
                self.asked.put_nowait((piece, writer))
        except asyncio.CancelledError:
            pass  # the scene is over
        finally:
            writer.close()

    def close(self) -> None:
        self._server.close()


Scene = Callable[[Relay, Debugger, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def play(scene: Scene) -> None:
    """A client of a relay, and a debugger that the relay does not lead to yet."""

    async def all_of_it() -> None:
        relay, debugger = Relay(0), Debugger()
        faults: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
        await relay.open()
        reader, writer = await asyncio.open_connection(HOST, relay.port)
        try:
            async with asyncio.timeout(60):
                await scene(relay, debugger, reader, writer)
        finally:
            writer.close()
            relay.close()
            debugger.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for each in others:
                each.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            for _ in range(3):  # turns of the loop, in which transports close
                await asyncio.sleep(0)
        assert faults == []

    asyncio.run(all_of_it())


def test_who_comes_before_a_debugger_waits_for_it() -> None:
    async def scene(
        relay: Relay, debugger: Debugger, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(HELLO)
        port = await debugger.open()
        debugger.close()
        relay.lead_to(port)  # one that has just ended
        relay.lead_to(await debugger.open())
        asked, back = await debugger.asked.get()
        assert asked == HELLO
        back.write(HELLO)
        assert await reader.readexactly(len(HELLO)) == HELLO

    play(scene)


@pytest.mark.parametrize("last", [TERMINATED, b""])
def test_a_client_whose_process_ends_is_asked_back_once(last: bytes) -> None:
    async def scene(
        relay: Relay, debugger: Debugger, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        relay.lead_to(await debugger.open())
        writer.write(HELLO)
        _, back = await debugger.asked.get()
        back.write(HELLO + last)
        back.close()
        assert await reader.read() == HELLO + come_back()

    play(scene)


def test_who_is_there_when_it_closes_is_hung_up_on() -> None:
    async def scene(
        relay: Relay, debugger: Debugger, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        relay.lead_to(await debugger.open())
        writer.write(HELLO)
        await debugger.asked.get()
        relay.close()
        assert await reader.read() == b""

    play(scene)


def test_a_client_that_leaves_is_not_asked_back() -> None:
    async def scene(
        relay: Relay, debugger: Debugger, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        relay.lead_to(await debugger.open())
        writer.write(DISCONNECT)
        _, back = await debugger.asked.get()
        back.write(TERMINATED)
        back.close()
        assert await reader.read() == TERMINATED

    play(scene)


@pytest.mark.parametrize(
    "sent",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(HELLO), HELLO),
        b"Content-Length: many\r\n\r\n",
        b"x" * 200_000,
    ],
)
def test_what_is_no_message_reaches_nobody(sent: bytes) -> None:
    async def scene(
        relay: Relay, debugger: Debugger, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        relay.lead_to(await debugger.open())
        writer.write(sent)
        writer.write_eof()
        try:
            assert await reader.read() == b""
        except ConnectionError:
            pass  # hung up on before all was read
        assert debugger.asked.empty()

    play(scene)
