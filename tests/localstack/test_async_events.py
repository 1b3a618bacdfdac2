"""Asynchronous events: three attempts under one id, throttles wait, a restart goes on."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pelton.localstack.clock import ManualClock
from pelton.localstack.lambda_.async_events import AsyncEvents
from pelton.localstack.lambda_.records import Call, Outcome, Revision, Throttled

REVISION = Revision(
    "k", "f", "arn", "$LATEST", "us-east-1", "0" * 12, "python3.12", "m.h", 128, 3, {}, Path(), "g"
)


class Endings:
    """An execution that ends events as told, and remembers when."""

    def __init__(self, clock: ManualClock, *ends: str) -> None:
        self._clock, self._ends = clock, list(ends)
        self.seen: list[tuple[float, str]] = []

    async def invoke(self, call: Call) -> Outcome:
        self.seen.append((self._clock.time(), call.request_id))
        end = self._ends.pop(0)
        if end == "throttled":
            raise Throttled("busy")
        return Outcome(b"null", "" if end == "ok" else "Unhandled")

    async def retire(self, name: str, keep: str = "") -> None: ...

    async def close(self) -> None: ...


async def resolve(arn: str, payload: bytes, request_id: str, client: str, trace: str) -> Call:
    return Call(REVISION, payload, request_id, arn)


def run(tmp_path: Path, *ends: str, hours: float = 1) -> tuple[list[Any], int, list[str]]:
    async def main() -> tuple[list[Any], int, list[str]]:
        clock, said = ManualClock(start=0.0), list[str]()
        execution = Endings(clock, *ends)
        events = AsyncEvents(tmp_path / "e.sqlite", clock, execution, resolve, 60.0, said.append)
        call = Call(REVISION, b"{}", "id", "arn")
        await events.accept(call, max_attempts=3, max_age_s=6 * 3600)
        await clock.advance(hours * 3600)
        left = events.pending()
        await events.close()
        return execution.seen, left, said

    return asyncio.run(main())


@pytest.mark.fidelity(
    "Asynchronous events", "two retries, one and two minutes later, under one request id"
)
def test_a_failing_event_is_tried_after_one_and_two_minutes(tmp_path: Path) -> None:
    seen, left, said = run(tmp_path, "failed", "failed", "failed")
    assert seen == [(0.0, "id"), (60.0, "id"), (180.0, "id")]
    assert left == 0
    assert "3 attempts failed" in said[0]


def test_success_ends_the_attempts(tmp_path: Path) -> None:
    seen, left, _ = run(tmp_path, "failed", "ok")
    assert (len(seen), left) == (2, 0)


@pytest.mark.fidelity("Asynchronous events", "a throttled event waits without losing an attempt")
def test_a_throttled_event_keeps_its_attempts(tmp_path: Path) -> None:
    seen, left, _ = run(tmp_path, "throttled", "throttled", "failed", "ok")
    assert (len(seen), left) == (4, 0)


@pytest.mark.fidelity("Asynchronous events", "an accepted event goes on after a restart")
def test_what_was_accepted_goes_on_after_a_restart(tmp_path: Path) -> None:
    async def main() -> int:
        clock = ManualClock(start=0.0)
        first = AsyncEvents(tmp_path / "e.sqlite", clock, Endings(clock, "failed"), resolve)
        call = Call(REVISION, b"{}", "id", "arn")
        await first.accept(call, max_attempts=3, max_age_s=3600)
        await clock.advance(1)
        await first.close()
        execution = Endings(clock, "ok")
        second = AsyncEvents(tmp_path / "e.sqlite", clock, execution, resolve)
        second.start()
        await clock.advance(120)
        left = second.pending()
        await second.close()
        assert execution.seen == [(60.0, "id")]
        return left

    assert asyncio.run(main()) == 0
