"""No event that a queue holds is lost: over failures, in order, to the dead letters."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator

from ..deploy.commands import commands_at
from .support import make_function, until, with_plain_aws

QUEUE = "arn:aws:sqs:us-east-1:000000000000:{}"
# Fails the first time it sees a message, in the way that the message says, then keeps it.
CONSUMER = """
import json, os, time
from plain_aws import send

def handler(event, context):
    for record in event["Records"]:
        body = json.loads(record["body"])
        if record["attributes"]["ApproximateReceiveCount"] == "1" or body.get("always"):
            fail(body.get("do"))
        send("done", record["body"])

def fail(how):
    if how == "raise":
        raise ValueError("first time")
    if how == "crash":
        os._exit(1)
    if how == "hang":
        time.sleep(60)
"""
APP = """
import pelton
app = pelton.App("letters")

@app.function(timeout=5, triggers=[
    pelton.sqs("in", on_invalid="dead_letter", dead_letter="dead")])
def take(order: dict[str, int], context: pelton.Context) -> None:
    if order.get("reject"):
        raise pelton.Reject("not ours")
    if order.get("later") and not hasattr(context.state, "asked"):
        context.state.asked = True
        raise pelton.Retry("not yet", after=0)
    print("took", order)
"""


class World:
    """An emulator with queues, emptied at the start.

    manual: its time stands still, but for what `take` moves it on
    """

    def __init__(self, emulator: RunningEmulator, *, manual: bool = False) -> None:
        self.emulator, self.manual = emulator, manual
        self.queues, self.functions = emulator.client("sqs"), emulator.client("lambda")

    def queue(self, name: str, **attributes: str) -> str:
        url: str = self.queues.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url

    def consumer(self, queue: str = "in", batch: int = 1, source: str = CONSUMER) -> str:
        make_function(self.functions, with_plain_aws(source), Timeout=1)
        mapping: str = self.functions.create_event_source_mapping(
            FunctionName="f", EventSourceArn=QUEUE.format(queue), BatchSize=batch
        )["UUID"]
        return mapping

    def send(self, url: str, body: Any, **more: str) -> None:
        self.queues.send_message(QueueUrl=url, MessageBody=json.dumps(body), **more)

    def take(self, url: str, count: int, seconds: float = 40) -> list[Any]:
        """The bodies of the next `count` messages, in order; one that came twice counts once
        (a queue delivers at least once)."""
        found: list[Any] = []
        end = time.monotonic() + seconds
        while len(found) < count and time.monotonic() < end:
            answer = self.queues.receive_message(
                QueueUrl=url, WaitTimeSeconds=0 if self.manual else 1, MaxNumberOfMessages=10
            )
            if self.manual and not answer.get("Messages"):
                self.emulator.advance(1.0)
            for each in answer.get("Messages", []):
                body = json.loads(each["Body"])
                if body not in found:
                    found.append(body)
                self.queues.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        assert len(found) == count, found
        return found


@pytest.fixture
def world(pelton_emulator: RunningEmulator) -> World:
    return World(pelton_emulator)


@pytest.fixture
def still(pelton_manual_emulator: RunningEmulator) -> World:
    """One whose time moves only while a test takes what comes: nobody waits for a second."""
    return World(pelton_manual_emulator, manual=True)


@pytest.mark.parametrize("how", ["raise", "crash", "hang"])
@pytest.mark.fidelity(
    "Event source mappings",
    "SQS: partial failures, exceptions and crashes bring only their messages again",
)
def test_a_failed_message_comes_again(still: World, how: str) -> None:
    source, done = still.queue("in", VisibilityTimeout="1"), still.queue("done")
    still.consumer()
    for number in range(3):
        still.send(source, {"id": number, "do": how})
    assert sorted(each["id"] for each in still.take(done, 3)) == [0, 1, 2]


@pytest.mark.fidelity("Event source mappings", "SQS: messages wait for a function that is away")
def test_messages_wait_for_a_function_that_is_away(world: World) -> None:
    """Deleted with its mapping, and made again: what came in between is there."""
    source, done = world.queue("in", VisibilityTimeout="1"), world.queue("done")
    mapping = world.consumer()
    world.functions.delete_event_source_mapping(UUID=mapping)
    world.functions.delete_function(FunctionName="f")
    world.send(source, {"id": 1})
    world.consumer()
    assert world.take(done, 1) == [{"id": 1}]


@pytest.mark.fidelity("Event source mappings", "SQS FIFO: a group keeps its order over a failure")
def test_a_fifo_group_keeps_its_order_over_a_failure(still: World) -> None:
    source = still.queue(
        "in.fifo", FifoQueue="true", ContentBasedDeduplication="true", VisibilityTimeout="1"
    )
    done = still.queue("done")
    still.consumer("in.fifo", batch=1)
    for number in range(4):
        body = {"id": number, "do": "raise" if number == 1 else ""}
        still.send(source, body, MessageGroupId="g")
    assert [each["id"] for each in still.take(done, 4)] == [0, 1, 2, 3]


@pytest.mark.fidelity(
    "Event source mappings", "SQS: the queue's own redrive policy makes dead letters"
)
def test_after_its_receives_a_message_is_a_dead_letter(still: World) -> None:
    dead = still.queue("dead")
    policy = {"deadLetterTargetArn": QUEUE.format("dead"), "maxReceiveCount": 2}
    source = still.queue("in", VisibilityTimeout="1", RedrivePolicy=json.dumps(policy))
    still.queue("done")
    still.consumer()
    still.send(source, {"id": 7, "do": "raise", "always": True})
    assert still.take(dead, 1)[0]["id"] == 7


def test_a_typed_consumer_sends_misfits_to_its_dead_letters(world: World, tmp_path: Path) -> None:
    """Wrong types, bad bodies and `Reject` at once; `Retry` comes again; good ones are done."""
    source, dead = world.queue("in", VisibilityTimeout="30"), world.queue("dead")
    (tmp_path / "letters_app.py").write_text(APP)
    emulator = world.emulator
    deployed = commands_at(emulator, tmp_path)("deploy", "letters_app.py")
    assert deployed.returncode == 0, deployed.stderr
    for body in ({"id": 1}, {"id": "x"}, {"reject": 1}, {"later": 1}):
        world.send(source, body)
    world.queues.send_message(QueueUrl=source, MessageBody="{")
    letters: dict[str, str] = {}
    end = time.monotonic() + 40
    while len(letters) < 3 and time.monotonic() < end:
        answer = world.queues.receive_message(
            QueueUrl=dead, WaitTimeSeconds=1, MessageAttributeNames=["All"]
        )
        for each in answer.get("Messages", []):
            letters[each["Body"]] = each["MessageAttributes"]["Reason"]["StringValue"]
    assert letters == {
        '{"id": "x"}': "id: expected an integer, got the string 'x'",
        '{"reject": 1}': "not ours",
        "{": letters["{"],
    }
    assert "not JSON" in letters["{"]
    logs = emulator.client("logs")

    def took() -> set[str]:
        events = logs.filter_log_events(logGroupName="/aws/lambda/take")["events"]
        said = {each["message"].strip() for each in events if each["message"].startswith("took")}
        return said if len(said) == 2 else set()

    assert until(took) == {"took {'id': 1}", "took {'later': 1}"}
