"""The poller of an SQS queue: receive, gather a batch, invoke, delete what succeeded.

A message is deleted only after the function has answered for it; whatever goes wrong before that
(an error, a throttle, a kill) leaves it to the queue's own visibility timeout and redrive policy.
It talks to the queue through SQS's public JSON protocol, and knows nothing of who answers there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from ...clock import Clock
from ..records import Outcome, SourceMapping, Throttled
from .filters import matches

# (operation, members) -> the answer's members; raises SourceRefused.
CallSqs = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
# (function ARN, payload) -> how it ended; raises Throttled, or FunctionGone.
InvokeFunction = Callable[[str, bytes], Awaitable[Outcome]]

RECEIVE_MOST, IDLE_PAUSE, ERROR_PAUSE = 10, 0.05, 1.0
CONCURRENCY = 5


class SourceRefused(Exception):
    """The queue's service answered with an error; `code` is its name."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        super().__init__(f"{code}: {message}")


class FunctionGone(Exception):
    """The function that a mapping names does not exist (any more)."""


class SqsPoller:
    """Polls one queue for one mapping until `stop`, with several batches in flight at once
    (one at a time for a FIFO queue, whose order must hold)."""

    def __init__(
        self,
        mapping: SourceMapping,
        call: CallSqs,
        invoke: InvokeFunction,
        clock: Clock,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._mapping, self._call, self._invoke = mapping, call, invoke
        self._clock, self._report = clock, report
        self.region = mapping.source_arn.split(":")[3]
        self._name = mapping.source_arn.rpartition(":")[2]
        self._fifo = self._name.endswith(".fifo")
        self._queue_url = ""
        self._stopping = False
        self._asking = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._said = ""

    def start(self) -> None:
        workers = (
            1 if self._fifo else min(CONCURRENCY, self._mapping.max_concurrency or CONCURRENCY)
        )
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._poll()) for _ in range(workers)]

    async def stop(self) -> None:
        """Take no more messages; come back when those in hand are answered for."""
        self._stopping = True
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def abort(self) -> None:
        """End at once; messages in hand come back by their visibility timeout."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _poll(self) -> None:
        while not self._stopping:
            try:
                if messages := await self._take():
                    await self._deliver(messages)
            except (SourceRefused, FunctionGone, OSError) as error:
                self._say(f"event source mapping {self._mapping.uuid}: {error}")
                await self._clock.sleep(ERROR_PAUSE)

    async def _take(self) -> list[dict[str, Any]]:
        """The next batch; one worker asks at a time, so that an empty queue costs little."""
        async with self._asking:
            messages = [] if self._stopping else await self._gather()
            if not messages and not self._stopping:
                await self._clock.sleep(IDLE_PAUSE)
            return messages

    def _say(self, line: str) -> None:
        # The same trouble is said once, not once a second.
        if line != self._said:
            self._said = line
            self._report(line)

    async def _gather(self) -> list[dict[str, Any]]:
        """Up to a batch: one receive, or several within the batching window."""
        mapping = self._mapping
        messages = await self._receive(min(RECEIVE_MOST, mapping.batch_size))
        end = self._clock.time() + mapping.window_s
        while (
            messages
            and mapping.window_s
            and len(messages) < mapping.batch_size
            and self._clock.time() < end
            and not self._stopping
        ):
            more = await self._receive(min(RECEIVE_MOST, mapping.batch_size - len(messages)))
            messages += more
            if not more:
                await self._clock.sleep(min(IDLE_PAUSE * 2, end - self._clock.time()))
        return messages

    async def _receive(self, most: int) -> list[dict[str, Any]]:
        if not self._queue_url:
            found = await self._call("GetQueueUrl", {"QueueName": self._name})
            self._queue_url = found["QueueUrl"]
        answer = await self._call(
            "ReceiveMessage",
            {
                "QueueUrl": self._queue_url,
                "MaxNumberOfMessages": most,
                "WaitTimeSeconds": 0,
                "AttributeNames": ["All"],
                "MessageAttributeNames": ["All"],
            },
        )
        return list(answer.get("Messages") or [])

    async def _deliver(self, messages: list[dict[str, Any]]) -> None:
        records = [record_of(each, self._mapping.source_arn, self.region) for each in messages]
        wanted = [each for each in records if matches(self._mapping.filters, each)]
        await self._delete([each for each in records if each not in wanted])
        if not wanted:
            return
        payload = json.dumps({"Records": wanted}).encode()
        try:
            outcome = await self._invoke(self._mapping.function_arn, payload)
        except Throttled:
            return  # the messages come back by their visibility timeout
        failed = failed_ids(wanted, outcome, self._mapping.partial_failures)
        await self._delete([each for each in wanted if each["messageId"] not in failed])

    async def _delete(self, records: list[dict[str, Any]]) -> None:
        for start in range(0, len(records), RECEIVE_MOST):
            entries = [
                {"Id": str(number), "ReceiptHandle": record["receiptHandle"]}
                for number, record in enumerate(records[start : start + RECEIVE_MOST])
            ]
            await self._call(
                "DeleteMessageBatch", {"QueueUrl": self._queue_url, "Entries": entries}
            )


def record_of(message: dict[str, Any], arn: str, region: str) -> dict[str, Any]:
    """A received message as the record that Lambda hands over."""
    attributes = {
        name: {
            "stringValue": value.get("StringValue"),
            "binaryValue": value.get("BinaryValue"),
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": value["DataType"],
        }
        for name, value in (message.get("MessageAttributes") or {}).items()
    }
    for value in attributes.values():
        for empty in [name for name, each in value.items() if each is None]:
            del value[empty]
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes") or {},
        "messageAttributes": attributes,
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": region,
    }


def failed_ids(records: list[dict[str, Any]], outcome: Outcome, partial: bool) -> set[str]:
    """Which messages are not done.

    An error fails all.  With ReportBatchItemFailures the listed ones fail; a list that is
    malformed or names an unknown message fails all; none at all, or an empty one, fails none.
    """
    everything = {each["messageId"] for each in records}
    if outcome.error:
        return everything
    if not partial:
        return set()
    try:
        answer = json.loads(outcome.payload or b"null")
    except ValueError:
        return everything
    if answer is None or (isinstance(answer, dict) and not answer.get("batchItemFailures")):
        return set()
    if not isinstance(answer, dict):
        return set()
    listed = answer["batchItemFailures"]
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        return everything
    failed = {each.get("itemIdentifier") for each in listed}
    return {str(each) for each in failed} if failed <= everything else everything
