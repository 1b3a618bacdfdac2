"""Gathered requirements: wheels, and a manifest that says all that builds ask about their files.

Made once for a set of wheels and kept by their hashes; a build reads the manifest and walks
nothing, and what it takes of the wheels it takes compressed, as it lies there.  A folder of the
cache is there whole or not at all: it is made elsewhere and renamed.  A wheel is held against its
sha256 before anything is read from it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from .content import File
from .errors import CannotResolve
from .imports import top_level
from .lockfile import Package
from .requirements.base import canonical
from .tags import tags_of
from .wheels import Bytes, Changed, Member, Row, Wheel

# Part of every key: another way of making it is another folder.
FORM = 4
MANIFEST, MEMBERS = "manifest.json", "members.json"


class GatheredFile(NamedTuple):
    """A file's sha256 (hex), its size in bytes, and the distribution that brought it."""

    sha256: str
    size: int
    distribution: str


@dataclass(frozen=True)
class Gathered:
    """Requirements as files.

    home:          the folder of the cache that says where they are
    modules:       the import names that they offer
    distributions: "name version" of each; packages: the files that these came in
    asked:         the requirements themselves, as pip writes them
    notes:         what to say about them
    """

    home: Path
    modules: frozenset[str]
    distributions: tuple[str, ...]
    packages: tuple[Package, ...]
    asked: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    _table: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def files(self) -> Mapping[str, GatheredFile]:
        """Every file by its place, in the order of places."""
        digests: str = self._table["digests"]
        each = map(
            GatheredFile,
            [digests[at : at + 64] for at in range(0, len(digests), 64)],
            self._table["sizes"],
            map(self.distributions.__getitem__, self._table["owners"]),
        )
        return dict(zip(self._places, each, strict=True))

    @cached_property
    def contents(self) -> Mapping[str, File]:
        """The files themselves, by place.  Raises `CannotResolve` when the cache has lost or
        changed a wheel, and then throws away what it knows, so that the next build makes it anew.
        """
        said = json.loads((self.home / MEMBERS).read_bytes())
        homes = [self.home / each for each, _ in said["wheels"]]
        opened = [Bytes(at, sha256) for at, (_, sha256) in zip(homes, said["wheels"], strict=True)]
        used = set(self._table["owners"])
        for at, each in enumerate(opened):
            try:
                _ = each.all if at in used else None
            except Changed:
                each.path.unlink(missing_ok=True)
                throw_away(self.home)
                raise CannotResolve(
                    f"the cache was damaged: the wheel of {self.distributions[at]} is not as it "
                    "was fetched; it is thrown away now, so build again"
                ) from None
        found: dict[str, File] = {}
        for place, known in self.files.items():
            owner, start, length, method, crc = said["rows"][place]
            row = Row(start, length, method, crc, known.size, known.sha256)
            found[place] = Member(opened[owner], row)
        return found

    @property
    def owners(self) -> dict[str, str]:
        """The distribution of each file, by its place."""
        names = map(self.distributions.__getitem__, self._table["owners"])
        return dict(zip(self._places, names, strict=True))

    @property
    def _places(self) -> list[str]:
        places: str = self._table["places"]
        return places.split("\n") if places else []

    @property
    def pins(self) -> tuple[str, ...]:
        """Each distribution that an index or an address has, with its version, as pip takes it."""
        return tuple(
            f"{each.name} @ {each.url}" if each.url else f"{each.name}=={each.version}"
            for each in self.packages
            if not each.path
        )

    def beside_the_app(self) -> Gathered | None:
        """The files of wheels and projects that lie beside the app alone; None when none do."""
        local = {each.name for each in self.packages if each.path}
        if not local:
            return None
        ours = {e for e in self.distributions if canonical(e.partition(" ")[0]) in local}
        index = self.distributions.index
        files = {place: each for place, each in self.files.items() if each.distribution in ours}
        rows = {p: (e.sha256, e.size, index(e.distribution)) for p, e in files.items()}
        return replace(self, _table=_as_table(rows))

    def read(self, place: str) -> bytes:
        """A file's content, as its wheel has it."""
        return self.contents[place].read()


def key_of(packages: Sequence[Package], hashes: Mapping[str, str], python: str) -> str:
    """The name of the folder for these files; `hashes` has those of wheels that were built here."""
    said = [[each.name, each.version, hashes.get(each.name, each.sha256)] for each in packages]
    return hashlib.sha256(json.dumps([FORM, python, *said]).encode()).hexdigest()[:32]


def load(home: Path, packages: Sequence[Package], asked: Sequence[str]) -> Gathered | None:
    """What is in a folder of the cache; None when it is not there, or not whole."""
    try:
        said = json.loads((home / MANIFEST).read_bytes())
        if not (home / MEMBERS).is_file():  # a folder of an older pelton, or one that lost it
            throw_away(home)
            return None
        os.utime(home / MANIFEST)  # by this `pelton cache prune` knows what is in use
        return Gathered(
            home, frozenset(said["modules"]), tuple(said["distributions"]),
            tuple(packages), tuple(asked), tuple(said["notes"]), said["files"],
        )  # fmt: skip
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        throw_away(home)
        return None


