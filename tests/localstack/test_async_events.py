"""Asynchronous events: attempts under one id, throttles wait, ends are told, kills survived."""

import asyncio
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pelton.localstack.lambda_.async_events import AsyncEvents
from pelton.localstack.lambda_.async_store import Event, Settings
from pelton.localstack.lambda_.destinations import Letter, Undelivered
from pelton.localstack.lambda_.records import (
    Allocation,
    Call,
    Outcome,
    Provision,
    RestoreFailed,
    Revision,
    Throttled,
)
from pelton.localstack.manual_clock import ManualClock

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
REVISION = Revision(
    "k", "f", ARN, "$LATEST", "us-east-1", "0" * 12, "python3.12", "m.h", 128, 3, {}, Path(), "g"
)
DAY = 86_400.0
TOLD = Settings(on_success="success", on_failure="failure", dead_letter="dead")


class World:
    """A function that ends as told, and destinations that take what is told."""

    def __init__(self, path: Path, settings: Settings, *ends: Any) -> None:
        self.path, self.current, self.ends = path, settings, list(ends)
        self.clock = ManualClock(start=0.0)
        self.seen: list[tuple[float, str]] = []
        self.taken: list[tuple[float, str, Letter]] = []
        self.closed: dict[str, int] = {}  # how often a destination refuses
        self.said: list[str] = []
        self.why: Exception = Undelivered("shut")
        self.gone = False
        self.revision = REVISION
        self.events = self.open()

    def open(self) -> AsyncEvents:
        events = AsyncEvents(self.path, self.clock, self, self, 60.0, self.said.append)
        events.deliver_to(self)
        return events

    def call(self, event: Event) -> Call | None:
        return None if self.gone else _call(event.request_id, event.payload, self.revision)

    def settings(self, invoked_arn: str) -> Settings | None:
        return None if self.gone else self.current

    async def invoke(self, call: Call) -> Outcome:
        self.seen.append((self.clock.time(), call.request_id))
        end = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
        if isinstance(end, Exception):
            raise end
        payload = b"null" if end == "ok" else b'{"errorMessage": "no", "errorType": "E"}'
        return Outcome(payload, "" if end == "ok" else "Unhandled")

    async def send(self, arn: str, letter: Letter) -> None:
        if self.closed.get(arn, 0):
            self.closed[arn] -= 1
            raise self.why
        self.taken.append((self.clock.time(), arn, letter))

    async def retire(self, name: str, keep: str = "") -> None: ...

    def provision(self, name: str, wanted: Mapping[str, Provision]) -> None: ...

    def allocation(self, key: str) -> Allocation:
        return Allocation()

    async def close(self) -> None: ...

    def record(self) -> Any:
        """The one invocation record that was taken."""
        (found,) = [letter for _, arn, letter in self.taken if arn in ("success", "failure")]
        return json.loads(found.body)


def _call(request_id: str, payload: bytes = b'{"n": 1}', revision: Revision = REVISION) -> Call:
    return Call(revision, payload, request_id, ARN)


def live(world: World, seconds: float = DAY, *ids: str) -> int:
    """Accept events, let the time pass; how many are left."""

    async def main() -> int:
        for each in ids or ("id",):
            await world.events.accept(_call(each))
        await world.clock.advance(seconds)
        left = world.events.pending()
        await world.events.close()
        return left

    return asyncio.run(main())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.sqlite"


@pytest.mark.fidelity(
    "Asynchronous events", "a failed event is tried twice more, after one and two minutes, same id"
)
def test_a_failing_event_is_tried_after_one_and_two_minutes(path: Path) -> None:
    world = World(path, Settings(), "failed")
    assert live(world) == 0
    assert world.seen == [(0.0, "id"), (60.0, "id"), (180.0, "id")]
    assert world.said == [
        f"AsyncEventsDropped: event id of {ARN}:$LATEST: RetriesExhausted after 3 attempts; it has "
        "neither an OnFailure destination nor a dead-letter queue"
    ]


@pytest.mark.parametrize("retries", [0, 1, 2])
@pytest.mark.fidelity("Asynchronous events", "MaximumRetryAttempts is honoured")
def test_as_many_retries_as_set(path: Path, retries: int) -> None:
    world = World(path, replace(TOLD, retries=retries), "failed")
    live(world)
    assert len(world.seen) == retries + 1
    assert world.record()["requestContext"]["approximateInvokeCount"] == retries + 1


def test_success_ends_the_attempts(path: Path) -> None:
    world = World(path, TOLD, "failed", "ok")
    assert live(world) == 0
    assert len(world.seen) == 2
    record = world.record()
    assert record["requestContext"] == {
        "requestId": "id",
        "functionArn": f"{ARN}:$LATEST",
        "condition": "Success",
        "approximateInvokeCount": 1,
    }
    assert (record["requestPayload"], record["responsePayload"]) == ({"n": 1}, None)
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert record["timestamp"] == "1970-01-01T00:01:00.000Z"


