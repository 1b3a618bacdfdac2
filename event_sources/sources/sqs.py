"""A queue of SQS: its messages as Lambda's event source mapping hands them over.

The queue keeps what is in hand of us out of others' sight for `visibility` seconds at a time, and
counts how often it has handed a message out.  What a killed worker had in hand is seen again when
that time is over.  A queue with a redrive policy gives messages up by itself, after so many
receives (`gives_up`).
Source: SQS's developer guide, "Amazon SQS visibility timeout", "FIFO queue delivery logic", "Using
dead-letter queues"; Lambda's, "Using Lambda with Amazon SQS".
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from ..errors import Away, WrongSource
from ..message import Letter, Message
from ..source import Promises, Source
from .aws_wire import Services

MOST = 10  # messages of one call
LONGEST_POLL = 20  # seconds of one call that waits
BACKOFF = (1.0, 300.0)
LONGEST_HIDDEN = 43_200  # seconds; so long may a message be out of sight

log = logging.getLogger("pelton.event_sources")


class Sqs(Source):
    """
    queue:      its name, ARN or URL
    visibility: seconds after which what a worker has in hand that died is handed out again
    poll:       seconds of one call that waits for messages, 0 to 20; the end of a worker waits for
                it, for what it brings is given back
    backoff:    seconds before what failed is handed out again, the first time and at the most; each
                pause is twice the one before
    client:     of boto3, by the name of a service; by default those of the environment

    A message's body is the record as Lambda has it, in JSON.  Its lane is a FIFO queue's group.
    """

    kind: ClassVar[str] = "sqs"
    promises: ClassVar[Promises] = Promises(
        redelivers=True,
        counts=True,
        ordered_by="group of a FIFO queue",
        across_workers=True,
        extends=True,
        requeues=True,
        gives_back=True,
        gives_lanes=True,
        dead_letters="SQS queue",
        note="a queue with a redrive policy gives messages up by itself",
    )
    lease: float

    def __init__(
        self,
        *,
        queue: str,
        visibility: int = 30,
        poll: int = 5,
        backoff: tuple[float, float] = BACKOFF,
        client: Callable[[str], Any] | None = None,
    ) -> None:
        if not queue:
            raise WrongSource("sqs needs a queue's name, ARN or URL")
        if not 2 <= visibility <= LONGEST_HIDDEN:
            raise WrongSource(f"sqs: visibility={visibility} is not within 2 and {LONGEST_HIDDEN}")
        if not 0 <= poll <= LONGEST_POLL:
            raise WrongSource(f"sqs: poll={poll} is not within 0 and {LONGEST_POLL}")
        self.queue, self.lease = queue, float(visibility)
        self._visibility, self._poll_s, self._backoff = visibility, poll, backoff
        self._aws = Services(f"queue {queue}", client)
        self._url = self._arn = ""
        self._gives_up = False
        self._poll: asyncio.Task[list[Message]] | None = None

    @property
    def gives_up(self) -> bool:
        """Whether the queue has a redrive policy; known when it is open."""
        return self._gives_up

    # -- opening
    async def open(self) -> None:
        """Raises Away for a queue that is not there."""
        url = await self._aws.queue(self.queue)
        asked = ["QueueArn", "RedrivePolicy"]
        told = await self._aws.ask(
            "sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=asked
        )
        said = told.get("Attributes", {})
        self._url, self._arn = url, said["QueueArn"]
        self._gives_up = bool(said.get("RedrivePolicy"))

    async def _ask(self, operation: str, **members: Any) -> dict[str, Any]:
        if not self._url:
            raise Away(f"queue {self.queue} is not open")
        return await self._aws.ask("sqs", operation, QueueUrl=self._url, **members)

    # -- receiving
    async def receive(self, most: int, seconds: float) -> Sequence[Message]:
        """Who cancels it leaves its call as it is: what that brings comes with the next one."""
        if self._poll is None:
            self._poll = asyncio.create_task(self._take(min(most, MOST), seconds))
        poll = self._poll
        await asyncio.wait({poll})
        self._poll = None
        return poll.result()

    async def _take(self, most: int, seconds: float) -> list[Message]:
        answer = await self._ask(
            "receive_message",
            MaxNumberOfMessages=most,
            WaitTimeSeconds=min(self._poll_s, int(seconds)),
            VisibilityTimeout=self._visibility,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return [self._message(each) for each in answer.get("Messages", ())]

    def _message(self, told: dict[str, Any]) -> Message:
        attributes = told.get("Attributes") or {}
        group, sent = attributes.get("MessageGroupId", ""), attributes.get("SentTimestamp")
        return Message(
            id=told["MessageId"],
            body=json.dumps(record(told, self._arn)).encode(),
            topic=self._arn.rpartition(":")[2],
            key=group,
            # A standard queue has groups as well, for fairness: it keeps no order in them.
            lane=group if self._arn.endswith(".fifo") else "",
            position=attributes.get("SequenceNumber", ""),
            timestamp=int(sent) / 1000 if sent else None,
            attempt=int(attributes.get("ApproximateReceiveCount", 1)),
            raw=told["ReceiptHandle"],
        )

    # -- telling
    async def ack(self, messages: Sequence[Message]) -> None:
        entries = [{"ReceiptHandle": each.raw} for each in messages]
        await self._tell("delete_message_batch", entries)

    async def extend(self, messages: Sequence[Message]) -> None:
        await self._hide((each, self._visibility) for each in messages)

    async def give_back(self, messages: Sequence[Message]) -> None:
        """Seen again after a pause.  Of a group the first one pauses, which holds up the others."""
        seen = set[str]()
        hidden = []
        for each in messages:
            hidden.append((each, 0 if each.lane in seen else self._pause(each)))
            seen.update({each.lane} - {""})
        await self._hide(hidden)

    def _pause(self, message: Message) -> int:
        """Whole seconds, as SQS has them."""
        first, longest = self._backoff
        return math.ceil(min(longest, first * 2.0 ** min(message.attempt - 1, 32)))

    async def requeue(self, messages: Sequence[Message]) -> None:
        """Also what a call brings that still waits."""
        if self._poll is not None:
            messages = [*messages, *await self.receive(MOST, 0)]
        await self._hide((each, 0) for each in messages)

    async def _hide(self, messages: Iterable[tuple[Message, int]]) -> None:
        entries = [
            {"ReceiptHandle": message.raw, "VisibilityTimeout": seconds}
            for message, seconds in messages
        ]
        await self._tell("change_message_visibility_batch", entries)

    async def _tell(self, operation: str, entries: Sequence[Mapping[str, Any]]) -> None:
        """What the queue does not know (any more) is passed over: it is another's, or comes."""
        for begin in range(0, len(entries), MOST):
            part = [
                {"Id": str(number), **each}
                for number, each in enumerate(entries[begin : begin + MOST])
            ]
            answer = await self._ask(operation, Entries=part)
            for failed in answer.get("Failed", ()):
                log.info("queue %s: %s: %s", self.queue, operation, failed.get("Message", failed))

    async def bury(self, letter: Letter, place: str) -> None:
        """To another queue: the message's own body and attributes, as the queue had them."""
        await self._aws.bury(letter, place, *sent_of(letter.message.body))

    async def close(self) -> None:
        if self._poll is not None:
            await asyncio.wait({self._poll})
            if not self._poll.cancelled():
                self._poll.exception()  # what it brought is seen again when its time is over
        self._poll, self._url = None, ""


