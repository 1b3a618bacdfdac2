"""Queues on a broker of one's own: what is said of them, and all tries of an event in one call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pelton import App, Context, Graph, Retry, WrongUse, steps
from pelton.handlers.triggers.broker_handoff import JetStreamHandoff
from pelton.serving_graph.brokers.base import Away, NotSent
from pelton.serving_graph.brokers.memory import MemoryBroker
from pelton.serving_graph.clock import ManualClock
from pelton.serving_graph.cut import split
from pelton.serving_graph.in_place import until_done
from pelton.serving_graph.message import Message
from pelton.serving_graph.segments import Segment
from pelton.serving_graph.spread import broker_of
from pelton.serving_graph.steps.queue import Address

BROKER = "nats://127.0.0.1:4222"


def same(n: int) -> int:
    return n


class Fails:
    """Fails so often, and says what it was told of each try."""

    def __init__(self) -> None:
        self.left = 0
        self.error: BaseException = ValueError("not today")
        self.attempts = list[int]()


FAILS = Fails()


def work(n: int, context: Context) -> int:
    assert context.delivery is not None
    FAILS.attempts.append(context.delivery.attempt)
    if len(FAILS.attempts) <= FAILS.left:
        raise FAILS.error
    return 10 * n


@pytest.fixture(autouse=True)
def anew() -> None:
    FAILS.__init__()  # type: ignore[misc]


def graph(**options: Any) -> Graph[Any, Any]:
    begun = Graph("g", int) >> same >> steps.queue("in", broker=BROKER, **options)
    return begun >> work >> steps.queue("out", broker=BROKER)


class Out(MemoryBroker):
    """Takes nothing so often."""

    away = 0

    def send(self, queue: Address, messages: Any) -> list[str | NotSent]:
        if queue.name == "out" and self.away:
            self.away -= 1
            raise Away("nobody there")
        return super().send(queue, messages)


class World:
    def __init__(self, **options: Any) -> None:
        self.clock, self.pauses = ManualClock(), list[float]()
        self.broker = Out(self.clock)
        self.part: Segment = split(graph(**options))[1]
        self.part.connect(self.broker, timeout=2)
        self.broker.prepare([self.part.address_of(each) for each in _queues(self.part)])

    def take(self, text: str, seconds: float = 60) -> int:
        def sleep(seconds: float) -> None:
            self.pauses.append(seconds)
            self.clock.sleep(seconds)

        now = self.clock.now
        return until_done(
            self.part, text, "7", Context, seconds=seconds, once=2, clock=now, sleep=sleep
        )

    def there(self, queue: str) -> list[dict[str, Any]]:
        return [json.loads(each.text) for each in self.broker.queues[queue]]


def _queues(part: Segment) -> list[Any]:
    return [each for each in (part.source, part.target) if each is not None]


def message(n: Any = 1) -> str:
    return Message(n, "g", "g/work", "k", "first").text()


def test_it_comes_back_when_the_event_is_done_and_sent_on() -> None:
    world, FAILS.left = World(backoff=3), 2
    assert world.take(message()) == 3
    assert (FAILS.attempts, world.pauses) == ([1, 2, 3], [3, 6])
    (sent,) = world.there("out")
    assert (sent["value"], sent["key"], sent["correlation"]) == (10, "k", "first")
    assert world.there("in-dead") == []


@pytest.mark.parametrize("error", [ValueError("not today"), SystemExit(3)])
def test_the_last_try_is_buried_with_the_reason(error: BaseException) -> None:
    world, FAILS.left, FAILS.error = World(attempts=3, backoff=0), 99, error
    assert world.take(message()) == 3
    (letter,) = world.there("in-dead")
    assert (letter["value"], letter["reason"]["attempt"]) == (1, 3)
    said = "ValueError: not today" if isinstance(error, ValueError) else "SystemExit(3)"
    assert said in letter["reason"]["error"]
    assert world.there("out") == []


def test_what_cannot_fit_is_buried_at_once() -> None:
    world = World()
    assert [world.take("no json"), world.take(message("text"))] == [1, 1]
    assert len(world.there("in-dead")) == 2
    assert world.pauses == []


def test_pauses_leave_room_for_the_tries_that_are_left() -> None:
    world, FAILS.left, FAILS.error = World(attempts=3), 99, Retry("later", after=1000)
    assert world.take(message(), seconds=20) == 3
    assert world.pauses == [16, 2]  # 20 s, of which two more tries take 4, and then one more 2
    assert len(world.there("in-dead")) == 1


def test_nothing_is_given_up_while_the_broker_is_away() -> None:
    world = World(attempts=2, backoff=1)
    world.broker.away = 7
    assert world.take(message(), seconds=5) == 8
    assert len(world.there("out")) == 1
    assert world.there("in-dead") == []
    assert min(world.pauses[2:]) >= 1, "it does not spin"


def test_what_is_said_to_who_deploys() -> None:
    app = App("a")
    app.serve(graph(key=str, attempts=3, backoff=10), timeout=7, requirements=["tiny"])
    entry, child = app.functions["g"], app.functions["g-in"]
    (trigger,) = child.triggers
    assert trigger == JetStreamHandoff(
        queue="in",
        broker=BROKER,
        dead_letter="in-dead",
        seconds=3 * 7 + 10 + 20,
        tries=3,
        receives=23,
        ordered=True,
        function="g-in",
    )
    assert entry.sends == (trigger,)
    assert child.settings.requirements == ("tiny", "nats-py>=2.9")
    assert [each.function for each in child.sends] == [""]


def test_until_it_is_deployed_the_rest_runs_straight_through() -> None:
    part = split(graph())[1]
    assert part.answer_alone(message(), "7", Context, seconds=5) == 1
    assert FAILS.attempts == [1]
    FAILS.__init__()  # type: ignore[misc]
    FAILS.left = 1
    with pytest.raises(ValueError, match="not today"):
        part.answer_alone(message(), "7", Context, seconds=5)


def test_a_window_of_ones_own() -> None:
    (trigger,) = [split(graph(window=90))[1].trigger(7)]
    assert isinstance(trigger, JetStreamHandoff)
    assert trigger.seconds == 90


def test_as_text_and_back() -> None:
    made = graph()
    assert Graph.from_spec(made.spec).spec == made.spec
    assert broker_of(made) == BROKER


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"broker": "nats://u:p@h"}, "broker= has a user or a password in it"),
        ({"broker": "amqp://h"}, "'amqp://h' is no broker's address"),
        ({"broker": BROKER, "kind": "kinesis"}, "has kind='kinesis' and broker='nats"),
        ({"kind": "nats"}, 'give broker="nats://HOST:PORT"'),
    ],
)
def test_what_is_no_broker_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(WrongUse, match=r"test_in_place.py:\d+: queue 'q'") as refused:
        steps.queue("q", **options)
    assert said in str(refused.value)


def test_a_graph_has_one_broker() -> None:
    made = graph() >> steps.step(same, name="again") >> steps.queue("more", broker="nats://else:1")
    with pytest.raises(WrongUse, match="give all queues of a graph one broker"):
        split(made)
    with pytest.raises(WrongUse, match="say no broker"):
        broker_of(Graph("h", int) >> same >> steps.queue("q"))


def test_a_dead_letter_step_brings_its_client_along() -> None:
    made = Graph("h", int) >> steps.dead_letter(same, to=steps.queue("late", broker=BROKER))
    assert App("a").serve(made).settings.requirements == ("nats-py>=2.9",)
    assert Graph.from_spec(made.spec).requirements == ("nats-py>=2.9",)
    once = Graph("o", int) >> steps.once(same, store=f"{BROKER}/done")
    assert once.requirements == ("nats-py>=2.9",)
