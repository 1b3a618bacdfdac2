"""An SNS topic: the letter is published as a message."""

from __future__ import annotations

from ...services import ServiceRefused, Services
from .base import Letter, Undelivered

_VERSION = "2010-03-31"


class Topic:
    """Topics of the embedded SNS, which speaks the query protocol."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def exists(self, arn: str) -> bool:
        try:
            await self._services.query("sns", "GetTopicAttributes", _VERSION, {"TopicArn": arn})
        except ServiceRefused:
            return False
        return True

    async def send(self, arn: str, letter: Letter) -> None:
        members = {"TopicArn": arn, "Message": letter.body}
        for number, (name, (kind, value)) in enumerate(letter.attributes.items(), start=1):
            entry = f"MessageAttributes.entry.{number}"
            members[f"{entry}.Name"] = name
            members[f"{entry}.Value.DataType"] = kind
            members[f"{entry}.Value.StringValue"] = value
        try:
            await self._services.query("sns", "Publish", _VERSION, members)
        except ServiceRefused as error:
            raise Undelivered(str(error)) from None
