"""A batch of one way, given to its function: what goes back to the broker of it, and what is said.

A platform is a `Call` here.  When a batch comes, and what becomes of a message that has failed, is
the delivery's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..event_sources import Batch, Failed, Outcome, Source
from ..event_sources.delivery.outcome import DONE, Handler, answered
from ..event_sources.delivery.status import READY, UNHEALTHY, Status
from ..handlers.triggers import FromBroker
from .callers import Call
from .payload import answers_of, outcome, payload
from .saying import Saying


class Handling:
    """The handler of one way.

    gives_up: whether its delivery gives messages up, and not its broker alone
    """

    def __init__(
        self, trigger: FromBroker, source: Source, call: Call, said: Saying, gives_up: bool
    ) -> None:
        self._trigger, self._source, self._call, self._said = trigger, source, call, said
        self._gives_up, self._answers = gives_up, getattr(trigger, "answers", False)
        self._held_up = False

    async def handle(self, batch: Batch) -> Outcome:
        """By the function; raises `Failed` where none of the batch has been handled."""
        trigger = self._trigger
        try:
            sent = payload(trigger.kind, trigger.name, batch.messages, self._answers)
            answer = await self._call(sent)
            found = outcome(answer)
        except Failed as failed:
            self._hold_up(failed)
            self._said.failed(batch.messages[0].id, failed)
            raise self._back(failed) from None
        self._go_on()
        for id, each in found.failed.items():
            self._said.failed(id, each)
        await self._pass_on(batch, answer)
        return replace(found, failed={id: self._back(each) for id, each in found.failed.items()})

    def watched(self, handle: Handler) -> Handler:
        """What is around `handle`, a store of what has been handled say, may be away as well."""

        async def watched(batch: Batch) -> Outcome:
            try:
                return await answered(handle(batch)) or DONE
            except Failed as failed:
                self._hold_up(failed)
                raise

        return watched

    def _hold_up(self, failed: Failed) -> None:
        """Nobody else would say so: the messages just come again."""
        if not failed.blame:
            self._held_up = True
            self._said.state(Status(UNHEALTHY, failed.reason))

    def _go_on(self) -> None:
        if self._held_up:
            self._held_up = False
            self._said.state(Status(READY))

    async def _pass_on(self, batch: Batch, answer: Any) -> None:
        """Answers to whoever has sent the messages."""
        given = answers_of(answer) if self._answers else {}
        for message in batch.messages:
            if message.id in given:
                await self._source.answer(message, given[message.id])

    def _back(self, failed: Failed) -> Failed:
        """Who failed as it goes back to its broker; not who is given up, has not been begun, or has
        said when it is to come again."""
        given_up = failed.never and self._gives_up
        if not self._returns or given_up or not failed.blame or failed.after is not None:
            return failed
        return Failed(failed.reason, back=True)

    @property
    def _returns(self) -> bool:
        """Whether the broker gives messages up, so that it must see each try; known once it is
        open."""
        return self._trigger.returns and (self._source.gives_up or not self._gives_up)
