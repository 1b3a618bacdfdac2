"""An SQS queue: the letter is a message.

A FIFO queue is no destination that Lambda supports (its page on retaining records): such a queue
can be configured, and refuses what comes without a group.
"""

from __future__ import annotations

from typing import Any

from ...services import ServiceRefused, Services
from .base import Letter, Undelivered, last


class Queue:
    """Queues of the embedded SQS."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def exists(self, arn: str) -> bool:
        try:
            await self._url(arn)
        except ServiceRefused:
            return False
        return True

    async def send(self, arn: str, letter: Letter) -> None:
        attributes = {
            name: {"DataType": kind, "StringValue": value}
            for name, (kind, value) in letter.attributes.items()
        }
        try:
            url = await self._url(arn)
            await self._call(
                "SendMessage",
                {"QueueUrl": url, "MessageBody": letter.body, "MessageAttributes": attributes},
            )
        except ServiceRefused as error:
            raise Undelivered(str(error)) from None

    async def _url(self, arn: str) -> str:
        return str((await self._call("GetQueueUrl", {"QueueName": last(arn)}))["QueueUrl"])

    async def _call(self, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        return await self._services.call("sqs", f"AmazonSQS.{operation}", members)
