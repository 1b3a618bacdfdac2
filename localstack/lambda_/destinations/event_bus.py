"""An EventBridge bus: the record is the detail of an event.

Source `lambda`, the detail-types and the two resources are those of Lambda's page on retaining
records of asynchronous invocations.
"""

from __future__ import annotations

from typing import Any

from ...services import ServiceRefused, Services
from .base import Letter, Undelivered, last

_RESULT = "Lambda Function Invocation Result - "


class EventBus:
    """Buses of the embedded EventBridge."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def exists(self, arn: str) -> bool:
        try:
            await self._call("DescribeEventBus", {"Name": last(arn)})
        except ServiceRefused:
            return False
        return True

    async def send(self, arn: str, letter: Letter) -> None:
        entry = {
            "EventBusName": last(arn),
            "Source": "lambda",
            "DetailType": _RESULT + ("Success" if letter.succeeded else "Failure"),
            "Detail": letter.body,
            "Resources": [arn, letter.function],
            "Time": int(letter.at),
        }
        try:
            answer = await self._call("PutEvents", {"Entries": [entry]})
        except ServiceRefused as error:
            raise Undelivered(str(error)) from None
        if answer.get("FailedEntryCount"):
            failed = answer["Entries"][0]
            raise Undelivered(f"{failed.get('ErrorCode')}: {failed.get('ErrorMessage')}")

    async def _call(self, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        return await self._services.call("events", f"AWSEvents.{operation}", members)
