"""What becomes of a batch whose handler has come back: each of its messages is done, comes again,
is given up, or is the broker's again.

The rules are those of `engine`.  Of one lane, who comes again takes along all behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

from .books import Books
from .lanes import Held, Lane, Lanes
from .outcome import Failed, Outcome
from .rules import Rules


class Ending:
    """letters, gives, gives_lanes: as of `Engine`."""

    def __init__(
        self,
        rules: Rules,
        books: Books,
        lanes: Lanes,
        *,
        letters: bool,
        gives: bool,
        gives_lanes: bool,
    ) -> None:
        self._rules, self._books, self._lanes = rules, books, lanes
        self._letters, self._gives, self._gives_lanes = letters, gives, gives_lanes

    def over(self, found: Sequence[Held], outcome: Outcome, now: float) -> None:
        """The handler has said what became of `found`."""
        if not outcome.failed and not outcome.held:
            return self._all_done(found, now)
        back: dict[Lane, list[Held]] = {}
        gone: set[Lane] = set()
        for held in found:
            if not held.batch or held.message.id not in self._books.held:  # as in `_all_done`
                continue
            held.batch = 0
            if held.lane in gone:
                self._books.give_back(held)
                continue
            if held.lane not in back and self._is_back(held, outcome):
                gone |= {held.lane} if self._gives_lanes else set()
            if self._comes_again(held, outcome, now, behind=held.lane in back):
                back.setdefault(held.lane, []).append(held)
        for lane in gone:
            for held in lane.waiting:
                self._books.give_back(held)
            lane.waiting.clear()
        self._lanes.over(found, back, now)

    def _all_done(self, found: Sequence[Held], now: float) -> None:
        """What nearly every batch comes to, with as few words for it as can be."""
        done = []
        books = self._books
        lane: Lane | None = None
        for held in found:
            # Else it was given up instead of handed out, or acknowledged while it was in hand.
            id = held.message.id
            if held.batch and books.held.pop(id, None) is not None and not held.lost:
                done.append(held.message)
                books.known.add(id)
            if held.lane is not lane:
                lane = held.lane
                self._lanes.put_back(lane, (), now)
        books.acks += done
        books.tally.done += len(done)

    def _is_back(self, held: Held, outcome: Outcome) -> bool:
        """Whether it is the broker's again, as was asked for."""
        failed = outcome.failed.get(held.message.id)
        return failed is not None and failed.back and self._gives and not held.lost

    def _comes_again(self, held: Held, outcome: Outcome, now: float, *, behind: bool) -> bool:
        id = held.message.id
        failed = outcome.failed.get(id)
        if held.lost:
            del self._books.held[id]
            return False
        if behind:  # one before it in its lane comes again, and it after that
            return True
        if self._is_back(held, outcome):
            self._books.tally.failed += 1
            self._books.give_back(held)
            return False
        if failed is not None:
            return self.blame(held, failed, now)
        if id not in outcome.held:
            self._books.done(held)
        return False

    def halve(self, found: Sequence[Held], limit: int, now: float) -> None:
        """All have failed together: they come again in batches of at most `limit`."""
        back: dict[Lane, list[Held]] = {}
        for held in found:
            if not held.batch or held.message.id not in self._books.held:
                continue
            held.batch, held.limit = 0, limit
            held.begun += 1
            if held.lost:
                del self._books.held[held.message.id]
                continue
            held.pauses += 1
            held.due = now + self._rules.retry.pause(held.pauses)
            back.setdefault(held.lane, []).append(held)
        self._lanes.over(found, back, now)

    def blame(self, held: Held, failed: Failed, now: float) -> bool:
        """It has failed: whether it comes again; else it is given up."""
        if not failed.blame:
            held.pauses += 1
            self._later(held, failed, held.pauses, now)
            return True
        self._books.tally.failed += 1
        held.tries += 1
        last = bool(self._rules.attempts) and held.tries >= self._rules.attempts
        if self._letters and (failed.never or last or self.is_old(held, now)):
            self._books.give_up(held, failed.reason, now)
            return False
        self._later(held, failed, held.tries, now)
        return True

    def is_old(self, held: Held, now: float) -> bool:
        """Whether it is to be given up for its age."""
        made = held.message.timestamp
        age = now - (held.since if made is None else made)
        return bool(self._letters and self._rules.max_age and age >= self._rules.max_age)

    def _later(self, held: Held, failed: Failed, tries: int, now: float) -> None:
        pause = self._rules.retry.pause(tries) if failed.after is None else failed.after
        held.due = now + pause