@pytest.mark.fidelity(
    "Asynchronous events", "destination and dead-letter queue both get the event's end"
)
def test_a_failure_goes_to_the_destination_and_the_dead_letter_queue(path: Path) -> None:
    world = World(path, TOLD, "failed")
    assert live(world) == 0
    assert [(when, arn) for when, arn, _ in world.taken] == [(180.0, "failure"), (180.0, "dead")]
    assert world.record()["responsePayload"] == {"errorMessage": "no", "errorType": "E"}
    dead = world.taken[1][2]
    assert dead.body == '{"n": 1}'
    assert dead.attributes == {
        "RequestID": ("String", "id"),
        "ErrorCode": ("Number", "200"),
        "ErrorMessage": ("String", "no"),
    }


@pytest.mark.fidelity(
    "Asynchronous events", "throttled events wait 1, 2, 4 … 300 s and use up no attempt"
)
def test_a_throttled_event_keeps_its_attempts_and_waits_longer_each_time(path: Path) -> None:
    busy = [Throttled("busy")] * 11
    world = World(path, Settings(), *busy, "failed", "ok")
    assert live(world) == 0
    times = [when for when, _ in world.seen]
    pauses = [after - before for before, after in pairwise(times)]
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 60]


def test_a_restore_that_fails_is_an_attempt(path: Path) -> None:
    world = World(path, TOLD, RestoreFailed("SnapStartException", "the hook failed"))
    assert live(world) == 0
    assert [when for when, _ in world.seen] == [0.0, 60.0, 180.0]
    assert world.record()["requestContext"]["condition"] == "RetriesExhausted"
    dead = next(letter for _, arn, letter in world.taken if arn == "dead")
    assert dead.attributes["ErrorCode"] == ("Number", "400")
    assert dead.attributes["ErrorMessage"] == ("String", "the hook failed")


@pytest.mark.fidelity("Asynchronous events", "an event that is throttled until its age is given up")
def test_a_throttled_event_waits_until_its_age(path: Path) -> None:
    world = World(path, replace(TOLD, age_s=100), Throttled("busy"))
    assert live(world) == 0
    when, _, letter = world.taken[0]
    assert when == 100.0
    record = json.loads(letter.body)
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["responseContext"] == {"statusCode": 429}
    assert "responsePayload" not in record
    assert world.taken[1][2].attributes["ErrorMessage"] == ("String", "Rate Exceeded.")


@pytest.mark.fidelity("Asynchronous events", "a retry that would come after the age does not come")
def test_no_retry_after_the_age(path: Path) -> None:
    world = World(path, replace(TOLD, age_s=100), "failed")
    live(world)
    assert [when for when, _ in world.seen] == [0.0, 60.0]
    assert world.record()["requestContext"]["condition"] == "EventAgeExceeded"
    assert world.record()["requestContext"]["approximateInvokeCount"] == 2


