"""Installed requirements as an artifact takes them: what is left of them when trimmed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .report import owners
from .requirers import Requirers, find_requirers, read_metadata
from .target import Target
from .trim import Choice, Trimmed, trim


@dataclass(frozen=True, slots=True)
class Installed:
    """files: content by place; owner: distribution by place, of what was left out too; sizes: in
    bytes, of what was left out or might be; requirers: which requirement brought what."""

    files: dict[str, bytes] = field(default_factory=dict)
    owner: dict[str, str] = field(default_factory=dict)
    trimmed: Trimmed = field(default_factory=Trimmed)
    sizes: Mapping[str, int] = field(default_factory=dict)
    requirers: Requirers = field(default_factory=Requirers)


def read_installed(
    folder: Path | None, choice: Choice, requirements: Sequence[str], target: Target
) -> Installed:
    """What of an installed folder goes into an artifact; each file is read once, the ones left
    out are not."""
    if folder is None:
        return Installed()
    places = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )
    owner = owners(folder)
    read: dict[str, bytes] = {}

    def content(place: str) -> bytes:
        if place not in read:
            read[place] = (folder / place).read_bytes()
        return read[place]

    trimmed = trim(places, owner, content, choice)
    files = {each: content(each) for each in places if each not in trimmed.left_out}
    sizes = {
        each: (folder / each).stat().st_size for each in (*trimmed.left_out, *trimmed.possible)
    }
    requirers = find_requirers(requirements, read_metadata(folder, target))
    return Installed(files, owner, trimmed, sizes, requirers)