def make(
    home: Path,
    gather: Callable[[Path], Sequence[Wheel]],
    check: Callable[[Found], None],
) -> None:
    """Make a folder of the cache: `gather` says which wheels there are, and may put some into the
    folder; `check` refuses what must not ship."""
    home.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=home.parent))
    try:
        found = Found.of(gather(draft))
        check(found)
        for each in draft.iterdir():
            if each.is_dir():  # what was packed is packed
                shutil.rmtree(each)
        (draft / MEMBERS).write_text(json.dumps(found.members(draft)))
        (draft / MANIFEST).write_text(json.dumps(found.manifest()))
        try:
            draft.rename(home)
        except OSError:
            if not (home / MANIFEST).exists():  # else another build was first, with the same
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def throw_away(home: Path) -> None:
    """Remove a folder of the cache: out of the way first, at once, then piece by piece."""
    aside = Path(tempfile.mkdtemp(prefix="draft-", dir=home.parent))
    try:
        home.rename(aside / "gone")
    except OSError:
        pass  # another was first
    shutil.rmtree(aside, ignore_errors=True)


@dataclass
class Found:
    """What the wheels of a set of requirements hold together, before it is kept.

    files: sha256, size and distribution of each place; rows: where in its wheel it lies
    """

    wheels: Sequence[Wheel]
    distributions: list[str] = field(default_factory=list)
    files: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    tags: dict[str, list[str]] = field(default_factory=dict)
    native: dict[int, list[tuple[str, File]]] = field(default_factory=dict)
    rows: dict[str, Row] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, wheels: Sequence[Wheel]) -> Found:
        """Two wheels with the same file: the first by name counts, whatever order they came in."""
        found = cls(sorted(wheels, key=lambda each: each.record))
        claims: dict[str, list[tuple[int, str]]] = {}
        for index, wheel in enumerate(found.wheels):
            found.distributions.append(wheel.distribution)
            # A line for each is the rule, and some builders write the name's own short form.
            found.tags[wheel.distribution] = [t for e in wheel.tags for t in tags_of(f"-{e}")]
            for place, (sha256, _) in found._add(index, wheel).items():
                claims.setdefault(place, []).append((index, sha256))
        for place, said in sorted(claims.items()):
            if len({sha256 for _, sha256 in said}) > 1:
                owners = [found.distributions[index] for index, _ in said]
                counts = f"{place} is in {' and in '.join(owners)}; that of {owners[0]} counts"
                found.notes.append(counts)
        found.files = dict(sorted(found.files.items()))
        return found

    def _add(self, index: int, wheel: Wheel) -> dict[str, tuple[str, int]]:
        """Add a wheel's files; all of them with their sha256 and size.  RECORD is written anew by
        whoever takes some of them: installers differ in what they say in it."""
        told: dict[str, tuple[str, int]] = {}
        for place, row in wheel.rows.items():
            if place == wheel.record:
                continue
            file = Member(wheel.bytes_of, row)
            sha256 = row.sha256 or hashlib.sha256(file.read()).hexdigest()
            told[place] = (sha256, row.size)
            if place not in self.files:
                self.files[place] = (sha256, row.size, index)
                self.rows[place] = row
                if file.head(4) == b"\x7fELF":
                    self.native.setdefault(index, []).append((place, file))
        return told

    def manifest(self) -> dict[str, object]:
        return {
            "form": FORM,
            "distributions": self.distributions,
            "modules": sorted(top_level(self.files)),
            "notes": self.notes,
            "files": _as_table(self.files),
        }

    def members(self, draft: Path) -> dict[str, object]:
        """Where the files are: read by a build that does anything at all, and by no other.  Wheels
        are named by their place from the folder that this goes into."""
        wheels = []
        for each in self.wheels:
            inside = each.path.is_relative_to(draft)
            name = each.path.name if inside else os.path.relpath(each.path, draft)
            sha256 = hashlib.sha256(each.bytes_of.all).hexdigest() if inside else each.path.stem
            wheels.append([name, sha256])
        return {
            "wheels": wheels,
            "rows": {place: [self.files[place][2], *row[:4]] for place, row in self.rows.items()},
        }


def _as_table(rows: Mapping[str, tuple[str, int, int]]) -> dict[str, object]:
    """Digest, size and distribution of each place, column by column: thousands of rows are read in
    a few milliseconds."""
    return {
        "places": "\n".join(rows),
        "digests": "".join(sha256 for sha256, _, _ in rows.values()),
        "sizes": [size for _, size, _ in rows.values()],
        "owners": [owner for _, _, owner in rows.values()],
    }
