"""What must be done so that what is live becomes what is wanted: data in, steps out.

Pure: no client, no file, no clock; and generic: it knows what a `Resource` says of itself and no
kind by name.

>>> from pelton.deploy.kinds.queue import Queue
>>> wanted = [Queue(name="orders", function="take", visibility=30)]
>>> [(each.action, each.key) for each in make_plan("demo", wanted, {}).steps]
[('create', 'queue:orders')]
>>> make_plan("demo", wanted, {"queue:orders": wanted[0]}).steps
()
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .errors import CannotPlan
from .kinds.base import OURS, SALTED, Change, Resource, dump, unequal
from .plan import PENDING, Plan, Step

Last = Mapping[str, Mapping[str, Any]]  # what a state remembers, by key


def make_plan(
    app: str,
    wanted: Sequence[Resource],
    live: Mapping[str, Resource],
    last: Last | None = None,
    *,
    functions: Sequence[str] = (),
    only: Collection[str] = (),
    destroy: bool = False,
    adopt: Collection[str] = (),
    notes: Sequence[str] = (),
    salt: str = "",
) -> Plan:
    """The steps that turn `live` into `wanted`.

    last:    what the last deploy left, where a state knows
    only:    the functions that were chosen; with it, nothing is deleted but what hangs on them
    destroy: nothing is wanted any more: also what a deploy would keep is deleted
    adopt:   names of what others made and the app may take over
    salt:    of what `last` keeps only digests of

    Raises `CannotPlan` for a name that others have taken.
    """
    planning = _Planning(app, live, last or {}, frozenset(only), destroy, frozenset(adopt), salt)
    steps = planning.steps(wanted)
    said = (*notes, *planning.notes)
    return Plan(app, tuple(functions), tuple(_in_order(steps)), said, dict(live))


@dataclass
class _Planning:
    app: str
    live: Mapping[str, Resource]
    last: Last
    only: frozenset[str]
    destroy: bool
    adopt: frozenset[str]
    salt: str = ""
    notes: list[str] = field(default_factory=list)

    def steps(self, wanted: Sequence[Resource]) -> list[Step]:
        found: dict[str, Step] = {}
        for each in wanted:
            if not each.on_demand and (step := self._step(each)):
                found[each.key] = step
        self._replace_what_hangs(wanted, found)
        self._pull(wanted, found)
        keys = {each.key for each in wanted}
        deleted = [each for key, each in self.live.items() if key not in keys]
        places = self._taken_places(deleted, found)
        return [
            *(_with_needs(each, found) for each in found.values()),
            *(_then(each, places.get(each.key, "")) for each in self._deletes(deleted, found)),
        ]

    def _taken_places(self, live: Sequence[Resource], found: dict[str, Step]) -> dict[str, str]:
        """What is new in the place of what is named no more says so; and, by key, what the latter
        says of it."""
        said: dict[str, str] = {}
        for key, step in found.items():
            want = step.want
            if want is None or step.action != "create":
                continue
            for each in live:
                if each.kind == want.kind and each.key not in said and self._is_ours(each):
                    if why := want.instead_of(each):
                        said[each.key] = f"replaced by {want.words}: {why}"
                        found[key] = _then(step, f"it replaces {each.words}: {why}")
                        break
        return said

    def _step(self, want: Resource) -> Step | None:
        have, last = self.live.get(want.key), self.last.get(want.key)
        if have is not None:
            self._refuse_taken(want, have)
        changes = (*want.changes(have, last), *self._taken_over(want, have))
        if not changes:
            return None
        if have is None:
            theirs = last is not None and not last.get(PENDING)
            drift = "somebody else deleted it" if theirs else ""
            return Step("create", want, None, changes, (), want.follows("create", changes), drift)
        action = "replace" if any(each.replaces for each in changes) else "update"
        drifted = _drifted(have, last, self.salt)
        changes = tuple(_marked(each, drifted) for each in changes)
        drift = "somebody else changed it" if any(each.drift for each in changes) else ""
        return Step(action, want, have, changes, (), want.follows(action, changes), drift)

    def _refuse_taken(self, want: Resource, have: Resource) -> None:
        if not want.tagged or want.shared or want.name in self.adopt:
            return
        if have.app not in (self.app, OURS):
            whose = f"belongs to the app {have.app!r}" if have.app else "was not made by pelton"
            raise CannotPlan(
                f"{want.words} is there already and {whose}; choose another name, or let this app "
                f"take it over with --adopt {want.name}"
            )

    def _taken_over(self, want: Resource, have: Resource | None) -> Iterator[Change]:
        if have is not None and want.name in self.adopt and have.app not in (self.app, OURS):
            yield Change("configuration", "app", have.app or None, self.app)

    def _replace_what_hangs(self, wanted: Sequence[Resource], found: dict[str, Step]) -> None:
        """What hangs on something that is deleted and made anew goes with it."""
        gone = {key for key, step in found.items() if step.action == "replace"}
        for each in wanted:
            if each.hangs and gone.intersection(each.needs):
                have = self.live.get(each.key)
                action, changes = "replace" if have else "create", tuple(each.changes(None))
                follows = each.follows(action, changes)
                found[each.key] = Step(action, each, have, changes, follows=follows)

    def _pull(self, wanted: Sequence[Resource], found: dict[str, Step]) -> None:
        """What is made on demand, and is not there, goes before the steps that take it."""
        known = {each.key: each for each in wanted if each.on_demand}
        taken = [
            key
            for step in found.values()
            if step.want is not None and (step.action != "update" or step.want.pulls(step.changes))
            for key in step.want.needs
        ]
        while taken:
            key = taken.pop()
            if key in known and key not in found:
                taken += known[key].needs
                if step := self._step(known[key]):
                    found[key] = step

    def _deletes(self, live: Sequence[Resource], found: Mapping[str, Step]) -> Iterator[Step]:
        ordered = sorted(live, key=lambda each: (each.function, each.key))
        going = {each.key: each for each in ordered if self._may_delete(each)}
        for key, each in going.items():
            changes = tuple(each.gone())
            before = [other for other, it in going.items() if key in self._needed(it)]
            before += [
                other
                for other, step in found.items()
                if not each.hangs or step.resource.function == each.function
            ]
            follows = each.follows("delete", changes)
            yield Step("delete", None, each, changes, tuple(dict.fromkeys(before)), follows)

    def _needed(self, have: Resource) -> tuple[str, ...]:
        """What it needs, also what only whoever wanted it knew."""
        return (*have.needs, *self.last.get(have.key, {}).get("after", ()))

    def _may_delete(self, have: Resource) -> bool:
        if have.on_demand and not self.destroy:
            return False
        if self.only and not (have.hangs and have.function in self.only):
            return False
        if not self._is_ours(have):
            if have.hangs:
                self.notes.append(f"{have.function} has a {have.words} that others made: left")
            return False
        if not self.destroy and (why := have.keeps()):
            self.notes.append(f"the app names {have.words} no more, and it is kept: {why}")
            return False
        return True

    def _is_ours(self, have: Resource) -> bool:
        if have.app in (self.app, OURS):
            return True
        known = have.key in self.last and not have.app
        return known and not have.tagged and not have.shared


def _then(step: Step, more: str) -> Step:
    """The step, with more that follows from it."""
    return replace(step, follows="; ".join(filter(None, (step.follows, more)))) if more else step


def _with_needs(step: Step, found: Mapping[str, Step]) -> Step:
    needs = tuple(key for key in step.resource.needs if key in found)
    return replace(step, needs=needs)


def _in_order(steps: list[Step]) -> Iterator[Step]:
    """Each after those that it needs, else as they come; raises `CannotPlan` for a circle."""
    waiting, done = list(steps), set[str]()
    while waiting:
        ready = next((each for each in waiting if done.issuperset(each.needs)), None)
        if ready is None:
            raise CannotPlan(f"these need one another: {', '.join(e.key for e in waiting)}")
        waiting.remove(ready)
        done.add(ready.key)
        yield ready


def _drifted(have: Resource, last: Mapping[str, Any] | None, salt: str) -> set[str]:
    """The names of what is not as the last deploy left it."""
    if last is None or last.get(PENDING):
        return set()
    now = have.remembered(salt if last.get(SALTED) else "")
    compared = {each for each in dump(have) if _is_compared(have, each)}
    found = {
        what
        for name in compared & last.keys() & now.keys()
        if last[name] is not None
        for what, _, _ in unequal(name, last[name], now[name])
    }
    return found


def _is_compared(resource: Resource, name: str) -> bool:
    known = type(resource).__dataclass_fields__.get(name)
    return known is not None and known.compare


def _marked(change: Change, drifted: set[str]) -> Change:
    """Whether it undoes what others did: by its value's name, or, where one change says several
    values, by any."""
    value = change.what.rpartition(" ")[2]
    names = {each.partition(".")[0] for each in drifted}
    whole = " " in change.what and value not in names and bool(drifted)
    return replace(change, drift=change.drift or value in drifted or whole)
