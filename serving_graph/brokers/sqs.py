"""SQS, on AWS or on the emulator: queues by name, FIFO where a key keeps an order.

boto3 is imported when the broker is opened or first speaks: who never sends does not pay for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ..message import Message
from ..steps.queue import Address
from .base import (
    Away,
    Broker,
    NoSuchQueue,
    NotSent,
    Received,
    dead,
    digest_id,
    read,
    receives,
)

BATCH = 10  # entries of one request
BATCH_BYTES = 250_000  # of one request: its limit is 262,144 where nothing more is granted
LONGEST_WAIT = 20  # seconds of one request
# Of a message, not of the moment.
_NEVER = ("BatchRequestTooLong", "InvalidMessageContents", "InvalidParameterValue")
_NOT_OURS = ("MessageNotInflight", "ReceiptHandleIsInvalid", "InvalidParameterValue")


def queue_name(queue: Address) -> str:
    """
    >>> queue_name(Address("orders", ordered=True))
    'orders.fifo'
    """
    return f"{queue.name}.fifo" if queue.ordered else queue.name


def attributes(queue: Address, dead_arn: str = "") -> dict[str, str]:
    """A queue's attributes, as SQS takes them."""
    found = {"VisibilityTimeout": str(round(queue.window))}
    if dead_arn:
        policy = {"deadLetterTargetArn": dead_arn, "maxReceiveCount": receives(queue)}
        found["RedrivePolicy"] = json.dumps(policy)
    if queue.ordered:
        found["FifoQueue"] = "true"
    return found


class SqsBroker:
    """SQS by boto3.

    endpoint: of an emulator; "" for AWS, with the environment's region and credentials
    client:   a boto3 client to use instead
    """

    def __init__(self, endpoint: str = "", client: Any = None) -> None:
        self.endpoint, self._client = endpoint, client
        self.url = f"sqs://{endpoint.partition('://')[2]}" if endpoint else "sqs:"
        self._urls: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<broker {self.url}>"

    @property
    def client(self) -> Any:
        if self._client is None:
            self._client = client_of("sqs", self.endpoint)
        return self._client

    def open(self) -> None:
        assert self.client is not None

    def prepare(self, queues: Sequence[Address]) -> None:
        for each in queues:
            target = dead(each)
            asked = {"QueueUrl": self._letters(target), "AttributeNames": ["QueueArn"]}
            arn = self._call("get_queue_attributes", target, **asked)["Attributes"]["QueueArn"]
            self._make(each, attributes(each, arn))

    def _letters(self, target: Address) -> str:
        """The URL of a queue for dead letters, which is there then."""
        more = {"FifoQueue": "true"} if target.ordered else {}
        told = {"QueueName": queue_name(target), "Attributes": more}
        return str(self._call("create_queue", target, **told)["QueueUrl"])

    def make_letters(self, queues: Sequence[Address]) -> None:
        """The queues for the dead letters of what is no queue of SQS."""
        for each in queues:
            self._letters(Address(dead(each).name))

    def _make(self, queue: Address, told: dict[str, str]) -> None:
        name = queue_name(queue)
        try:
            self._call("create_queue", queue, QueueName=name, Attributes=told)
        except self.client.exceptions.QueueNameExists:
            told.pop("FifoQueue", None)
            url = self._url(queue)
            self._call("set_queue_attributes", queue, QueueUrl=url, Attributes=told)

    def send(self, queue: Address, messages: Sequence[Message]) -> list[str | NotSent]:
        ids: list[str | NotSent] = []
        for texts, batch in _batches(messages):
            entries = [
                {"Id": str(place), "MessageBody": text} | _order(queue, each)
                for place, (text, each) in enumerate(zip(texts, batch, strict=True))
            ]
            ids += self._send(queue, entries)
        return ids

    def _send(self, queue: Address, entries: list[dict[str, Any]]) -> list[str | NotSent]:
        from botocore.exceptions import ClientError

        url = self._url(queue)
        try:
            told = self._call("send_message_batch", queue, QueueUrl=url, Entries=entries)
        except (ClientError, Away) as error:
            # Of what was cut off nothing is known: it is sent again, under the same key.
            never = isinstance(error, ClientError) and _code(error) in _NEVER
            said = f"queue {queue_name(queue)!r} did not take the message: {error}"
            what = NotSent(said, never=never and len(entries) == 1)
            return [what] * len(entries)
        sent = {each["Id"]: each["MessageId"] for each in told.get("Successful", [])}
        why = {each["Id"]: each for each in told.get("Failed", [])}
        return [
            sent.get(each["Id"]) or _not_sent(queue, why.get(each["Id"], {})) for each in entries
        ]

    def receive(self, queue: Address, most: int, wait: float) -> list[Received]:
        told = self._call(
            "receive_message",
            queue,
            QueueUrl=self._url(queue),
            MaxNumberOfMessages=min(most, BATCH),
            WaitTimeSeconds=min(round(wait), LONGEST_WAIT),
            AttributeNames=["ApproximateReceiveCount"],
        )
        return list(self._read(queue, told.get("Messages", [])))

    def _read(self, queue: Address, records: list[dict[str, Any]]) -> Iterator[Received]:
        for each in records:
            count = int(each.get("Attributes", {}).get("ApproximateReceiveCount", 1))
            handle, name = each["ReceiptHandle"], each["MessageId"]
            if one := read(self, queue, each["Body"], name, count, handle):
                yield one

    def done(self, queue: Address, received: Sequence[Received]) -> None:
        for first in range(0, len(received), BATCH):
            entries = [
                {"Id": str(place), "ReceiptHandle": each.handle}
                for place, each in enumerate(received[first : first + BATCH])
            ]
            # What is not deleted comes again, as everything may.
            self._call("delete_message_batch", queue, QueueUrl=self._url(queue), Entries=entries)

    def later(self, queue: Address, received: Received, seconds: float) -> None:
        from botocore.exceptions import ClientError

        try:
            self._call(
                "change_message_visibility",
                queue,
                QueueUrl=self._url(queue),
                ReceiptHandle=received.handle,
                VisibilityTimeout=round(seconds),
            )
        except ClientError as error:
            # Its window was over already: it is in the queue, or with somebody else.
            if _code(error) not in _NOT_OURS:
                raise

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _url(self, queue: Address) -> str:
        name = queue_name(queue)
        if name not in self._urls:
            self._urls[name] = self._call("get_queue_url", queue, QueueName=name)["QueueUrl"]
        return self._urls[name]

    def _call(self, operation: str, queue: Address, **given: Any) -> dict[str, Any]:
        """One request about a queue.  Raises `NoSuchQueue`, `Away`, and what else SQS says."""
        from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

        try:
            told: dict[str, Any] = getattr(self.client, operation)(**given)
        except (ConnectionError, HTTPClientError) as error:
            raise Away(f"{self.url}: {error}") from error
        except ClientError as error:
            if _code(error) not in ("NonExistentQueue", "QueueDoesNotExist"):
                raise
            self._urls.pop(queue_name(queue), None)
            raise _missing(queue) from None
        return told


