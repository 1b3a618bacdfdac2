"""Installed requirements as an artifact takes them: what is left of them when trimmed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .requirers import Requirers, find_requirers, read_metadata
from .target import Target
from .trim import Choice, Trimmed, trim
from .unpacked import Unpacked


@dataclass(frozen=True, slots=True)
class Installed:
    """files: content by place; owner: distribution by place, of what was left out too; sizes: in
    bytes, of what was left out or might be; requirers: which requirement brought what; pins: what
    a platform installs itself, each with its version, as pip takes it."""

    files: dict[str, bytes] = field(default_factory=dict)
    owner: dict[str, str] = field(default_factory=dict)
    trimmed: Trimmed = field(default_factory=Trimmed)
    sizes: Mapping[str, int] = field(default_factory=dict)
    requirers: Requirers = field(default_factory=Requirers)
    pins: tuple[str, ...] = ()


def read_installed(unpacked: Unpacked | None, choice: Choice, target: Target) -> Installed:
    """What of the requirements goes into an artifact; each file is read once, the ones left out
    are not."""
    if unpacked is None:
        return Installed()
    owner = unpacked.owners
    read: dict[str, bytes] = {}

    def content(place: str) -> bytes:
        if place not in read:
            read[place] = unpacked.read(place)
        return read[place]

    trimmed = trim(list(unpacked.files), owner, content, choice)
    files = {each: content(each) for each in unpacked.files if each not in trimmed.left_out}
    sizes = {e: unpacked.files[e].size for e in (*trimmed.left_out, *trimmed.possible)}
    requirers = find_requirers(unpacked.asked, read_metadata(unpacked.folder, target))
    return Installed(files, owner, trimmed, sizes, requirers)
