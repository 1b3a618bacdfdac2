"""What differs between two graphs, step by step, by path.

Pure: compares specs, runs nothing.  A step is the same step when it has the same path; one that is
gone from a path and is new at another is said to have moved.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .fit import type_name
from .kit.base import Step
from .paths import branch_path
from .spec import StepSpec

if TYPE_CHECKING:
    from .graph import Graph

_SIGNS = {"added": "+", "removed": "-", "moved": ">", "changed": "~"}
_ABSENT = object()

Ident = tuple[Any, ...]  # names and branch keys from the graph down; unlike a path, never shared


class Change(NamedTuple):
    """One difference.

    what: "added", "removed", "moved" or "changed"
    path: the step's, without the graph's name; "" for the graph itself
    said: what it is, or each old and new value
    """

    what: str
    path: str
    said: tuple[str, ...]

    def __str__(self) -> str:
        head = f"{_SIGNS[self.what]} {self.path or 'the graph'}"
        if len(self.said) == 1:
            return f"{head}: {self.said[0]}"
        return "\n".join([f"{head}:", *(f"    {each}" for each in self.said)])


class Diff(NamedTuple):
    """All differences; false, and without text, when there are none."""

    changes: tuple[Change, ...]

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __str__(self) -> str:
        return "\n".join(map(str, self.changes))


class _Placed(NamedTuple):
    """A step where it stands in its graph."""

    ident: Ident
    path: str
    step: Step[Any, Any]
    within: Ident  # the sequence it is in


def diff(old: Graph[Any, Any], new: Graph[Any, Any]) -> Diff:
    """What was done to `old` to make it `new`.

    >>> from pelton import Graph, step
    >>> old = Graph("size", str) >> len >> step(round, ndigits=1)
    >>> print(diff(old, Graph("size", str) >> len >> step(round, ndigits=2)))
    ~ round: arguments.ndigits: 1 -> 2
    """
    before, after = _placed(old), _placed(new)
    gone = [each for ident, each in before.items() if ident not in after]
    come = [each for ident, each in after.items() if ident not in before]
    moved = _moved(gone, come)
    changes = [
        *_graph(old, new),
        *(_removed(each) for each in _tops(gone) if each.ident not in moved),
        *(_added(each) for each in _tops(come) if each.ident not in set(moved.values())),
        *_elsewhere(before, after, moved),
        *_reordered(before, after),
        *_changed(before, after),
    ]
    return Diff(tuple(changes))


def _placed(graph: Graph[Any, Any]) -> dict[Ident, _Placed]:
    return {each.ident: each for each in _walk(graph.steps, (), "")}


def _walk(steps: Sequence[Step[Any, Any]], within: Ident, path: str) -> Iterator[_Placed]:
    for each in steps:
        ident = (*within, each.name)
        own = f"{path}/{each.word}".lstrip("/")
        yield _Placed(ident, own, each, within)
        for key, held in each.branches:
            inner = own if each.spec.kind == "graph" else branch_path(own, key, held)
            # 1, True and "1" are different keys of one router.
            yield from _walk(held, (*ident, (type(key).__name__, key)), inner)


def _tops(placed: Sequence[_Placed]) -> list[_Placed]:
    """Those that are in no other of them."""
    idents = {each.ident for each in placed}
    return [
        each
        for each in placed
        if not any(each.ident[:length] in idents for length in range(1, len(each.ident)))
    ]


def _moved(gone: Sequence[_Placed], come: Sequence[_Placed]) -> dict[Ident, Ident]:
    """Steps that are the same to the last option at another place, old place to new."""
    free = list(_tops(come))
    found = {}
    for each in _tops(gone):
        same = next((other for other in free if _same(each, other)), None)
        if same is not None:
            free.remove(same)
            found[each.ident] = same.ident
    return found


def _same(one: _Placed, other: _Placed) -> bool:
    return one.path != other.path and _plain(one.step) == _plain(other.step)


def _plain(step: Step[Any, Any]) -> StepSpec:
    return StepSpec(**{**vars(step.spec), "after": ()})


def _graph(old: Graph[Any, Any], new: Graph[Any, Any]) -> list[Change]:
    said = []
    if old.name != new.name:
        said.append(f"name: {old.name} -> {new.name}")
    if old.spec.input != new.spec.input:
        said.append(f"input: {type_name(old.declared)} -> {type_name(new.declared)}")
    return [Change("changed", "", tuple(said))] if said else []


def _removed(placed: _Placed) -> Change:
    return Change("removed", placed.path, (_what(placed.step),))


def _added(placed: _Placed) -> Change:
    return Change("added", placed.path, (_what(placed.step),))


def _what(step: Step[Any, Any]) -> str:
    spec = step.spec
    held = sum(1 for _, steps in step.branches for _ in _walk(steps, (), ""))
    inside = f" of {held} steps" if held > 1 else ""
    types = f"{type_name(step.input_type)} -> {type_name(step.output_type)}"
    return f"{spec.kind}{inside}{' ' if spec.reference else ''}{spec.reference}, {types}"


def _elsewhere(
    before: Mapping[Ident, _Placed], after: Mapping[Ident, _Placed], moved: Mapping[Ident, Ident]
) -> Iterator[Change]:
    for old, new in moved.items():
        said = [f"was at {before[old].path}"]
        said += _after(before[old].step.spec, after[new].step.spec)
        yield Change("moved", after[new].path, tuple(said))


def _reordered(before: Mapping[Ident, _Placed], after: Mapping[Ident, _Placed]) -> Iterator[Change]:
    """Steps that stand elsewhere among those that both graphs have in the same sequence."""
    for within in dict.fromkeys(each.within for each in before.values()):
        old = [each for each in before if before[each].within == within and each in after]
        new = [each for each in after if after[each].within == within and each in before]
        for each in _out_of_order(old, new):
            said = f"was {_behind(each, old)}, is {_behind(each, new)}"
            yield Change("moved", after[each].path, (said,))


def _out_of_order(old: Sequence[Ident], new: Sequence[Ident]) -> list[Ident]:
    """The fewest that have to be moved: all but a longest run of those that rise."""
    place = {each: number for number, each in enumerate(old)}
    runs: list[list[Ident]] = [[]]  # none, then the longest that ends with each
    for each in new:
        fitting = [run for run in runs if not run or place[run[-1]] < place[each]]
        longest = max(fitting, key=len)
        runs.append([*longest, each])
    kept = max(runs, key=len)
    return [each for each in new if each not in kept]


def _behind(ident: Ident, order: Sequence[Ident]) -> str:
    at = order.index(ident)
    return f"after {order[at - 1][-1]}" if at else "first"


def _changed(before: Mapping[Ident, _Placed], after: Mapping[Ident, _Placed]) -> Iterator[Change]:
    for ident, old in before.items():
        if ident in after and (said := _facts(old.step, after[ident].step)):
            yield Change("changed", after[ident].path, tuple(said))


def _facts(old: Step[Any, Any], new: Step[Any, Any]) -> list[str]:
    one, other = old.spec, new.spec
    said = []
    for word in ("kind", "reference"):
        if getattr(one, word) != getattr(other, word):
            said.append(f"{word}: {getattr(one, word) or '-'} -> {getattr(other, word) or '-'}")
    if said:  # another thing stands there: what it takes and gives may differ, too
        said += _types(old, new)
    said += _options(json.loads(one.options), json.loads(other.options), "")
    return [*said, *_after(one, other), *_keys(one, other)]


def _types(old: Step[Any, Any], new: Step[Any, Any]) -> list[str]:
    pairs = {
        "takes": (type_name(old.input_type), type_name(new.input_type)),
        "gives": (type_name(old.output_type), type_name(new.output_type)),
    }
    return [f"{word}: {a} -> {b}" for word, (a, b) in pairs.items() if a != b]


def _options(old: Any, new: Any, name: str) -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        words = dict.fromkeys([*old, *new])
        return [
            line
            for word in words
            for line in _options(
                old.get(word, _ABSENT), new.get(word, _ABSENT), f"{name}.{word}".lstrip(".")
            )
        ]
    same = old is not _ABSENT and new is not _ABSENT and json.dumps(old) == json.dumps(new)
    return [] if same else [f"{name}: {_said(old)} -> {_said(new)}"]


def _said(value: Any) -> str:
    return "not given" if value is _ABSENT else json.dumps(value)


def _after(old: StepSpec, new: StepSpec) -> list[str]:
    def said(spec: StepSpec) -> str:
        return ", ".join(spec.after) or "the step before"

    return [] if old.after == new.after else [f"after: {said(old)} -> {said(new)}"]


def _keys(old: StepSpec, new: StepSpec) -> list[str]:
    """The order of the branches; a branch that is new or gone is told by its steps."""
    keys = [[(type(each.key), each.key) for each in spec.branches] for spec in (old, new)]
    one, other = ([each for each in own if each in keys[0] and each in keys[1]] for own in keys)
    if one == other:
        return []
    return [f"branches: {', '.join(_key(one))} -> {', '.join(_key(other))}"]


def _key(keys: Sequence[tuple[type, Any]]) -> list[str]:
    return [json.dumps(key) for _, key in keys]
