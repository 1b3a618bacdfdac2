"""A graph cut at streams: what is sent in which order, what is tried again, what is buried."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from pelton import App, Graph, Reject, steps
from pelton.handlers.errors import GraphError
from pelton.runtime.aws import make_handler
from pelton.serving_graph.brokers.base import NoSuchQueue, NotSent
from pelton.serving_graph.brokers.kinesis import KinesisBroker
from pelton.serving_graph.brokers.memory import MemoryBroker
from pelton.serving_graph.cut import split
from pelton.serving_graph.message import Message
from pelton.serving_graph.steps.queue import Address
from pelton.testing import kinesis, lambda_context

ORDERS = Address("orders", ordered=True)


class Stream:
    """A stream that takes what `refuses` does not hold, by the number of the record put."""

    def __init__(self, refuses: frozenset[int] = frozenset()) -> None:
        self.refuses, self.put, self.taken = refuses, 0, list[Any]()
        self.requests = list[list[str]]()

    def put_records(self, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:
        if StreamName != "orders":
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "PutRecords")
        self.requests.append([each["PartitionKey"] for each in Records])
        return {"Records": [self._put(each) for each in Records]}

    def _put(self, record: dict[str, Any]) -> dict[str, str]:
        self.put += 1
        if self.put in self.refuses:
            return {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow"}
        self.taken.append((record["PartitionKey"], json.loads(record["Data"])["value"]))
        return {"SequenceNumber": str(self.put)}


def message(key: str, value: Any) -> Message:
    return Message(value, "shop", "shop/price", f"{key}-{value}", group=key)


@given(
    st.lists(st.sampled_from("abc"), max_size=12),
    st.frozensets(st.integers(1, 12), max_size=4),
)
def test_no_message_overtakes_one_of_its_key(keys: list[str], refuses: frozenset[int]) -> None:
    stream = Stream(refuses)
    sent = [message(key, place) for place, key in enumerate(keys)]
    told = KinesisBroker(client=stream).send(ORDERS, sent)
    done = [(key, n) for n, key in enumerate(keys) if not isinstance(told[n], NotSent)]
    assert sorted(stream.taken) == sorted(done), "what is said to be sent is, and nothing else"
    for key in "abc":
        mine = [n for n, each in enumerate(keys) if each == key]
        taken = [n for each, n in stream.taken if each == key]
        assert taken == mine[: len(taken)], "in order, and none behind one that was not taken"


def test_messages_without_a_key_go_together() -> None:
    stream = Stream(frozenset([2]))
    sent = [message("", n) for n in range(3)]
    told = KinesisBroker(client=stream).send(Address("orders"), sent)
    assert [isinstance(each, NotSent) for each in told] == [False, True, False]
    assert "ProvisionedThroughputExceededException: slow" in str(told[1])
    (request,) = stream.requests
    assert len(set(request)) == 3


def test_what_is_too_large_is_never_sent() -> None:
    broker = KinesisBroker(client=Stream())
    small, large = broker.send(ORDERS, [message("a", 1), message("b", "x" * 1_000_001)])
    assert small == "1"
    assert isinstance(large, NotSent) and large.never


def test_a_stream_that_is_not_there_is_said() -> None:
    with pytest.raises(NoSuchQueue, match="there is no stream 'nowhere'"):
        KinesisBroker(client=Stream()).send(Address("nowhere"), [message("", 1)])


def read(n: int) -> int:
    return n


def price(n: int) -> int:
    if n == 13:
        raise ValueError("nobody buys 13")
    if n == 14:
        raise Reject("never 14")
    return 10 * n


def made(name: str = "shop") -> Graph[Any, Any]:
    graph = Graph(name, int) >> read >> steps.queue("orders", kind="kinesis", attempts=2)
    return graph >> price >> steps.queue("told", kind="kinesis")


class Child:
    """The function behind the stream, its broker in memory."""

    def __init__(self) -> None:
        app = App("shop")
        app.serve(made(), timeout=10)
        function = app.functions["shop-orders"]
        segment: Any = function.user_function
        self.broker, self.handler = MemoryBroker(), make_handler(function)
        segment.connect(self.broker)
        self.broker.prepare([segment.address_of(each) for each in (segment.source, segment.target)])

    def __call__(self, *values: Any) -> list[str]:
        told = self.handler(kinesis(*values, stream="orders"), lambda_context(remaining_ms=9000))
        return [each["itemIdentifier"] for each in told["batchItemFailures"]]

    def there(self, queue: str) -> list[Any]:
        return [json.loads(each.text) for each in self.broker.queues[queue]]


def test_a_message_that_always_fails_is_buried_after_its_attempts_and_the_shard_goes_on() -> None:
    child = Child()
    assert child(1, 13, 2) == ["1"], "all from the first failure on comes again"
    assert [each["value"] for each in child.there("told")] == [10]
    child = Child()
    assert child(13, 2) == ["0"]
    assert child(13, 2) == []
    assert [each["value"] for each in child.there("told")] == [20]
    (letter,) = child.there("orders-dead")
    assert letter["value"] == 13
    assert letter["reason"]["error"] == "ValueError: nobody buys 13"
    assert letter["reason"]["attempt"] == 2


def test_what_can_never_be_taken_is_buried_at_once() -> None:
    child = Child()
    assert child(14, "no JSON", 3) == []
    errors = [each["reason"]["error"] for each in child.there("orders-dead")]
    assert errors[0] == "Reject: never 14"
    assert "no JSON" in errors[1]
    assert [each["value"] for each in child.there("told")] == [30]


def test_queues_of_two_kinds_are_refused() -> None:
    graph = Graph("mixed", int) >> read >> steps.queue("a") >> price
    graph = graph >> steps.queue("b", kind="kinesis")
    with pytest.raises(GraphError, match="'a' is of kind 'sqs', and 'b' of kind 'kinesis'"):
        split(graph)


def test_a_graph_keeps_the_kind_of_its_queues() -> None:
    assert Graph.from_spec(made().spec.to_dict()).spec == made().spec
    assert made()(2) == 20
