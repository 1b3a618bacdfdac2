"""The tables behind streams, by random failures: nothing is lost, and each key keeps its order."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.localstack.lambda_.mappings.family import Family, Listed
from pelton.localstack.lambda_.mappings.shards import (
    AGED,
    EXHAUSTED,
    Record,
    Rules,
    Shard,
    window_of,
)
from pelton.localstack.lambda_.mappings.windows import Windows

RULES = st.builds(
    Rules,
    batch_size=st.integers(1, 7),
    window_s=st.sampled_from([0.0, 3.0]),
    lanes=st.integers(1, 4),
    bisect=st.booleans(),
    retries=st.sampled_from([-1, 0, 1, 3]),
    age_s=st.sampled_from([-1, 60]),
)


class Play:
    """Drives one shard as the poller does, with outcomes drawn at random."""

    def __init__(self, rules: Rules, keys: list[str], seed: int) -> None:
        self.shard, self.random, self.now = Shard(rules), Random(seed), 0.0
        self.records = [Record(f"{n:04d}", key, n * 1.0, {}) for n, key in enumerate(keys)]
        self.done: list[str] = []  # in the order in which they were done
        self.seen: list[str] = []  # in the order of their first calls
        self.given_up: list[str] = []
        self.calls: dict[str, int] = {}
        self.unread = list(self.records)

    def run(self) -> None:
        for _ in range(2000):
            if self.unread and self.random.random() < 0.5:
                self.read()
            self.step()
            if not self.unread and self.shard.at_rest:
                return
            self.now = max(self.now + 1.0, 0.0 if self.unread else self.shard.due(self.now) or 0.0)
        raise AssertionError("it did not come to an end")

    def read(self) -> None:
        count = self.random.randint(1, 5)
        taken, self.unread = self.unread[:count], self.unread[count:]
        self.shard.add(taken, self.now)

    def step(self) -> None:
        under_way = list(self.shard.ready(self.now))
        self.random.shuffle(under_way)
        for lane, batch in under_way:
            assert 0 < len(batch.records) <= self.shard.rules.batch_size
            self.give_up(self.shard.too_old(lane, self.now), AGED)
            if lane.under_way is not None:
                self.call(lane, lane.under_way.records)

    def call(self, lane: Any, records: tuple[Record, ...]) -> None:
        for each in records:
            self.calls[each.sequence] = self.calls.get(each.sequence, 0) + 1
            if self.calls[each.sequence] == 1:
                self.seen.append(each.sequence)
        # What failed often enough succeeds, so that endless retries end.
        tired = self.calls[records[0].sequence] > 8
        end = "done" if tired else self.random.choice(["done", "failed", "throttled"])
        if end == "done":
            self.done += [each.sequence for each in records]
            self.shard.done(lane)
        elif end == "throttled":
            self.shard.throttled(lane, self.now)
        else:
            first = self.random.randint(0, len(records) - 1)
            self.done += [each.sequence for each in records[:first]]
            self.give_up(self.shard.failed(lane, first, self.now), EXHAUSTED)

    def give_up(self, what: Any, condition: str) -> None:
        if what is not None:
            assert what.condition == condition and what.records
            self.given_up += [each.sequence for each in what.records]
            self.shard.finish(what.records)


@pytest.mark.fidelity(
    "Event source mappings",
    "streams: every record is processed or given up, in order by partition key, whatever fails",
)
@given(RULES, st.lists(st.sampled_from("abcd"), min_size=1, max_size=40), st.integers())
def test_nothing_is_lost_and_keys_keep_their_order(
    rules: Rules, keys: list[str], seed: int
) -> None:
    play = Play(rules, keys, seed)
    play.run()
    assert sorted(play.done + play.given_up) == [each.sequence for each in play.records]
    assert play.shard.position == play.records[-1].sequence
    for key in set(keys):
        of_key = [each.sequence for each in play.records if each.key == key]
        assert [each for each in play.seen if each in of_key] == [
            each for each in of_key if each in play.calls
        ]
        done = [each for each in play.done if each in of_key]
        assert done == sorted(done)


@given(RULES, st.lists(st.sampled_from("abcd"), min_size=2, max_size=20), st.integers())
def test_a_restart_at_the_position_loses_nothing(rules: Rules, keys: list[str], seed: int) -> None:
    """Killed after any number of steps: all that is not behind the position is read again."""
    play = Play(rules, keys, seed)
    for _ in range(play.random.randint(0, 8)):
        play.read()
        play.step()
        play.now += 1.0
    finished = {*play.done, *play.given_up}
    behind = [each.sequence for each in play.records if each.sequence <= play.shard.position]
    assert set(behind) <= finished


def test_a_failure_is_waited_for_longer_each_time() -> None:
    shard = Shard(Rules(batch_size=1))
    shard.add([Record("1", "k", 0.0, {})], 0.0)
    now, waits = 0.0, []
    for _ in range(8):
        ((lane, _),) = shard.ready(now)
        assert shard.failed(lane, 0, now) is None
        due = shard.due(now)
        assert due is not None and not list(shard.ready(due - 0.5))
        waits.append(due - now)
        now = due
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_only_the_poison_is_given_up_when_batches_are_cut() -> None:
    shard = Shard(Rules(batch_size=8, bisect=True, retries=2))
    shard.add([Record(str(n), "k", 0.0, {}) for n in range(8)], 0.0)
    now, calls, given_up = 0.0, [], []
    while not shard.at_rest:
        for lane, batch in shard.ready(now):
            names = [each.sequence for each in batch.records]
            calls.append(names)
            if "5" not in names:
                shard.done(lane)
            elif (what := shard.failed(lane, 0, now)) is not None:
                given_up.append(what)
                shard.finish(what.records)
        now += 1.0
    assert [[each.sequence for each in what.records] for what in given_up] == [["5"]]
    assert [names for names in calls if "5" in names] == [
        list("01234567"), list("4567"), list("45"), ["5"], ["5"], ["5"]
    ]  # fmt: skip
    assert given_up[0].condition == EXHAUSTED


@given(st.lists(st.floats(0, 1000), max_size=30), st.integers(1, 60))
def test_a_batch_is_of_one_window(arrivals: list[float], span: int) -> None:
    shard = Shard(Rules(batch_size=10, tumbling_s=span))
    arrivals.sort()
    shard.add([Record(str(n), "k", each, {}) for n, each in enumerate(arrivals)], 0.0)
    seen = []
    while not shard.at_rest:
        ((lane, batch),) = shard.ready(0.0)
        assert len({window_of(each.arrival, span) for each in batch.records}) == 1
        seen += [each.sequence for each in batch.records]
        shard.done(lane)
    assert seen == [str(n) for n in range(len(arrivals))]


def test_a_state_that_grows_too_large_ends_its_window_early() -> None:
    windows = Windows(60)
    windows.enter(61.0)
    assert windows.answered(b'{"state": {"x": "%s"}}' % (b"y" * 1_100_000))
    assert windows.over(62.0, 62.0)
    assert windows.members(final=True)["isWindowTerminatedEarly"] is True
    windows.close()
    assert not windows.is_open and not windows.over(None, 1e9)
    assert not windows.answered(b'{"batchItemFailures": []}') and not windows.answered(b"[]")


@st.composite
def families(draw: st.DrawFn) -> list[Listed]:
    """Shards that were split and merged at random, some parents trimmed away."""
    count = draw(st.integers(1, 10))
    shards = []
    for number in range(count):
        parents = draw(st.lists(st.integers(0, number - 1), max_size=2)) if number else []
        shards.append(Listed(f"{number:02d}", tuple(f"{each:02d}" for each in parents)))
    gone = draw(st.sets(st.integers(0, count - 1), max_size=2))
    return [each for number, each in enumerate(shards) if number not in gone]


@given(families(), st.data())
def test_parents_are_read_before_their_children(listed: list[Listed], data: st.DataObject) -> None:
    family = Family()
    family.see(listed)
    names = {each.shard for each in listed}
    being_read: list[str] = []
    ended: list[str] = []
    while len(ended) < len(listed):
        for shard in family.readable(being_read):
            (found,) = [each for each in listed if each.shard == shard]
            assert {each for each in found.parents if each in names} <= set(ended)
            being_read.append(shard)
        over = data.draw(st.sampled_from(being_read))
        being_read.remove(over)
        family.end(over)
        ended.append(over)
    assert sorted(ended) == sorted(names) and not family.readable()
