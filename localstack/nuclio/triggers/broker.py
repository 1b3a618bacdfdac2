"""What the triggers of brokers share: a delivery of `event_sources` gives its messages to the pool.

A kind says which source its settings mean, what its events look like, and what Nuclio's own trigger
does with a message that fails.  How messages wait, come again and are given up is the delivery's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from ....event_sources import Batch, Delivery, Failed, Message, Outcome, Rules, Source
from ....event_sources.delivery.status import UNHEALTHY, Status
from .. import wire
from ..pool import NoWorker, Pool
from ..worker import WorkerFailed, WorkerTimedOut
from .base import Around
from .explicit_ack import Marks

# (failure) -> what becomes of its message: None when it is done all the same.
OnFailure = Callable[[str, Exception], Failed | None]
WAITING = 64  # events that wait for a worker beside those in hand, as Nuclio's channels hold them


def forgotten(reason: str, error: Exception) -> None:
    """Nuclio has logged it, and that is all."""


def handed_back(reason: str, error: Exception) -> Failed:
    """Nuclio gives it back to the broker, which hands it out again."""
    return Failed(reason, after=0, back=True)


class BrokerTrigger:
    """A trigger whose events come from a broker.

    event:   (message, now) -> what the worker is given
    rules:   how messages are delivered; by default one an event, in no order, as many at a time as
             Nuclio's own trigger gives to its workers
    failing: what becomes of a message whose event a worker could not take to its end.  A function
             that answers with an error has taken it to its end: so it is on Nuclio
    marks:   what a function acknowledges by itself, where the kind has that and it is enabled; an
             answer's no-ack means nothing else
    """

    def __init__(
        self,
        name: str,
        kind: str,
        source: Source,
        pool: Pool,
        around: Around,
        *,
        event: Callable[[Message, float], dict[str, Any]],
        failing: OnFailure,
        rules: Rules | None = None,
        marks: Marks | None = None,
    ) -> None:
        self.name, self.kind = name, kind
        self._pool, self._clock, self._say = pool, around.clock, around.say
        self._event, self._failing, self._marks = event, failing, marks
        rules = rules or Rules(workers=WAITING + pool.size, in_flight=1000, ordered=False)
        self._delivery = Delivery(
            source,
            self._give if rules.batch == 1 else self._give_together,
            rules,
            clock=around.clock,
            on_status=self._heard,
        )
        if marks is not None:
            pool.on_ack = lambda ack: self._delivery.acknowledge(marks.acked(ack))

    @property
    def status(self) -> Status:
        """How its source is."""
        return self._delivery.status

    async def start(self) -> None:
        await self._delivery.start()

    def retire(self) -> None:
        self._delivery.pause()

    async def close(self) -> None:
        if self._marks is not None:
            # What a function holds it may acknowledge yet, in its drain callback.
            with contextlib.suppress(TimeoutError):
                await self._pool.drain()
        await self._delivery.stop()

    def _heard(self, status: Status) -> None:
        if status.state == UNHEALTHY:
            self._say("warn", f"trigger {self.name}: {status.reason}")

    async def _give(self, batch: Batch) -> Outcome | None:
        (message,) = batch.messages
        try:
            reply, _ = await self._pool.call(self._event(message, self._clock.time()))
        except (NoWorker, WorkerFailed, WorkerTimedOut, ValueError) as error:
            return self._failed(batch, error) or self._ended(message, None)
        return self._ended(message, reply)

    def _ended(self, message: Message, reply: wire.Reply | None) -> Outcome | None:
        """A worker has taken the event to its end, or Nuclio would go on without that."""
        if self._marks is None:
            return None
        kept, done = self._marks.ended(message, kept=self._marks.keeps(reply))
        self._delivery.acknowledge(done)
        return Outcome(held=frozenset({message.id})) if kept else None

    async def _give_together(self, batch: Batch) -> Outcome | None:
        now = self._clock.time()
        try:
            await self._pool.call_batch([self._event(each, now) for each in batch.messages])
        except (NoWorker, WorkerFailed, WorkerTimedOut, ValueError) as error:
            return self._failed(batch, error)
        return None

    def _failed(self, batch: Batch, error: Exception) -> Outcome | None:
        said = str(error) or "no worker was free"
        self._say("error", f"trigger {self.name}: {said}")
        failed = self._failing(said, error)
        return Outcome(failed={each.id: failed for each in batch.messages}) if failed else None


def text_of(settings: Mapping[str, Any], trigger: str, *path: str) -> str:
    """A setting that must be there.  Raises ValueError that names it."""
    found: Any = settings
    for name in path:
        found = (found or {}).get(name)
    if not found or not isinstance(found, str):
        raise ValueError(f"trigger {trigger!r} has no {'.'.join(path)}")
    return found
