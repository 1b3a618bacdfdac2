"""The poller of an SQS queue: receive, gather batches, invoke, delete what succeeded.

A message is deleted only after the function has answered for it; whatever goes wrong before that
(an error, a throttle, a kill) leaves it to the queue's own visibility timeout and redrive policy.
One receive is asked at a time, so an idle queue costs next to nothing; batches run beside each
other.  A FIFO queue withholds a group that is in flight, which keeps the order of each.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any
from uuid import uuid4

from ..records import SourceMapping, Throttled
from .base import FunctionGone, SourceRefused, Tools, begin, source_name
from .deleter import Deleter
from .filters import wanted
from .partial import failed_items
from .scaling import EVERY, Scale
from .sqs import is_fifo, record_of
from .trouble import Trouble

RECEIVE_MOST = 10
PAYLOAD_MOST, FRAME = 6 * 1024 * 1024, 2048  # bytes of an event, and of a record but its body
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 1.0
# How long a received message may wait for a slot, so that more of them come with one request.
HELD_SECONDS = 0.1
# Services that may hand a message on to a queue.
HAND_ON = ("sns", "events", "s3", "states", "scheduler")

Record = dict[str, Any]


class QueuePoller:
    """Polls one queue for one mapping."""

    def __init__(self, mapping: SourceMapping, tools: Tools) -> None:
        self._mapping, self._tools, self._clock = mapping, tools, tools.clock
        self._region = mapping.source_arn.split(":")[3]
        self._name = source_name(mapping.source_arn)
        self._fifo = is_fifo(mapping.source_arn)
        self._wanted = wanted(mapping.filters, "body")
        self._scale = Scale(mapping.max_concurrency)
        self._what = f"event source mapping {mapping.uuid}"
        # One ear for what may have come, one for batches that end.
        self._ear, self._own = tools.bell.ear(self._name, "sqs", HAND_ON), tools.bell.ear()
        self._trouble = Trouble(tools, mapping, self._own)
        self._deleter = Deleter(self._call, self._trouble.say, self._what, tools.clock)
        self._url, self._pause = "", FIRST_PAUSE
        self._left: list[Record] = []  # received, but too much for the batch before
        self._batches: set[asyncio.Task[None]] = set()
        # Batches that wait for a slot, each in its parts; only when the function is quick.
        self._ready: deque[list[list[Record]]] = deque()
        self._usual = 1.0  # seconds that a call takes, of late
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        """Nothing: a queue keeps its own position."""

    def start(self) -> None:
        self._task = begin(self._poll(), self._what, self._tools)

    async def stop(self) -> None:
        self._stopping = self._trouble.over = True
        self._ear.wake()
        self._own.wake()
        await asyncio.gather(*self._tasks(), return_exceptions=True)
        while self._batches:
            await asyncio.wait(self._batches)
        await self._deleter.flushed()
        self._ear.close()

    async def abort(self) -> None:
        self._stopping = True
        self._ready.clear()
        tasks = [*self._tasks(), *self._batches]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._deleter.abort()
        self._ear.close()

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [self._task] if self._task is not None else []

    # -- asking
    async def _poll(self) -> None:
        while not self._stopping:
            if self._ready or len(self._batches) >= self._scale.limit:
                await self._slot()
            elif self._trouble.lasts:
                await self._trouble.wait()
            else:
                await self._turn()

    async def _turn(self) -> None:
        try:
            self._tools.require(self._mapping.function_arn)
            found = await self._next()
        except (SourceRefused, FunctionGone, OSError) as error:
            self._url = ""  # a queue that is made again may have another one
            self._trouble.met(error)
            return
        if not found and not self._stopping:
            await self._wait()

    async def _slot(self) -> None:
        """Wait until a batch is done; who waits with a backlog gets more slots in time."""
        now = self._clock.time()
        more = self._scale.backlog(now) > len(self._batches)
        self._start_ready()
        if not more:
            await self._own.pause(EVERY, now + EVERY)

    async def _wait(self) -> None:
        """An empty queue: ask again later and later, or when something may have come."""
        self._scale.idle()
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        await self._ear.pause(self._pause)

    async def _next(self) -> bool:
        """Start the batches that the queue has now; False when it has none."""
        messages = await self._gather()
        if not messages:
            return False
        self._pause = FIRST_PAUSE
        arn = self._mapping.source_arn
        records = [record_of(each, arn, self._region) for each in messages]
        chosen = [each for each in records if self._wanted(each)]
        if len(chosen) < len(records):
            kept = {each["messageId"] for each in chosen}
            self._deleter.add(r["receiptHandle"] for r in records if r["messageId"] not in kept)
        parts = _parts(chosen, self._mapping.batch_size)
        # What a FIFO queue gave together may hold one group twice: one part after the other.
        self._ready.extend([parts] if self._fifo else [[part] for part in parts])
        self._start_ready()
        return True

    async def _gather(self) -> list[Record]:
        """One receive, or several within the batching window."""
        mapping, clock = self._mapping, self._clock
        if not mapping.window_s:
            return await self._receive(self._at_once())
        messages, self._left = self._left, []
        if not messages:
            messages = await self._receive(min(RECEIVE_MOST, mapping.batch_size))
        end = clock.time() + mapping.window_s
        while messages and not self._stopping and clock.time() < end:
            fits = _fitting([each["Body"] for each in messages])
            if fits < len(messages) or len(messages) >= mapping.batch_size:
                messages, self._left = messages[:fits], messages[fits:]
                break
            more = await self._receive(min(RECEIVE_MOST, mapping.batch_size - len(messages)))
            messages = _newest(messages + more)
            if not more:
                await self._ear.pause(min(LONGEST_PAUSE, end - clock.time()), end)
        return messages

    def _at_once(self) -> int:
        """How many to ask for: what the free slots take, in batches, each of one receive."""
        size = self._mapping.batch_size
        if self._fifo or size >= RECEIVE_MOST:
            return min(RECEIVE_MOST, size)
        most, limit = RECEIVE_MOST // size, self._scale.limit
        quick = self._usual * most / limit < HELD_SECONDS
        return (most if quick else min(most, limit - len(self._batches))) * size

    async def _receive(self, most: int) -> list[Record]:
        with self._clock.busy(self._what):
            if not self._url:
                self._url = (await self._call("GetQueueUrl", {"QueueName": self._name}))["QueueUrl"]
            answer = await self._call(
                "ReceiveMessage",
                {
                    "QueueUrl": self._url,
                    "MaxNumberOfMessages": most,
                    "WaitTimeSeconds": 0,
                    "AttributeNames": ["All"],
                    "MessageAttributeNames": ["All"],
                },
            )
        return list(answer.get("Messages") or [])

    async def _call(self, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        if "Entries" in members:
            members = {"QueueUrl": self._url, **members}
        return await self._tools.call("sqs", operation, members)

    # -- invoking
    def _begin(self, parts: list[list[Record]]) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(parts))
        self._batches.add(task)
        task.add_done_callback(self._ended)

    def _start_ready(self) -> None:
        while self._ready and len(self._batches) < self._scale.limit:
            self._begin(self._ready.popleft())

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._batches.discard(task)
        if not task.cancelled():
            self._start_ready()
        self._own.wake()
        if not task.cancelled():
            task.result()

    async def _deliver(self, parts: list[list[Record]]) -> None:
        with self._clock.busy(self._what):
            for records in parts:
                failed = await self._invoke(records)
                done = [r["receiptHandle"] for r in records if r["messageId"] not in failed]
                self._deleter.add(done)
                if failed:
                    break
            if self._fifo:
                # The next of a group may be asked for only when this one is gone.
                await self._deleter.flushed()
                self._ear.wake()

    async def _invoke(self, records: list[Record]) -> set[str]:
        """The ids of the messages that stay in the queue, until their visibility timeout."""
        everything = {each["messageId"] for each in records}
        payload = json.dumps({"Records": records}).encode()
        began = self._clock.time()
        try:
            outcome = await self._tools.invoke(self._mapping.function_arn, payload, str(uuid4()))
        except (Throttled, FunctionGone) as error:
            self._scale.throttled()
            self._trouble.met(error)
            self._ready.clear()
            return everything
        self._usual += (self._clock.time() - began - self._usual) / 8
        self._trouble.none()
        if outcome.error:
            return everything
        if not self._mapping.partial_failures:
            return set()
        failed = failed_items(outcome.payload, everything)
        return everything if failed is None else failed


def _newest(messages: list[Record]) -> list[Record]:
    """Each message once, as it was received last: one may become visible again in a long window."""
    return list({each["MessageId"]: each for each in messages}.values())


def _parts(records: list[Record], size: int) -> list[list[Record]]:
    """The records in batches of at most `size`, none larger than an event may be."""
    parts = []
    while records:
        fits = min(size, _fitting([each["body"] for each in records[:size]]))
        parts.append(records[:fits])
        records = records[fits:]
    return parts


def _fitting(bodies: list[str]) -> int:
    """How many of the messages fit into one event, one at least.

    >>> _fitting(["x" * 2_500_000] * 3)
    2
    """
    total = 0
    for number, body in enumerate(bodies):
        total += len(json.dumps(body)) + FRAME
        if total > PAYLOAD_MOST and number:
            return number
    return len(bodies)