def record(message: Mapping[str, Any], arn: str) -> dict[str, Any]:
    """A received message as Lambda hands it over.

    >>> told = {"MessageId": "7", "ReceiptHandle": "r", "Body": "{}", "MD5OfBody": "m"}
    >>> record(told, "arn:aws:sqs:eu-west-1:123456789012:orders")["awsRegion"]
    'eu-west-1'
    """
    more = {"md5OfMessageAttributes": message.get("MD5OfMessageAttributes")}
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes") or {}),
        "messageAttributes": {
            name: _attribute(each)
            for name, each in (message.get("MessageAttributes") or {}).items()
        },
        "md5OfBody": message.get("MD5OfBody", ""),
        **{name: each for name, each in more.items() if each},
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": arn.split(":")[3],
    }


def sent_of(record: bytes) -> tuple[str, dict[str, Any]]:
    """The body and the attributes that somebody sent, of a message as Lambda has it."""
    told = json.loads(record)
    own = {name: _as_sent(each) for name, each in told["messageAttributes"].items()}
    return str(told["body"]), own


def _as_sent(attribute: Mapping[str, Any]) -> dict[str, Any]:
    """An attribute of Lambda's record as SQS takes it; the other end of `_attribute`.

    >>> _as_sent(_attribute({"DataType": "Number", "StringValue": "7"}))
    {'DataType': 'Number', 'StringValue': '7'}
    """
    told: dict[str, Any] = {"DataType": attribute["dataType"]}
    if "binaryValue" in attribute:
        return {**told, "BinaryValue": base64.b64decode(attribute["binaryValue"])}
    return {**told, "StringValue": attribute.get("stringValue", "")}


def _attribute(told: Mapping[str, Any]) -> dict[str, Any]:
    """
    >>> _attribute({"DataType": "Binary", "BinaryValue": b"a"})["binaryValue"]
    'YQ=='
    """
    values: dict[str, Any] = {}
    if "StringValue" in told:
        values["stringValue"] = told["StringValue"]
    if "BinaryValue" in told:
        values["binaryValue"] = base64.b64encode(told["BinaryValue"]).decode()
    return {**values, "stringListValues": [], "binaryListValues": [], "dataType": told["DataType"]}
