"""A queue of SQS as a source, and a function of Nuclio that a bridge calls for it, against the
emulator's SQS."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import pelton
from pelton.bridge.bridge import Shared, Way, delivery
from pelton.bridge.payload import payload
from pelton.deploy.errors import CannotPlan
from pelton.deploy.wants.bridges import bridges
from pelton.deploy.wants.missing import refuse_missing_triggers
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
from pelton.event_sources.sources.sqs import Sqs
from pelton.event_sources.stores.memory import MemoryStore
from pelton.handlers.triggers.queued import Queued
from pelton.pytest_plugin import RunningEmulator
from pelton.testing import bridged_sqs, nuclio_bridged, on_nuclio, sqs

from .bench import until
from .bridge_killed import KilledBridge
from .read_by_bridges import bridged, never_again, on_invalid, told_alike

_numbers = count()


class Queue:
    """A queue of its own in the emulator."""

    def __init__(self, emulator: RunningEmulator, name: str = "", **attributes: str) -> None:
        self.emulator = emulator
        own = f"queue{next(_numbers)}{name}"
        self.client, self.name = emulator.client, own if name in ("", ".fifo") else name
        self._sqs = emulator.client("sqs")
        made = self._sqs.create_queue(QueueName=self.name, Attributes=attributes)
        self.url = made["QueueUrl"]

    @property
    def arn(self) -> str:
        return str(self.attribute("QueueArn"))

    def attribute(self, name: str) -> str:
        told = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])
        return str(told["Attributes"].get(name, ""))

    def send(self, *bodies: str, group: str = "", **more: Any) -> None:
        for body in bodies:
            fifo = {"MessageGroupId": group, "MessageDeduplicationId": str(next(_numbers))}
            self._sqs.send_message(
                QueueUrl=self.url, MessageBody=body, **(fifo if group else {}), **more
            )

    def source(self, **more: Any) -> Sqs:
        settings = {"poll": 0, "backoff": (0, 0), "client": self.client, **more}
        return Sqs(queue=self.name, **settings)

    def take(self) -> list[dict[str, Any]]:
        told = self._sqs.receive_message(
            QueueUrl=self.url, MessageAttributeNames=["All"], MaxNumberOfMessages=10
        )
        return list(told.get("Messages", ()))

    def delete(self, message: dict[str, Any]) -> None:
        self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    @property
    def empty(self) -> bool:
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return {self.attribute(each) for each in names} == {"0"}


@pytest.fixture
def queue(pelton_emulator: RunningEmulator) -> Queue:
    return Queue(pelton_emulator)


class Taken:
    """A handler that keeps the bodies that it is given, and gives back those of `poison`, twice."""

    def __init__(self, *poison: str, times: int = 2) -> None:
        self.seen: list[str] = []
        self._left = dict.fromkeys(poison, times)

    async def __call__(self, batch: Batch) -> Outcome:
        failed = dict[str, Failed]()
        for each in batch.messages:
            body = json.loads(each.body)["body"]
            if each.lane and failed:
                failed[each.id] = Failed("not begun", after=0, blame=False)
                continue
            self.seen.append(body)
            if self._left.get(body, 0) > 0:
                self._left[body] -= 1
                failed[each.id] = Failed("poison", back=True)
        return Outcome(failed=failed)


def test_messages_are_lambdas_records_and_are_deleted_when_they_are_done(queue: Queue) -> None:
    value = {"DataType": "Binary", "BinaryValue": b"\xff"}
    queue.send("one", MessageAttributes={"raw": value})
    queue.send("two")

    async def run() -> None:
        source = queue.source()
        await source.open()
        (found,) = await source.receive(1, 1)
        told = json.loads(found.body)
        assert (told["eventSource"], told["eventSourceARN"]) == ("aws:sqs", queue.arn)
        assert told["messageAttributes"]["raw"]["binaryValue"] == "/w=="
        assert (found.topic, found.lane, found.attempt) == (queue.name, "", 1)
        assert found.timestamp == int(told["attributes"]["SentTimestamp"]) / 1000
        await source.requeue([found])
        await source.close()
        with pytest.raises(Away, match=f"queue {queue.name} is not open"):
            await source.receive(1, 1)
        taken = Taken("two")
        async with Delivery(queue.source(), taken, Rules(batch=10)) as made:
            await until(lambda: made.tally.done == 2)
        assert sorted(taken.seen) == ["one", "two", "two", "two"]
        assert made.tally.failed == 2

    asyncio.run(run())
    assert queue.empty


def test_a_group_keeps_its_order_over_what_is_given_back(pelton_emulator: RunningEmulator) -> None:
    queue = Queue(pelton_emulator, ".fifo", FifoQueue="true")
    for n in range(6):
        queue.send(f"a{n}", group="a")
        queue.send(f"b{n}", group="b")

    async def run() -> None:
        taken = Taken("a1", "b3")
        async with Delivery(queue.source(), taken, Rules(batch=4, workers=2)) as made:
            await until(lambda: made.tally.done == 12)
        for group in "ab":
            own = [each for each in taken.seen if each[0] == group]
            assert own == sorted(own), "none is begun before the one ahead of it is done"
        assert taken.seen.count("a1") == taken.seen.count("b3") == 3

    asyncio.run(run())
    assert queue.empty


def test_a_call_that_is_cancelled_loses_nothing(queue: Queue) -> None:
    async def run() -> None:
        source = queue.source(poll=1)
        await source.open()
        waiting = asyncio.create_task(source.receive(10, 30))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        queue.send("late")
        await source.requeue([])
        await source.close()

    asyncio.run(run())
    (found,) = queue.take()
    assert found["Body"] == "late", "it is anybody's at once"


class Spy:
    """A client that keeps what is said of visibility."""

    def __init__(self, client: Any) -> None:
        self._client, self.hidden = client, list[int]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def change_message_visibility_batch(self, **asked: Any) -> Any:
        self.hidden += [each["VisibilityTimeout"] for each in asked["Entries"]]
        return self._client.change_message_visibility_batch(**asked)


def test_leases_begin_anew_and_pauses_grow(queue: Queue) -> None:
    spy = Spy(queue.client("sqs"))

    async def run() -> None:
        queue.send(*map(str, range(12)))
        source = queue.source(visibility=50, backoff=(0.5, 300), client=lambda _: spy)
        await source.open()
        found = [*await source.receive(20, 1), *await source.receive(20, 1)]
        assert len(found) == 12
        assert queue.take() == []
        await source.extend(found)
        assert spy.hidden == [50] * 12
        tries = [replace(found[0], attempt=n) for n in (1, 2, 3, 20)]
        assert [source._pause(each) for each in tries] == [1, 1, 2, 300]
        await source.requeue(found[:1])
        assert spy.hidden[12:] == [0]
        (again,) = await source.receive(1, 1)
        assert (again.id, again.attempt) == (found[0].id, 2)
        await source.ack([*found[1:], again, replace(again, raw="nobody knows it")])
        await source.close()

    asyncio.run(run())
    assert queue.empty


def test_what_is_missing_is_said(pelton_emulator: RunningEmulator) -> None:
    with pytest.raises(Away, match=r"queue none: get_queue_url: .*NonExistentQueue"):
        asyncio.run(Sqs(queue="none", client=pelton_emulator.client).open())
    with pytest.raises(WrongSource, match="poll=21 is not within 0 and 20"):
        source_of("sqs", queue="q", poll=21)
    with pytest.raises(WrongSource, match="visibility=1 is not within 2 and 43200"):
        source_of("sqs", queue="q", visibility=1)


# -- who gives up: the queue, or ours
class Quick(Queued):
    """Asked without a wait, so that its end waits for nothing."""

    @property
    def source(self) -> tuple[str, dict[str, Any]]:
        return "sqs", {"queue": self.queue.queue, "poll": 0}


def bridge(queue: Queue, dead_letter: str = "", batch: int = 2) -> Delivery:
    """As `pelton bridge` makes it, to a function that fails what is "poison"."""
    made = Quick(
        batch=batch,
        attempts=3 if dead_letter else 0,
        dead_letter=dead_letter,
        backoff=(0, 0),
        queue=pelton.sqs(queue.name),
    )

    async def call(payload: dict[str, Any]) -> Any:
        told = [(each["messageId"], json.loads(each["body"])) for each in payload["Records"]]
        failed = [
            {"itemIdentifier": id, "reason": "ValueError: poison", "never": "bad" in each["body"]}
            for id, each in told
            if each["body"] != "good"
        ]
        return {"batchItemFailures": failed}

    return delivery(Way("take", made), call, lambda *_: None, shared=Shared(client=queue.client))


def test_a_queue_with_a_redrive_policy_gives_up_by_itself(pelton_emulator: RunningEmulator) -> None:
    dead, ours = Queue(pelton_emulator), Queue(pelton_emulator)
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 4})
    queue = Queue(pelton_emulator, RedrivePolicy=policy)
    queue.send("good", "poison", "good", "bad")

    async def run() -> None:
        async with bridge(queue, ours.name) as made:
            await until(lambda: made.tally.done == 2 and made.tally.failed >= 5)
            await until(lambda: dead.attribute("ApproximateNumberOfMessages") == "1")
        assert made.tally.buried == 1, "what no try can help is ours all the same"

    asyncio.run(run())
    (moved,), (letter,) = dead.take(), ours.take()
    assert (moved["Body"], letter["Body"]) == ("poison", "bad")
    assert queue.empty


def test_without_one_what_never_works_is_a_dead_letter_of_ours(queue: Queue) -> None:
    dead = Queue(queue.emulator, ".fifo", FifoQueue="true")
    queue.send("good", "poison")

    async def run() -> None:
        async with bridge(queue, dead.name) as made:
            await until(lambda: made.tally.done == 1 and made.tally.buried == 1)

    asyncio.run(run())
    (letter,) = dead.take()
    said = {name: each["StringValue"] for name, each in letter["MessageAttributes"].items()}
    assert letter["Body"] == "poison"
    assert said["dead-letter-reason"] == "ValueError: poison"
    assert said["dead-letter-attempts"] == "3"
    assert queue.empty


def test_with_neither_it_comes_again_until_the_queue_forgets_it(queue: Queue) -> None:
    queue.send("poison")

    async def run() -> None:
        async with bridge(queue) as made:
            await until(lambda: made.tally.failed > 5)

    asyncio.run(run())
    (left,) = queue.take()
    assert left["Body"] == "poison"


# -- a function on a platform that reads no queues
app = pelton.App("queues")
TOLD: list[tuple[Any, ...]] = []


@app.function(triggers=[pelton.sqs("orders", dead_letter="dead", batch=5)], concurrency=3)
def counted(n: int, context: pelton.Context) -> None:
    event = context.event
    TOLD.append((n, event.trigger, event.id, event.position, event.source, event.headers))
    if n == 13:
        raise ValueError("unlucky")


def test_both_platforms_are_told_the_same() -> None:
    bodies = (1, 13, 2)
    event, batch = sqs(*bodies, queue="orders"), bridged_sqs(*bodies, queue="orders")
    on_one, on_other = told_alike(TOLD, counted, event, batch)
    assert on_one == [{"itemIdentifier": "1"}]
    assert on_other == [{"itemIdentifier": "1", "reason": "ValueError: unlucky"}]
    assert [each[0] for each in TOLD] == [*bodies]


@on_invalid
def test_what_does_not_fit_goes_where_the_trigger_says(action: str, never: list[Any]) -> None:
    trigger = pelton.sqs("arn:aws:sqs:us-east-1:000000000000:orders", on_invalid=action)
    assert never_again(trigger, bridged_sqs("many", queue="orders")) == never


def test_a_plan_for_nuclio_names_the_bridge_and_who_gives_up() -> None:
    said, way = bridged(counted, "sqs 'orders'")
    assert said.startswith("run")
    assert said.endswith(
        "what never works goes where the queue's own redrive policy says, and if it has none, to "
        "'dead' after 10 tries"
    )
    assert (way.trigger.batch, way.trigger.workers, way.trigger.alone) == (5, 3, False)
    (bare,) = bridges([plain_function()], ["nuclio"])
    assert bare.endswith("redrive policy says, if it has one")


def plain_function() -> Any:
    def take(n: int) -> None: ...

    return pelton.App("bare").function(triggers=[pelton.sqs("orders")])(take)


@pytest.mark.parametrize(
    ("trigger", "what"),
    [
        (pelton.sns("orders"), "topic"),
        (pelton.s3("orders"), "bucket"),
        (pelton.eventbridge({"source": ["shop"]}), "bus"),
    ],
)
def test_what_pushes_to_lambda_goes_by_a_queue_on_nuclio(trigger: Any, what: str) -> None:
    def take(event: dict[str, Any]) -> None: ...

    function = pelton.App("pushed").function(triggers=[trigger])(take)
    said = (
        rf"let the {what} send to a queue of SQS and give the function pelton.sqs\("
        r'"QUEUE"\) instead, which `pelton bridge` reads'
    )
    with pytest.raises(CannotPlan, match=said):
        refuse_missing_triggers(function, "nuclio")


def test_a_bridge_that_is_alone_knows_who_gives_up(queue: Queue) -> None:
    dead = json.dumps({"deadLetterTargetArn": queue.arn, "maxReceiveCount": 4})

    async def run(source: Sqs) -> bool:
        made = Alone(source, MemoryStore(), "one")
        await made.open()
        await made.close()
        return made.gives_up

    assert not asyncio.run(run(queue.source()))
    queue._sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"RedrivePolicy": dead})
    assert asyncio.run(run(queue.source()))


APP = """
import os
import time
import pelton

