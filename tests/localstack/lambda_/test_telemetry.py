"""Subscriptions, their buffers, their delivery: apart from any sandbox."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.localstack.lambda_.telemetry.buffers import MOST_BATCHES, Buffer
from pelton.localstack.lambda_.telemetry.subscriber import Subscriber
from pelton.localstack.lambda_.telemetry.subscriptions import (
    Subscription,
    SubscriptionRefused,
    read,
)

GOOD: dict[str, Any] = {
    "schemaVersion": "2022-07-01",
    "types": ["platform", "function"],
    "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/a?b"},
}


def ask(api: str = "telemetry", **changes: Any) -> Subscription:
    return read(api, json.dumps(GOOD | changes).encode())


def fault(api: str = "telemetry", **changes: Any) -> str:
    with pytest.raises(SubscriptionRefused) as caught:
        ask(api, **changes)
    return str(caught.value)


def to(uri: str, **more: Any) -> dict[str, Any]:
    return {"protocol": "HTTP", "URI": uri, **more}


@pytest.mark.fidelity("Extensions", "Telemetry and Logs API: schema versions, defaults and limits")
def test_what_may_be_subscribed() -> None:
    wanted = ask()
    assert (wanted.port, wanted.path, wanted.method) == (8080, "/a?b", "POST")
    assert (wanted.max_bytes, wanted.max_items, wanted.timeout_ms) == (262_144, 10_000, 1000)
    assert ask("logs", schemaVersion="2021-03-18").has_runtime_done
    assert not ask("logs", schemaVersion="2020-08-15").has_runtime_done
    unsaid = {name: value for name, value in GOOD.items() if name != "schemaVersion"}
    assert read("logs", json.dumps(unsaid).encode()).schema == "2020-08-15"
    assert ask(destination={"protocol": "TCP", "port": 80}).method == ""
    put = ask("logs", schemaVersion="2020-08-15", destination=to("http://sandbox:1", method="PUT"))
    assert put.method == "PUT"


@pytest.mark.fidelity(
    "Extensions", "a subscription's faults: 400 ValidationError, all in one sentence"
)
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schemaVersion": 1}, "schemaVersion should be one of 2022-07-01, 2022-12-13, 2025-01-29"),
        ({"types": []}, "types should not be empty"),
        ({"types": ["metrics"]}, "types should be of platform, function, extension, not 'metrics'"),
        ({"destination": None}, "destination is not provided"),
        ({"destination": {"protocol": "UDP"}}, "destination protocol should be HTTP or TCP"),
        ({"destination": {"protocol": "TCP"}}, "port is not provided"),
        ({"destination": to("http://sandbox.localdomain")}, "URI port is not provided"),
        ({"destination": to("http://sandbox.localdomain:9001")}, "URI port 9001 is reserved"),
        ({"destination": to("http://example.org:80")}, "URI host should be sandbox.localdomain"),
        ({"destination": to("https://sandbox:80")}, "URI scheme should be http"),
        ({"destination": to("http://sandbox:nine")}, "URI is not valid"),
        ({"buffering": {"timeoutMs": 24}}, "timeoutMs should be between 25 and 30000"),
        ({"buffering": {"maxItems": 999}}, "maxItems should be between 1000 and 10000"),
        ({"buffering": {"maxBytes": True}}, "maxBytes should be between 262144 and 1048576"),
        ({"buffering": []}, "buffering should be an object"),
        (
            {"types": [], "destination": to("http://sandbox")},
            "types should not be empty; URI port is not provided",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(changes: dict[str, Any], words: str) -> None:
    assert fault(**changes) == words


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: (
    st.lists(inner) | st.dictionaries(
        st.sampled_from(["types", "destination", "buffering", "schemaVersion", "URI", "protocol"]),
        inner,
    )
)))  # fmt: skip
def test_any_document_is_read_or_refused(document: Any) -> None:
    for api in ("telemetry", "logs"):
        try:
            read(api, json.dumps(document).encode())
        except SubscriptionRefused as error:
            assert str(error)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=60), st.integers(1, 200))
def test_a_buffer_keeps_order_and_counts_what_it_drops(events: list[bytes], size: int) -> None:
    buffer = Buffer(max_bytes=size, max_items=5)
    for event in events:
        buffer.add(event)
    buffer.close_batch()
    batches = []
    while (batch := buffer.take()) is not None:
        batches.append(batch)
        assert len(batch) <= 5
        assert sum(map(len, batch[:-1])) < size
    kept = [event for batch in batches for event in batch]
    dropped, dropped_bytes = buffer.take_dropped()
    assert kept == events[: len(kept)]
    assert len(kept) + dropped == len(events)
    assert dropped_bytes == sum(map(len, events[len(kept) :]))
    assert buffer.empty and len(batches) <= MOST_BATCHES + 1


class Listener:
    """An HTTP listener on loopback that answers as told, and keeps what it took."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.taken: list[Any] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        body = json.loads(await reader.readexactly(length))
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 200:
            self.taken += body
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()


async def listening(
    listener: Listener, then: Callable[[Subscriber], Awaitable[None]], json_lines: bool = False
) -> None:
    async with await asyncio.start_server(listener, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        wanted = ask(
            schemaVersion="2022-12-13",
            destination=to(f"http://sandbox:{port}"),
            buffering={"timeoutMs": 25},
        )
        subscriber = Subscriber("s", wanted, "127.0.0.1", json_lines)
        try:
            await then(subscriber)
        finally:
            subscriber.close()


@pytest.mark.fidelity("Extensions", "telemetry is delivered in order, again after a refusal")
def test_a_refused_batch_is_delivered_again_in_order() -> None:
    listener = Listener()
    listener.statuses = [500, 503, 200, 404]

    async def tell(subscriber: Subscriber) -> None:
        for number in range(50):
            subscriber.line("function", 1_700_000_000_000 + number, f"{number}\n".encode())
            subscriber.line("extension", 0, b"not subscribed\n")
            if number % 20 == 19:
                subscriber.flush()
        await subscriber.drained()

    asyncio.run(listening(listener, tell))
    assert [each["record"] for each in listener.taken] == [f"{number}\n" for number in range(50)]
    assert listener.taken[1]["time"] == "2023-11-14T22:13:20.001Z"


@pytest.mark.fidelity(
    "Extensions", "a JSON line of the JSON format is an object since schema 2022-12-13"
)
@pytest.mark.parametrize("json_lines", [True, False])
def test_json_lines(json_lines: bool) -> None:
    listener = Listener()

    async def tell(subscriber: Subscriber) -> None:
        subscriber.line("function", 0, b'{"a": 1}\n')
        subscriber.line("function", 0, b"{plain\n")
        await subscriber.drained()

    asyncio.run(listening(listener, tell, json_lines))
    first, second = (each["record"] for each in listener.taken)
    assert first == ({"a": 1} if json_lines else '{"a": 1}\n')
    assert second == "{plain\n"


@pytest.mark.fidelity(
    "Extensions", "what a subscriber does not take is dropped: platform.logsDropped"
)
def test_a_subscriber_that_takes_nothing() -> None:
    listener = Listener()
    listener.statuses = [500] * 3

    async def tell(subscriber: Subscriber) -> None:
        for _ in range(40):
            subscriber.line("function", 0, b"x" * 262_144)
        await subscriber.drained()

    asyncio.run(listening(listener, tell))
    *kept, dropped = listener.taken
    assert dropped["type"] == "platform.logsDropped"
    assert 0 < len(kept) < 40
    assert dropped["record"]["droppedRecords"] == 40 - len(kept)
    assert dropped["record"]["droppedBytes"] > 262_144
