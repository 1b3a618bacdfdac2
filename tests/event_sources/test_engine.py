"""The engine's rules, each by itself, and all of them against a broker that misbehaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton.event_sources import Backoff, Batch, Failed, Lost, Message, Outcome, Rules, WrongSource
from pelton.event_sources.delivery.engine import Engine

from ..tries import tries


def message(number: int, lane: str = "", attempt: int = 1, **more: object) -> Message:
    return Message(
        str(number),
        f"{number}".encode(),
        lane=lane,
        attempt=attempt,
        **more,  # type: ignore[arg-type]
    )


def ids(batch: Batch | None) -> list[str]:
    return [each.id for each in batch.messages] if batch else []


def engine_with(*messages: Message, letters: bool = False, **rules: object) -> Engine:
    made = Engine(Rules(**rules), letters=letters)  # type: ignore[arg-type]
    made.arrived(messages, 0.0)
    return made


def all_of(batch: Batch, failed: Failed) -> Outcome:
    return Outcome(failed={each.id: failed for each in batch.messages})


def take(engine: Engine, now: float = 0.0) -> Batch:
    batch = engine.take(now)
    assert batch is not None
    return batch


def test_nothing_is_acknowledged_before_it_is_done() -> None:
    engine = engine_with(message(1), message(2), batch=2)
    batch = take(engine)
    assert engine.take_acks() == []
    engine.ended(batch, None, 1.0)
    assert [each.id for each in engine.take_acks()] == ["1", "2"]


def test_a_lane_waits_for_its_batch_and_others_do_not() -> None:
    engine = engine_with(message(1, "a"), message(2, "a"), message(3, "b"))
    first = take(engine)
    assert (ids(first), ids(engine.take(0.0)), engine.take(0.0)) == (["1"], ["3"], None)
    engine.ended(first, None, 0.0)
    assert ids(engine.take(0.0)) == ["2"]


def test_a_lane_waits_for_its_first_to_be_tried_again() -> None:
    engine = engine_with(message(1, "a"), message(2, "a"), retry=Backoff(first=5))
    engine.failed(take(engine), Failed("no"), 0.0)
    assert engine.take(4.9) is None
    assert engine.next_due(4.9) == 5.0
    assert ids(engine.take(5.0)) == ["1"]


def test_behind_a_failed_one_its_lane_comes_again_and_only_that() -> None:
    engine = engine_with(
        *(message(n, "a") for n in (1, 2, 3)), message(4, "b"), batch=4, retry=Backoff(first=1)
    )
    batch = take(engine)
    engine.ended(batch, Outcome(failed={"2": Failed("no")}), 0.0)
    assert [each.id for each in engine.take_acks()] == ["1", "4"]
    assert ids(engine.take(1.0)) == ["2", "3"]


def test_without_order_only_the_failed_one_comes_again() -> None:
    engine = engine_with(*(message(n, "a") for n in (1, 2, 3)), batch=3, ordered=False)
    engine.ended(take(engine), Outcome(failed={"1": Failed("no", after=0)}), 0.0)
    assert [each.id for each in engine.take_acks()] == ["2", "3"]
    assert ids(engine.take(0.0)) == ["1"]


def test_a_batch_that_fails_as_a_whole_is_halved_until_its_poison_is_alone() -> None:
    engine = engine_with(*map(message, range(8)), letters=True, batch=8, attempts=1)
    now, sizes = 0.0, []
    while engine.held and (due := engine.next_due(now)) is not None:
        now = max(now, due)
        batch = engine.take(now)
        if batch is None:
            break
        sizes.append(len(batch.messages))
        if "5" in ids(batch):
            engine.failed(batch, Failed("poison"), now)
        else:
            engine.ended(batch, None, now)
    (letter,) = engine.take_letters()
    assert (letter.message.id, letter.reason, sizes[0]) == ("5", "poison", 8)
    assert len(sizes) <= 8
    engine.buried(letter)
    assert sorted(each.id for each in engine.take_acks()) == [str(n) for n in range(8)]


def test_nobody_is_blamed_for_what_is_nobodys_fault() -> None:
    engine = engine_with(*map(message, range(4)), letters=True, batch=4, attempts=1)
    busy = Failed("no worker was free", after=1, blame=False)
    for now in range(50):
        engine.failed(take(engine, float(now)), busy, float(now))
    assert (engine.take_letters(), engine.tally.failed, engine.held) == ([], 0, 4)


def test_what_is_given_back_is_the_brokers_again() -> None:
    engine = Engine(Rules(), gives=True)
    engine.arrived([message(1, "a"), message(2, "a")], 0.0)
    engine.ended(batch := take(engine), all_of(batch, Failed("its worker died", back=True)), 0.0)
    assert ([each.id for each in engine.take_backs()], engine.take_backs()) == (["1"], [])
    assert (ids(engine.take(0.0)), engine.held, engine.take_acks()) == (["2"], 1, [])
    engine.arrived([message(1, "a", attempt=2)], 1.0)
    assert engine.held == 2


def test_with_what_is_given_back_goes_all_behind_it_where_its_broker_keeps_the_order() -> None:
    engine = Engine(Rules(batch=3), gives=True, gives_lanes=True)
    engine.arrived([message(n, "a") for n in range(1, 6)] + [message(9, "b")], 0.0)
    batch = take(engine)
    assert ids(batch) == ["1", "2", "3"]
    engine.ended(batch, Outcome(failed={"2": Failed("no", back=True)}), 0.0)
    assert [each.id for each in engine.take_backs()] == ["2", "3", "4", "5"]
    assert ([each.id for each in engine.take_acks()], ids(engine.take(0.0))) == (["1"], ["9"])
    engine.arrived([message(n, "a", attempt=2) for n in range(2, 6)], 1.0)
    assert engine.held == 5


def test_behind_one_that_is_tried_again_here_none_is_given_back() -> None:
    engine = Engine(Rules(batch=3), gives=True, gives_lanes=True)
    engine.arrived([message(n, "a") for n in range(1, 4)], 0.0)
    failed = {"1": Failed("later", after=5), "2": Failed("no", back=True)}
    engine.ended(take(engine), Outcome(failed=failed), 0.0)
    assert (engine.take_backs(), engine.held, engine.take(1.0)) == ([], 3, None)
    assert ids(engine.take(5.0)) == ["1", "2", "3"]


def test_a_source_that_gives_nothing_back_has_it_tried_again_here() -> None:
    engine = engine_with(message(1))
    engine.ended(batch := take(engine), all_of(batch, Failed("no", after=0, back=True)), 0.0)
    assert (engine.take_backs(), ids(engine.take(0.0))) == ([], ["1"])


def test_a_letter_that_was_not_buried_is_not_acknowledged() -> None:
    engine = engine_with(message(1), letters=True, attempts=1)
    engine.failed(take(engine), Failed("no"), 0.0)
    (letter,) = engine.take_letters()
    engine.not_buried(letter)
    assert (engine.take_acks(), engine.take_letters()) == ([], [letter])
    engine.buried(letter)
    assert ids(Batch(tuple(engine.take_acks()))) == ["1"]


def test_never_gives_up_at_once_where_there_are_dead_letters() -> None:
    for letters in (True, False):
        engine = engine_with(message(1), letters=letters)
        engine.failed(take(engine), Failed("no", never=True), 0.0)
        assert len(engine.take_letters()) == letters
        assert engine.held == 1


def test_what_is_too_old_is_given_up_before_it_is_handed_out() -> None:
    engine = engine_with(message(1, timestamp=-100.0), letters=True, max_age=60)
    assert engine.take(0.0) is None
    assert [each.reason for each in engine.take_letters()] == ["older than 60 s"]


def test_what_is_given_up_for_its_age_says_how_often_it_was_tried() -> None:
    lane = [message(n, "a", timestamp=-100.0 if n in (1, 3) else 0.0) for n in range(1, 6)]
    again = message(9, "b", 3, timestamp=-100.0)
    engine = engine_with(*lane, again, letters=True, max_age=60, batch=4)
    assert ids(take(engine)) == ["2", "4"], "the rest in its order"
    told = [(each.message.id, each.attempts) for each in engine.take_letters()]
    assert told == [("9", 2), ("1", 0), ("3", 0)], "others had been handed one of them twice"


def test_what_was_tried_among_others_and_grew_too_old_then_was_not_tried_never() -> None:
    engine = engine_with(message(1), message(2), letters=True, max_age=60, batch=2)
    engine.failed(take(engine), Failed("one of them"), 0.0)
    assert engine.take(100.0) is None
    assert [each.attempts for each in engine.take_letters()] == [1, 1]


def test_what_kills_its_worker_goes_in_smaller_batches_and_is_given_up_in_the_end() -> None:
    for attempt, size in ((1, 8), (2, 4), (3, 2), (4, 1), (20, 1)):
        engine = engine_with(*(message(n, attempt=attempt) for n in range(8)), batch=8)
        assert len(ids(engine.take(0.0))) == size
    engine = engine_with(message(1, attempt=21), letters=True)
    (letter,) = engine.take_letters()
    assert (engine.take(0.0), letter.attempts) == (None, 20)


def test_a_window_is_waited_for_unless_the_batch_is_full() -> None:
    engine = engine_with(message(1), message(2), batch=3, window=10)
    assert (engine.take(9.9), engine.next_due(1.0)) == (None, 10.0)
    engine.arrived([message(3)], 5.0)
    assert ids(engine.take(5.0)) == ["1", "2", "3"]
    engine.arrived([message(4)], 6.0)
    assert (engine.take(15.9), ids(engine.take(16.0))) == (None, ["4"])


def test_a_batch_is_no_larger_than_its_bytes_but_one_always_goes() -> None:
    engine = engine_with(*(message(n) for n in (1000, 2000, 3000)), batch=3, most_bytes=8)
    assert [ids(engine.take(0.0)) for _ in range(2)] == [["1000", "2000"], ["3000"]]
    engine = engine_with(message(1000), batch=3, most_bytes=1)
    assert ids(engine.take(0.0)) == ["1000"]


def test_what_comes_again_while_it_is_held_or_was_done_here_is_not_handed_out_again() -> None:
    engine = engine_with(message(1))
    batch = take(engine)
    engine.arrived([message(1, attempt=2)], 0.0)
    assert engine.take(0.0) is None
    engine.ended(batch, None, 0.0)
    assert [each.attempt for each in engine.take_acks()] == [2]  # by what was handed out last
    engine.arrived([message(1, attempt=3)], 0.0)
    assert (engine.take(0.0), [each.attempt for each in engine.take_acks()]) == (None, [3])
    assert engine.tally.repeated == 2


def test_what_was_done_is_remembered_for_as_many_as_are_said_and_not_for_ever() -> None:
    engine = engine_with(remember=10)
    for number in range(30):
        engine.arrived([message(number)], 0.0)
        batch = engine.take(0.0)
        assert batch is not None
        engine.ended(batch, None, 0.0)
    engine.arrived([message(number) for number in range(30)], 0.0)
    again = {each.id for each in iter_messages(engine)}
    assert not again & {str(number) for number in range(20, 30)}
    assert {str(number) for number in range(8)} <= again


def iter_messages(engine: Engine) -> list[Message]:
    found: list[Message] = []
    while (batch := engine.take(0.0)) is not None:
        found += batch.messages
        engine.ended(batch, None, 0.0)
    return found


def test_leases_are_extended_before_they_are_over_and_only_of_those_held() -> None:
    engine = Engine(Rules(), lease=30.0, extends=True)
    engine.arrived([message(1)], 0.0)
    extended = []
    for now in range(0, 100):
        if (due := engine.next_due(float(now), free=False)) is not None and due <= now:
            extended += [now] * len(engine.take_extensions(float(now)))
    assert all(
        later - earlier < 30 for earlier, later in zip([0, *extended], extended, strict=False)
    )
    assert extended[-1] > 70
    engine.ended(take(engine, 100.0), None, 100.0)
    assert engine.take_extensions(200.0) == []


def test_a_lease_that_cannot_be_extended_ends_in_line() -> None:
    engine = Engine(Rules(), lease=30.0, extends=False)
    engine.arrived([message(1)], 0.0)
    assert (engine.take(30.0), engine.held) == (None, 0)


def test_what_a_rebalance_takes_away_is_forgotten_and_not_acknowledged() -> None:
    mine, theirs = message(1, "p1"), message(2, "p2")
    parts = [replace(mine, topic="t", partition=1), replace(theirs, topic="t", partition=2)]
    parts.append(replace(message(3, "p2"), topic="t", partition=2))
    engine = engine_with(*parts, batch=1)
    take(engine)
    batch = take(engine)
    engine.arrived([Lost("t", 2)], 0.0)
    assert engine.held == 2
    engine.ended(batch, None, 0.0)
    assert (engine.take_acks(), engine.take(0.0), engine.held) == ([], None, 1)


def test_what_a_rebalance_takes_away_and_brings_back_is_acknowledged() -> None:
    mine = replace(message(1, "p"), topic="t", partition=1)
    engine = engine_with(mine)
    batch = take(engine)
    engine.arrived([Lost("t", 1), mine], 0.0)
    engine.ended(batch, None, 0.0)
    assert [each.id for each in engine.take_acks()] == ["1"]


def test_held_ones_are_acknowledged_when_it_is_said_and_do_not_stop_their_lane() -> None:
    engine = engine_with(message(1, "a"), message(2, "a"))
    engine.ended(take(engine), Outcome(held=frozenset({"1"})), 0.0)
    assert (ids(engine.take(0.0)), engine.take_acks(), engine.held) == (["2"], [], 2)
    engine.acknowledge(["1", "unknown"])
    assert [each.id for each in engine.take_acks()] == ["1"]


def test_a_held_one_that_is_refused_comes_again() -> None:
    engine = engine_with(message(1))
    engine.ended(take(engine), Outcome(held=frozenset({"1"})), 0.0)
    engine.refuse("1", Failed("no", after=2), 0.0)
    assert (engine.take(1.0), ids(engine.take(2.0))) == (None, ["1"])


def test_room_is_what_may_still_be_held() -> None:
    engine = engine_with(message(1), message(2), in_flight=3)
    assert engine.room == 1
    engine.ended(take(engine), None, 0.0)
    assert engine.room == 1  # until it is acknowledged
    engine.take_acks()
    assert engine.room == 2


def test_at_the_end_who_waits_is_given_back_in_order() -> None:
    engine = engine_with(*(message(n, "a") for n in (1, 2, 3)))
    take(engine)
    assert [each.id for each in engine.give_back()] == ["2", "3"]
    assert engine.held == 1


@pytest.mark.parametrize(
    "rules",
    [{"batch": 0}, {"workers": 0}, {"window": -1}, {"in_flight": 5, "batch": 6}, {"attempts": -1}],
)
def test_rules_that_make_no_sense_are_refused(rules: dict[str, int]) -> None:
    with pytest.raises(WrongSource, match=next(iter(rules))):
        Rules(**rules)  # type: ignore[arg-type]


# -- all of them at once
@dataclass
class Broker:
    """Keeps what was not acknowledged; hands it out in order, and again when told to."""

    unsaid: dict[str, Message]
    out: set[str] = field(default_factory=set)

    def hand_out(self, most: int) -> list[Message]:
        found = [each for each in self.unsaid.values() if each.id not in self.out][:most]
        self.out |= {each.id for each in found}
        return found

    def cut(self) -> None:
        """The connection is gone: all that is not acknowledged comes again, counted."""
        for id in self.out & set(self.unsaid):
            self.unsaid[id] = replace(self.unsaid[id], attempt=self.unsaid[id].attempt + 1)
        self.out.clear()

    def ack(self, messages: Sequence[Message]) -> None:
        for each in messages:
            self.unsaid.pop(each.id, None)


class World:
    """A broker, an engine that may be killed, handlers that may fail, and the books."""

    def __init__(self, count: int, keys: int, poison: set[str], rules: Rules) -> None:
        messages = [message(n, f"k{n % keys}" if keys else "") for n in range(count)]
        self.broker = Broker({each.id: each for each in messages})
        self.messages, self.poison, self.rules = messages, poison, rules
        self.done: list[Message] = []
        self.buried: list[str] = []
        self.tries: dict[str, int] = {}
        self.now = 0.0
        self.begin()

    def begin(self) -> None:
        """A new worker: what the last one held is not known to it."""
        self.engine = Engine(self.rules, letters=True)
        self.hand: list[Batch] = []
        self.broker.cut()

    def receive(self, most: int) -> None:
        self.engine.arrived(self.broker.hand_out(min(most, self.engine.room)), self.now)
        assert self.engine.held <= self.rules.in_flight

    def repeat(self, number: int) -> None:
        """The broker hands one out again that is in hand."""
        out = sorted(self.broker.out & set(self.broker.unsaid), key=int)
        if out:
            self.engine.arrived([self.broker.unsaid[out[number % len(out)]]], self.now)

    def take(self) -> None:
        if len(self.hand) < self.rules.workers and (batch := self.engine.take(self.now)):
            for each in self.hand:  # no lane is in two hands
                lanes = {other.lane for other in each.messages if other.lane}
                assert lanes.isdisjoint({other.lane for other in batch.messages})
            assert len(batch.messages) <= self.rules.batch
            self.hand.append(batch)

    def run(self, fates: list[str]) -> None:
        """Straight on, until one is not done at once."""
        if len(self.hand) >= self.rules.workers:
            return
        fates = list(fates)
        for batch in self.engine.run(lambda: bool(fates)):
            assert not self.hand, "nothing else is in hand"
            fate = fates.pop()
            if fate == "done" and not {each.id for each in batch.messages} & self.poison:
                self.done += batch.messages
                continue
            self.hand.append(batch)
            if fate == "waits":
                self.engine.break_off(self.now)
            else:
                self.end(0, {0}, whole=fate == "raises")
            return

    def end(self, which: int, flaky: set[int], whole: bool) -> None:
        if not self.hand:
            return
        batch = self.hand.pop(which % len(self.hand))
        bad = {
            each.id: Failed("no")
            for place, each in enumerate(batch.messages)
            if each.id in self.poison or place in flaky
        }
        if bad and whole:
            return self.engine.failed(batch, Failed("no"), self.now)
        behind = set[str]()
        for each in batch.messages:
            if each.id in bad and each.lane:
                behind.add(each.lane)
            elif each.id not in bad and each.lane not in behind:
                self.done.append(each)
        self.engine.ended(batch, Outcome(failed=bad), self.now)

    def tell(self, heard: bool) -> None:
        """Letters are buried, acknowledgements reach the broker, or do not."""
        for letter in self.engine.take_letters():
            if heard:
                self.buried.append(letter.message.id)
                self.engine.buried(letter)
            else:
                self.engine.not_buried(letter)
        acks = self.engine.take_acks()
        if heard:
            self.broker.ack(acks)

    def drain(self) -> None:
        for turn in range(10_000):
            if not self.broker.unsaid:
                return
            self.receive(1000)
            if turn % 2:
                self.run(["done"] * 3)
            self.take()
            self.end(0, set(), whole=True)
            self.tell(heard=True)
            self.now += 1.0
            if not self.hand and not self.engine.held:
                self.broker.cut()
        raise AssertionError(f"never done: {list(self.broker.unsaid)}")


STEPS = st.one_of(
    st.tuples(st.just("receive"), st.integers(1, 8)),
    st.tuples(st.just("repeat"), st.integers(0, 30)),
    st.tuples(st.just("take")),
    st.tuples(st.just("run"), st.lists(st.sampled_from(["done", "waits", "fails", "raises"]))),
    st.tuples(st.just("end"), st.integers(0, 3), st.sets(st.integers(0, 3)), st.booleans()),
    st.tuples(st.just("tell"), st.booleans()),
    st.tuples(st.just("wait"), st.floats(0.1, 10)),
    st.tuples(st.just("cut")),
    st.tuples(st.just("begin")),
)


@settings(max_examples=tries(100), deadline=None)
@given(
    st.integers(1, 20),
    st.integers(0, 4),
    st.sets(st.integers(0, 19), max_size=3),
    st.integers(1, 5),
    st.integers(1, 3),
    st.lists(STEPS, max_size=60),
)
def test_none_lost_order_per_key_and_dead_letters_exactly_the_poison(
    count: int, keys: int, poison: set[int], batch: int, workers: int, steps: list[tuple[object]]
) -> None:
    # No innocent fails often enough to be given up; a worker dies less often than `handouts`.
    rules = Rules(
        batch,
        workers=workers,
        in_flight=10,
        attempts=len(steps) + 1,
        handouts=0,
        retry=Backoff(first=0.1, longest=1.0),
    )
    world = World(count, keys, {str(n) for n in poison}, rules)
    for step in steps:
        name, what = step[0], list[Any](step[1:])
        if name == "wait":
            world.now += what[0]
        elif name == "cut":
            world.broker.cut()
        else:
            getattr(world, str(name))(*what)
    world.drain()
    everything = {each.id for each in world.messages}
    bad = world.poison & everything
    assert {each.id for each in world.done} == everything - bad
    assert set(world.buried) == bad
    for key in {each.lane for each in world.messages if each.lane}:
        numbers = [int(each.id) for each in world.done if each.lane == key]
        firsts = list(dict.fromkeys(numbers))
        assert firsts == sorted(firsts)
