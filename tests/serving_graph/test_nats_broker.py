"""What the broker on JetStream does by itself, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from pelton.serving_graph.brokers.base import Away, NoSuchQueue, dead, receives
from pelton.serving_graph.brokers.nats import NatsBroker
from pelton.serving_graph.brokers.nats_streams import Stream, given_up, look, make, remove
from pelton.serving_graph.message import Message
from pelton.serving_graph.steps.queue import Address

from ..ports import free_port
from .conftest import JetStream

_numbers = count()


@pytest.fixture
def broker(jetstream_process: JetStream) -> Iterator[NatsBroker]:
    made = NatsBroker(jetstream_process.url)
    yield made
    made.close()


def test_what_is_handed_out_too_often_is_buried_with_its_value(broker: NatsBroker) -> None:
    queue = Address(f"deadly{next(_numbers)}", attempts=1)
    broker.prepare([queue])
    broker.send(queue, [Message({"n": 1}, "g", "g/s", "k")])
    for attempt in range(1, receives(queue) + 1):
        (one,) = broker.receive(queue, 10, 5)
        assert one.attempt == attempt
        broker.later(queue, one, 0)
    assert broker.receive(queue, 10, 0.5) == []
    letters = dead(queue).name
    assert broker.ask(lambda js: look(js, queue.name)).messages == 0  # type: ignore[union-attr]
    kept = broker.ask(lambda js: js.get_msg(letters, 1))
    letter = Message.from_text(kept.data, "")
    assert (letter.value, letter.idempotency_key) == ({"n": 1}, "k")
    assert letter.reason == {
        "error": "handed out 21 times, and each time the worker ended before it was done",
        "attempt": 21,
        "queue": queue.name,
    }


def test_a_queue_is_made_changed_and_taken_away(broker: NatsBroker) -> None:
    name = f"made{next(_numbers)}"
    assert broker.ask(lambda js: look(js, name)) is None
    wanted = Stream(name, (name,), 5.0, 3, 9, {"pelton-app": "shop"})
    broker.ask(lambda js: make(js, wanted))
    broker.send(Address(name), [Message(1)])
    more = Stream(name, (given_up("orders"),), 7.0, 1, 9, {"pelton-app": "shop"})
    broker.ask(lambda js: make(js, more))
    found = broker.ask(lambda js: look(js, name))
    assert found is not None
    assert (found.window, found.at_once, found.receives, found.messages) == (7.0, 1, 9, 1)
    assert set(found.subjects) == {name, given_up("orders")}
    assert found.tags["pelton-app"] == "shop"
    for _ in range(2):  # twice does what once does
        broker.ask(lambda js: remove(js, name))
    with pytest.raises(NoSuchQueue):
        broker.send(Address(name), [Message(1)])


@pytest.mark.slow
def test_a_server_that_is_not_there() -> None:
    broker = NatsBroker(f"nats://127.0.0.1:{free_port()}")
    with pytest.raises(Away, match="nothing answers at nats://"):
        broker.ask(lambda js: look(js, "x"))
    broker.close()