def at(url: str) -> Broker:
    place = url.partition("://")[2]
    return SqsBroker(f"http://{place}" if place else "")


def client_of(service: str, endpoint: str) -> Any:
    """boto3's, for AWS ("") or for an emulator at an address."""
    import boto3
    from botocore.config import Config

    there: dict[str, Any] = {
        "endpoint_url": endpoint,
        "region_name": "us-east-1",
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
        "config": Config(proxies={}, retries={"mode": "standard", "max_attempts": 3}),
    }
    client = boto3.client(service, **(there if endpoint else {}))
    # Made at the first look, which two threads must not have at once: see `deploy.targets.aws`.
    _ = client.exceptions
    return client


def _order(queue: Address, message: Message) -> dict[str, str]:
    if not queue.ordered:
        return {}
    return {"MessageGroupId": _group(message), "MessageDeduplicationId": digest_id(message)}


def _group(message: Message) -> str:
    """A key as SQS takes one: 1 to 128 letters, digits and punctuation, all ASCII."""
    group = message.group
    if 0 < len(group) <= 128 and group.isascii() and group.isprintable() and " " not in group:
        return group
    from hashlib import sha256

    return sha256(group.encode()).hexdigest()


def _batches(messages: Sequence[Message]) -> Iterator[tuple[list[str], list[Message]]]:
    """Messages in requests of at most ten, and of what a request may hold."""
    texts, batch, size = list[str](), list[Message](), 0
    for each in messages:
        text = each.text()
        length = len(text.encode())
        if batch and (len(batch) == BATCH or size + length > BATCH_BYTES):
            yield texts, batch
            texts, batch, size = [], [], 0
        texts.append(text)
        batch.append(each)
        size += length
    if batch:
        yield texts, batch


def _code(error: Any) -> str:
    return str(error.response["Error"]["Code"]).rpartition(".")[2]


def _missing(queue: Address) -> NoSuchQueue:
    return NoSuchQueue(
        f"there is no queue {queue_name(queue)!r}: deploy the function that takes from it, or "
        "create the queue"
    )


def _not_sent(queue: Address, failed: dict[str, Any]) -> NotSent:
    said = f"{failed.get('Code', 'it said nothing')}: {failed.get('Message', '')}"
    never = str(failed.get("Code")).rpartition(".")[2] in _NEVER
    return NotSent(f"queue {queue_name(queue)!r} did not take the message: {said}", never=never)
