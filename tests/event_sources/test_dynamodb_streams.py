"""A table's stream as a source: against the emulator's DynamoDB, and what that does not do (shards
that split, records that are trimmed, iterators that expire) against shards written down here."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import pelton
from pelton.bridge.bridge import Shared, ways
from pelton.event_sources import (
    Alone,
    Away,
    Batch,
    Delivery,
    Failed,
    Outcome,
    Rules,
    WrongSource,
    source_of,
)
from pelton.event_sources.dead_letters import ToBroker
from pelton.event_sources.delivery.rules import Backoff
from pelton.event_sources.sources import KINDS
from pelton.event_sources.sources.dynamodb_streams import DynamoDbStreams
from pelton.event_sources.sources.shards import SLACK
from pelton.event_sources.stores.memory import MemoryStore
from pelton.pytest_plugin import RunningEmulator
from pelton.testing import bridged_dynamodb, dynamodb

from .bench import until
from .bridge_killed import KilledBridge
from .read_by_bridges import bridged, never_again, on_invalid, told_alike

_numbers = count()
AGAIN = Backoff(first=0.01, longest=0.05)


class Table:
    """A table of its own in the emulator, with a stream."""

    def __init__(self, emulator: RunningEmulator, *, stream: bool = True) -> None:
        self.client, self.name = emulator.client, f"table{next(_numbers)}"
        self._items = emulator.client("dynamodb")
        view = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        self._items.create_table(
            TableName=self.name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            **({"StreamSpecification": view} if stream else {}),
        )

    def put(self, key: str, n: int, **more: Any) -> None:
        item = {"id": {"S": key}, "n": {"N": str(n)}, **more}
        self._items.put_item(TableName=self.name, Item=item)

    def source(self, store: Any, start: str = "TRIM_HORIZON", **more: Any) -> DynamoDbStreams:
        return DynamoDbStreams(
            table=self.name, store=store, start=start, client=self.client, **more
        )


@pytest.fixture
def table(pelton_emulator: RunningEmulator) -> Table:
    return Table(pelton_emulator)


class Taken:
    """A handler that keeps (key, n) of what it is given, and fails those of `poison`."""

    def __init__(self, *poison: int) -> None:
        self.seen: list[tuple[str, int]] = []
        self._poison = poison

    async def __call__(self, batch: Batch) -> Outcome:
        failed = {}
        for each in batch.messages:
            told = json.loads(each.body)["dynamodb"]["NewImage"]
            self.seen.append((told["id"]["S"], int(told["n"]["N"])))
            if self.seen[-1][1] in self._poison:
                failed[each.id] = Failed("poison")
        return Outcome(failed=failed)

    def of(self, key: str) -> list[int]:
        return [n for name, n in self.seen if name == key]


def deliver(source: Any, handle: Any, **rules: Any) -> Delivery:
    letters = ToBroker(rules.pop("dead", "dead")) if rules.get("attempts") else None
    made = Rules(**{"batch": 10, "workers": 2, "retry": AGAIN, **rules})
    return Delivery(source, handle, made, dead_letters=letters, reconnect=AGAIN)


def test_each_item_in_its_order_and_poison_to_a_queue(table: Table) -> None:
    queues = table.client("sqs")
    url = queues.create_queue(QueueName="dead")["QueueUrl"]
    for n in range(6):
        table.put("ab"[n % 2], n, blob={"B": b"\xff"})

    async def run() -> None:
        store, taken = MemoryStore(), Taken(2)
        async with deliver(table.source(store), taken, attempts=3, batch=1) as made:
            await until(lambda: made.tally.done == 5 and made.tally.buried == 1)
        assert taken.of("b") == [1, 3, 5]
        assert taken.of("a") == [0, 2, 2, 2, 4], "what is behind a failed change waits for it"
        # All is done: who comes next begins behind it.
        table.put("a", 7)
        again = Taken()
        async with deliver(table.source(store), again) as made:
            await until(lambda: made.tally.done == 1)
        assert again.seen == [("a", 7)]

    asyncio.run(run())
    (letter,) = queues.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert json.loads(letter["Body"])["dynamodb"]["NewImage"]["blob"] == {"B": "/w=="}
    assert letter["MessageAttributes"]["dead-letter-reason"]["StringValue"] == "poison"
    assert letter["MessageAttributes"]["dead-letter-attempts"]["StringValue"] == "3"


def test_latest_begins_now_and_loses_nothing_while_nobody_reads(table: Table) -> None:
    async def run() -> None:
        store, taken = MemoryStore(), Taken()
        table.put("a", 1)
        source = table.source(store, "LATEST", now=lambda: 4e9)  # a clock that is years ahead
        await source.open()
        table.put("a", 2)
        (found,) = await source.receive(10, 5)
        assert json.loads(found.body)["dynamodb"]["NewImage"]["n"] == {"N": "2"}
        await source.close()  # nothing was acknowledged
        kept = json.loads(await store.note(source.place))
        assert kept and {each["since"] for each in kept.values()} == {4e9 - SLACK}
        told = {shard: {"since": 0.0} for shard in kept}  # as by a clock that is right
        await store.set_note(source.place, json.dumps(told))
        table.put("a", 3)
        async with deliver(table.source(store, "LATEST"), taken) as made:
            await until(lambda: made.tally.done >= 2)
        assert taken.seen[-2:] == [("a", 2), ("a", 3)]

    asyncio.run(run())


def test_a_bridge_makes_its_source_of_the_trigger() -> None:
    (way,) = ways([changed], "nuclio")
    source = Shared(MemoryStore()).source(way, {})
    assert isinstance(source, Alone), "whether --alone is said or not"
    assert repr(source) == "<source dynamodb-streams>"


def test_every_source_has_a_client_that_is_looked_for() -> None:
    for kind in KINDS:
        with pytest.raises(WrongSource, match=f"{kind}: .* (argument 'colour'|given colour)$"):
            source_of(kind, colour="red")


def test_what_is_missing_is_said(pelton_emulator: RunningEmulator) -> None:
    plain = Table(pelton_emulator, stream=False)
    with pytest.raises(Away, match="it has no stream; switch its stream on"):
        asyncio.run(plain.source(MemoryStore()).open())
    gone = DynamoDbStreams(table="none", store="", client=pelton_emulator.client)
    with pytest.raises(Away, match=r"none: describe_table: .*ResourceNotFoundException"):
        asyncio.run(gone.open())
    with pytest.raises(WrongSource, match="start='NOW' is none of LATEST, TRIM_HORIZON"):
        DynamoDbStreams(table="t", store="", start="NOW")


# -- a stream as it is written down: shard > (parent, closed, sequence numbers)
ARN = "arn:aws:dynamodb:us-east-1:0:table/t/stream/2026"
Shards = dict[str, tuple[str, bool, list[int]]]


class Stream:
    """DynamoDB's three calls, over shards that a test changes."""

    def __init__(self, shards: Shards) -> None:
        self.shards, self.expired, self.oldest = shards, set[str](), 0
        self.asked = list[str]()

    def __call__(self, service: str) -> Stream:
        return self

    def describe_stream(self, **asked: Any) -> dict[str, Any]:
        names = list(self.shards)
        at = names.index(asked["ExclusiveStartShardId"]) + 1 if len(asked) > 1 else 0
        more = {"LastEvaluatedShardId": names[at]} if at + 1 < len(names) else {}
        listed = [self._listed(names[at])]
        return {"StreamDescription": {"Shards": listed, **more}}

    def _listed(self, name: str) -> dict[str, Any]:
        parent, closed, _ = self.shards[name]
        ends = {"EndingSequenceNumber": "9"} if closed else {}
        return {"ShardId": name, "ParentShardId": parent, "SequenceNumberRange": ends}

    def get_shard_iterator(self, **asked: Any) -> dict[str, Any]:
        after = int(asked.get("SequenceNumber", 0))
        if 0 < after < self.oldest:
            raise refused("TrimmedDataAccessException")
        return {"ShardIterator": f"{asked['ShardId']}:{max(after, self.oldest)}:{len(self.asked)}"}

    def get_records(self, **asked: Any) -> dict[str, Any]:
        iterator = asked["ShardIterator"]
        if iterator in self.expired or "expire" in self.expired:
            self.expired.discard("expire")
            raise refused("ExpiredIteratorException")
        name, after, _ = iterator.split(":")
        self.asked.append(name)
        _, closed, numbers = self.shards[name]
        left = [n for n in numbers if n > int(after)]
        given = left[: asked["Limit"]]
        last = given[-1] if given else int(after)
        ended = closed and len(given) == len(left)
        more = {} if ended else {"NextShardIterator": f"{name}:{last}:{len(self.asked)}"}
        return {"Records": [_record(each) for each in given], **more}


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetRecords")


