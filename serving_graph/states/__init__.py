"""Where `reduce` keeps its states, one a file, all of one shape (`base.States`)."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..refer import meant, wrong

# The scheme of a URL: its module here.
KINDS = {"memory": "memory", "sqlite": "sqlite"}


def check(url: str, what: str) -> None:
    """Raise `GraphError` for a URL that names no place for states."""
    scheme, colon, place = url.partition(":")
    if not colon or scheme not in KINDS:
        advice = meant(scheme, [f"{each}:" for each in KINDS])
        raise wrong(f"{what}: store={url!r} is no store", advice)
    if bool(place) == (scheme == "memory"):
        raise wrong(f"{what}: store={url!r}", 'write "memory:" or "sqlite:FILE"')


def states_at(url: str, **limits: Any) -> Any:
    """The states that a URL names: "memory:" (of one worker), "sqlite:FILE" (of one machine)."""
    scheme, _, place = url.partition(":")
    return import_module(f".{KINDS[scheme]}", __package__).at(place, **limits)
