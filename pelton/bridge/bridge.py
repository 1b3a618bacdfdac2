"""One delivery for each trigger that a platform does not read itself.

Which triggers those are, what bridges that run beside each other share, and the run of all of them.
It knows no broker, and nothing of how a message is acknowledged or comes again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from math import ceil
from types import MappingProxyType
from typing import Any

from ..deploy.wants.bridges import bridged
from ..deploy.where import Where, connect
from ..event_sources import (
    Alone,
    Backoff,
    Delivery,
    Message,
    Once,
    Rules,
    Source,
    source_of,
)
from ..event_sources.dead_letters import DeadLetters, Discard, ToBroker
from ..event_sources.delivery.outcome import Handler
from ..event_sources.delivery.status import Status
from ..event_sources.stores import Store
from ..handlers.function import Function
from ..handlers.triggers import FromBroker
from .callers import Call, caller
from .handling import Handling
from .saying import Saying
from .secrets import look_up, revealed

SPARE = 30.0  # seconds for an answer to come back, before another bridge may begin on a message
PAYLOAD = 4_000_000  # bytes of bodies in one call: Lambda takes 6 MB, and JSON writes them longer


@dataclass(frozen=True)
class Way:
    """A trigger, and the function that it runs."""

    function: str
    trigger: FromBroker
    timeout: float = 900.0  # of the function, in seconds

    def __str__(self) -> str:
        return f"{self.trigger.kind} {self.trigger.name} > {self.function}"


def ways(functions: Sequence[Function[..., Any]], platform: str) -> list[Way]:
    """What has to be bridged of these functions on that platform."""
    return [
        Way(each.name, trigger, each.settings.timeout)
        for each in functions
        for trigger in bridged(each, platform)
    ]


@dataclass(frozen=True)
class Shared:
    """What bridges that run beside each other keep together.

    store:   where; None for a bridge by itself
    once:    what one of them has handled, none hands out again
    once_by: the header that two copies of a message have in common; "" for the broker's own id
    alone:   one of them reads a source at a time
    lease:   seconds after which another takes the place of one that gives no sign of life
    client:  of boto3, by service, for what they read of AWS
    """

    store: Store | None = None
    once: bool = False
    once_by: str = ""
    alone: bool = False
    lease: float = 30.0
    client: Callable[[str], Any] | None = None

    def source(self, way: Way, secrets: Mapping[str, str]) -> Source:
        """What the way reads, with who else may."""
        kind, settings = way.trigger.source_for(way.function)
        if way.trigger.of_aws:
            settings = {**settings, "client": self.client, **self._kept(kind, way.trigger)}
        found = source_of(kind, **revealed(settings, secrets))
        if self.store is None or not (self.alone or way.trigger.alone):
            return found
        return Alone(found, self.store, str(way), lease=self.lease)

    def _kept(self, kind: str, trigger: FromBroker) -> dict[str, Any]:
        if kind == "sqs":
            return {"visibility": max(2, ceil(self.lease)), "backoff": trigger.backoff}
        return {"store": self.store or ""}

    def once_only(self, way: Way, handle: Handler) -> Handler:
        """The handler, for what nobody has handled yet."""
        if self.store is None or not self.once:
            return handle

        def key(message: Message) -> str:
            return f"{way} {message.headers.get(self.once_by) or message.id}"

        return Once(handle, self.store, lease=way.timeout + SPARE, key=key)


BY_ITSELF = Shared()


def delivery(
    way: Way,
    call: Call,
    told: Callable[[Way, Status], None],
    secrets: Mapping[str, str] = MappingProxyType({}),
    shared: Shared = BY_ITSELF,
) -> Delivery:
    """Brings the messages of a way to its function, by `call`; it is not begun yet.

    secrets: the values of the references that its trigger names
    """
    source, letters = shared.source(way, secrets), _letters(way.trigger)
    said = Saying(lambda status: told(way, status))
    handling = Handling(way.trigger, source, call, said, gives_up=letters is not None)
    handle = handling.watched(shared.once_only(way, handling.handle))
    rules = _rules(way.trigger)
    return Delivery(source, handle, rules, dead_letters=letters, on_status=said.state)


def _letters(trigger: FromBroker) -> DeadLetters | None:
    """Where what is given up goes; None where nothing is."""
    if not (trigger.attempts or trigger.max_age):
        return None
    return ToBroker(trigger.dead_letter) if trigger.dead_letter else Discard()


def _rules(trigger: FromBroker) -> Rules:
    first, longest = trigger.backoff
    return Rules(
        batch=trigger.batch,
        window=float(trigger.window),
        most_bytes=PAYLOAD,
        workers=trigger.workers,
        in_flight=max(trigger.ahead, 2 * trigger.batch * trigger.workers),
        attempts=trigger.attempts,
        handouts=trigger.handouts,
        max_age=float(trigger.max_age),
        retry=Backoff(first=first, longest=longest),
    )


def secrets_of(found: Sequence[Way], where: Where, folder: str) -> dict[str, str]:
    """The values of what the triggers name, by reference; see `secrets.look_up`."""
    return look_up([way.trigger.source_for(way.function)[1] for way in found], where, folder)


async def run(
    found: Sequence[Way],
    where: Where,
    end: asyncio.Event,
    told: Callable[[Way, Status], None],
    secrets: Mapping[str, str],
    shared: Shared = BY_ITSELF,
) -> list[Delivery]:
    """Bridge until `end` is set, or no source goes on; what is in hand then is waited for.

    The deliveries, ended; `fault` says which of them did not by themselves go on.
    """
    running = list[Delivery]()

    def tell(way: Way, status: Status) -> None:
        told(way, status)
        if all(each.fault for each in running):
            end.set()

    if any(each.trigger.of_aws for each in found):
        shared = replace(shared, client=connect(where)[0].client)
    async with AsyncExitStack() as calls:
        if shared.store is not None:
            calls.push_async_callback(shared.store.close)
        for each in found:
            call = await calls.enter_async_context(caller(where, each.function))
            running.append(delivery(each, call, tell, secrets, shared))
        for begun in running:
            await begun.start()
        await end.wait()
        await asyncio.gather(*(each.stop() for each in running))
    return running
