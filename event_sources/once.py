"""A handler that does not see a message twice, whoever hands it out again, over workers and kills.

What is between the handler's work and the store's word for it is as long as one call: a worker that
is killed just there leaves a message that is done once more, when its claim is over.  Work whose
effects must not happen twice even then writes them where the key is unique.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from .delivery.outcome import DONE, Batch, Failed, Handler, Outcome, answered
from .errors import Away
from .message import Message
from .stores.base import Claim, Store

log = logging.getLogger("pelton.event_sources")


class Once:
    """`handle`, for messages that the store does not know as done.

    lease: seconds that a handler may take; then another worker may begin on the message
    keep:  seconds for which it is remembered that one is done
    key:   what two copies of one message have in common; by default the id, which is the broker's:
           a message that its sender sent twice has two.  A header is a better one then

    A message that another worker has in hand comes again when that one's claim is over, and no try
    is counted.

    >>> import asyncio
    >>> from pelton.event_sources.stores.memory import MemoryStore
    >>> async def main() -> int:
    ...     once = Once(lambda batch: print(len(batch.messages)), MemoryStore())
    ...     for copy in range(2):
    ...         await once(Batch((Message("7", b"{}"),)))
    ...     return once.suppressed
    >>> asyncio.run(main())
    1
    1
    """

    def __init__(
        self,
        handle: Handler,
        store: Store,
        *,
        lease: float = 300.0,
        keep: float = 86_400.0,
        key: Callable[[Message], str] = lambda message: message.id,
    ) -> None:
        self._handle, self._store, self._key = handle, store, key
        self._lease, self._keep = lease, keep
        self.suppressed = 0

    async def __call__(self, batch: Batch) -> Outcome:
        keys = list(dict.fromkeys(self._key(each) for each in batch.messages))
        claims = dict(zip(keys, await self._claim(keys), strict=True))
        ours, busy = self._sorted(batch.messages, claims)
        tokens = {self._key(each): claims[self._key(each)].token for each in ours}
        await self._give_back(claims, tokens)
        if not ours:
            return Outcome(failed=busy)
        try:
            outcome = await answered(self._handle(replace(batch, messages=tuple(ours)))) or DONE
        except Exception as error:
            outcome = _all_failed(ours, error)
            if len(ours) == len(batch.messages):  # the batch as a whole: its halves will tell
                await self._settle(ours, outcome, tokens)
                raise
        await self._settle(ours, outcome, tokens)
        return Outcome({**busy, **outcome.failed}, outcome.held)

    async def _claim(self, keys: Sequence[str]) -> list[Claim]:
        try:
            return await self._store.claim(keys, self._lease)
        except (Away, OSError) as error:
            raise Failed(f"the store of what is done: {error}", blame=False) from error

    def _sorted(
        self, messages: Sequence[Message], claims: dict[str, Claim]
    ) -> tuple[list[Message], dict[str, Failed]]:
        """(those to handle, those that another has in hand, with what is behind them in their
        lanes); of copies, the first is handled."""
        ours, busy, seen = list[Message](), dict[str, Failed](), set[str]()
        lanes: dict[str, Failed] = {}
        for each in messages:
            key = self._key(each)
            claim = claims[key]
            if claim.done or key in seen:
                self.suppressed += 1
            elif each.lane in lanes:
                busy[each.id] = lanes[each.lane]
            elif claim.token:
                ours.append(each)
            else:
                why = "another worker has it in hand"
                busy[each.id] = Failed(why, after=claim.after, blame=False)
                if each.lane:
                    lanes[each.lane] = busy[each.id]
            seen.add(key)
        return ours, busy

    async def _give_back(self, claims: dict[str, Claim], ours: Mapping[str, str]) -> None:
        """Claims on what is not its turn yet; one that stays ends by itself."""
        unused = {k: each.token for k, each in claims.items() if each.token and k not in ours}
        if unused:
            with contextlib.suppress(Away, OSError):
                await self._store.release(unused)

    async def _settle(
        self, ours: Sequence[Message], outcome: Outcome, tokens: dict[str, str]
    ) -> None:
        failed = {self._key(each) for each in ours if each.id in outcome.failed}
        done = {key: token for key, token in tokens.items() if key not in failed}
        try:
            if failed:
                await self._store.release({key: tokens[key] for key in failed})
            if done:
                await self._store.keep(done, self._keep)
        except (Away, OSError) as error:
            # The work is done, and done again it would be done twice.
            log.warning("it is not kept that %d messages are done: %s", len(done), error)


def _all_failed(ours: Sequence[Message], error: Exception) -> Outcome:
    failed = error if isinstance(error, Failed) else Failed(f"{type(error).__name__}: {error}")
    return Outcome(failed={each.id: failed for each in ours})