def _record(number: int) -> dict[str, Any]:
    item = {"id": {"S": f"k{number % 3}"}, "n": {"N": str(number)}}
    keys = {"id": item["id"]}
    told = {"Keys": keys, "NewImage": item, "SequenceNumber": str(number)}
    return {"eventID": str(number), "eventName": "INSERT", "dynamodb": told}


def read_all(stream: Stream, store: Any, taken: Taken, done: int, **rules: Any) -> None:
    async def run() -> None:
        source = DynamoDbStreams(table=ARN, store=store, start="TRIM_HORIZON", client=stream)
        async with deliver(source, taken, **rules) as made:
            await until(lambda: made.tally.done >= done)

    asyncio.run(run())


def test_a_child_is_read_when_its_parent_is_done_with() -> None:
    stream = Stream(
        {
            "child": ("parent", False, [20, 21, 22]),
            "parent": ("trimmed", True, [1, 2, 3]),
            "other": ("parent", False, [30]),
        }
    )
    taken, store = Taken(), MemoryStore()
    read_all(stream, store, taken, 7, batch=1)
    order = [n for _, n in taken.seen]
    assert sorted(order) == [1, 2, 3, 20, 21, 22, 30]
    assert max(map(order.index, (1, 2, 3))) < min(map(order.index, (20, 21, 22, 30)))
    kept = json.loads(asyncio.run(store.note(f"dynamodb pelton {ARN}")))
    assert kept == {"child": {"after": "22"}, "other": {"after": "30"}, "parent": "end"}


