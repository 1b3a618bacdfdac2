"""A client of a WebSocket server, against a real one in another process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

import pelton
from pelton import testing
from pelton.bridge.bridge import Way, delivery
from pelton.bridge.callers import Call
from pelton.bridge.payload import answers_of
from pelton.event_sources import Away, Backoff, Delivery, Message, Rules, WrongSource
from pelton.event_sources.sources.websocket import WebSocket
from pelton.handlers.errors import WrongUse

from ..ports import free_port
from .bench import Bench, Seen, keyed, until
from .promises import PromiseTests
from .servers.websocket import WebSocketServer

_numbers = count()


class WebSocketBench:
    """A topic of the server, and a file of dead letters."""

    def __init__(self, server: WebSocketServer, folder: Path) -> None:
        self.server, self.name = server, f"orders{next(_numbers)}"
        self.dead = str(folder / "dead.jsonl")
        self.kill, self.start = server.kill, server.start

    def source(self, lease: float = 30.0) -> WebSocket:
        return WebSocket(f"{self.server.url}/topic/{self.name}", ping=4)

    async def publish(self, bodies: Iterable[tuple[str, bytes]]) -> None:
        async with connect(f"{self.server.url}/publish/{self.name}", proxy=None) as client:
            for _, body in bodies:
                await client.send(body)
                await client.recv()

    async def letters(self) -> list[tuple[bytes, Mapping[str, str]]]:
        lines = [json.loads(line) for line in Path(self.dead).read_text().splitlines()]
        return [(line["body"].encode(), _as_headers(line)) for line in lines]


def _as_headers(line: Mapping[str, Any]) -> dict[str, str]:
    return {f"dead-letter-{name}": str(value) for name, value in line.items()}


class TestWebSocket(PromiseTests):
    promises = WebSocket.promises

    @pytest.fixture
    def bench(self, websocket_server: WebSocketServer, tmp_path: Path) -> Bench:
        return WebSocketBench(websocket_server, tmp_path)


def heard(source: WebSocket, many: int) -> list[Message]:
    """The first messages; the source is closed then."""

    async def run() -> list[Message]:
        found = list[Message]()
        try:
            await source.open()
            while len(found) < many:
                found += await source.receive(many - len(found), 30)
        finally:
            await source.close()
        return found

    return asyncio.run(run())


def test_texts_and_bytes_come_as_they_were_sent(websocket_server: WebSocketServer) -> None:
    for said, kind in (("grüße", "text"), (b"\xff\x00", "binary")):
        (message,) = heard(WebSocket(f"{websocket_server.url}/echo", subscribe=said), 1)
        assert message.body == (said.encode() if isinstance(said, str) else said)
        assert message.headers == {"message-type": kind}
        assert message.topic == message.lane == f"{websocket_server.url}/echo"


def test_it_says_again_what_it_wants_after_each_connecting(
    websocket_server: WebSocketServer,
) -> None:
    async def run() -> None:
        for _ in range(2):
            await source.open()
            found.extend(await source.receive(1, 30))
            await source.close()

    found = list[Message]()
    source = WebSocket(f"{websocket_server.url}/echo", subscribe="trades", ordered=False)
    asyncio.run(run())
    assert [(each.body, each.lane) for each in found] == [(b"trades", "")] * 2
    assert found[0].id != found[1].id


def test_who_we_are_and_what_is_asked_comes_there(websocket_server: WebSocketServer) -> None:
    address = f"127.0.0.1:{websocket_server.port}/headers?token=t"
    by_url = heard(WebSocket(f"ws://me:secret@{address}"), 2)
    by_header = heard(WebSocket(f"ws://{address}", headers={"Authorization": "Bearer b"}), 2)
    assert [each.body for each in by_url] == [b"Basic bWU6c2VjcmV0", b"/headers?token=t"]
    assert [each.body for each in by_header] == [b"Bearer b", b"/headers?token=t"]
    assert by_url[0].topic == f"{websocket_server.url}/headers"


def test_a_slow_handler_leaves_what_waits_to_the_server(websocket_server: WebSocketServer) -> None:
    async def run() -> None:
        source = WebSocket(f"{websocket_server.url}/flood/500/10000", buffer=10)
        await source.open()
        found = list[int]()
        while len(found) < 500:
            found += [int(each.body) for each in await source.receive(7, 30)]
            assert len(source._buffer._waiting) <= 10
        assert found == list(range(500))
        await source.close()

    asyncio.run(run())


@pytest.mark.slow  # longer than a server that is silent is given
def test_who_does_not_read_does_not_take_the_server_for_gone(
    websocket_server: WebSocketServer,
) -> None:
    async def run() -> None:
        source = WebSocket(f"{websocket_server.url}/flood/500/50000", buffer=10, ping=0.5)
        await source.open()
        await asyncio.sleep(3)
        found = list[int]()
        while len(found) < 500:
            found += [int(each.body) for each in await source.receive(7, 30)]
        assert found == list(range(500))
        await source.close()

    asyncio.run(run())


def test_a_server_that_answers_nothing_is_seen(websocket_server: WebSocketServer) -> None:
    async def run() -> None:
        source = WebSocket(f"{websocket_server.url}/topic/silent", ping=0.1)
        await source.open()
        websocket_server.halt()
        try:
            with pytest.raises(Away, match="/topic/silent: it does not answer a ping"):
                assert not await source.receive(1, 60)
        finally:
            websocket_server.go_on()
        await source.close()

    asyncio.run(run())


def test_tls(websocket_server: WebSocketServer) -> None:
    url, ca = f"{websocket_server.tls_url}/echo", str(websocket_server.certificates.authority)
    given: list[dict[str, Any]] = [{"ca": ca}, {"verify": False}]
    for believed in given:
        (message,) = heard(WebSocket(url, subscribe="a", **believed), 1)
        assert message.body == b"a"
    with pytest.raises(Away, match=r"wss://127\.0\.0\.1:\d+/echo: .*certificate verify failed"):
        heard(WebSocket(url), 1)
    with pytest.raises(Away, match="ws://127"):
        heard(WebSocket(url.replace("wss:", "ws:")), 1)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (
            "refuse/401",
            r"look at what is given, and how \(refused with 401 Unauthorized: the token is too old",
        ),
        ("refuse/403", "/refuse/403: refused with 403 Forbidden: the token is too old"),
        ("close/1008", r"server has closed it: 1008 \(policy violation\) as it was asked"),
        ("close/1000", r"server has closed it: 1000 \(OK\) as it was asked"),
        ("close/4001", r"has closed it: 4001 \(private use\) as it was asked"),
        ("flood/1/2000", r"for what the server sent: 1009 \(message too big\) .* 1000 bytes"),
    ],
)
def test_why_it_is_away(websocket_server: WebSocketServer, path: str, said: str) -> None:
    url = f"ws://me:secret@127.0.0.1:{websocket_server.port}/{path}?token=secret"
    with pytest.raises(Away, match=said) as caught:
        heard(WebSocket(url, largest=1000), 1)
    assert "secret" not in str(caught.value)


def test_who_is_not_there_or_is_no_websocket(websocket_server: WebSocketServer) -> None:
    with pytest.raises(Away, match=r"websocket at ws://127\.0\.0\.1:1/a: "):
        heard(WebSocket("ws://127.0.0.1:1/a"), 1)
    elsewhere = f"{websocket_server.url}/redirect/{free_port()}"
    with pytest.raises(Away, match="cannot follow cross-origin redirect"):
        heard(WebSocket(elsewhere, headers={"X-Key": "secret"}), 1)
    here = WebSocket(f"{websocket_server.url}/redirect/{websocket_server.port}")
    assert heard(here, 1)[0].body == b"nobody"


def test_a_server_that_speaks_something_else_or_is_killed(
    websocket_server: WebSocketServer,
) -> None:
    async def run() -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mail.example.com\r\n")
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(talk, "127.0.0.1", 0) as other:
            port = other.sockets[0].getsockname()[1]
            with pytest.raises(Away, match="did not receive a valid HTTP response"):
                await WebSocket(f"ws://127.0.0.1:{port}/").open()
        source = WebSocket(f"{websocket_server.url}/topic/killed")
        await source.open()
        websocket_server.kill()
        websocket_server.start()
        with pytest.raises(Away, match="without a close code"):
            await source.receive(1, 60)
        await source.close()

    asyncio.run(run())


def test_a_server_that_closes_at_once_is_asked_ever_more_seldom(
    websocket_server: WebSocketServer,
) -> None:
    asked = list[int]()

    class Noted(Backoff):
        def pause(self, tries: int) -> float:
            asked.append(tries)
            return 0.0

    async def run() -> None:
        source = WebSocket(f"{websocket_server.url}/close/1013")
        async with Delivery(source, Seen(), reconnect=Noted()):
            await until(lambda: len(asked) >= 3)

    asyncio.run(run())
    assert asked[:3] == [1, 2, 3]


def test_without_an_order_a_slow_one_holds_up_no_other(websocket_server: WebSocketServer) -> None:
    async def run() -> None:
        go, seen = asyncio.Event(), Seen()

        async def handle(batch: Any) -> None:
            if b"k0:0" in [each.body for each in batch.messages]:
                await go.wait()
            await seen(batch)

        bench = WebSocketBench(websocket_server, Path())
        source = WebSocket(f"{websocket_server.url}/topic/{bench.name}", ordered=False)
        async with Delivery(source, handle, Rules(workers=2)) as delivery:
            await until(lambda: delivery.status.state == "ready")
            await bench.publish(keyed(4, 1))
            await seen.until(lambda seen: len(seen.done) == 3)
            go.set()
            await seen.until(lambda seen: len(seen.done) == 4)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("url", "headers", "said"),
    [
        ("https://secret@a/b", {}, "url='https://a/b' is no address"),
        ("ws:///b", {}, "is no address"),
        ("ws://a:port/b", {}, "is no address"),
        ("ws://me@a/b", {}, "is no address"),
        ("ws://a/b#c", {}, "without a fragment"),
        ("ws://a/b", {"X": "a\r\nY: b"}, "header 'X' is no line"),
    ],
)
def test_what_is_no_address_is_refused(url: str, headers: dict[str, str], said: str) -> None:
    with pytest.raises(WrongSource, match=said):
        WebSocket(url, headers=headers)


def shout(text: str) -> str | None:
    """An answer to each but the third."""
    return f"{text}!" if len(text) < 4 else None


def as_lambda(function: Any) -> Call:
    async def call(sent: dict[str, Any]) -> Any:
        return json.loads(json.dumps(testing.on_lambda(function, sent)))

    return call


def as_nuclio(function: Any) -> Call:
    async def call(sent: dict[str, Any]) -> Any:
        answer = testing.on_nuclio(function, testing.nuclio_bridged(sent))
        return json.loads(answer.body)

    return call


@pytest.mark.parametrize("platform", [as_lambda, as_nuclio])
def test_what_a_function_answers_is_sent_back(
    websocket_server: WebSocketServer, platform: Any
) -> None:
    """The server sends everything back, so that each answer is the next message."""
    took: list[str] = []

    async def run() -> None:
        trigger = pelton.websocket(f"{websocket_server.url}/echo", subscribe="a", answers=True)
        call = platform(pelton.App("a").function(triggers=[trigger])(shout))

        async def noted(sent: dict[str, Any]) -> Any:
            took.append(sent["Records"][0]["body"])
            return await call(sent)

        running = delivery(Way("shout", trigger), noted, lambda way, status: None)
        await running.start()
        await until(lambda: len(took) == 4)
        await running.stop()

    asyncio.run(run())
    assert took == ["a", "a!", "a!!", "a!!!"]


def test_an_answer_goes_to_the_connection_that_asked(websocket_server: WebSocketServer) -> None:
    async def run() -> None:
        source = WebSocket(f"{websocket_server.url}/echo", subscribe="a")
        await source.open()
        (message,) = await source.receive(1, 30)
        assert await source.answer(message, b"b")
        (echoed,) = await source.receive(1, 30)
        assert (echoed.body, echoed.headers["message-type"]) == (b"b", "binary")
        await source.close()
        assert not await source.answer(message, "late")
        await source.open()
        assert not await source.answer(message, "to another one")
        await source.close()

    asyncio.run(run())


def test_bytes_and_what_is_no_text_come_back_too() -> None:
    def give(text: str) -> Any:
        return {"json": {"a": 1}, "bytes": b"\x00", "raw": pelton.Response("r", status=201)}[text]

    trigger = pelton.websocket("ws://h", answers=True)
    function = pelton.App("a").function(triggers=[trigger])(give)
    batch = testing.websocket("json", "bytes", "raw", "none")
    for each in batch["Records"]:
        each["answers"] = True
    told = testing.on_lambda(function, batch)
    assert [each["itemIdentifier"] for each in told["batchItemFailures"]] == ["3"]
    assert answers_of(told) == {"0": '{"a": 1}', "1": b"\x00", "2": "r"}
    assert "answers" not in testing.on_lambda(function, testing.websocket("json"))


def test_answers_want_one_message_a_call() -> None:
    with pytest.raises(WrongUse, match="answers=True and batch=5: an answer is to one message"):
        pelton.websocket("ws://h", answers=True, batch=5)
    with pytest.raises(WrongUse, match="answers='yes' is neither True nor False"):
        pelton.websocket("ws://h", answers="yes")  # type: ignore[arg-type]
