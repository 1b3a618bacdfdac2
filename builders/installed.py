"""Installed requirements as an artifact takes them: what is left of them when trimmed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .content import File, Held
from .gathered import Gathered
from .requirers import Requirers, find_requirers, read_metadata
from .target import Target
from .trim import Choice, Trimmed, trim
from .wheels import record_text


@dataclass(frozen=True, slots=True)
class Installed:
    """files: content by place; owner: distribution by place, of what was left out too; sizes: in
    bytes, of what was left out or might be; requirers: which requirement brought what; pins: what
    a platform installs itself, each with its version, as pip takes it."""

    files: dict[str, File] = field(default_factory=dict)
    owner: dict[str, str] = field(default_factory=dict)
    trimmed: Trimmed = field(default_factory=Trimmed)
    sizes: Mapping[str, int] = field(default_factory=dict)
    requirers: Requirers = field(default_factory=Requirers)
    pins: tuple[str, ...] = ()


def read_installed(gathered: Gathered | None, choice: Choice, target: Target) -> Installed:
    """What of the requirements goes into an artifact; what is left out is not read."""
    if gathered is None:
        return Installed()
    owner, contents = gathered.owners, gathered.contents
    trimmed = trim(list(gathered.files), owner, gathered.read, choice)
    files = {each: file for each, file in contents.items() if each not in trimmed.left_out}
    for place, record in _records(files, owner).items():
        files[place], owner[place] = record
    sizes = {e: gathered.files[e].size for e in (*trimmed.left_out, *trimmed.possible)}
    requirers = find_requirers(gathered.asked, read_metadata(_metadata(gathered), target))
    return Installed(files, owner, trimmed, sizes, requirers)


def _records(files: Mapping[str, File], owner: Mapping[str, str]) -> dict[str, tuple[File, str]]:
    """A RECORD of each distribution, of those of its files that are here: (it, whose it is)."""
    told: dict[str, dict[str, tuple[str, int]]] = {}
    for place, file in files.items():
        told.setdefault(owner[place], {})[place] = (file.sha256, file.size)
    places = {label: f"{label.replace(' ', '-', 1)}.dist-info/RECORD" for label in told}
    return {
        place: (Held(record_text(told[label], place).encode()), label)
        for label, place in places.items()
    }


def _metadata(gathered: Gathered) -> Iterator[str]:
    for place in gathered.files:
        folder, _, name = place.rpartition("/")
        if name == "METADATA" and folder.endswith(".dist-info") and "/" not in folder:
            yield gathered.read(place).decode("utf-8", "replace")
