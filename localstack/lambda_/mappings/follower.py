"""One shard, followed: read, hand over batches, keep the position, until its end.

What may be handed over and what a failure means is said by `shards` and `windows`; here is only
the reading, the calling and the waiting.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

from ..records import Outcome, SourceMapping, Throttled
from . import discarded
from .base import FunctionGone, SourceRefused, Tools, begin, source_name
from .filters import wanted
from .partial import failed_items
from .shards import Batch, GivenUp, Lane, Record, Shard, pause
from .stream import DONE, FAILED, Begin, Reading, rules_of
from .trouble import Trouble
from .windows import Windows

# A put rings the bell: what nobody puts through the gateway may wait a little.
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 4.0
SENDS = 3
# Services that may hand a record on to a stream, or change a table.
HAND_ON = ("events", "logs", "dynamodb", "states", "scheduler")


class Follower:
    """Follows one shard.

    begin: where to begin, and the open window if there is one
    say:   tells of trouble, for all shards of a stream
    over:  called when the shard is at its end and everything is done, or is gone
    """

    def __init__(
        self,
        mapping: SourceMapping,
        tools: Tools,
        reading: Reading,
        shard: str,
        begin: Begin,
        say: Callable[[Exception], None],
        over: Callable[[], None],
    ) -> None:
        self._mapping, self._tools, self._reading = mapping, tools, reading
        self._name, self._begin, self._over = shard, begin, over
        self._clock = tools.clock
        self._what = f"event source mapping {mapping.uuid}"
        rules = rules_of(mapping)
        self._shard = Shard(rules, begin.get("after", ""))
        self._room = 2 * rules.batch_size * rules.lanes
        span = rules.tumbling_s
        self._windows = Windows(span, begin.get("window")) if span else None
        self._wanted = wanted(mapping.filters, reading.content)
        self._ear = tools.bell.ear(source_name(mapping.source_arn), reading.feeder, HAND_ON)
        self._trouble = Trouble(tools, mapping, self._ear, say)
        self._last: dict[int, tuple[str, Outcome]] = {}
        self._batches: set[asyncio.Task[None]] = set()
        self._pause, self._exhausted, self._stopping = FIRST_PAUSE, False, False
        self._task: asyncio.Task[None] | None = None
        self.listed = True  # whether the stream still lists the shard
        self.ended = False

    def start(self) -> None:
        self._task = begin(self._follow(), self._what, self._tools)

    async def stop(self) -> None:
        self._stopping = self._trouble.over = True
        self._ear.wake()
        tasks = [*([self._task] if self._task else []), *self._batches]
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*self._batches, return_exceptions=True)
        self._ear.close()

    async def abort(self) -> None:
        self._stopping = True
        tasks = [*([self._task] if self._task else []), *self._batches]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._ear.close()

    # -- reading
    async def _follow(self) -> None:
        while not self._stopping:
            if self._trouble.lasts:
                await self._trouble.wait()
                continue
            came = await self._read()
            await self._close_window()
            for lane, batch in self._shard.ready(self._clock.time()):
                self._hand_over(lane, batch)
            if self._is_over():
                self.ended = True
                self._ear.close()
                return self._over()
            if not came and not self._stopping:
                await self._wait()

    async def _read(self) -> bool:
        """Take the next records in, when there is room for them; whether some came."""
        room = self._room - self._shard.held
        if self._exhausted or room <= 0:
            return False
        try:
            with self._clock.busy(self._what):
                page = await self._reading.read(self._name, self._begin, room)
        except (SourceRefused, OSError) as error:
            self._refused(error)
            return False
        self._trouble.none()
        self._exhausted = page.ended
        if page.records:
            self._take_in(page.records)
        return bool(page.records)

    def _refused(self, error: Exception) -> None:
        gone = isinstance(error, SourceRefused) and error.code == "ResourceNotFoundException"
        if gone and not self.listed:
            self._exhausted = True  # a shard that was split or merged away
            return
        self._trouble.met(error)
        self._over()  # whoever lists the shards looks again

    def _take_in(self, records: Sequence[Record]) -> None:
        self._pause = FIRST_PAUSE
        self._begin = {"after": records[-1].sequence}
        now, skipped = self._clock.time(), False
        for each in records:
            if not self._mapping.filters or self._wanted(self._reading.view(each)):
                self._shard.add([each], now)
            else:
                self._shard.skip(each.sequence)
                skipped = True
        if skipped:
            self._save()

    def _is_over(self) -> bool:
        is_open = self._windows is not None and self._windows.is_open
        return self._exhausted and self._shard.at_rest and not self._batches and not is_open

    async def _wait(self) -> None:
        """Nothing came: until a batch ends, something may have come, or one is due."""
        now = self._clock.time()
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        ends = [self._shard.due(now), self._window_due()]
        until = min((each for each in ends if each is not None), default=None)
        seconds = self._pause if until is None else min(self._pause, max(0.0, until - now))
        await self._ear.pause(seconds, until)

    def _window_due(self) -> float | None:
        """When the open window is to be closed: not while records of it are still to be done."""
        lane = self._shard.lanes[0]
        if self._windows is None or lane.under_way is not None or lane.again or lane.waiting:
            return None
        return self._windows.end()

    # -- handing over
    def _hand_over(self, lane: Lane, batch: Batch) -> None:
        task = asyncio.get_running_loop().create_task(self._run(lane))
        self._batches.add(task)
        task.add_done_callback(self._ran)

    def _ran(self, task: asyncio.Task[None]) -> None:
        self._batches.discard(task)
        self._ear.wake()
        if not task.cancelled():
            task.result()

    async def _run(self, lane: Lane) -> None:
        with self._clock.busy(self._what):
            if (old := self._shard.too_old(lane, self._clock.time())) is not None:
                await self._give_up(lane, old)
            if lane.under_way is not None:
                await self._call(lane, lane.under_way)
            self._save()

    async def _call(self, lane: Lane, batch: Batch) -> None:
        if self._windows is not None:
            self._windows.enter(batch.records[0].arrival)
        request_id, event = str(uuid4()), self._event(batch.records)
        try:
            outcome = await self._invoke(request_id, event)
        except (Throttled, FunctionGone) as error:
            if isinstance(error, FunctionGone):
                self._trouble.say(error)
            self._tools.tell(self._mapping.uuid, FAILED)
            return self._shard.throttled(lane, self._clock.time())
        self._last[id(lane)] = (request_id, outcome)
        first = self._first_failed(batch, outcome)
        self._tools.tell(self._mapping.uuid, DONE if first is None else FAILED)
        if first is None:
            return self._shard.done(lane)
        given_up = self._shard.failed(lane, first, self._clock.time())
        if given_up is not None:
            await self._give_up(lane, given_up)

    def _event(self, records: tuple[Record, ...], final: bool = False) -> dict[str, Any]:
        event: dict[str, Any] = {"Records": [each.event for each in records]}
        if self._windows is not None:
            event |= self._windows.members(final)
            event |= {"shardId": self._name, "eventSourceARN": self._mapping.source_arn}
        return event

    async def _invoke(self, request_id: str, event: dict[str, Any]) -> Outcome:
        payload = json.dumps(event).encode()
        return await self._tools.invoke(self._mapping.function_arn, payload, request_id)

    def _first_failed(self, batch: Batch, outcome: Outcome) -> int | None:
        """From which record on the batch is not done; None when all of it is."""
        if outcome.error:
            return 0
        if self._windows is not None and not self._windows.answered(outcome.payload):
            return 0
        if not self._mapping.partial_failures:
            return None
        sequences = [each.sequence for each in batch.records]
        failed = failed_items(outcome.payload, set(sequences))
        if failed is None:
            return 0
        return min((sequences.index(each) for each in failed), default=None)

    async def _give_up(self, lane: Lane, given_up: GivenUp) -> None:
        """Tell the destination, then go on behind the batch."""
        target = self._mapping.on_failure
        if target:
            request_id, outcome = self._last.get(id(lane), (str(uuid4()), None))
            origin = discarded.Origin(
                self._mapping.uuid,
                self._mapping.function_arn,
                self._mapping.source_arn,
                self._name,
                self._reading.info,
            )
            now = self._clock.time()
            told = discarded.record(
                origin, given_up, request_id, outcome if given_up.invoked else None, now
            )
            body = discarded.body_for(target, told, self._event(given_up.records))
            await self._send(target, body, discarded.object_key(origin, now))
        self._shard.finish(given_up.records)

    async def _send(self, target: str, body: bytes, key: str) -> None:
        for attempt in range(SENDS):
            try:
                return await self._tools.send(target, body, key)
            except (SourceRefused, OSError) as error:
                self._trouble.say(error)
                await self._clock.sleep(pause(attempt))
        self._tools.report(f"{self._what}: {target} did not take {body.decode()}")

    async def _close_window(self) -> None:
        """Call a last time for a window that is over, until that succeeds."""
        windows, lane, failures = self._windows, self._shard.lanes[0], 0
        while windows is not None and lane.under_way is None and not lane.again:
            arrival = lane.waiting[0].arrival if lane.waiting else None
            if self._stopping or not windows.over(arrival, self._clock.time()):
                return
            if await self._final():
                windows.close()
                self._save()
            else:
                wait = pause(failures)
                failures += 1
                now = self._clock.time()
                await self._ear.pause(wait, now + wait)

    async def _final(self) -> bool:
        with self._clock.busy(self._what):
            try:
                outcome = await self._invoke(str(uuid4()), self._event((), final=True))
            except (Throttled, FunctionGone):
                return False
        self._tools.tell(self._mapping.uuid, FAILED if outcome.error else DONE)
        return not outcome.error

    def _save(self) -> None:
        """Keep how far everything is done."""
        kept: Begin = {"after": self._shard.position} if self._shard.position else {}
        if self._windows is not None and (window := self._windows.document()) is not None:
            kept["window"] = window
        if self._shard.position:
            self._tools.positions.put(self._mapping.uuid, self._name, kept)
