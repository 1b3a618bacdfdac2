"""Workers as a trigger of a stream has them: batches, acknowledgements, draining, timeouts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pelton.localstack.nuclio import wire
from pelton.localstack.nuclio.pool import NoWorker, Pool
from pelton.localstack.nuclio.worker import WorkerFailed, WorkerTimedOut

from .nuclio_pools import with_pool

HANDLER = """
import asyncio, os, time
import nuclio_sdk

def init_context(context):
    context.user_data.held = []

    async def drained():
        for offset in context.user_data.held:
            await context.platform.explicit_ack(offset)

    context.platform.set_drain_callback(drained)

async def handler(context, event):
    if isinstance(event, list):
        return [context.Response(event_id=each.id, body=each.body) for each in event]
    if event.body == b"later":
        offset = nuclio_sdk.QualifiedOffset.from_event(event)

        async def acknowledge():
            await asyncio.sleep(0.01)
            await context.platform.explicit_ack(offset)

        context.user_data.task = asyncio.create_task(acknowledge())
        response = context.Response()
        response.ensure_no_ack()
        return response
    if event.body == b"hold":
        context.user_data.held.append(nuclio_sdk.QualifiedOffset.from_event(event))
    if event.body == b"hang":
        time.sleep(60)
    return str(os.getpid())
"""


def stream_event(body: bytes, offset: int = 0) -> dict[str, Any]:
    return wire.event(
        kind="kafka-cluster", name="k", body=body, now=1.0, topic="t", shard_id=3, offset=offset
    )


async def until(condition: Callable[[], bool]) -> None:
    """Until what another process does has been heard; the test's own limit ends a wait in vain."""
    while not condition():
        await asyncio.sleep(0.001)


@pytest.mark.fidelity(
    "Nuclio", "explicit acknowledgement, also of a task that goes on between events; no-ack replies"
)
def test_a_function_acknowledges_by_itself(tmp_path: Path) -> None:
    async def work(pool: Pool) -> None:
        acks: list[wire.Ack] = []
        pool.on_ack = acks.append
        reply, _ = await pool.call(stream_event(b"later", offset=7))
        assert not reply.acknowledges
        await until(lambda: bool(acks))
        assert acks == [wire.Ack("t", 3, 7)]
        reply, _ = await pool.call(stream_event(b"plain"))
        assert reply.acknowledges

    with_pool(tmp_path, HANDLER, work)


@pytest.mark.fidelity(
    "Nuclio", "a worker that is drained takes no event until it goes on (SIGCONT)"
)
def test_draining_and_going_on(tmp_path: Path) -> None:
    async def work(pool: Pool) -> None:
        acks: list[wire.Ack] = []
        pool.on_ack = acks.append
        before, _ = await pool.call(stream_event(b"hold", offset=9))
        await pool.drain()
        assert acks == [wire.Ack("t", 3, 9)], "its drain callback has run"
        await pool.resume()
        after, _ = await pool.call(stream_event(b"again"))
        assert after.body == before.body, "the same process"

    with_pool(tmp_path, HANDLER, work)


def test_a_wrapper_that_says_when_it_has_drained_is_waited_for(tmp_path: Path) -> None:
    """That it begins to is in its log, as Nuclio's own says it; the end is a message."""
    slow = HANDLER.replace(
        "async def drained():", "async def drained():\n        await asyncio.sleep(0.1)"
    )

    async def work(pool: Pool) -> None:
        acks: list[wire.Ack] = []
        pool.on_ack = acks.append
        await pool.call(stream_event(b"hold", offset=9))
        await pool.drain()
        assert acks == [wire.Ack("t", 3, 9)]

    layered = Path(__file__).with_name("layered_wrapper") / "_nuclio_wrapper.py"
    with_pool(tmp_path, slow, work, wrapper=layered)


@pytest.mark.fidelity("Nuclio", "an event that reaches a drained worker is answered with a 500")
def test_a_drained_worker_discards_what_comes(tmp_path: Path) -> None:
    async def work(pool: Pool) -> None:
        await pool.drain()
        reply, _records = await pool.call(stream_event(b"a"))
        assert (reply.status, reply.body) == (500, b"Event discarded: worker draining")

    with_pool(tmp_path, HANDLER, work)


def test_a_batch_is_answered_event_by_event(tmp_path: Path) -> None:
    async def work(pool: Pool) -> None:
        events = [stream_event(body) for body in (b"a", b"b", b"c")]
        found = await pool.call_batch(events)
        assert [found[each["id"]].body for each in events] == [b"a", b"b", b"c"]

    with_pool(tmp_path, HANDLER, work)


@pytest.mark.fidelity(
    "Nuclio", "eventTimeout: an event is ended between one and two timeouts, its worker replaced"
)
def test_an_event_that_takes_too_long(tmp_path: Path) -> None:
    async def work(pool: Pool) -> None:
        first, _records = await pool.call(stream_event(b"a"))
        began = time.monotonic()
        with pytest.raises(WorkerTimedOut):
            await pool.call(stream_event(b"hang"))
        assert time.monotonic() - began >= 0.3
        second, _records = await pool.call(stream_event(b"a"))
        assert second.body != first.body and pool.restarts == 1

    with_pool(tmp_path, HANDLER, work, timeout=0.3, wait=60.0)


@pytest.mark.parametrize("times", [1, 2])
def test_a_worker_that_is_killed_as_it_starts(tmp_path: Path, times: int) -> None:
    """It is started once more: whoever waits for it to wake does not see the kill."""
    killed = "import os, pathlib, signal\nseen = pathlib.Path(__file__ + '.seen')\n"
    killed += "before = seen.read_text() if seen.exists() else ''\nseen.write_text(before + 'x')\n"
    killed += f"if len(before) < {times}:\n    os.kill(os.getpid(), signal.SIGKILL)\n"

    async def work(pool: Pool) -> None:
        reply, _records = await pool.call(stream_event(b"a"))
        assert reply.status == 200

    if times == 1:
        with_pool(tmp_path, killed + HANDLER, work)
    else:
        with pytest.raises(WorkerFailed, match="code -9"):
            with_pool(tmp_path, killed + HANDLER, work)


def test_an_event_that_outlasts_the_end_says_why_it_has_no_answer(tmp_path: Path) -> None:
    async def work(pool: Pool) -> None:
        hanging = asyncio.ensure_future(pool.call(stream_event(b"hang")))
        await asyncio.sleep(0)
        await pool.close()
        with pytest.raises(
            WorkerFailed, match=r"0\.2 s later had not answered .*\(workerTerminationTimeout\)"
        ):
            await hanging

    with_pool(tmp_path, HANDLER, work, end_in=0.2)


def test_who_waits_longest_is_served_first_or_told(tmp_path: Path) -> None:
    async def work(pool: Pool) -> None:
        order: list[int] = []

        async def ask(number: int) -> None:
            await pool.call(stream_event(b"a"))
            order.append(number)

        await asyncio.gather(*(ask(number) for number in range(20)))
        assert order == list(range(20))
        hanging = asyncio.ensure_future(pool.call(stream_event(b"hang")))
        await asyncio.sleep(0)
        with pytest.raises(NoWorker):
            await pool.call(stream_event(b"a"))
        assert pool.busy == 1, "the one that hangs"
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)

    with_pool(tmp_path, HANDLER, work, wait=0.5)
