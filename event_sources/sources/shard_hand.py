"""Which records of a stream are out, shard by shard, and up to which all are done.

A shard is read when its parents are done with to their end, so that of one key no record is begun
before the one ahead of it, over a resharding too.  What is done is one place a shard: after a kill,
what was done behind the oldest that was not comes again.  No client is here, and no clock.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

END = "end"  # in the place of a sequence number: all of the shard is done


@dataclass(frozen=True, slots=True)
class Listed:
    """A shard as it is listed; `closed`: it takes no more records."""

    shard: str
    parents: tuple[str, ...] = ()
    closed: bool = False


@dataclass(slots=True)
class Shard:
    """One shard that is read.

    done:  the sequence number up to which all is done, "" for none yet
    since: without one, records from before that time are passed over; None: none is
    """

    done: str = ""
    since: float | None = None
    latest: bool = False  # its iterator began there: nothing older can come by it
    last: str = ""  # read up to here
    iterator: str = ""
    read: bool = False  # to its end
    out: deque[str] = field(default_factory=deque)  # the oldest of them is not done
    behind: set[str] = field(default_factory=set)  # those behind it that are

    @property
    def over(self) -> bool:
        """Whether all of it is done."""
        return self.read and not self.out

    def take(self, numbers: Iterable[str]) -> None:
        """They were read, in their order."""
        for each in numbers:
            self.out.append(each)
            self.last = each

    def finish(self, numbers: Iterable[str]) -> bool:
        """They are done; whether `done` has moved.  Those that are not out are passed over.

        >>> shard = Shard()
        >>> shard.take(["1", "2", "3"])
        >>> shard.finish(["2"]), shard.done, shard.finish(["1", "9"]), shard.done
        (False, '', True, '2')
        """
        open_ = set(self.out)
        self.behind.update(each for each in numbers if each in open_)
        moved = False
        while self.out and self.out[0] in self.behind:
            self.done, moved = self.out.popleft(), True
            self.behind.remove(self.done)
        return moved


class Hand:
    """All shards of one stream, and what is kept of them (`kept`, a text).

    start: "TRIM_HORIZON", or "LATEST", from `now` on: where a stream begins that is new to us

    >>> hand = Hand.begin("", [Listed("p", closed=True), Listed("c", ("p",))], "TRIM_HORIZON", 0.0)
    >>> list(hand.readable())
    ['p']
    >>> hand.end("p")
    True
    >>> list(hand.readable()), json.loads(hand.kept)
    (['c'], {'p': 'end'})
    """

    def __init__(self, shards: dict[str, Shard], ended: Iterable[str]) -> None:
        self._shards, self._ended = shards, set(ended)
        self._listed: dict[str, Listed] = {}

    @classmethod
    def begin(cls, kept: str, listed: Iterable[Listed], start: str, now: float) -> Hand:
        """As it was left.  Where nothing is kept, LATEST takes closed shards as done."""
        listed = list(listed)
        told: Mapping[str, Any] = json.loads(kept) if kept else {}
        if not kept and start == "LATEST":
            told = {each.shard: END if each.closed else {"since": now} for each in listed}
        ended = [name for name, each in told.items() if each == END]
        shards = {name: _shard(each) for name, each in told.items() if each != END}
        for each in shards.values():
            each.latest = not kept
        made = cls(shards, ended)
        made.see(listed)
        return made

    def see(self, listed: Iterable[Listed]) -> None:
        """What is listed now; a shard that it does not any more is gone with its records."""
        self._listed = {each.shard: each for each in listed}
        self._ended &= self._listed.keys()
        for name in [each for each in self._shards if each not in self._listed]:
            if not self._shards[name].out:
                del self._shards[name]

    def readable(self) -> Iterable[str]:
        """Shards to be read now: not at their end, their parents done (or gone)."""
        for name, each in self._listed.items():
            held_up = any(it in self._listed and it not in self._ended for it in each.parents)
            if name not in self._ended and not held_up and not self.shard(name).read:
                yield name

    def shard(self, name: str) -> Shard:
        return self._shards.setdefault(name, Shard())

    def end(self, name: str) -> bool:
        """It was read to its end; whether all of it is done."""
        self.shard(name).read = True
        return self._settle(name)

    def finish(self, done: Mapping[str, Iterable[str]]) -> bool:
        """These records are done; whether what is to be kept has changed."""
        moved = False
        for name, numbers in done.items():
            if name in self._shards:
                moved = self._shards[name].finish(numbers) or moved
                moved = self._settle(name) or moved
        return moved

    def _settle(self, name: str) -> bool:
        if not self._shards[name].over:
            return False
        del self._shards[name]
        self._ended.add(name)
        return True

    @property
    def kept(self) -> str:
        """What a later one begins with."""
        found: dict[str, Any] = dict.fromkeys(sorted(self._ended), END)
        for name, each in sorted(self._shards.items()):
            if each.done:
                found[name] = {"after": each.done}
            elif each.since is not None:
                found[name] = {"since": each.since}
        return json.dumps(found)


def _shard(told: Mapping[str, Any]) -> Shard:
    after = told.get("after", "")
    return Shard(done=after, last=after, since=told.get("since"))
