"""One delivery for each trigger that a platform does not read itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..deploy.session import Where
from ..deploy.wants.common import bridged
from ..event_sources import Backoff, Batch, Delivery, Failed, Outcome, Rules, source_of
from ..event_sources.dead_letters import DeadLetters, Discard, ToBroker
from ..event_sources.delivery.status import READY, UNHEALTHY, Status
from ..handlers.function import Function
from ..handlers.triggers import FromBroker
from .callers import Call, caller
from .payload import answers_of, outcome, payload
from .secrets import look_up, revealed

PAYLOAD = 4_000_000  # bytes of bodies in one call: Lambda takes 6 MB, and JSON writes them longer


@dataclass(frozen=True)
class Way:
    """A trigger, and the function that it runs."""

    function: str
    trigger: FromBroker

    def __str__(self) -> str:
        return f"{self.trigger.kind} {self.trigger.name} > {self.function}"


def ways(functions: Sequence[Function[..., Any]], platform: str) -> list[Way]:
    """What has to be bridged of these functions on that platform."""
    return [Way(each.name, trigger) for each in functions for trigger in bridged(each, platform)]


def delivery(
    way: Way,
    call: Call,
    told: Callable[[Way, Status], None],
    secrets: Mapping[str, str] = MappingProxyType({}),
) -> Delivery:
    """Brings the messages of a way to its function, by `call`; it is not begun yet.

    secrets: the values of the references that its trigger names
    """
    trigger = way.trigger
    kind, settings = trigger.source_for(way.function)
    source = source_of(kind, **revealed(settings, secrets))
    answers = getattr(trigger, "answers", False)

    held_up = False

    async def handle(batch: Batch) -> Outcome:
        nonlocal held_up
        try:
            sent = payload(trigger.kind, trigger.name, batch.messages, answers)
            answer = await call(sent)
            found = outcome(answer)
        except Failed as failed:
            if not failed.blame:  # nobody else would say so: the messages just come again
                held_up = True
                told(way, Status(UNHEALTHY, failed.reason))
            raise
        if held_up:
            held_up = False
            told(way, Status(READY))
        given = answers_of(answer) if answers else {}
        for each in batch.messages:
            if each.id in given:
                await source.answer(each, given[each.id])
        return found

    first, longest = trigger.backoff
    rules = Rules(
        batch=trigger.batch,
        window=float(trigger.window),
        most_bytes=PAYLOAD,
        workers=trigger.workers,
        in_flight=max(1000, 2 * trigger.batch * trigger.workers),
        attempts=trigger.attempts,
        max_age=float(trigger.max_age),
        retry=Backoff(first=first, longest=longest),
    )
    letters: DeadLetters | None = None
    if trigger.attempts or trigger.max_age:
        letters = ToBroker(trigger.dead_letter) if trigger.dead_letter else Discard()
    return Delivery(
        source,
        handle,
        rules,
        dead_letters=letters,
        on_status=lambda status: told(way, status),
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
) -> list[Delivery]:
    """Bridge until `end` is set; what is in hand then is waited for.  The deliveries, ended."""
    async with AsyncExitStack() as calls:
        running = [
            delivery(
                each, await calls.enter_async_context(caller(where, each.function)), told, secrets
            )
            for each in found
        ]
        for each in running:
            await each.start()
        await end.wait()
        await asyncio.gather(*(each.stop() for each in running))
    return running
