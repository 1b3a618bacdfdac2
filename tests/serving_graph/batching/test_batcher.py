"""The rules of batches, over any order of arrivals, lengths of batches and company; no clock."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from pelton.serving_graph.batching.batcher import NEVER, WAITING, Batch, Batcher, Item

MAX_ROWS, MAX_WAIT = 6, 5.0


class Arrival(NamedTuple):
    gap: float
    rows: int
    group: str
    key: str | None
    life: float


ARRIVALS = st.lists(
    st.builds(
        Arrival,
        gap=st.sampled_from([0.0, 0.0, 1.0, 3.0, 40.0]),
        rows=st.integers(1, MAX_ROWS),
        group=st.sampled_from("ab"),
        key=st.sampled_from([None, None, "k", "l"]),
        life=st.sampled_from([NEVER, NEVER, 2.0, 9.0]),
    ),
    max_size=25,
)


class World:
    """Time, the batches that run, and what became of every item."""

    def __init__(self, concurrency: int, lasts: list[float], company: list[bool]) -> None:
        self.batcher = Batcher(MAX_ROWS, MAX_WAIT, concurrency=concurrency)
        self.lasts, self.company = lasts, company
        self.now, self.turns = 0.0, 0
        self.items: list[Item] = []
        self.running: list[tuple[float, Batch]] = []
        self.begun: list[tuple[float, Batch]] = []
        self.expired: list[Item] = []

    def turn(self) -> None:
        """What a driver does whenever something happened, and what must then hold."""
        company = self.company[self.turns % len(self.company)]
        self.turns += 1
        self.expired += self.batcher.expired(self.now)
        while (batch := self.batcher.take(self.now, company)) is not None:
            self.running.append((self.now + self.lasts[self.turns % len(self.lasts)], batch))
            self.begun.append((self.now, batch))
        assert len(self.running) == self.batcher.running <= self.batcher.concurrency
        if self.batcher.running < self.batcher.concurrency:
            self.check_bound(company)

    def check_bound(self, company: bool) -> None:
        busy = {each.key for _, batch in self.running for each in batch.items} - {None}
        waiting = [each for each in self.items if each.state is WAITING]
        for each in waiting:
            assert company or each.key in busy
            assert self.now < each.arrived + MAX_WAIT or each.key in busy
        ahead = self.batcher.next(company)
        assert ahead is None or ahead.when > self.now
        assert ahead is not None or all(each.key in busy for each in waiting)

    def advance(self, target: float) -> None:
        """Until `target`, stopping at whatever falls due on the way."""
        while True:
            company = self.company[self.turns % len(self.company)]
            ahead = self.batcher.next(company)
            due = [ends for ends, _ in self.running] + [self.batcher.expiry]
            due += [ahead.when] if ahead else []
            when = max(self.now, min(due))
            if when > target or when == NEVER:
                break
            self.now = when
            over = [each for each in self.running if each[0] <= when]
            self.running = [each for each in self.running if each[0] > when]
            for _, batch in over:
                self.batcher.done(batch, when)
            self.turn()
        self.now = max(self.now, target) if target != NEVER else self.now

    def arrive(self, given: Arrival) -> None:
        item = Item(len(self.items), given.rows, given.group, key=given.key)
        item.expires = self.now + given.life
        self.items.append(item)
        self.batcher.put(item, self.now)


@settings(deadline=None)
@given(
    ARRIVALS,
    st.integers(1, 3),
    st.lists(st.sampled_from([0.0, 0.5, 7.0, 20.0]), min_size=1, max_size=5),
    st.lists(st.booleans(), min_size=1, max_size=5),
)
def test_the_rules_hold(
    arrivals: list[Arrival], concurrency: int, lasts: list[float], company: list[bool]
) -> None:
    world = World(concurrency, lasts, company)
    for each in arrivals:
        world.advance(world.now + each.gap)
        world.arrive(each)
        world.turn()
    world.advance(NEVER)
    begun = [item for _, batch in world.begun for item in batch.items]
    assert sorted(each.piece for each in begun + world.expired) == list(range(len(arrivals)))
    assert world.batcher.rows == world.batcher.running == 0
    for _, batch in world.begun:
        assert sum(each.rows for each in batch.items) <= MAX_ROWS
        assert len({each.group for each in batch.items}) == 1
    orders: dict[object, list[int]] = defaultdict(list)
    for item in begun:
        orders[item.key if item.key else (item.group,)].append(item.piece)
    assert all(order == sorted(order) for order in orders.values())


@settings(deadline=None)
@given(st.lists(st.sampled_from("aab"), min_size=2, max_size=8), st.data())
def test_who_leaves_is_in_no_batch(groups: list[str], data: st.DataObject) -> None:
    batcher = Batcher(MAX_ROWS, MAX_WAIT)
    items = [Item(place, 1, group, key="k") for place, group in enumerate(groups)]
    for each in items:
        batcher.put(each, 0.0)
    gone = data.draw(st.sets(st.sampled_from(items)))
    for each in gone:
        batcher.leave(each)
    taken = list[Item]()
    while (batch := batcher.take(MAX_WAIT, company=True)) is not None:
        taken += batch.items
        batcher.done(batch, MAX_WAIT)
    assert taken == [each for each in items if each not in gone]
    assert batcher.rows == 0 and batcher.next(True) is None


def test_a_lone_item_waits_for_nobody_and_company_is_waited_for() -> None:
    batcher = Batcher(MAX_ROWS, MAX_WAIT)
    batcher.put(Item("a"), 0.0)
    assert batcher.take(0.0, company=True) is None
    ahead = batcher.next(True)
    assert ahead is not None and ahead.when == MAX_WAIT
    assert batcher.take(0.0, company=False) is not None


def test_rare_arrivals_wait_for_nobody_until_they_come_often_again() -> None:
    batcher, now = Batcher(MAX_ROWS, MAX_WAIT), 0.0
    waited = []
    for gap in [0.0] + [3600.0] * 8 + [0.1] * 8:
        now += gap
        batcher.put(Item("a"), now)
        batch = batcher.take(now, company=True)
        waited.append(batch is None)
        batch = batch or batcher.take(now + MAX_WAIT, company=True)
        assert batch is not None
        batcher.done(batch, now)
    assert waited[:2] == [True, True] and waited[8] is False and waited[-1] is True


def test_the_most_urgent_goes_in_time_to_be_answered() -> None:
    batcher = Batcher(MAX_ROWS, MAX_WAIT)
    batcher.seconds = 1.5  # what a batch takes
    batcher.put(Item("patient"), 0.0)
    batcher.put(Item("urgent", expires=4.0), 0.0)
    ahead = batcher.next(True)
    assert ahead is not None and ahead.when == 1.25  # half of what is left over the 1.5 s
    batch = batcher.take(1.25, company=True)
    assert batch is not None and [each.piece for each in batch.items] == ["patient", "urgent"]


def test_of_several_groups_the_first_due_goes_first() -> None:
    batcher = Batcher(MAX_ROWS, MAX_WAIT)
    for now, group in enumerate("cab"):
        batcher.put(Item(group, 1, group), float(now))
    batcher.put(Item("urgent", 1, "z", expires=3.0), 2.0)
    order = []
    while (batch := batcher.take(2 * MAX_WAIT, company=True)) is not None:
        order.append(batch.items[0].piece)
        batcher.done(batch, 2 * MAX_WAIT)
    assert order == ["urgent", "c", "a", "b"]