@pytest.mark.fidelity(
    "Asynchronous events", "with no reserved concurrency at all an event is given up at once"
)
def test_no_concurrency_at_all_is_no_reason_to_wait(path: Path) -> None:
    world = World(path, TOLD, "ok")
    world.revision = replace(REVISION, reserved_concurrency=0)
    live(world)
    assert world.seen == []
    assert world.record()["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert "responseContext" not in world.record()
    assert [when for when, *_ in world.taken] == [0.0, 0.0]
    assert "ErrorCode" not in world.taken[1][2].attributes


@pytest.mark.fidelity(
    "Asynchronous events", "an event whose function was deleted ends as RetriesExhausted with 404"
)
def test_the_event_of_a_deleted_function_goes_where_it_was_to_go(path: Path) -> None:
    world = World(path, TOLD, "ok")

    async def main() -> None:
        await world.events.accept(_call("id"))
        world.gone = True
        await world.clock.advance(DAY)
        await world.events.close()

    asyncio.run(main())
    record = world.record()
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["responseContext"] == {"statusCode": 404}
    said = world.taken[1][2].attributes["ErrorMessage"][1]
    assert said == f"Function not found: {ARN}:$LATEST"


def test_what_cannot_be_run_is_said_and_tried_again(path: Path) -> None:
    world = World(path, Settings(), OSError("no process"), "ok")
    assert live(world) == 0
    assert len(world.seen) == 2
    assert "could not be run: OSError('no process')" in world.said[0]


@pytest.mark.fidelity(
    "Asynchronous events",
    "a destination that does not take a record is tried again, then said in the emulator's log",
    different="AWS counts DestinationDeliveryFailures and DeadLetterErrors in CloudWatch",
)
def test_a_shut_destination_is_tried_again_and_not_in_the_way_of_the_other(path: Path) -> None:
    world = World(path, TOLD, "failed")
    world.closed = {"failure": 3}
    assert live(world) == 0
    assert [(when - 180, arn) for when, arn, _ in world.taken] == [(0, "dead"), (7, "failure")]
    world = World(path, TOLD, "failed")
    world.closed = {"failure": 99}
    assert live(world) == 0
    assert world.said == [
        f"DestinationDeliveryFailures: event id of {ARN}:$LATEST (RetriesExhausted): failure did "
        "not take it in 10 tries: shut"
    ]


def test_a_destination_that_breaks_is_as_one_that_refuses(path: Path) -> None:
    world = World(path, TOLD, "failed")
    world.closed, world.why = {"failure": 2}, RuntimeError("broken")
    assert live(world) == 0
    assert [(when - 180, arn) for when, arn, _ in world.taken] == [(0, "dead"), (3, "failure")]


def test_a_disk_that_keeps_nothing_for_a_while_loses_no_event(path: Path) -> None:
    world = World(path, TOLD, "failed")

    async def main() -> int:
        await world.events.accept(_call("id"))
        other = sqlite3.connect(path, isolation_level=None, timeout=0)
        await world.clock.advance(59)
        other.execute("BEGIN IMMEDIATE")  # the file is locked: nothing more is kept
        await world.clock.advance(30)
        other.execute("ROLLBACK")
        other.close()
        await world.clock.advance(DAY)
        left = world.events.pending()
        await world.events.close()
        return left

    assert asyncio.run(main()) == 0
    assert "the disk did not keep what came of it: database is locked" in world.said[0]
    assert world.record()["requestContext"]["approximateInvokeCount"] == 3


@pytest.mark.fidelity("Asynchronous events", "what was accepted goes on after a kill, in any phase")
def test_a_kill_loses_nothing_in_any_phase(path: Path) -> None:
    """The process ends (its tasks are dropped, nothing is closed) at every point of an event's
    life, and another one goes on with the file: the event ends, is told, and is gone."""

    async def main(kill_at: float) -> World:
        world = World(path, TOLD, "failed", Throttled("busy"), "failed", "failed", "ok")
        world.closed = {"failure": 2, "dead": 1}
        await world.events.accept(_call("id"))
        await world.clock.advance(kill_at)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        again = world.open()
        again.start()
        await world.clock.advance(DAY)
        assert again.pending() == 0
        await again.close()
        await world.events.close()
        return world

    # attempts at 0, 60 (throttled), 61 and 181; deliveries at 181, 182 and 184
    for kill_at in (0.0, 30.0, 60.0, 60.5, 61.0, 100.0, 181.0, 181.5, 182.0, 183.0, 184.0):
        world = asyncio.run(main(kill_at))
        assert {arn for _, arn, _ in world.taken} == {"failure", "dead"}, kill_at
        assert world.record()["requestContext"]["approximateInvokeCount"] == 3
        assert len(world.seen) == 4, kill_at


@pytest.mark.fidelity("Clock", "events due at one time run in the order of their acceptance")
def test_the_same_order_every_time(path: Path) -> None:
    def once() -> list[tuple[float, str]]:
        path.unlink(missing_ok=True)
        world = World(path, TOLD, "failed")
        assert live(world, DAY, *(f"id{number}" for number in range(6))) == 0
        return world.seen

    first = once()
    assert first == once()
    assert first == sorted(first, key=lambda each: (each[0], int(each[1][2:])))


def test_events_of_the_first_version_are_taken_over(path: Path) -> None:
    old = sqlite3.connect(path)
    old.execute(
        "CREATE TABLE async_events (id TEXT PRIMARY KEY, invoked_arn TEXT, request_id TEXT, "
        "payload BLOB, client_context TEXT, trace_id TEXT, attempts INTEGER, max_attempts INTEGER, "
        "due REAL, expires REAL)"
    )
    old.execute(
        "INSERT INTO async_events VALUES ('x', ?, 'old', x'7B7D', '', '', 1, 3, 60, 21600)", (ARN,)
    )
    old.commit()
    old.close()
    world = World(path, Settings(), "ok")

    async def main() -> int:
        world.events.start()
        await world.clock.advance(100)
        left = world.events.pending()
        await world.events.close()
        return left

    assert asyncio.run(main()) == 0
    assert world.seen == [(60.0, "old")]


def test_events_of_a_clock_that_was_ahead_do_not_wait_for_it(path: Path) -> None:
    world = World(path, Settings(), "failed", "ok")

    async def main() -> int:
        await world.clock.advance(30 * DAY)
        await world.events.accept(_call("id"))
        await world.clock.advance(1)
        await world.events.close()
        world.clock = ManualClock(start=0.0)  # the next emulator begins at its own time
        again = world.open()
        again.start()
        await world.clock.advance(100)
        left = again.pending()
        await again.close()
        return left

    assert asyncio.run(main()) == 0
    assert [when for when, _ in world.seen] == [30 * DAY, 60.0]
