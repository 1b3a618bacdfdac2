"""Who is handed out when, tried again, given up, acknowledged: decided here, done elsewhere.

The engine is told what happened and when, and asked what is to be done; it has no socket, no clock
and no task, so each rule can be tested by itself.  What it has written down is in `books`, who
waits in `lanes`, and what becomes of a batch that is over in `ending`.  The rules:

- Nothing is acknowledged before it is done, or safe among the dead letters.
- Of one lane, no message is handed out while one before it is in hand or waits to be tried again.
- A batch that fails as a whole comes again in halves; only who fails alone is blamed.
- Who comes again because a worker died with it goes in ever smaller batches, in the end alone.
- Held is at most `in_flight`; `room` says how much more may be taken.

What has come while nothing else waits or is in hand needs no lane (`straight`): `run` hands it out
to whom a batch is over before the next one.  At the first word of anything else it is broken off:
what it gave last is in hand as if `take` had given it, and the rest is in lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count

from ..message import Letter, Lost, Message
from .books import Books
from .ending import Ending
from .lanes import Held, Lanes
from .outcome import DONE, Batch, Failed, Outcome
from .rules import Rules
from .straight import Straight
from .tally import Tally

DIED = "handed out {} times, and each time the worker ended before it answered"
TOO_OLD = "older than {:g} s"


class Engine:
    """See the module.

    lease, extends: of the source; letters: whether what is given up has a place to go to; gives:
    whether the source gives single messages back; gives_lanes: with all behind them
    """

    def __init__(
        self,
        rules: Rules,
        *,
        lease: float | None = None,
        extends: bool = False,
        letters: bool = False,
        gives: bool = False,
        gives_lanes: bool = False,
        kind: str = "",
    ) -> None:
        self.rules = rules
        self._lease, self._extends, self._letters = lease, extends, letters
        # Whether one may turn out not to go when it is its turn.
        self._asks = bool(letters and rules.max_age) or bool(lease and not extends)
        self._books, self._lanes = Books(rules.remember, kind), Lanes(rules)
        self._ending = Ending(
            rules, self._books, self._lanes, letters=letters, gives=gives, gives_lanes=gives_lanes
        )
        self._batches: dict[int, list[Held]] = {}  # in hand
        self._numbers = count(1)
        self.straight = Straight(rules.batch, self._numbers)  # none of them is in the books
        self._may_run = not (self._asks or rules.window or (rules.most_bytes and rules.batch > 1))
        self._sweep: float | None = None

    # -- what is to be done
    @property
    def room(self) -> int:
        """How many messages more may be taken from the broker."""
        taken = len(self._books.held) + len(self.straight) + len(self._books.acks)
        return max(0, self.rules.in_flight - taken)

    @property
    def held(self) -> int:
        """How many messages are neither done nor given up."""
        return len(self._books.held) + self.straight.left

    @property
    def tally(self) -> Tally:
        """What it has counted."""
        self._run_done()
        return self._books.tally

    @property
    def runs(self) -> bool:
        """Whether `run` would give anything."""
        return bool(self.straight) and not self.straight.running

    def run(self, goes_on: Callable[[], bool]) -> Iterator[Batch]:
        """As `Straight.run`.

        Where a batch is not done, or `straight.running` is empty, say so by `ended` or `failed`,
        and ask no more.
        """
        yield from self.straight.run(goes_on)
        self._run_done()

    def _run_done(self) -> None:
        """Write down what `run` has done, all of it together."""
        ids, ran = self.straight.take_ran()
        if ran:
            self._books.ran(ids, ran)

    def break_off(self, now: float) -> None:
        """Whom `run` has given last is in hand as if by `take`; all behind wait in their lanes."""
        if not self.straight:
            return
        self._run_done()
        running, behind = self.straight.break_off()
        in_hand, waiting = self._hold(running), self._hold(behind)
        if in_hand:
            self._lanes.claim(in_hand)
            self._in_hand(self.straight.number, in_hand)
        for each in waiting:
            self._lanes.add(each, now)

    def _hold(self, messages: Iterable[Message]) -> list[Held]:
        """Messages that came straight are held as all others are."""
        made = {each.id: Held(each, self.straight.since) for each in messages}
        self._books.held |= made
        return list(made.values())

    def take(self, now: float) -> Batch | None:
        """The next batch for a handler; None when there is none yet."""
        self.break_off(now)
        while found := self._lanes.take(now):
            number = next(self._numbers)
            chosen = [each for each in found if self._may_go(each, now)] if self._asks else found
            if chosen:
                self._in_hand(number, found, chosen)
                return Batch(tuple([each.message for each in chosen]), number)
            self._lanes.over(found, {}, now)
        return None

    def take_acks(self) -> list[Message]:
        """What is to be acknowledged to the broker; forgotten here."""
        self._run_done()
        return self._books.take_acks()

    def take_backs(self) -> list[Message]:
        """What is to be the broker's again; forgotten here."""
        return self._books.take_backs()

    def take_letters(self) -> list[Letter]:
        """What is given up: to be buried, and then told by `buried` or `not_buried`."""
        return self._books.take_posts()

    def take_extensions(self, now: float) -> list[Message]:
        """Whose lease must begin anew now."""
        if not self._lease or not self._extends or not self.held:
            return []
        if self._sweep is not None and now < self._sweep:
            return []
        self.break_off(now)
        self._sweep = now + self._lease / 3
        old = [each for each in self._books.held.values() if now - each.leased >= self._lease / 2]
        for each in old:
            each.leased = now
        return [each.message for each in old if not each.lost]

    def next_due(self, now: float, *, free: bool = True) -> float | None:
        """When to ask again, if nothing happens before.  free: whether any handler is."""
        dues = [now if self.straight else self._lanes.next_due(now)] if free else []
        if self._lease and self._extends and self.held:
            dues.append(now if self._sweep is None else self._sweep)
        return min((each for each in dues if each is not None), default=None)

    def give_back(self) -> list[Message]:
        """It is to end: all who wait, in their order; they are the broker's again."""
        self.break_off(0.0)
        waiting = list(self._lanes.waiting())
        self._forget(waiting)
        return [each.message for each in waiting if not each.lost]

    # -- what happened
    def arrived(self, items: Sequence[Message | Lost], now: float) -> None:
        """The broker has handed them out (or taken some away)."""
        if self._may_run and self._lanes.empty and self._go_straight(items, now):
            return
        self.break_off(now)
        for item in items:
            if isinstance(item, Lost):
                self._lose(item)
            elif (id := item.id) in self._books.known:
                self._books.tally.repeated += 1
                self._books.acks.append(item)
            elif (known := self._books.held.get(id)) is not None:
                self._books.tally.repeated += 1
                # Also one that a rebalance has taken away and brought back: it is ours again.
                known.message, known.leased, known.lost = item, now, False
            else:
                self._new(item, id, now)

    def _go_straight(self, items: Sequence[Message | Lost], now: float) -> bool:
        """Whether nothing is to be said of any of them: none came before, none is taken away."""
        come = {e.id: e for e in items if isinstance(e, Message) and e.attempt == 1}
        ids = come.keys()
        if len(come) < len(items) or not (
            self._books.known.isdisjoint(ids)
            and ids.isdisjoint(self._books.held)
            and self.straight.knows_none(come)
        ):
            return False
        self.straight.add(come, now)
        self._books.tally.received += len(come)
        return True

    def ended(self, batch: Batch, outcome: Outcome | None, now: float) -> None:
        """The handler has come back; what it did not name is done."""
        self.break_off(now)
        self._ending.over(self._batches.pop(batch.number), outcome or DONE, now)

    def failed(self, batch: Batch, failed: Failed, now: float) -> None:
        """The handler has failed, and has not said for which of them."""
        self.break_off(now)
        if failed.blame and self.rules.bisect and len(batch.messages) > 1:
            self._books.tally.bisected += 1
            found = self._batches.pop(batch.number)
            return self._ending.halve(found, len(batch.messages) // 2, now)
        if failed.blame and len(batch.messages) == 1:
            alone = self._books.held[batch.messages[0].id]
            alone.limit = 1  # away from others, whom it would take along
        outcome = Outcome(failed={message.id: failed for message in batch.messages})
        self._ending.over(self._batches.pop(batch.number), outcome, now)

    def acknowledge(self, ids: Iterable[str]) -> None:
        """Messages that an outcome held are done; ids that are not held are passed over."""
        for each in ids:
            if each in self.straight:
                self.break_off(0.0)
            if (held := self._books.held.get(each)) is not None:
                self._books.done(held)

    def refuse(self, id: str, failed: Failed, now: float) -> None:
        """A message that an outcome held has failed; it comes again behind its lane's others."""
        self.break_off(now)
        held = self._books.held.get(id)
        if held is not None and self._ending.blame(held, failed, now):
            self._lanes.add(held, now)

    def buried(self, letter: Letter) -> None:
        """It is safe among the dead letters."""
        self._books.buried(letter)

    def not_buried(self, letter: Letter) -> None:
        """It is not: it stays held until it is."""
        self._books.posts.append(letter)

    # -- coming
    def _new(self, message: Message, id: str, now: float) -> None:
        self._books.tally.received += 1
        held = self._books.held[id] = Held(message, now)
        if message.attempt > 1:
            # It was handed out before: in ever smaller batches, in the end alone.
            held.begun = message.attempt - 1
            held.limit = max(1, self.rules.batch >> held.begun)
            if self._letters and 0 < self.rules.handouts < message.attempt:
                return self._books.give_up(held, DIED.format(held.begun), now)
        self._lanes.add(held, now)

    def _lose(self, lost: Lost) -> None:
        def theirs(held: Held) -> bool:
            message = held.message
            return (message.topic, message.partition) == (lost.topic, lost.partition)

        for held in self._books.held.values():
            held.lost = held.lost or theirs(held)
        self._forget([each for each in self._lanes.waiting() if each.lost])

    def _forget(self, waiting: Sequence[Held]) -> None:
        ids = {each.message.id for each in waiting}
        self._lanes.drop(ids)
        for each in ids:
            del self._books.held[each]

    # -- going
    def _in_hand(
        self, number: int, found: list[Held], chosen: Sequence[Held] | None = None
    ) -> None:
        self._batches[number] = found
        for each in found if chosen is None else chosen:
            each.batch = number

    def _may_go(self, held: Held, now: float) -> bool:
        """False for one that is given up, or is the broker's again, instead of handed out."""
        if self._ending.is_old(held, now):
            self._books.give_up(held, TOO_OLD.format(self.rules.max_age), now)
            return False
        if self._lease and not self._extends and now - held.leased >= self._lease:
            del self._books.held[held.message.id]
            return False
        return True
