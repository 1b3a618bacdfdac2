"""The least policy of a function: what its code, its platform and its tests need, and no more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...handlers.function import Function
from .arns import Account
from .calls import find_calls
from .document import Document, check_length, document
from .needs import Need, needs_of, wide
from .platform import platform_needs
from .seen import FILE, Record, differences, needs_seen, read_record, wider


@dataclass(frozen=True, slots=True)
class Least:
    """What a function needs, each with why; and a sentence for each thing to look at."""

    function: str
    needs: tuple[Need, ...]
    warnings: tuple[str, ...] = ()

    @property
    def document(self) -> Document:
        """As IAM reads it."""
        return document(self.needs)


def least_policy(
    function: Function[..., Any], root: Path, where: Account, records: Iterable[Record] = ()
) -> Least:
    """The least policy of `function`, by its sources below `root` and an emulator's record.

    Raises `CannotPlan` where a role could not take it, and what `find_sources` raises.
    """
    found = find_calls(function, root)
    code = tuple(dict.fromkeys(needs_of(found.calls, where)))
    platform = tuple(dict.fromkeys(platform_needs(function, where)))
    mine = [each for each in records if each.function == function.name]
    seen = needs_seen(mine, function.name, where)
    extra = wider(seen, (*code, *platform))
    warnings = [*found.unread, *wide(code)]
    if mine:
        warnings += differences(code, seen, extra)
    made = Least(function.name, (*code, *extra, *platform), tuple(dict.fromkeys(warnings)))
    check_length(made.document, function.name)
    return made


def records_of(root: Path, where: str = "") -> tuple[Record, ...]:
    """The record of `where`, or of the file that tests leave beside the app; none without."""
    if where:
        return read_record(where)
    beside = root / FILE
    return read_record(str(beside)) if beside.is_file() else ()