def test_a_poisoned_parent_holds_its_children_up() -> None:
    stream = Stream({"parent": ("", True, [1, 2]), "child": ("parent", False, [20])})
    taken = Taken(2)
    store = MemoryStore()

    async def run() -> None:
        source = DynamoDbStreams(table=ARN, store=store, start="TRIM_HORIZON", client=stream)
        async with deliver(source, taken) as made:
            await until(lambda: made.tally.failed > 3)
            assert "child" not in stream.asked

    asyncio.run(run())
    read_all(stream, store, again := Taken(), 2)
    assert again.seen == [("k2", 2), ("k2", 20)], "after a restart, from the oldest not done"


def test_what_is_trimmed_is_passed_over_and_expired_iterators_are_made_anew(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stream, store = Stream({"s": ("", False, [1, 2, 3])}), MemoryStore()
    read_all(stream, store, Taken(), 3)
    stream.shards["s"] = ("", False, [8, 9])
    stream.oldest = 7
    stream.expired.add("expire")
    read_all(stream, store, taken := Taken(), 2)
    assert sorted(n for _, n in taken.seen) == [8, 9]
    assert "s: what came after 3 is older than a day, and gone" in caplog.text


def test_shards_take_turns() -> None:
    many = {f"s{n}": ("", False, list(range(1 + 100 * n, 90 + 100 * n))) for n in range(3)}
    stream = Stream(many)

    async def run() -> None:
        source = DynamoDbStreams(
            table=ARN, store=MemoryStore(), start="TRIM_HORIZON", client=stream
        )
        await source.open()
        for _ in range(6):
            assert await source.receive(5, 1)

    asyncio.run(run())
    assert sorted(stream.asked) == sorted([*many] * 2)


# -- a function on a platform that reads no streams
app = pelton.App("tables")
TOLD: list[tuple[str, Any]] = []


@app.function(triggers=[pelton.dynamodb("orders", dead_letter="dead", retries=2)])
def changed(change: pelton.TableChange, context: pelton.Context) -> None:
    TOLD.append((change["event"], change["new"]))
    assert context.event.trigger == "dynamodb"
    if change["keys"]["id"] == 13:
        raise ValueError("unlucky")


class Model(dict[str, Any]):
    """Fits nothing."""


def test_both_platforms_are_told_the_same() -> None:
    changes = ({"id": 1}, ({"id": 1}, {"id": 1, "n": 2.5}), ({"id": 1}, None))
    event, batch = dynamodb(*changes, table="orders"), bridged_dynamodb(*changes, table="orders")
    assert told_alike(TOLD, changed, event, batch) == ([], [])
    assert len(TOLD) == len(changes)
    event, batch = (
        dynamodb({"id": 13}, table="orders"),
        bridged_dynamodb({"id": 13}, table="orders"),
    )
    _, (failed,) = told_alike(TOLD, changed, event, batch)
    assert failed["reason"] == "ValueError: unlucky"


@on_invalid
def test_what_does_not_fit_goes_where_the_trigger_says(action: str, never: list[Any]) -> None:
    trigger = pelton.dynamodb("orders", on_invalid=action)
    assert never_again(trigger, bridged_dynamodb({"id": 1}, table="orders")) == never


def test_a_plan_for_nuclio_names_the_bridge() -> None:
    said, way = bridged(changed, "dynamodb 'orders'")
    assert said.endswith("its --store keeps how far the stream was read")
    assert (way.trigger.attempts, way.trigger.dead_letter, way.timeout) == (3, "dead", 3)


APP = """
import os
import time
import pelton

app = pelton.App("shop")

@app.function(timeout=20, environment={"SEEN": SEEN}, triggers=[
    pelton.dynamodb(TABLE, start="TRIM_HORIZON", batch=1),
])
def changed(change: pelton.TableChange) -> None:
    with open(os.environ["SEEN"], "a") as seen:
        print(change["keys"]["id"], change["new"]["n"], file=seen)
    if change["new"]["n"] == 3:
        time.sleep(0.5)
"""


@pytest.mark.slow
def test_a_bridge_that_is_killed_in_the_middle_loses_nothing(
    pelton_emulator: RunningEmulator, table: Table, tmp_path: Path
) -> None:
    bridge = KilledBridge(pelton_emulator, tmp_path, APP.replace("TABLE", json.dumps(table.name)))
    refused_ = bridge.shop("bridge", "shop.py", "--on", "nuclio")
    assert refused_.returncode == 2
    assert "needs --store, which keeps how far it was read" in refused_.stderr
    for n in range(1, 7):
        table.put("a", n)
    lines = bridge.run("a 3", "a 6", "--store", f"sqlite:///{tmp_path}/bridge.db")
    found = list(dict.fromkeys(lines))
    assert found == [f"a {n}" for n in range(1, 7)], "none is lost, none overtakes another"
    assert lines.count("a 1") == 1, "what was done before is not read again"
