"""Dead letters in queues of SQS, sent again: those that SQS itself has put there, and ours."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from click.testing import CliRunner

from pelton.cli import command
from pelton.event_sources import Letter, Message
from pelton.event_sources.dead_letters import ToFile
from pelton.event_sources.redrive import Kept, Wanted, redrive
from pelton.event_sources.redrive.places.sqs import SqsPlace
from pelton.event_sources.sources.sqs import Sqs
from pelton.pytest_plugin import RunningEmulator

from .test_sqs import Queue, queue

__all__ = ["queue"]  # a fixture


def again(queue: Queue, *words: str, code: int = 0) -> dict[str, Any]:
    all_words = ["events", "redrive", *words, "--endpoint", queue.emulator.url, "--json"]
    if "sqs" in words:
        all_words += ["--set", "wait=0"]
    done = CliRunner().invoke(command, all_words)
    assert done.exit_code == code, done.output
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def buried(queue: Queue, dead: Queue, **attributes: Any) -> None:
    """A message of the queue, given up by a source of ours."""

    async def run() -> None:
        queue.send("poison", MessageAttributes=attributes)
        source: Sqs = queue.source()
        await source.open()
        (found,) = await source.receive(1, 1)
        await source.bury(Letter(found, "ValueError: poison", 3, 1.7e9, "sqs"), dead.name)
        await source.ack([found])
        await source.close()

    asyncio.run(run())


def attributes_of(message: dict[str, Any]) -> dict[str, Any]:
    return {
        name: each.get("StringValue", each.get("BinaryValue"))
        for name, each in message["MessageAttributes"].items()
    }


@pytest.mark.parametrize("count", [2, 7])
def test_a_letter_of_ours_goes_back_with_its_own_attributes(queue: Queue, count: int) -> None:
    """Of which there may be more than there is room for beside the reason."""
    dead = Queue(queue.emulator)
    own = {f"a{n}": {"DataType": "String", "StringValue": str(n)} for n in range(count - 1)}
    buried(queue, dead, raw={"DataType": "Binary", "BinaryValue": b"\xff"}, **own)
    (looked,) = again(queue, "sqs", dead.name, "--dry-run")["letters"]
    assert (looked["reason"], looked["topic"]) == ("ValueError: poison", queue.name)
    assert again(queue, "sqs", dead.name)["sent"] == 1
    (found,) = queue.take()
    assert found["Body"] == "poison"
    named = {f"a{n}": str(n) for n in range(count - 1)}
    assert attributes_of(found) == {"raw": b"\xff", **named, "dead-letter-redriven": "1"}
    assert dead.empty


def test_what_a_queue_has_given_up_goes_back_to_it(pelton_emulator: RunningEmulator) -> None:
    dead = Queue(pelton_emulator)
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 1})
    queue = Queue(pelton_emulator, RedrivePolicy=policy, VisibilityTimeout="0")
    queue.send("one", "two", MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}})
    while dead.attribute("ApproximateNumberOfMessages") != "2":
        queue.take()
    done = again(queue, "sqs", dead.name, "--most", "1")
    assert (done["sent"], done["not_sent"]) == (1, [])
    assert again(queue, "sqs", dead.name)["sent"] == 1
    found = queue.take()
    assert sorted(each["Body"] for each in found) == ["one", "two"]
    assert attributes_of(found[0]) == {"a": "b", "dead-letter-redriven": "1"}
    assert dead.empty


def test_groups_keep_their_order_and_a_copy_is_no_second_one(
    pelton_emulator: RunningEmulator,
) -> None:
    dead = Queue(pelton_emulator, ".fifo", FifoQueue="true")
    queue = Queue(pelton_emulator, ".fifo", FifoQueue="true")
    said = {
        name: {"DataType": "String", "StringValue": value}
        for name, value in (("dead-letter-topic", queue.name), ("dead-letter-source", "sqs"))
    }
    for group in ("a", "b"):
        more = {**said, "dead-letter-key": {"DataType": "String", "StringValue": group}}
        dead.send(*(f"{group}{n}" for n in range(12)), group=group, MessageAttributes=more)

    async def killed() -> None:
        place = SqsPlace(dead.name, client=pelton_emulator.client)

        async def send(letter: Kept) -> None:
            await place.send(letter)
            raise KeyboardInterrupt  # before it is taken away

        await place.open()
        with pytest.raises(KeyboardInterrupt):
            await redrive(place, Wanted(), send)
        await place.close()

    asyncio.run(killed())
    assert again(queue, "sqs", dead.name)["sent"] == 24
    bodies = list[str]()
    while found := queue.take():
        bodies += [each["Body"] for each in found]
        for each in found:
            queue.delete(each)
    for group in ("a", "b"):
        assert [each for each in bodies if each[0] == group] == [f"{group}{n}" for n in range(12)]
    assert dead.empty


def test_letters_of_a_file_go_to_the_queue_that_they_came_from(queue: Queue, tmp_path: Any) -> None:
    file = ToFile(tmp_path / "dead.jsonl")
    value = {"DataType": "Number", "StringValue": "7"}

    async def run() -> None:
        queue.send("poison", MessageAttributes={"n": value})
        source = queue.source()
        await source.open()
        (found,) = await source.receive(1, 1)
        for message in (found, Message("2", b"tick", "clock")):
            kind = "sqs" if message is found else "cron"
            await file.bury(source, Letter(message, "poison", 3, 1.7e9, kind))
        await source.ack([found])
        await source.close()

    asyncio.run(run())
    done = again(queue, "file", str(file.path), code=2)
    assert (done["sent"], len(done["not_sent"])) == (1, 1)
    assert done["not_sent"][0]["not_sent"] == (
        "a source 'cron' takes nothing: say which --function shall run"
    )
    (sent,) = queue.take()
    assert (sent["Body"], sent["MessageAttributes"]["n"]) == ("poison", value)
    (left,) = file.path.read_text().splitlines()
    assert json.loads(left)["source"] == "cron"


def test_a_queue_that_is_not_there(queue: Queue) -> None:
    said = again(queue, "sqs", "nobody", code=1)["error"]["message"]
    assert said.startswith("there is no queue 'nobody'")
