"""What is in an artifact and how large it is: files, packages, the largest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .content import Files
from .requirers import Requirers
from .trim import Trimmed
from .trim_rules import RULES

MEGABYTE = 1024 * 1024
# Lambda's quotas: a zip sent with the request, and the unpacked code with its layers.
DIRECT_LIMIT, UNZIPPED_LIMIT = 50 * MEGABYTE, 250 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Entry:
    """A name and its size in bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Saved:
    """What a rule of trimming left out, or would: files, and bytes unpacked."""

    rule: str
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class Report:
    """files and packages, largest first; sizes in bytes; note: what to say of the bytecode.

    trimmed:  what was left out of requirements, rule by rule
    possible: what rules that are off would leave out
    spared:   what was left alone, and why
    cut:      bytes left out, by package
    notes:    what else somebody should know
    requirers: which requirement brought what
    """

    files: tuple[Entry, ...]
    packages: tuple[Entry, ...]
    zipped: int
    unzipped: int
    note: str = ""
    trimmed: tuple[Saved, ...] = ()
    possible: tuple[Saved, ...] = ()
    spared: tuple[str, ...] = ()
    cut: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    requirers: Requirers = field(default_factory=Requirers)

    @property
    def needs_s3(self) -> bool:
        """Too large for the request itself: the upload goes through S3."""
        return self.zipped > DIRECT_LIMIT

    def lines(self, most: int = 8) -> list[str]:
        """For people: totals, then the largest packages and files."""
        out = [f"{human(self.zipped)} zipped, {human(self.unzipped)} unzipped"]
        out += [f"  {human(each.size):>9}  {each.name}" for each in self.packages[:most]]
        if len(self.packages) > most:
            rest = sum(each.size for each in self.packages[most:])
            out.append(f"  {human(rest):>9}  {len(self.packages) - most} more packages")
        out += [f"  {human(each.size):>9}  {each.name}" for each in self.files[:3]]
        if self.trimmed:
            size = sum(each.size for each in self.trimmed)
            rules = ", ".join(each.rule for each in self.trimmed)
            out.append(f"left out of requirements: {human(size)} ({rules})")
        return [*out, *filter(None, [self.note]), *self.notes]


def human(size: int) -> str:
    """A size as people read it.

    >>> human(1536), human(20 * 1024 * 1024)
    ('1.5 KB', '20.0 MB')
    """
    return f"{size / MEGABYTE:.1f} MB" if size >= MEGABYTE else f"{size / 1024:.1f} KB"


def owners(folder: Path | None) -> dict[str, str]:
    """Which distribution each installed file belongs to, from the wheels' own records."""
    found: dict[str, str] = {}
    if folder is None:
        return found
    import csv

    for record in sorted(folder.glob("*.dist-info/RECORD")):
        name = record.parent.name.removesuffix(".dist-info").replace("-", " ", 1)
        with record.open(encoding="utf-8", newline="") as lines:
            found |= {row[0]: name for row in csv.reader(lines) if row}
    return found


def make_report(
    files: Files,
    owner: Mapping[str, str],
    zipped: int,
    note: str = "",
    trimmed: Trimmed | None = None,
    sizes: Mapping[str, int] | None = None,
    notes: tuple[str, ...] = (),
    requirers: Requirers | None = None,
) -> Report:
    """The report of an artifact's files; `sizes` in bytes of what was trimmed or might be."""
    packages: dict[str, int] = {}
    for place, file in files.items():
        name = owner.get(place) or ("pelton" if place.startswith("pelton/") else "your code")
        packages[name] = packages.get(name, 0) + file.size
    by_size = sorted(packages.items(), key=lambda each: (-each[1], each[0]))
    largest = sorted(files.items(), key=lambda each: (-each[1].size, each[0]))
    trimmed, sizes = trimmed or Trimmed(), sizes or {}
    cut: dict[str, int] = {}
    for place in trimmed.left_out:
        name = owner.get(place, "your code")
        cut[name] = cut.get(name, 0) + sizes[place]
    return Report(
        tuple(Entry(place, file.size) for place, file in largest),
        tuple(Entry(name, size) for name, size in by_size),
        zipped,
        sum(each.size for each in files.values()),
        note,
        _saved(trimmed.left_out, sizes),
        _saved(trimmed.possible, sizes) + _bytecode(files),
        tuple(f"{rule} of {name}: {why}" for (rule, name), why in sorted(trimmed.spared.items())),
        cut,
        notes,
        requirers or Requirers(),
    )


def _bytecode(files: Files) -> tuple[Saved, ...]:
    """What the rule about bytecode would leave out."""
    compiled = [file.size for place, file in files.items() if place.endswith(".pyc")]
    return (Saved("bytecode", len(compiled), sum(compiled)),) if compiled else ()


def _saved(rules: Mapping[str, str], sizes: Mapping[str, int]) -> tuple[Saved, ...]:
    found = []
    for rule in RULES:
        places = [place for place, name in rules.items() if name == rule.name]
        if places:
            found.append(Saved(rule.name, len(places), sum(sizes[place] for place in places)))
    return tuple(found)
