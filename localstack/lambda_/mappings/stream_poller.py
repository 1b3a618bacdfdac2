"""The poller of a stream: every shard is followed, parents before their children.

It finds the shards and keeps where each stands; what is done with one shard's records is in
`follower`.
"""

from __future__ import annotations

import asyncio

from ..records import SourceMapping
from .base import SourceRefused, Tools, begin
from .family import Family
from .follower import Follower
from .stream import FROM_START, Begin, Reading
from .trouble import Trouble

DISCOVER_PAUSE = 10.0


class StreamPoller:
    """Polls one stream for one mapping."""

    def __init__(self, mapping: SourceMapping, tools: Tools, reading: Reading) -> None:
        self._mapping, self._tools, self._reading = mapping, tools, reading
        self._kept = tools.positions.of(mapping.uuid)
        self._own = tools.bell.ear()
        self._trouble = Trouble(tools, mapping, self._own)
        self._of_shards = Trouble(tools, mapping, self._own)
        self._followers: dict[str, Follower] = {}
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    async def prepare(self) -> None:
        """Fix where each shard of now begins, once."""
        start = self._mapping.settings.get("StartingPosition")
        if self._kept or start == "TRIM_HORIZON":
            return
        for listed in await self._reading.listed():
            if start == "AT_TIMESTAMP":
                at = self._mapping.settings["StartingPositionTimestamp"]
                self._keep(listed.shard, {"type": start, "at": at})
            elif listed.closed:
                self._keep(listed.shard, {"ended": True})
            else:
                self._keep(listed.shard, await self._end_of(listed.shard))

    def start(self) -> None:
        self._task = begin(self._watch(), f"event source mapping {self._mapping.uuid}", self._tools)

    async def stop(self) -> None:
        self._stopping = self._trouble.over = True
        self._own.wake()
        if self._task is not None:
            await asyncio.wait({self._task})
        await asyncio.gather(*(each.stop() for each in self._followers.values()))
        self._own.close()

    async def abort(self) -> None:
        self._stopping = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await asyncio.gather(*(each.abort() for each in self._followers.values()))
        self._own.close()

    # -- parts
    def _keep(self, shard: str, begin: Begin) -> None:
        self._kept[shard] = begin
        self._tools.positions.put(self._mapping.uuid, shard, begin)

    async def _end_of(self, shard: str) -> Begin:
        """The position behind the last record there is: LATEST as of now, as a number."""
        begin: Begin = FROM_START
        while (page := await self._reading.read(shard, begin, self._reading.most)).records:
            begin = {"after": page.records[-1].sequence}
        return begin

    async def _watch(self) -> None:
        ended = [shard for shard, each in self._kept.items() if each.get("ended")]
        family = Family(ended)
        while not self._stopping:
            try:
                with self._tools.clock.busy(f"event source mapping {self._mapping.uuid}"):
                    family.see(await self._reading.listed())
            except (SourceRefused, OSError) as error:
                self._lost(error)
                await self._trouble.wait()
                continue
            self._trouble.none()
            self._follow(family)
            await self._own.pause(DISCOVER_PAUSE)
            for shard in [shard for shard, each in self._followers.items() if each.ended]:
                del self._followers[shard]
                family.end(shard)
                self._keep(shard, {"ended": True})

    def _follow(self, family: Family) -> None:
        for shard, follower in self._followers.items():
            follower.listed = family.knows(shard)
        for shard in family.readable(self._followers):
            begin = self._kept.get(shard, FROM_START)
            follower = Follower(
                self._mapping,
                self._tools,
                self._reading,
                shard,
                begin,
                self._of_shards.say,
                self._own.wake,
            )
            self._followers[shard] = follower
            follower.start()

    def _lost(self, error: Exception) -> None:
        self._trouble.met(error)
        self._tools.tell(self._mapping.uuid, f"PROBLEM: {error}")
