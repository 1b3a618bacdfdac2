"""The HTTP front over real sockets: what clients may send, and what is done with the rest."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton.localstack.front import OPEN, Front, Limits, Request, Response
from pelton.localstack.manual_clock import ManualClock

from ..tries import tries

HOST = b"Host: localhost\r\n"


class Served:
    """A front on a free port whose handler tells what it was asked."""

    def __init__(self, limits: Limits | None = None, body: int = 0) -> None:
        self.clock = ManualClock()
        self.front = Front(OPEN, self.clock, limits, body)
        self.port = self.front.bind("127.0.0.1", 0)
        self.seen: list[Request] = []
        self.answer = b""
        self.go = asyncio.Event()
        self.go.set()

    async def __aenter__(self) -> "Served":
        await self.front.serve(self._answer)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.front.close()

    async def _answer(self, request: Request) -> Response:
        self.seen.append(request)
        await self.go.wait()
        if request.path == "/stream":
            return Response(200, chunks=self._pieces())
        told = "cut" if request.cut else f"{request.method} {request.target} {len(request.body)}"
        return Response(200, [], self.answer or told.encode())

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def exchange(self, *pieces: bytes, end: bool = True) -> bytes:
        """Send the pieces one by one; everything that comes back until the server hangs up."""
        reader, writer = await self.connect()
        answer = b""
        # A server that has refused what came hangs up on what is still being sent.
        with suppress(OSError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                for _ in range(4):  # turns of the loop, in which the server reads it
                    await asyncio.sleep(0)
            if end:
                writer.write_eof()
        with suppress(ConnectionError):
            while more := await asyncio.wait_for(reader.read(1 << 16), 10):
                answer += more
        writer.close()
        return answer


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


def statuses(answer: bytes) -> list[int]:
    return [int(each) for each in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


SMUGGLED = {
    "length and chunks": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
    "one length twice": b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
    "a list of lengths": b"Content-Length: 4, 4\r\n\r\nabcd",
    "a signed length": b"Content-Length: +4\r\n\r\nabcd",
    "a length beyond all": b"Content-Length: 99999999999999999999999\r\n\r\nabcd",
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks not last": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a space before the colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded header": b"A: b\r\n c\r\n\r\n",
    "a chunk larger than it says": b"Transfer-Encoding: chunked\r\n\r\n4\r\nabcdef\r\n0\r\n\r\n",
    "bare line feeds": b"Transfer-Encoding: chunked\r\n\r\n4\nabcd\n0\n\n",
    "a zero byte": b"A: b\x00c\r\n\r\n",
}


@pytest.mark.parametrize("rest", SMUGGLED.values(), ids=SMUGGLED)
@pytest.mark.fidelity("Safety", "a request whose length is ambiguous is a 400, and the last")
def test_what_is_ambiguous_is_no_request(rest: bytes) -> None:
    async def test() -> None:
        async with Served() as served:
            hidden = b"GET /hidden HTTP/1.1\r\n" + HOST + b"\r\n"
            answer = await served.exchange(b"POST / HTTP/1.1\r\n" + HOST + rest + hidden, end=False)
            assert statuses(answer) == [400]
            assert [each for each in served.seen if each.path == "/hidden"] == []

    run(test)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\n\r\n", 200),
        (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n", 501),
        (
            b"GET / HTTP/1.1\r\n" + HOST + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            501,
        ),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 200),
        (b"GET http://h:1/x HTTP/1.1\r\n" + HOST + b"\r\n", 200),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Expect: tea\r\n\r\n", 417),
    ],
)
def test_versions_hosts_and_upgrades(request_bytes: bytes, status: int) -> None:
    async def test() -> None:
        async with Served() as served:
            assert statuses(await served.exchange(request_bytes)) == [status]
            assert len(served.seen) == (status == 200)

    run(test)


@pytest.mark.fidelity("Safety", "requests sent ahead are answered in order, a bad one last")
def test_pipelined_requests_are_answered_in_order() -> None:
    async def test() -> None:
        async with Served() as served:
            ahead = b"".join(b"GET /%d HTTP/1.1\r\n%b\r\n" % (n, HOST) for n in range(200))
            answer = await served.exchange(ahead + b"NONSENSE\r\n\r\n", end=False)
            assert statuses(answer) == [200] * 200 + [400]
            assert [each.path for each in served.seen] == [f"/{n}" for n in range(200)]

    run(test)


def test_a_client_far_ahead_is_not_read_further() -> None:
    async def test() -> None:
        async with Served(Limits(ahead=4)) as served:
            served.go.clear()
            reader, writer = await served.connect()
            one = b"POST / HTTP/1.1\r\n%bContent-Length: 65536\r\n\r\n" % HOST + b"x" * 65536
            for _ in range(400):
                writer.write(one)
            for _ in range(50):
                await asyncio.sleep(0.001)
            assert writer.transport.get_write_buffer_size() > 10_000_000
            served.go.set()
            writer.write_eof()
            assert len(statuses(await asyncio.wait_for(reader.read(), 30))) == 400
            writer.close()

    run(test)


@pytest.mark.fidelity("Safety", "a body shorter than its length is a 400, a dripping one a 408")
def test_bodies_that_lie_about_their_length() -> None:
    async def test() -> None:
        async with Served() as served:
            head = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\n"
            assert statuses(await served.exchange(head + b"short")) == [400]
            assert served.seen == []
            longer = head + b"0123456789GET /next HTTP/1.1\r\n" + HOST + b"\r\n"
            assert statuses(await served.exchange(longer)) == [200, 200]
            assert statuses(await served.exchange(head + b"0123456789more")) == [200, 400]

    run(test)


@pytest.mark.parametrize("begun", [b"GET /", b"GET / HTTP/1.1\r\nHost: x\r\nA: b"])
@pytest.mark.fidelity("Safety", "headers that drip are a 408 after thirty seconds")
def test_headers_that_drip(begun: bytes) -> None:
    async def test() -> None:
        async with Served() as served:
            reader, writer = await served.connect()
            writer.write(begun)
            for _ in range(4):
                await asyncio.sleep(0.01)
                await served.clock.advance(6)
                writer.write(b"x")
            await served.clock.advance(10)
            assert statuses(await asyncio.wait_for(reader.read(), 10)) == [408]
            writer.close()

    run(test)


def test_a_body_may_take_long_as_long_as_it_comes() -> None:
    async def test() -> None:
        async with Served() as served:
            reader, writer = await served.connect()
            size = 200 * 1024
            writer.write(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % size)
            for _ in range(5):
                writer.write(b"x" * (size // 5))
                await asyncio.sleep(0.01)
                await served.clock.advance(29)
            assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 200")
            writer.write(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % size)
            for _ in range(7):
                writer.write(b"x")
                await asyncio.sleep(0.01)
                await served.clock.advance(5)
            assert b"HTTP/1.1 408" in await asyncio.wait_for(reader.read(), 10)
            writer.close()

    run(test)


@pytest.mark.parametrize("piece", [100_100, 60_000, 9_000])
@pytest.mark.fidelity("Safety", "headers beyond 64 KB are a 431")
def test_huge_headers(piece: int) -> None:
    async def test() -> None:
        async with Served() as served:
            whole = b"GET / HTTP/1.1\r\n" + HOST + b"A: " + b"x" * 100_000 + b"\r\n\r\n"
            pieces = [whole[at : at + piece] for at in range(0, len(whole), piece)]
            assert statuses(await served.exchange(*pieces)) == [431]

    run(test)


@pytest.mark.fidelity("Safety", "a body over the limit is thrown away while it arrives")
@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_over_the_limit_is_not_kept(chunked: bool) -> None:
    async def test() -> None:
        async with Served(body=2_000_000) as served:
            head = b"POST /big HTTP/1.1\r\n" + HOST
            body = b"x" * 3_000_000
            if chunked:
                head += b"Transfer-Encoding: chunked\r\n\r\n"
                body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
            else:
                head += b"Content-Length: %d\r\n\r\n" % len(body)
            again = b"GET /next HTTP/1.1\r\n" + HOST + b"\r\n"
            answer = await served.exchange(head, body, again)
            assert statuses(answer) == [200, 200]
            assert answer.endswith(b"GET /next 0") and b"cut" in answer
            assert served.seen[0].body == b""

    run(test)


def test_a_refused_body_has_an_end() -> None:
    async def test() -> None:
        async with Served(Limits(discarded=1_000_000), body=1_000_000) as served:
            head = b"POST /big HTTP/1.1\r\n" + HOST + b"Content-Length: 90000000\r\n\r\n"
            reader, writer = await served.connect()
            writer.write(head)
            for _ in range(40):
                writer.write(b"x" * 100_000)
                await asyncio.sleep(0)
            assert statuses(await asyncio.wait_for(reader.read(), 10)) == [413]
            writer.close()

    run(test)


def test_bodies_together_have_a_limit() -> None:
    async def test() -> None:
        async with Served(Limits(held=1_500_000)) as served:
            head = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1200000\r\n\r\n"
            reader, writer = await served.connect()
            writer.write(head + b"x" * 1_000_000)
            while served.front.held < 500_000:
                await asyncio.sleep(0.001)
            assert statuses(await served.exchange(head + b"x" * 1_100_000, end=False)) == [503]
            writer.write(b"x" * 200_000)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            assert served.front.held == 0
            writer.close()

    run(test)


@pytest.mark.fidelity("Safety", "100-continue is said before the body, a refusal instead of it")
def test_expect_continue() -> None:
    async def test() -> None:
        async with Served(body=2_000_000) as served:
            reader, writer = await served.connect()
            head = b"POST / HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\n"
            writer.write(head + b"Content-Length: 2\r\n\r\n")
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"{}")
            assert await reader.readuntil(b"POST / 2")
            writer.write(head + b"Content-Length: 9000000\r\n\r\n")
            answer = await asyncio.wait_for(reader.read(), 10)
            assert statuses(answer) == [200] and answer.endswith(b"cut")
            writer.close()

    run(test)


def test_connections_have_a_limit_and_the_idle_make_room() -> None:
    async def test() -> None:
        async with Served(Limits(connections=3)) as served:
            idle = [await served.connect() for _ in range(3)]
            ask = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
            assert statuses(await served.exchange(ask)) == [200]
            assert await asyncio.wait_for(idle[0][0].read(), 10) == b""
            served.go.clear()
            busy = [await served.connect() for _ in range(3)]
            for _, writer in busy:
                writer.write(ask)
            while len(served.seen) < 4:
                await asyncio.sleep(0.001)
            assert statuses(await served.exchange(ask, end=False)) == [503]
            served.go.set()
            for reader, writer in busy:
                assert (await reader.readline()).startswith(b"HTTP/1.1 200")
                writer.close()
            for _, writer in idle:
                writer.close()

    run(test)


def test_who_does_not_read_its_answer_is_left() -> None:
    async def test() -> None:
        async with Served() as served:
            _, writer = await served.connect()
            served.answer = b"x" * 30_000_000
            writer.write(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
            while not served.seen:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.05)
            await served.clock.advance(130)
            assert not served.front.connections
            writer.close()

    run(test)


def test_an_end_loses_no_request() -> None:
    """What has come is answered, also what came before anybody had looked at its connection."""

    async def test() -> None:
        async with Served() as served:
            first, second = [await served.connect() for _ in range(2)]
            first[1].write(b"GET /first HTTP/1.1\r\n" + HOST + b"\r\n")
            await first[0].readuntil(b"GET /first 0")
            served.go.clear()
            second[1].write(b"GET /second HTTP/1.1\r\n" + HOST + b"\r\n")
            while len(served.seen) < 2:
                await asyncio.sleep(0)
            with socket.create_connection(("127.0.0.1", served.port)) as third:
                third.sendall(b"GET /third HTTP/1.1\r\n" + HOST + b"\r\n")
                third.setblocking(False)
                drained = asyncio.create_task(served.front.drain(30))
                while len(served.seen) < 3:
                    await asyncio.sleep(0)
                first[1].write(2 * (b"GET /again HTTP/1.1\r\n" + HOST + b"\r\n"))
                while len(served.seen) < 4:
                    await asyncio.sleep(0)
                served.go.set()
                loop = asyncio.get_running_loop()
                answers = [await each[0].read() for each in (first, second)]
                answers.append(await loop.sock_recv(third, 1 << 16))
            assert [statuses(each) for each in answers] == [[200, 200], [200], [200]]
            assert [each.count(b"Connection: close") for each in answers] == [1, 1, 1]
            assert await drained == 0
            with pytest.raises(ConnectionRefusedError):
                await served.connect()
            for _, writer in (first, second):
                writer.close()

    run(test)


def test_an_end_waits_for_so_long_and_no_longer() -> None:
    async def test() -> None:
        async with Served() as served:
            idle, busy = [await served.connect() for _ in range(2)]
            served.go.clear()
            busy[1].write(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
            while not served.seen:
                await asyncio.sleep(0)
            drained = asyncio.create_task(served.front.drain(30))
            await asyncio.sleep(0)
            await served.clock.advance(1)
            assert await idle[0].read() == b"", "who asks nothing is left after a moment"
            await served.clock.advance(30)
            assert await drained == 1
            for _, writer in (idle, busy):
                writer.close()

    run(test)


def test_an_old_client_gets_no_chunks() -> None:
    async def test() -> None:
        async with Served() as served:
            new = await served.exchange(b"GET /stream HTTP/1.1\r\n" + HOST + b"\r\n")
            assert new.endswith(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
            old = await served.exchange(b"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert old.endswith(b"\r\n\r\nonetwo") and b"chunked" not in old

    run(test)


@settings(max_examples=tries(60), deadline=None)
@given(
    bodies=st.lists(st.binary(max_size=300), min_size=1, max_size=5),
    cuts=st.lists(st.integers(1, 60), min_size=1, max_size=20),
    chunked=st.booleans(),
)
def test_requests_are_the_same_however_they_are_cut(
    bodies: list[bytes], cuts: list[int], chunked: bool
) -> None:
    """The bytes of several requests, in any pieces, are the same requests."""

    def encoded(body: bytes) -> bytes:
        if not chunked:
            return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        pieces = [body[i : i + 7] for i in range(0, len(body), 7)]
        framed = b"".join(b"%x;e=1\r\n%b\r\n" % (len(each), each) for each in pieces)
        return b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\nT: u\r\n\r\n"

    sent = b"".join(b"POST /p HTTP/1.1\r\n" + HOST + encoded(body) for body in bodies)
    pieces: list[bytes] = []
    at = 0
    while at < len(sent):
        size = cuts[len(pieces) % len(cuts)]
        pieces.append(sent[at : at + size])
        at += size

    async def test() -> None:
        async with Served() as served:
            answer = await served.exchange(*pieces)
            assert statuses(answer) == [200] * len(bodies)
            assert [each.body for each in served.seen] == bodies

    run(test)


@settings(max_examples=tries(150), deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                b"GET / HTTP/1.1\r\n",
                b"POST /a HTTP/1.1\r\n",
                HOST,
                b"\r\n",
                b"Content-Length: 3\r\n",
                b"Transfer-Encoding: chunked\r\n",
                b"Connection: close\r\n",
                b"Expect: 100-continue\r\n",
                b"3\r\nabc\r\n",
                b"0\r\n\r\n",
                b"\x00\xff",
                b"abc",
                b"HTTP/1.1\n",
            ]
        ),
        max_size=12,
    )
)
def test_no_bytes_hang_or_break_the_front(pieces: list[bytes]) -> None:
    async def test() -> None:
        async with Served() as served:
            answer = await served.exchange(*pieces)
            assert all(each in (100, 200, 400, 417) for each in statuses(answer))

    run(test)
