"""A stream of Kinesis as a source, and a function of Nuclio that a bridge calls for it, against the
emulator's Kinesis; what shards that split and merge come to, against shards written down here."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import pelton
from pelton.event_sources import Away, Batch, Delivery, Failed, Outcome, Rules
from pelton.event_sources.dead_letters import ToBroker
from pelton.event_sources.delivery.rules import Backoff
from pelton.event_sources.sources.kinesis import Kinesis
from pelton.event_sources.stores.memory import MemoryStore
from pelton.pytest_plugin import RunningEmulator
from pelton.testing import bridged_kinesis, kinesis

from .bench import until
from .bridge_killed import KilledBridge
from .read_by_bridges import bridged, told_alike

_numbers = count()
AGAIN = Backoff(first=0.01, longest=0.05)


class Stream:
    """A stream of its own in the emulator."""

    def __init__(self, emulator: RunningEmulator, shards: int = 1) -> None:
        self.client, self.name = emulator.client, f"stream{next(_numbers)}"
        self._kinesis = emulator.client("kinesis")
        self._kinesis.create_stream(StreamName=self.name, ShardCount=shards)
        self._kinesis.get_waiter("stream_exists").wait(
            StreamName=self.name, WaiterConfig={"Delay": 1}
        )

    def put(self, *bodies: str, key: str = "k") -> None:
        for body in bodies:
            self._kinesis.put_record(StreamName=self.name, Data=body.encode(), PartitionKey=key)

    def source(self, store: Any, start: str = "TRIM_HORIZON", **more: Any) -> Kinesis:
        return Kinesis(stream=self.name, store=store, start=start, client=self.client, **more)


@pytest.fixture
def stream(pelton_emulator: RunningEmulator) -> Stream:
    return Stream(pelton_emulator)


class Taken:
    """A handler that keeps the data that it is given, and fails those of `poison`."""

    def __init__(self, *poison: str) -> None:
        self.seen: list[str] = []
        self._poison = poison

    async def __call__(self, batch: Batch) -> Outcome:
        for each in batch.messages:
            data = on_lambda_data(each.body)
            self.seen.append(data)
            if data in self._poison:
                return Outcome(failed={each.id: Failed("poison")})
        return Outcome()


def on_lambda_data(body: bytes) -> str:
    import base64

    return base64.b64decode(json.loads(body)["kinesis"]["data"]).decode()


def deliver(source: Any, handle: Any, **rules: Any) -> Delivery:
    letters = ToBroker(rules.pop("dead")) if "dead" in rules else None
    made = Rules(**{"batch": 1, "retry": AGAIN, **rules})
    return Delivery(source, handle, made, dead_letters=letters, reconnect=AGAIN)


def test_a_shard_in_its_order_and_poison_to_a_queue(stream: Stream) -> None:
    queues = stream.client("sqs")
    url = queues.create_queue(QueueName=f"{stream.name}-dead")["QueueUrl"]
    stream.put("0", "1", "2", key="a")
    stream.put("3", key="b")

    async def run() -> None:
        store, taken = MemoryStore(), Taken("1")
        source = stream.source(store)
        async with deliver(source, taken, attempts=3, dead=f"{stream.name}-dead") as made:
            await until(lambda: made.tally.done == 3 and made.tally.buried == 1)
        assert taken.seen == ["0", "1", "1", "1", "2", "3"], "what failed holds up its shard"
        stream.put("4")  # all is done: who comes next begins behind it
        async with deliver(stream.source(store), again := Taken()) as made:
            await until(lambda: made.tally.done == 1)
        assert again.seen == ["4"]

    asyncio.run(run())
    (letter,) = queues.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert on_lambda_data(letter["Body"].encode()) == "1"
    assert letter["MessageAttributes"]["dead-letter-reason"]["StringValue"] == "poison"


def test_latest_begins_now_and_loses_nothing_while_nobody_reads(stream: Stream) -> None:
    async def run() -> None:
        store = MemoryStore()
        stream.put("1")
        source = stream.source(store, "LATEST")
        await source.open()
        stream.put("2")
        (found,) = await source.receive(10, 5)
        told = json.loads(found.body)
        assert on_lambda_data(found.body) == "2"
        assert (told["eventSource"], found.key, found.lane) == ("aws:kinesis", "k", found.raw[0])
        await source.close()  # nothing was acknowledged
        stream.put("3")
        async with deliver(stream.source(store, "LATEST"), taken := Taken()) as made:
            await until(lambda: "3" in taken.seen and made.tally.done >= 2)
        assert taken.seen[-2:] == ["2", "3"]

    asyncio.run(run())


def test_what_is_missing_is_said(pelton_emulator: RunningEmulator) -> None:
    gone = Kinesis(stream="none", store="", client=pelton_emulator.client)
    with pytest.raises(Away, match=r"none: describe_stream_summary: .*ResourceNotFoundException"):
        asyncio.run(gone.open())


# -- a stream as it is written down: shard > (parents, closed, sequence numbers)
ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/s"


class Written:
    """Kinesis's three calls, over shards that were split and merged; each is refused once."""

    def __init__(self, shards: dict[str, tuple[tuple[str, ...], bool, list[int]]]) -> None:
        self.shards = shards
        self.refuse = ["ProvisionedThroughputExceededException", "ExpiredIteratorException"]

    def __call__(self, service: str) -> Written:
        assert service == "kinesis"
        return self

    def list_shards(self, **asked: Any) -> dict[str, Any]:
        at = int(asked.get("NextToken", 0))
        name, (parents, closed, _) = list(self.shards.items())[at]
        words = ("ParentShardId", "AdjacentParentShardId")
        ends = {"EndingSequenceNumber": "9"} if closed else {}
        told = {"ShardId": name, "SequenceNumberRange": ends}
        told |= dict(zip(words, parents, strict=False))
        more = {"NextToken": str(at + 1)} if at + 1 < len(self.shards) else {}
        return {"Shards": [told], **more}

    def get_shard_iterator(self, **asked: Any) -> dict[str, Any]:
        assert asked["StreamARN"] == ARN
        return {"ShardIterator": f"{asked['ShardId']}:{asked.get('StartingSequenceNumber', 0)}"}

    def get_records(self, **asked: Any) -> dict[str, Any]:
        if self.refuse:
            said = {"Error": {"Code": self.refuse.pop(0), "Message": "no"}}
            raise ClientError(said, "GetRecords")
        name, _, after = asked["ShardIterator"].partition(":")
        _, closed, numbers = self.shards[name]
        left = [n for n in numbers if n > int(after)]
        given = left[: asked["Limit"]]
        ended = closed and len(given) == len(left)
        last = given[-1] if given else after
        more = {} if ended else {"NextShardIterator": f"{name}:{last}"}
        records = [{"SequenceNumber": str(n), "Data": str(n).encode()} for n in given]
        return {"Records": records, **more}


