"""The work of a segment's messages, the same on a platform and in a process of one's own.

Each is run for itself; what they come to is sent on together; and only what was sent, or needs no
sending, is said to be done.  A message that fails comes again, later each time; after its last
attempt, or when it can never fit, it goes to the dead-letter queue with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..handlers.context import Context
from ..handlers.errors import Reject
from ..runtime.call import maybe_await
from ..runtime.refusals import verdict
from .brokers.base import Away, NotSent, Received, dead
from .drive import drive
from .message import Message
from .stores.base import Busy

if TYPE_CHECKING:
    from .segments import Segment

SPARE = 0.5  # seconds of a function's time kept for sending, and for giving back what is left
Failed = tuple[Received, float]


class Outcome:
    """done: what may be taken off the queue; failed: what comes again, after so many seconds."""

    __slots__ = ("done", "failed")

    def __init__(self) -> None:
        self.done: list[Received] = []
        self.failed: list[Failed] = []


class Work:
    """Does batches of messages of one segment."""

    def __init__(self, segment: Segment, context: Context) -> None:
        self.segment, self.context = segment, context
        assert segment.source is not None
        self._queue, self._path = segment.source, f"{segment.graph.name}/{segment.source.name}"

    def records(self, records: Sequence[tuple[str, str, int, Any]]) -> list[tuple[Any, float]]:
        """`batch` for what an adapter has: see `Segment.answer_batch`."""
        batch, bad = [], Outcome()
        for text, name, attempt, handle in records:
            try:
                batch.append(Received(Message.from_text(text, name), attempt, handle))
            except ValueError as error:
                broken = Received(Message(text, idempotency_key=name), attempt, handle)
                self._failed(broken, Reject(f"the message is no JSON: {error}"), bad)
        failed = [*bad.failed, *self.batch(batch).failed]
        return [(each.handle, seconds) for each, seconds in failed]

    def batch(self, batch: Sequence[Received]) -> Outcome:
        """Run every message, send what they came to, and say what became of each."""
        outcome, ready = Outcome(), list[tuple[Received, Message]]()
        for each, out in zip(batch, self._run(batch), strict=True):
            if isinstance(out, Exception):
                self._failed(each, out, outcome)
            elif out is None:
                outcome.done.append(each)
            else:
                ready.append((each, out))
        for (each, _), told in zip(ready, self._send([out for _, out in ready]), strict=True):
            if isinstance(told, Exception):
                self._failed(each, told, outcome)
            else:
                outcome.done.append(each)
        return outcome

    def _run(self, batch: Sequence[Received]) -> list[Message | Exception | None]:
        if self.segment.executor.is_async and not self._queue.by:
            return maybe_await(_together([self._one(each) for each in batch]))  # type: ignore[no-any-return]
        if self.segment.executor.is_async:
            return [maybe_await(self._one(each)) for each in batch]
        return [drive(self._one(each)) for each in batch]

    async def _one(self, each: Received) -> Message | Exception | None:
        """The message to send on; None when there is none; the error when it failed."""
        from .segments import _DROPPED

        segment, message = self.segment, each.message
        if (self.context.remaining_time() or SPARE * 2) < SPARE:
            return _NotBegun()
        delivery = message.delivery(each.attempt, self._queue.name)
        context = self.context.delivered(delivery)
        try:
            value = segment.takes.unpack(message.value) if segment.takes else message.value
            out = await segment.run(value, context)
            if out is _DROPPED or segment.target is None:
                return None
            return segment.packed(out, delivery)
        except Exception as error:
            # One message's failure must not fail the others: whatever it is, it is answered for.
            return error
        except SystemExit as error:
            return RuntimeError(f"a step has asked to end the process: SystemExit({error})")

    def _send(self, messages: list[Message]) -> Sequence[str | Exception]:
        if not messages:
            return []
        try:
            return self.segment.send(messages)
        except Exception as error:
            # Nothing was taken for sure, so every event comes again; the error is logged for each.
            return [error] * len(messages)

    def _failed(self, each: Received, error: Exception, outcome: Outcome) -> None:
        if isinstance(error, _NotBegun):
            outcome.failed.append((each, 0.0))
            return
        after = self._queue.again_after(each.attempt)
        kind = verdict(error)
        if kind == "later":
            after = getattr(error, "after", None) or after
        last = each.attempt >= self._queue.attempts and not isinstance(error, Busy | NotSent | Away)
        never = kind in ("invalid", "reject") or getattr(error, "never", False)
        self._log(each, error, "dead letter" if last or never else f"again in {after:g} s")
        if (last or never) and self._buried(each, error):
            outcome.done.append(each)
        else:
            outcome.failed.append((each, after))

    def _log(self, each: Received, error: Exception, what: str) -> None:
        logger = self.context.logger
        if logger is not None:
            logger.error("event failed", becomes=what, **self._reason(each, error))

    def _reason(self, each: Received, error: Exception) -> dict[str, Any]:
        from .digest import digest

        told = getattr(error, "input_digest", None) or digest(each.message.value)
        return {
            "step": getattr(error, "step", "") or self._path,
            "error": f"{type(error).__name__}: {error}"[:2000],
            "digest": told,
            "attempt": each.attempt,
            "queue": self._queue.name,
            "correlation": each.message.correlation_id,
        }

    def _buried(self, each: Received, error: Exception) -> bool:
        """Whether the dead-letter queue has it; what it did not take stays where it is."""
        segment = self.segment
        assert segment.broker is not None
        letter = each.message.dead(self._reason(each, error))
        try:
            (told,) = segment.broker.send(dead(segment.address_of(segment.source)), [letter])
        except Exception as failure:
            told = NotSent(str(failure))
        if isinstance(told, Exception) and self.context.logger is not None:
            self.context.logger.error("dead letter not taken", error=str(told))
        return not isinstance(told, Exception)


class _NotBegun(Exception):
    """The function's time is nearly over: the message was not begun."""


async def _together(coroutines: list[Any]) -> Any:
    import asyncio

    return await asyncio.gather(*coroutines)
