"""What the policies round one step have in common: its types, its name, checked numbers."""

from __future__ import annotations

from typing import Any

from ..fit import type_name
from ..refer import Place, wrong
from ..spec import canonical
from .base import Branches, Step
from .hold import Policy


class Around(Policy):
    """A policy round one step or several joined: it has their types, and the last one's name, so
    that what names the step goes on to do so.

    Among steps that wait it waits, too, instead of blocking their loop.
    """

    def __init__(
        self,
        kind: str,
        branches: Branches,
        name: str,
        at: Place,
        options: dict[str, Any],
    ) -> None:
        held = branches[0][1]
        name = name or held[-1].name
        super().__init__(kind, name, branches, at, options=canonical(options))
        self.either = True
        self.input_type, self.output_type = held[0].input_type, held[-1].output_type

    @property
    def word(self) -> str:
        """With the kind, where the name is that of the step inside: "g/retry(fetch)/fetch"."""
        same = self.name == self.branches[0][1][-1].name
        return f"{self.spec.kind}({self.name})" if same else self.name

    @property
    def what(self) -> str:
        """The kind and the name, for a sentence."""
        return f"{self.spec.kind} {self.name!r}"


def called(kind: str, name: str, branches: Branches) -> str:
    """The kind and the name of a policy that is not made yet, for a sentence."""
    return f"{kind} {name or branches[0][1][-1].name!r}"


def check_number(
    what: str, word: str, value: Any, at: Place, *, least: float, most: float = float("inf")
) -> None:
    """Raise when an option is no number between two bounds.

    >>> check_number("retry 'fetch'", "attempts", 0, Place(), least=1)
    Traceback (most recent call last):
    pelton.handlers.errors.GraphError: retry 'fetch': attempts=0 is not a number from 1 on
    """
    good = isinstance(value, (int, float)) and not isinstance(value, bool)
    if good and least <= value <= most and value != float("inf"):
        return
    bounds = f"from {least:g} on" if most == float("inf") else f"from {least:g} to {most:g}"
    raise wrong(f"{what}: {word}={value!r:.60} is not a number {bounds}", at=at)


def check_whole(what: str, word: str, value: Any, at: Place, *, least: int) -> None:
    """Raise when an option is no whole number from `least` on."""
    if not isinstance(value, int):
        raise wrong(f"{what}: {word}={value!r:.60} is not a whole number", at=at)
    check_number(what, word, value, at, least=least)


def check_gives(holder: Step[Any, Any], other: Step[Any, Any], given: Any, why: str) -> None:
    """Raise when a step that takes another's place, or its error, cannot be handed `given`."""
    from ..fit import fits

    if not fits(given, other.input_type):
        raise wrong(
            f"{holder.spec.kind} {holder.name!r}: {why} {type_name(given)} but step "
            f"{other.name!r} takes {type_name(other.input_type)}",
            "change one annotation",
            at=holder.place,
        )