def test_a_shard_of_two_that_were_merged_is_read_when_both_are_done_with() -> None:
    written = Written(
        {
            "merged": (("left", "right"), False, [20, 21]),
            "left": (("trimmed",), True, [1, 2]),
            "right": (("trimmed",), True, [3]),
        }
    )
    taken, store = Taken(), MemoryStore()

    async def run() -> None:
        source = Kinesis(stream=ARN, store=store, start="TRIM_HORIZON", client=written)
        async with deliver(source, taken, workers=3) as made:
            await until(lambda: made.tally.done == 5)
        assert json.loads(await store.note(source.place)) == {
            "left": "end",
            "right": "end",
            "merged": {"after": "21"},
        }

    asyncio.run(run())
    assert sorted(taken.seen[:3]) == ["1", "2", "3"]
    assert taken.seen[3:] == ["20", "21"]
    assert written.refuse == [], "who reads too fast, or too late, goes on"


# -- a function on a platform that reads no streams
app = pelton.App("streams")
TOLD: list[tuple[Any, ...]] = []


@app.function(triggers=[pelton.kinesis("clicks", dead_letter="dead", retries=2)], concurrency=3)
def counted(n: int, context: pelton.Context) -> None:
    event = context.event
    TOLD.append((n, event.trigger, event.id, event.position, event.source, event.key))
    if n == 13:
        raise ValueError("unlucky")


def test_both_platforms_are_told_the_same() -> None:
    bodies = (1, 13, 2)
    event, batch = kinesis(*bodies, stream="clicks"), bridged_kinesis(*bodies, stream="clicks")
    (first,), (failed, behind) = told_alike(TOLD, counted, event, batch)
    assert failed == {**first, "reason": "ValueError: unlucky"}
    assert behind["begun"] is False, "of its shard, nothing is begun behind it"
    assert [each[0] for each in TOLD] == [1, 13]


def test_a_plan_for_nuclio_names_the_bridge() -> None:
    said, way = bridged(counted, "kinesis 'clicks'")
    assert said.endswith("its --store keeps how far the stream was read")
    assert (way.trigger.attempts, way.trigger.dead_letter, way.trigger.workers) == (3, "dead", 3)


APP = """
import os
import time
import pelton

app = pelton.App("shop")

@app.function(timeout=20, environment={"SEEN": SEEN}, triggers=[
    pelton.kinesis(STREAM, start="TRIM_HORIZON", batch=2),
])
def clicked(n: int) -> None:
    with open(os.environ["SEEN"], "a") as seen:
        print(n, file=seen)
    if n == 3:
        time.sleep(0.5)
"""


@pytest.mark.slow
def test_a_bridge_that_is_killed_in_the_middle_of_a_batch_loses_nothing(
    pelton_emulator: RunningEmulator, stream: Stream, tmp_path: Path
) -> None:
    bridge = KilledBridge(pelton_emulator, tmp_path, APP.replace("STREAM", json.dumps(stream.name)))
    stream.put(*map(str, range(1, 7)))
    lines = bridge.run("3", "6", "--store", f"sqlite:///{tmp_path}/bridge.db")
    found = list(dict.fromkeys(lines))
    assert found == [f"{n}" for n in range(1, 7)], "none is lost, none overtakes another"
    assert lines.count("1") == 1, "what was done before is not read again"
