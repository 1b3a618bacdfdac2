"""Dead letters in an SQS queue: of sources of AWS, of a queue's own redrive policy, and of
functions that were called asynchronously.

What is received is out of others' sight for a while, and seen again at the end, or, after a kill,
when that time is over.
Source: SQS's developer guide, "Using dead-letter queues"; Lambda's, "Dead-letter queues".
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from ...sources.aws_wire import ATTRIBUTES, Refused, Services, unpacked
from ...sources.sqs import sent_of
from ..kept import AGAIN, SAID, Kept, of_headers
from ..place import NotSent, Place, missing, origin

_MOST = 10  # messages of one call
_STREAMS = ("kinesis", "dynamodb-streams")
_OF_LAMBDA = ("RequestID", "ErrorCode", "ErrorMessage")


class SqsPlace(Place):
    """
    place:      the queue's name, ARN or URL
    visibility: seconds for which what was received and not sent is seen by nobody else
    wait:       seconds of a call that finds none: one asks all of SQS's servers, 0 only some
    client:     of boto3, by the name of a service; by default those of the environment
    """

    kind: ClassVar[str] = "sqs"
    words: ClassVar[frozenset[str]] = frozenset({"visibility", "wait", "client"})

    def __init__(
        self,
        place: str,
        *,
        visibility: int = 60,
        wait: int = 1,
        client: Callable[[str], Any] | None = None,
    ) -> None:
        super().__init__()
        self.place, self.visibility, self._wait = place, int(visibility), int(wait)
        self._aws = Services(f"queue {place}", client)
        self._url = ""
        self._urls: dict[str, str] = {}
        self._held: dict[str, str] = {}  # receipts, by id
        self._hidden_at = 0.0

    async def open(self) -> None:
        if not self.place:
            return
        try:
            self._url = await self._aws.queue(self.place)
            await self._ask("get_queue_attributes", AttributeNames=["QueueArn"])
        except Refused as error:
            if "NonExistentQueue" in error.code:
                raise missing("queue", self.place) from error
            raise

    async def _ask(self, operation: str, **members: Any) -> dict[str, Any]:
        return await self._aws.ask("sqs", operation, QueueUrl=self._url, **members)

    # -- reading
    async def letters(self) -> AsyncIterator[Kept]:
        begun, seen = time.time() * 1000, set[str]()
        while found := await self._receive():
            new = [each for each in found if each["MessageId"] not in seen]
            if not new:  # those that are not meant are seen again
                break
            for each in new:
                id = each["MessageId"]
                seen.add(id)
                if int(each["Attributes"].get("SentTimestamp", 0)) > begun + 1000:
                    continue  # it has come meanwhile
                await self._hold()
                yield _kept(each)
        await self._tell_of_groups()

    async def _receive(self) -> list[dict[str, Any]]:
        answer = await self._ask(
            "receive_message",
            MaxNumberOfMessages=_MOST,
            WaitTimeSeconds=self._wait,
            VisibilityTimeout=self.visibility,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        self._held |= {each["MessageId"]: each["ReceiptHandle"] for each in found}
        self._hidden_at = time.monotonic()
        return found

    async def _hold(self) -> None:
        """Those in hand stay out of sight while others of them are sent."""
        if time.monotonic() - self._hidden_at > self.visibility / 2:
            await self._hide(self.visibility)

    async def _hide(self, seconds: int) -> None:
        receipts = list(self._held.values())
        for begin in range(0, len(receipts), _MOST):
            entries = [
                {"Id": str(number), "ReceiptHandle": each, "VisibilityTimeout": seconds}
                for number, each in enumerate(receipts[begin : begin + _MOST])
            ]
            await self._ask("change_message_visibility_batch", Entries=entries)
        self._hidden_at = time.monotonic()

    async def _tell_of_groups(self) -> None:
        if not (self._held and self._url.endswith(".fifo")):
            return
        told = await self._ask(
            "get_queue_attributes", AttributeNames=["ApproximateNumberOfMessages"]
        )
        if behind := int(told["Attributes"]["ApproximateNumberOfMessages"]):
            self.notes.append(
                f"queue {self.place} has {behind} more: a FIFO queue shows none behind those of "
                "its group that are in hand"
            )

    # -- sending
    async def send(self, letter: Kept, to: str = "") -> None:
        where = origin(letter, to)
        try:
            if letter.source == "kinesis" and not to:
                await self._to_stream(letter, where)
            elif letter.source in _STREAMS and not to:
                raise NotSent("a table's stream takes nothing: say which --function shall run")
            else:
                await self._to_queue(letter, where)
        except Refused as error:
            if error.code in _GONE:
                raise NotSent(f"{where!r}: {error.code}") from error
            raise

    async def _to_stream(self, letter: Kept, stream: str) -> None:
        record = json.loads(letter.body)["kinesis"]
        await self._aws.ask(
            "kinesis",
            "put_record",
            StreamName=stream,
            PartitionKey=record["partitionKey"],
            Data=base64.b64decode(record["data"]),
        )

    async def _to_queue(self, letter: Kept, queue: str) -> None:
        """Within five minutes once to a FIFO queue, also when we are killed behind it."""
        if queue not in self._urls:
            self._urls[queue] = await self._aws.queue(queue)
        url = self._urls[queue]
        body, own = _as_sent(letter)
        if len(own) < ATTRIBUTES:
            own[AGAIN] = _text(str(letter.redriven + 1))
        once = f"redriven-{letter.id}"
        fifo = {"MessageGroupId": letter.key or "dead", "MessageDeduplicationId": once}
        await self._aws.ask(
            "sqs",
            "send_message",
            QueueUrl=url,
            MessageBody=body,
            MessageAttributes=own,
            **(fifo if url.endswith(".fifo") else {}),
        )

    async def remove(self, letter: Kept) -> None:
        receipt = self._held.pop(letter.id)
        await self._ask("delete_message", ReceiptHandle=receipt)

    async def close(self) -> None:
        if self._held:
            await self._hide(0)
        self._held.clear()


_GONE = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
        "InvalidParameterValue",
        "InvalidMessageContents",
    }
)


def _as_sent(letter: Kept) -> tuple[str, dict[str, Any]]:
    """Body and attributes, as somebody sent them."""
    if isinstance(letter.raw, Mapping):  # of a queue
        return letter.body.decode(), dict(letter.raw)
    if letter.source == "sqs":  # of a file, where the record is that Lambda has
        return sent_of(letter.body)
    named = {name: _text(value) for name, value in letter.headers.items() if value}
    return letter.body.decode(), dict(list(named.items())[:ATTRIBUTES])


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def _kept(told: Mapping[str, Any]) -> Kept:
    """A message of the queue as the letter that it is."""
    typed = unpacked(told.get("MessageAttributes") or {})
    headers = {name: _said(each) for name, each in typed.items()}
    own = {name: each for name, each in typed.items() if not name.startswith(SAID)}
    letter = of_headers(told["MessageId"], told["Body"].encode(), headers, own)
    if letter.source:
        return letter
    return _of_lambda(letter, told) if set(_OF_LAMBDA) <= set(own) else _of_policy(letter, told)


def _said(attribute: Mapping[str, Any]) -> str:
    if "StringValue" in attribute:
        return str(attribute["StringValue"])
    return base64.b64encode(attribute.get("BinaryValue", b"")).decode()


def _of_policy(letter: Kept, told: Mapping[str, Any]) -> Kept:
    """SQS has brought it here: it says from which queue."""
    attributes = told.get("Attributes") or {}
    sent = attributes.get("SentTimestamp")
    queue = attributes.get("DeadLetterQueueSourceArn", "")
    return replace(
        letter,
        source="sqs" if queue else "",
        topic=queue.rpartition(":")[2],
        key=attributes.get("MessageGroupId", ""),
        reason="received too often" if queue else "",
        at=int(sent) / 1000 if sent else None,
    )


def _of_lambda(letter: Kept, told: Mapping[str, Any]) -> Kept:
    """An event that a function was called with asynchronously, and failed; which is not said."""
    sent = (told.get("Attributes") or {}).get("SentTimestamp")
    own = {name: value for name, value in letter.headers.items() if name not in _OF_LAMBDA}
    return replace(
        letter,
        headers=own,
        source="lambda",
        reason=letter.headers["ErrorMessage"],
        at=int(sent) / 1000 if sent else None,
        message_id=letter.headers["RequestID"],
    )
