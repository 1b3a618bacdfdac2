"""What sources of AWS share: services asked by boto3 off the event loop, letters to a queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ..errors import Away
from ..message import Letter

ATTRIBUTES = 10  # of one message at the most (SQS's developer guide, "Message attributes")


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

    async def bury(self, letter: Letter, place: str, body: str) -> None:
        """To an SQS queue, as `body`; of what is known of it as much as a message may have."""
        url = await self.queue(place)
        said = {name: value for name, value in letter.headers().items() if name.startswith("dead-")}
        attributes = {
            name: {"DataType": "String", "StringValue": value}
            for name, value in list(said.items())[:ATTRIBUTES]
        }
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
