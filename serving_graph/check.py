"""What makes a sequence of steps sound: names that differ, types that fit at every joint, and no
step whose value is lost.

Pure: reads steps, raises `GraphError` in one sentence, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .fit import fits, type_name, typed_dict
from .kit.base import Step
from .refer import Place, meant, wrong


def given_to(
    where: str, before: Sequence[Step[Any, Any]], declared: Any, added: Step[Any, Any], at: Place
) -> Any:
    """The type of what `added` is handed: by the step before it, or by those it is `after`."""
    if not added.after:
        return before[-1].output_type if before else declared
    known = {"input": declared} | {each.name: each.output_type for each in before}
    for name in added.after:
        if name not in known:
            raise wrong(
                f"{where}: step {added.name!r} comes after {name!r}, and no step before it has "
                "that name",
                meant(name, list(known)),
                at=at,
            )
    if len(set(added.after)) < len(added.after):
        raise wrong(f"{where}: step {added.name!r} comes after one step twice", at=at)
    if len(added.after) == 1:
        return known[added.after[0]]
    return typed_dict({name: known[name] for name in added.after})


def check_joint(
    where: str, before: Sequence[Step[Any, Any]], given: Any, added: Step[Any, Any], at: Place
) -> None:
    """Raise when `added` cannot follow `before`, and is handed a value of the type `given`."""
    if before and before[-1].ends and not added.after:
        raise wrong(
            f"{where}: step {added.name!r} comes after {before[-1].name!r}, which has answered",
            f"give it to {before[-1].name!r} as then=",
            at=at,
        )
    if any(each.name == added.name for each in before):
        raise wrong(
            f"{where} has two steps named {added.name!r}", "name one: step(..., name=...)", at=at
        )
    if fits(given, added.input_type):
        return
    named = added.after or ((before[-1].name,) if before else ("input",))
    steps = " and ".join(map(repr, named))
    giver = f"step {steps} gives" if len(named) == 1 else f"the steps {steps} give"
    giver = "the input is" if named == ("input",) else giver
    raise wrong(
        f"{where}: {giver} {type_name(given)} but step {added.name!r} takes "
        f"{type_name(added.input_type)}",
        "change one annotation, or put a step between them",
        at=at,
    )


def check_sequence(
    where: str, steps: Sequence[Step[Any, Any]], at: Place, declared: Any = None
) -> tuple[Step[Any, Any], ...]:
    """The steps of a branch, each knowing what it is handed.  Raises when they cannot follow one
    another, or there are none.

    declared: the type of the branch's input, where more than the first step may take it
    """
    if not steps:
        raise wrong(f"{where} has no steps", "give it at least one", at=at)
    checked: tuple[Step[Any, Any], ...] = (steps[0],)
    for each in steps[1:]:
        given = given_to(where, checked, declared or steps[0].input_type, each, at)
        added = each.taking(given)
        check_joint(where, checked, given, added, at)
        checked = (*checked, added)
    _check_reached(where, checked, at)
    return checked


def _check_reached(where: str, steps: Sequence[Step[Any, Any]], at: Place) -> None:
    """Raise for a step whose value no later step takes; the last one's is the answer."""
    taken = set[str]()
    for place, each in enumerate(steps):
        taken.update(each.after or (steps[place - 1].name if place else "input",))
    lost = [each.name for each in steps[:-1] if each.name not in taken and not each.aside]
    if lost:
        raise wrong(
            f"{where}: no step takes the value of step {lost[0]!r}, and it is not the last",
            f"name it in the after= of a later step, or make it a tap: tap({lost[0]})",
            at=at,
        )


def agreed(what: str, taken: Iterable[tuple[str, Any]], at: Place) -> Any:
    """The one type that all who are handed the same value take: (who, type), the narrowest.

    Raises `GraphError`, naming two who can never agree.
    """
    found: Any = Any
    first = ""
    for who, wanted in taken:
        if fits(found, wanted):
            found, first = (wanted, who) if found is Any else (found, first)
        elif fits(wanted, found):
            found, first = wanted, who
        else:
            raise wrong(
                f"{what}: {who} takes {type_name(wanted)}, {first} takes {type_name(found)}",
                "they get the same value: let them take the same type",
                at=at,
            )
    return found
