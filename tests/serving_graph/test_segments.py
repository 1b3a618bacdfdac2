"""A graph cut at its queues, over the broker in this process: what is sent, done, tried, buried."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton import App, Context, Graph, Reject, Retry, WrongUse, steps
from pelton.handlers.delivery import Delivery
from pelton.handlers.errors import GraphError, InvalidInput
from pelton.handlers.triggers.sqs import Handoff
from pelton.serving_graph.brokers.base import Away, NoSuchQueue, NotSent, Received, dead
from pelton.serving_graph.brokers.memory import MemoryBroker
from pelton.serving_graph.clock import ManualClock
from pelton.serving_graph.cut import split
from pelton.serving_graph.message import Message
from pelton.serving_graph.segments import Segment
from pelton.serving_graph.station import Station
from pelton.serving_graph.steps.queue import Address
from pelton.testing import invoke, lambda_context, make_context


@dataclass
class Order:
    name: str
    size: int


def read(order: Order) -> Order:
    return Order(order.name.lower(), order.size)


def price(order: Order) -> int:
    if order.size == 13:
        raise ValueError("nobody buys 13")
    if order.size == 14:
        raise Reject("14 is not sold")
    if order.size == 15:
        raise Retry("not yet", after=7)
    return 10 * order.size


def tell(cents: int, context: Context) -> dict[str, Any]:
    delivery = context.delivery
    assert delivery is not None
    return {"cents": cents, "key": delivery.idempotency_key, "first": delivery.correlation_id}


def big(order: Order) -> bool:
    return order.size > 2


def made(**options: Any) -> Graph[Any, Any]:
    graph = Graph("shop", Order) >> read >> steps.filter(big) >> steps.queue("orders", **options)
    return graph >> price >> steps.queue("priced") >> tell >> steps.queue("told")


class World:
    """The segments of a graph on one broker, by a manual clock."""

    def __init__(self, graph: Graph[Any, Any], broker: type[MemoryBroker] = MemoryBroker) -> None:
        self.clock, self.lines = ManualClock(), list[str]()
        self.broker = broker(self.clock)
        self.segments = split(graph)
        for each in self.segments:
            each.connect(self.broker)
            self.broker.prepare([each.address_of(each.target)] if each.target else [])

    def turn(self, segment: Segment) -> int:
        """One batch of a child; how many messages it was."""
        write = self.lines.append
        return Station(segment, self.broker, clock=self.clock, wait=0, write=write).turn()

    def settle(self) -> None:
        while sum(self.turn(each) for each in self.segments[1:]):
            pass

    def there(self, queue: str) -> list[dict[str, Any]]:
        return [json.loads(each.text) for each in self.broker.queues[queue]]


def context(key: str) -> Context:
    return Context(delivery=Delivery(key, key))


def test_the_same_answer_by_way_of_three_functions() -> None:
    graph = made()
    world = World(graph)
    entry = world.segments[0]
    assert [each.name for each in world.segments] == ["shop", "shop-orders", "shop-priced"]
    assert entry(Order("A", 3), context("k1")) == {"queue": "orders", "message_id": "1"}
    assert entry(Order("B", 1), context("k2")) is None, "the filter let it go no further"
    world.settle()
    (told,) = world.there("told")
    assert told["value"] == graph(Order("A", 3), context("k1"))
    assert (told["key"], told["correlation"], told["step"]) == ("k1", "k1", "shop/told")
    assert world.there("orders") == world.there("priced") == []


def test_a_failing_message_is_tried_then_buried_with_the_reason() -> None:
    world = World(made(attempts=3, backoff=2))
    world.segments[0](Order("A", 13), context("k"))
    waits = []
    while world.broker.queues["orders"]:
        assert world.turn(world.segments[1]) == 1
        if world.broker.queues["orders"]:
            waits.append(world.broker.queues["orders"][0].ready - world.clock.now())
            world.clock.sleep(waits[-1])
    assert waits == [2, 4]
    (letter,) = world.there("orders-dead")
    reason = letter["reason"]
    assert reason["step"] == "shop/price"
    assert reason["error"] == "ValueError: nobody buys 13"
    assert (reason["attempt"], reason["queue"], reason["correlation"]) == (3, "orders", "k")
    assert len(reason["digest"]) == 12
    assert letter["value"] == {"name": "a", "size": 13}


def test_what_can_never_go_well_is_buried_at_once() -> None:
    world = World(made())
    source = world.segments[1].address_of(world.segments[1].source)
    world.segments[0](Order("A", 14), context("k"))
    world.turn(world.segments[1])
    records = [("{", "m1", 1, "h1"), ('{"name": "x", "size": "many"}', "m2", 1, "h2")]
    assert world.segments[1].answer_batch(records, make_context()) == []
    errors = [each["reason"]["error"] for each in world.there(dead(source).name)]
    assert errors[0] == "Reject: 14 is not sold"
    assert errors[1].startswith("Reject: the message is no JSON")
    assert errors[2].startswith("InvalidInput: size: expected an integer")


def test_a_message_of_somebody_else_is_the_value_itself() -> None:
    world = World(made())
    records = [('{"name": "x", "size": 5}', "theirs", 1, "h")]
    assert world.segments[1].answer_batch(records, make_context()) == []
    (sent,) = world.there("priced")
    assert (sent["value"], sent["key"]) == (50, "theirs")


class Small(MemoryBroker):
    """Carries little."""

    def send(self, queue: Address, messages: Sequence[Message]) -> list[str | NotSent]:
        too_large = NotSent("too large", never=True)
        return [too_large if each.value == 50 else super(Small, self).send(queue, [each])[0]
                for each in messages]  # fmt: skip


def test_what_no_broker_will_take_is_buried() -> None:
    world = World(made(), Small)
    for size in (5, 6):
        world.segments[0](Order("A", size), context(str(size)))
    world.settle()
    assert [each["value"]["cents"] for each in world.there("told")] == [60]
    (letter,) = world.there("orders-dead")
    assert letter["reason"]["error"] == "NotSent: too large"
    assert letter["value"] == {"name": "a", "size": 5}


def test_retry_says_when() -> None:
    world = World(made())
    world.segments[0](Order("A", 15), context("k"))
    world.turn(world.segments[1])
    assert world.broker.queues["orders"][0].ready == world.clock.now() + 7


def test_what_is_not_sent_is_not_done() -> None:
    world = World(made())
    world.segments[0](Order("A", 3), context("k"))
    del world.broker.queues["priced"]
    lines: list[str] = []
    source = world.segments[1].address_of(world.segments[1].source)
    batch = world.broker.receive(source, 10, 0)
    outcome = world.segments[1].work(make_context(lines=lines)).batch(batch)
    assert outcome.done == []
    assert [each for each, _ in outcome.failed] == batch
    assert "there is no queue 'priced'" in lines[0]
    del world.broker.queues["orders"]
    with pytest.raises(NoSuchQueue, match="there is no queue 'orders'"):
        world.segments[0](Order("A", 3), context("k"))


def test_a_message_that_outlives_its_window_is_done_twice_under_one_key() -> None:
    """Its window over, it is handed out again while the first worker is still at it."""
    world = World(made(window=10))
    world.segments[0](Order("A", 3), context("k"))
    slow, quick = world.segments[1], world.segments[1]
    source = slow.address_of(slow.source)
    held = world.broker.receive(source, 10, 0)
    assert world.broker.receive(source, 10, 0) == [], "within its window it is nobody else's"
    world.clock.sleep(10)
    (again,) = world.broker.receive(source, 10, 0)
    assert (again.attempt, again.message.text()) == (2, held[0].message.text())
    late = slow.work(make_context()).batch(held)
    world.broker.done(source, late.done)
    assert world.there("orders"), "what another worker has now is not his to take off the queue"
    world.broker.done(source, quick.work(make_context()).batch([again]).done)
    assert world.there("orders") == []
    keys = [each["key"] for each in world.there("priced")]
    assert keys == ["k", "k"], "nothing lost, and told twice by one key, which `once` knows again"


def test_near_the_end_of_a_function_s_time_nothing_is_begun() -> None:
    world = World(made())
    world.segments[0](Order("A", 3), context("k"))
    source = world.segments[1].address_of(world.segments[1].source)
    batch = world.broker.receive(source, 10, 0)
    outcome = world.segments[1].work(make_context(remaining=0.1)).batch(batch)
    assert [seconds for _, seconds in outcome.failed] == [0]


def test_events_of_one_key_keep_their_order_over_a_failure() -> None:
    graph = Graph("shop", Order) >> read >> steps.queue("orders", key="name") >> _flaky
    world = World(graph >> steps.queue("out"))
    _failures[:] = [("a", 1), ("b", 2)]
    for size in range(3):
        for name in "ab":
            world.segments[0](Order(name, size), context(f"{name}{size}"))
    for _ in range(10):
        world.settle()
        world.clock.sleep(1)
    values = [each["value"] for each in world.there("out")]
    for name in "ab":
        assert [size for of, size in values if of == name] == [0, 1, 2]


_failures: list[tuple[str, int]] = []


def _flaky(order: Order) -> tuple[str, int]:
    if (order.name, order.size) in _failures:
        _failures.remove((order.name, order.size))
        raise ValueError("once")
    return order.name, order.size


async def later(order: Order) -> int:
    return order.size


def test_async_steps() -> None:
    world = World(Graph("a", Order) >> read >> steps.queue("q") >> later >> steps.queue("out"))
    for size in range(4):
        _await(world.segments[0](Order("a", size), context(str(size))))
    world.settle()
    assert [each["value"] for each in world.there("out")] == [0, 1, 2, 3]


def _await(awaitable: Any) -> Any:
    import asyncio

    async def run() -> Any:
        return await awaitable

    return asyncio.run(run())


class Odd:
    """No codec knows it."""


def make_odd(order: Order) -> Odd:
    return Odd()


def take_odd(odd: Odd) -> int:
    return 1


def test_what_no_message_can_carry_is_refused_at_build() -> None:
    graph = Graph("shop", Order) >> make_odd >> steps.queue("q") >> take_odd
    with pytest.raises(WrongUse, match="step 'shop/take_odd' takes Odd, which has no form as JSON"):
        graph.check()


def both(given: dict[str, Any]) -> int:
    return len(given)


def test_a_key_that_is_not_there_is_refused() -> None:
    with pytest.raises(WrongUse, match="queue 'orders' keeps the order of 'nam', which Order"):
        made(key="nam")
    world = World(Graph("g") >> steps.queue("q", key="name") >> both)
    with pytest.raises(InvalidInput, match="name: missing"):
        world.segments[0]({"size": 1}, context("k"))


def test_a_step_cannot_look_behind_a_queue() -> None:
    graph = Graph("shop", Order).to(read).to(steps.queue("q")).to(price)
    graph = graph.to(both, after=["price", "read"])
    with pytest.raises(WrongUse, match="'both' takes the value of 'read', from before the queue"):
        graph.check()


def test_a_flow_may_go_on_from_a_queue() -> None:
    graph = Graph("shop", Order).to(read).to(steps.queue("q")).to(price).to(big, after="q")
    graph = graph.to(both, after=["price", "big"]).to(steps.queue("out"))
    world = World(graph)
    assert graph(Order("a", 3)) == 2
    world.segments[0](Order("A", 3), context("k"))
    world.settle()
    assert [each["value"] for each in world.there("out")] == [2]


def _tripled(n: int) -> int:
    return 3 * n


def test_a_window_is_six_times_the_timeout_or_what_is_said() -> None:
    child = split(made())[1]
    assert (child.window(10), child.window(0)) == (60, 30)
    assert split(made(window=7))[1].window(10) == 7
    timed = Graph("t", Order) >> read >> steps.queue("q") >> steps.timeout(price, seconds=4)
    both_timed = timed >> steps.timeout(_tripled, seconds=3)
    assert [split(each)[1].window(5) for each in (timed, both_timed)] == [5, 7]
    assert split(both_timed >> tell)[1].window(5) == 30, "one of them has no timeout"


def test_serving_registers_a_function_a_queue() -> None:
    app = App("shop")
    entry = app.serve(made(key="name"), timeout=10)
    assert list(app.functions) == ["shop", "shop-orders", "shop-priced"]
    (trigger,) = app.functions["shop-orders"].triggers
    assert trigger.queue == "orders.fifo"  # type: ignore[attr-defined]
    (sent,) = entry.sends
    assert isinstance(sent, Handoff)
    assert (sent.queue, sent.function, sent.visibility) == ("orders.fifo", "shop-orders", 60)
    assert app.functions["shop-priced"].sends[0].function == ""


def test_until_it_is_deployed_a_function_runs_the_graph_straight_through() -> None:
    app = App("shop")
    entry = app.serve(made())
    answer = invoke(entry, {"name": "A", "size": 3})
    assert answer["cents"] == 30
    assert invoke(app.functions["shop-orders"], {"name": "a", "size": 4})["cents"] == 40


def test_keys_of_the_first_event() -> None:
    from pelton.handlers.event import Event
    from pelton.serving_graph.arrivals import with_delivery

    def key_of(event: Event | None, request: str = "r") -> tuple[str, str]:
        given = Context(request_id=request)
        given.event = event
        delivery = with_delivery(given).delivery
        return delivery.idempotency_key, delivery.correlation_id

    assert key_of(None) == ("r", "r")
    assert key_of(Event(id="m1", trigger="sqs")) == ("m1", "m1")
    assert key_of(Event(id="h", headers={"idempotency-key": "mine"})) == ("mine", "h")
    assert key_of(None, "")[0]


def test_on_lambda_a_batch_is_answered_record_by_record() -> None:
    from pelton.runtime.aws import make_handler
    from pelton.testing import sqs

    app = App("shop")
    app.serve(made())
    child = app.functions["shop-orders"]
    broker = MemoryBroker()
    child.user_function.connect(broker)  # type: ignore[attr-defined]
    broker.prepare([child.user_function.address_of(child.user_function.target)])  # type: ignore[attr-defined]
    payload = sqs({"name": "a", "size": 3}, {"name": "a", "size": 4}, queue="orders")
    assert make_handler(child)(payload, lambda_context()) == {"batchItemFailures": []}
    assert [json.loads(each.text)["value"] for each in broker.queues["priced"]] == [30, 40]


def test_a_queue_may_answer_with_the_value_it_is_sent() -> None:
    graph = Graph("shop", Order) >> read >> steps.filter(big)
    graph = graph >> steps.queue("orders", answers="value") >> price >> steps.queue("told")
    assert graph.output_type == Order | None
    assert Graph.from_spec(graph.spec.to_dict()).spec == graph.spec
    world = World(graph)
    for call in (graph, world.segments[0]):
        assert call(Order("A", 3), context("k")) == Order("a", 3)
        assert call(Order("A", 1), context("k")) is None
    world.settle()
    assert [each["value"] for each in world.there("told")] == [30]


def test_what_comes_after_the_answer_still_fails_in_a_test() -> None:
    graph = Graph("shop", Order) >> read >> steps.queue("orders", answers="value") >> price
    with pytest.raises(ValueError, match="nobody buys 13"):
        graph(Order("a", 13))
    later_on: Graph[Order, Any] = Graph("later", Order) >> read
    later_on = later_on >> steps.queue("q", answers="value") >> later
    assert asyncio.run(later_on.acall(Order("A", 3))) == Order("a", 3)
    with pytest.raises(GraphError, match="did you mean 'value'"):
        steps.queue("q", answers="valeu")  # type: ignore[arg-type]


class Bad(MemoryBroker):
    """Delivers twice, in any order, late; forgets what was done; refuses to take. Loses nothing."""

    chance = random.Random(0)

    def send(self, queue: Address, messages: Sequence[Message]) -> list[str | NotSent]:
        told: list[str | NotSent] = []
        for each in messages:
            if self.chance.random() < 0.2:
                told.append(NotSent("not now"))
                continue
            told += super().send(queue, [each])
            if self.chance.random() < 0.2:
                super().send(queue, [each])
        there = self.queues[queue.name]
        if not queue.ordered:
            self.chance.shuffle(there)
        return told

    def done(self, queue: Address, received: Sequence[Received]) -> None:
        super().done(queue, [each for each in received if self.chance.random() < 0.7])

    def receive(self, queue: Address, most: int, wait: float) -> list[Received]:
        if self.chance.random() < 0.2:
            raise Away("the broker rests")
        return super().receive(queue, most, wait)


_times = Counter[str]()


def add(n: int, context: Context) -> int:
    assert context.delivery is not None
    _times[context.delivery.idempotency_key] += 1
    return n + 1


def times(n: int) -> int:
    return 3 * n


def odd(n: int) -> bool:
    return n % 2 == 1


async def less(n: int) -> int:
    return n - 5


KINDS: list[Any] = [times, less, steps.filter(odd), steps.step(times, name="again")]


@settings(deadline=None)
@given(
    plan=st.lists(st.integers(0, 5), min_size=1, max_size=6),
    values=st.lists(st.integers(-50, 50), max_size=12),
    seed=st.integers(0, 10_000),
)
def test_any_graph_over_a_bad_broker_answers_as_in_process(
    plan: list[int], values: list[int], seed: int
) -> None:
    """Each event's answer is the graph's own, whatever the broker does; `once` runs it once."""
    graph: Graph[Any, Any] = Graph("any", int) >> steps.queue("in", attempts=100, backoff=0)
    graph = graph >> steps.once(add, store=f"memory:{next(_stores)}")
    used = set[int]()
    for place, kind in enumerate(plan):
        if kind >= len(KINDS):
            graph = graph >> steps.queue(f"q{place}", attempts=100, key=odd if kind == 5 else "")
        elif kind not in used:
            graph = graph >> KINDS[kind]
            used.add(kind)
    Bad.chance = random.Random(seed)
    _times.clear()
    world = World(graph >> steps.queue("out"), Bad)
    sent = dict[str, int]()
    for number, value in enumerate(values):
        key = str(number)
        while key not in sent:
            with suppress(NotSent):
                _await_maybe(world.segments[0](value, context(key)))
                sent[key] = value
    for _ in range(400):
        world.settle()
        world.clock.sleep(40)
        if not any(world.broker.queues[name] for name in world.broker.queues if name != "out"):
            break
    assert not any(world.there(name) for name in world.broker.queues if name != "out")
    told = {each["key"]: each["value"] for each in world.there("out")}
    expected = {
        key: answer
        for key, value in sent.items()
        if (answer := _await_maybe(graph.acall(value, context(f"plain {key}")))) is not None
    }
    assert told == expected
    assert all(_times[key] == 1 for key in sent)


_stores = count()


def _await_maybe(value: Any) -> Any:
    return _await(value) if hasattr(value, "__await__") else value


def test_a_stop_finishes_what_is_in_hand() -> None:
    graph = Graph("g", int) >> steps.queue("in") >> _stopping >> steps.queue("out")
    world = World(graph)
    for number in range(15):
        world.segments[0](number, context(str(number)))
    station = Station(world.segments[1], world.broker, clock=world.clock, wait=0)
    _stations[:] = [station]
    station.run()
    assert [each["value"] for each in world.there("out")] == list(range(10))
    assert [each["value"] for each in world.there("in")] == list(range(10, 15))


_stations: list[Station] = []


def _stopping(n: int) -> int:
    if n == 3:
        _stations[0].stop()
    return n