app = pelton.App("shop")

@app.function(timeout=20, environment={"SEEN": SEEN}, triggers=[pelton.sqs(QUEUE, batch=2)])
def placed(n: int) -> None:
    with open(os.environ["SEEN"], "a") as seen:
        print(n, file=seen)
    if n == 3:
        time.sleep(0.5)
"""


@pytest.mark.slow
def test_a_bridge_that_is_killed_in_the_middle_of_a_batch_loses_nothing(
    pelton_emulator: RunningEmulator, tmp_path: Path
) -> None:
    bridge = KilledBridge(pelton_emulator, tmp_path, APP.replace("QUEUE", json.dumps("shop.fifo")))
    # A deploy does without the queue, and without credentials for it: they are the bridge's.
    queue = Queue(pelton_emulator, "shop.fifo", FifoQueue="true")
    for n in range(1, 7):
        queue.send(str(n), group="a")
    lines = bridge.run("3", "6")
    assert queue.empty
    found = list(dict.fromkeys(lines))
    assert found == [f"{n}" for n in range(1, 7)], "none is lost, none overtakes another"
    assert lines.count("1") == 1, "what was deleted is not handed out again"


@dataclass
class Notification:
    Subject: str
    Message: str


def test_a_queue_brings_the_notifications_of_a_topic(pelton_emulator: RunningEmulator) -> None:
    queue, topics, given = Queue(pelton_emulator), pelton_emulator.client("sns"), list[str]()
    arn = topics.create_topic(Name=queue.name)["TopicArn"]
    topics.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue.arn)
    topics.publish(TopicArn=arn, Subject="late", Message="it has not come")

    def opened(notification: Notification) -> None:
        given.append(f"{notification.Subject}: {notification.Message}")

    function = pelton.App("desk").function(triggers=[pelton.sqs(queue.name)])(opened)

    async def run() -> None:
        async with Delivery(queue.source(), lambda batch: call(batch)) as made:
            await until(lambda: made.tally.done == 1)

    def call(batch: Batch) -> None:
        made = payload("sqs", queue.name, batch.messages)
        assert on_nuclio(function, nuclio_bridged(made)).status_code == 200

    asyncio.run(run())
    assert given == ["late: it has not come"]
