"""Where what became of an event is sent to, one kind a file, all of one shape.

They hand over and say whether it was taken; who waits, tries again and forgets is in
`async_events`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ...services import Services
from ..records import Call
from ..registry import Registry
from .base import Destination, Letter, Undelivered
from .bucket import Bucket
from .event_bus import EventBus
from .function import AnotherFunction
from .queue import Queue
from .topic import Topic

__all__ = ["Destinations", "Letter", "Undelivered", "service_of"]


class Destinations:
    """Every kind, by the service that an ARN names."""

    def __init__(
        self, services: Services, registry: Registry, accept: Callable[[Call], Awaitable[None]]
    ) -> None:
        self._kinds: dict[str, Destination] = {
            "sqs": Queue(services),
            "sns": Topic(services),
            "events": EventBus(services),
            "s3": Bucket(services),
            "lambda": AnotherFunction(registry, accept),
        }

    async def exists(self, arn: str) -> bool:
        """Whether there is such a destination."""
        kind = self._kinds.get(service_of(arn))
        return kind is not None and await kind.exists(arn)

    async def send(self, arn: str, letter: Letter) -> None:
        """Hand the letter over; on return it was taken.  Raises Undelivered."""
        kind = self._kinds.get(service_of(arn))
        if kind is None:
            raise Undelivered(f"{arn} is no destination of Lambda's")
        await kind.send(arn, letter)


def service_of(arn: str) -> str:
    """The service that an ARN names, "" for what is no ARN.

    >>> service_of("arn:aws:sqs:us-east-1:000000000000:failed"), service_of("failed")
    ('sqs', '')
    """
    parts = arn.split(":", 5)
    return parts[2] if len(parts) == 6 and parts[0] == "arn" else ""
