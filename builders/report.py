"""What is in an artifact and how large it is: files, packages, the largest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import TooLarge

MEGABYTE = 1024 * 1024
# Lambda's quotas: a zip sent with the request, and the unpacked code with its layers.
DIRECT_LIMIT, UNZIPPED_LIMIT = 50 * MEGABYTE, 250 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Entry:
    """A name and its size in bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Report:
    """files and packages, largest first; sizes in bytes; note: what to say of the bytecode."""

    files: tuple[Entry, ...]
    packages: tuple[Entry, ...]
    zipped: int
    unzipped: int
    note: str = ""

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
        return [*out, self.note] if self.note else out


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
    for record in sorted(folder.glob("*.dist-info/RECORD")):
        name = record.parent.name.removesuffix(".dist-info").replace("-", " ", 1)
        for line in record.read_text().splitlines():
            found[line.rsplit(",", 2)[0].strip('"')] = name
    return found


def make_report(
    files: Mapping[str, bytes], owner: Mapping[str, str], zipped: int, note: str = ""
) -> Report:
    """The report of an artifact's files."""
    packages: dict[str, int] = {}
    for place, content in files.items():
        name = owner.get(place) or ("pelton" if place.startswith("pelton/") else "your code")
        packages[name] = packages.get(name, 0) + len(content)
    by_size = sorted(packages.items(), key=lambda each: (-each[1], each[0]))
    largest = sorted(files.items(), key=lambda each: (-len(each[1]), each[0]))
    return Report(
        tuple(Entry(place, len(content)) for place, content in largest),
        tuple(Entry(name, size) for name, size in by_size),
        zipped,
        sum(map(len, files.values())),
        note,
    )


def refuse_too_large(function: str, files: Mapping[str, bytes], owner: Mapping[str, str]) -> None:
    """Raise `TooLarge` with the packages to blame when the platform would refuse it unpacked."""
    report = make_report(files, owner, 0)
    if report.unzipped > UNZIPPED_LIMIT:
        blame = "\n".join(f"  {human(each.size):>9}  {each.name}" for each in report.packages[:8])
        raise TooLarge(
            f"function {function} is {human(report.unzipped)} unzipped, over Lambda's limit of "
            f"{human(UNZIPPED_LIMIT)}; the largest packages:\n{blame}\n"
            "Leave out a requirement, or split the function."
        )
