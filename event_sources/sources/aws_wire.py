"""What sources of AWS share: services asked by boto3 off the event loop, letters to a queue."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import Away
from ..message import Letter

ATTRIBUTES = 10  # of one message at the most (SQS's developer guide, "Message attributes")
PACKED = "dead-letter"  # the one that has all of them, where there are more
_NONE: Mapping[str, Any] = {}


class Refused(Away):
    """The service said no, and `code` is its word for why."""

    def __init__(self, said: str, code: str) -> None:
        self.code = code
        super().__init__(said)


class Services:
    """
    what:   the table, queue or stream, which every sentence begins with
    client: of boto3, by the name of a service; by default those of the environment
    """

    def __init__(self, what: str, client: Callable[[str], Any] | None = None) -> None:
        self._what, self._make = what, client
        self._clients: dict[str, Any] = {}

    async def ask(self, service: str, operation: str, **members: Any) -> dict[str, Any]:
        """Raises `Refused`, or `Away` where nobody answers."""
        return await asyncio.to_thread(self._ask_now, service, operation, members)

    def _ask_now(self, service: str, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            if service not in self._clients:
                self._clients[service] = self._client(service)
            found: dict[str, Any] = getattr(self._clients[service], operation)(**members)
        except ClientError as error:
            code = str(error.response["Error"]["Code"])
            raise Refused(f"{self._what}: {operation}: {error}", code) from error
        except BotoCoreError as error:
            raise Away(f"{self._what}: {operation}: {error}") from error
        return found

    def _client(self, service: str) -> Any:
        if self._make is not None:
            return self._make(service)
        import boto3

        return boto3.client(service)

    async def queue(self, named: str) -> str:
        """The URL of a queue by its name, ARN or URL."""
        if "://" in named:
            return named
        asked = {"QueueName": named.rpartition(":")[2]}
        if named.startswith("arn:"):
            asked["QueueOwnerAWSAccountId"] = named.split(":")[4]
        return str((await self.ask("sqs", "get_queue_url", **asked))["QueueUrl"])

    async def bury(
        self, letter: Letter, place: str, body: str, own: Mapping[str, Any] = _NONE
    ) -> None:
        """To an SQS queue, as `body`.

        own: the message's attributes, as SQS has them; beside them stands what is known of it as a
             letter, and where that is more than a message may have, all of it in one, as JSON
        """
        url = await self.queue(place)
        said = {name: value for name, value in letter.headers().items() if name.startswith("dead-")}
        attributes = {**own, **{name: _text(value) for name, value in said.items()}}
        if len(attributes) > ATTRIBUTES:
            attributes = {PACKED: _text(json.dumps(attributes, default=_base64))}
        message = letter.message
        fifo = {"MessageGroupId": message.key or "dead", "MessageDeduplicationId": message.id}
        await self.ask(
            "sqs",
            "send_message",
            QueueUrl=url,
            MessageBody=body,
            MessageAttributes=attributes,
            **(fifo if url.endswith(".fifo") else {}),
        )


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def unpacked(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a letter, also where they stand in one.

    >>> unpacked({PACKED: {"StringValue": '{"a": {"DataType": "Binary", "BinaryValue": "YQ=="}}'}})
    {'a': {'DataType': 'Binary', 'BinaryValue': b'a'}}
    """
    if PACKED not in attributes:
        return dict(attributes)
    found: dict[str, Any] = json.loads(attributes[PACKED]["StringValue"])
    for each in found.values():
        if "BinaryValue" in each:
            each["BinaryValue"] = base64.b64decode(each["BinaryValue"])
    return found
