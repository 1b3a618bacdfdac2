"""Exact pins of pelton's own requirements: what is installed beside them breaks in odd ways."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from .finding import OK, PROBLEM, WARNING, Ask, Finding

NAME = "versions"
_PIN = re.compile(r"([\w.-]+)==([\w.]+)\s*(?:;.*extra\s*==\s*[\"'](emulator)[\"'].*)")


def look(ask: Ask) -> Iterator[Finding]:
    """Every pin of the emulator that something else is installed for."""
    try:
        wanted = pins(requires("pelton") or ())
    except PackageNotFoundError:
        yield Finding(NAME, WARNING, "pelton itself is not installed", "pip install pelton")
        return
    found = [each for name, release in wanted.items() for each in _compare(name, release)]
    yield from found or [Finding(NAME, OK, f"{len(wanted)} exact pins of the emulator are held")]


def pins(required: Iterable[str]) -> dict[str, str]:
    """The exact pins of the extra `emulator`.

    >>> pins(["click>=8.1", 'botocore==1.43.106; extra == "emulator"'])
    {'botocore': '1.43.106'}
    """
    return {found[1]: found[2] for each in required if (found := _PIN.fullmatch(each.strip()))}


def _compare(name: str, wanted: str) -> Iterator[Finding]:
    try:
        release = version(name)
    except PackageNotFoundError:
        return  # said among the packages
    if release != wanted:
        yield Finding(
            NAME,
            PROBLEM,
            f"{name} {release} is installed, and this pelton is made for {wanted}",
            f"pip install '{name}=={wanted}'",
        )
