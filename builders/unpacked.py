"""Unpacked requirements: a folder of files with a manifest that says all that builds ask about it.

Made once for a set of files and kept by their hashes; a build reads the manifest and walks nothing.
A folder is there whole or not at all: it is made elsewhere and renamed.  What is read from it is
held against the manifest.
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

from .errors import CannotResolve
from .imports import top_level
from .lockfile import Package
from .requirements.base import canonical
from .tags import tags_of

# Part of every key: another way of making it is another folder.
FORM = 2
MANIFEST = "manifest.json"
# Written by uv for itself; of no use in an artifact, and not the same on every machine.
LEFT_OUT = frozenset(
    {"uv_cache.json", "uv_build.json", "REQUESTED", "direct_url.json", "INSTALLER", ".lock"}
)


class UnpackedFile(NamedTuple):
    """A file's sha256 (hex), its size in bytes, and the distribution that brought it."""

    sha256: str
    size: int
    distribution: str


@dataclass(frozen=True)
class Unpacked:
    """Requirements as files.

    folder:        where they are; places are relative to it
    modules:       the import names that they offer
    distributions: "name version" of each; packages: the files that these came in
    asked:         the requirements themselves, as pip writes them
    notes:         what to say about them
    contents:      those of files that were read already, by an installation just now
    """

    folder: Path
    modules: frozenset[str]
    distributions: tuple[str, ...]
    packages: tuple[Package, ...]
    asked: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    _table: Mapping[str, Any] = field(default_factory=dict, repr=False)
    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def files(self) -> Mapping[str, UnpackedFile]:
        """Every file by its place, in the order of places."""
        digests: str = self._table["digests"]
        each = map(
            UnpackedFile,
            [digests[at : at + 64] for at in range(0, len(digests), 64)],
            self._table["sizes"],
            map(self.distributions.__getitem__, self._table["owners"]),
        )
        return dict(zip(self._places, each, strict=True))

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

    def beside_the_app(self) -> Unpacked | None:
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
        """A file's content, as it was installed; raises `CannotResolve` when the cache has lost or
        changed it, and then throws the folder away, so that the next build makes it anew."""
        if (known := self.contents.get(place)) is not None:
            return known
        try:
            content = (self.folder / place).read_bytes()
        except FileNotFoundError:
            content = b""
        if hashlib.sha256(content).hexdigest() != self.files[place].sha256:
            throw_away(self.folder.parent)
            raise CannotResolve(
                f"the cache was damaged: {place} of {self.files[place].distribution} is not as it "
                "was installed; its folder is thrown away now, so build again"
            )
        return content


def key_of(packages: Sequence[Package], hashes: Mapping[str, str], python: str) -> str:
    """The name of the folder for these files; `hashes` has those of wheels that were built here."""
    said = [[each.name, each.version, hashes.get(each.name, each.sha256)] for each in packages]
    return hashlib.sha256(json.dumps([FORM, python, *said]).encode()).hexdigest()[:32]


def load(home: Path, packages: Sequence[Package], asked: Sequence[str]) -> Unpacked | None:
    """What is in a folder of the cache; None when it is not there, or not whole."""
    try:
        said = json.loads((home / MANIFEST).read_bytes())
        os.utime(home / MANIFEST)  # by this `pelton cache prune` knows what is in use
        return Unpacked(
            home / "files", frozenset(said["modules"]), tuple(said["distributions"]),
            tuple(packages), tuple(asked), tuple(said["notes"]), said["files"],
        )  # fmt: skip
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        throw_away(home)
        return None


def make(
    home: Path, fill: Callable[[Path], None], check: Callable[[Found], None]
) -> Mapping[str, bytes]:
    """Make a folder of the cache: `fill` puts files into it, `check` refuses what must not ship.
    Gives the contents of all files."""
    home.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=home.parent))
    try:
        files = draft / "files"
        files.mkdir()
        fill(files)
        found = Found.of(files)
        check(found)
        (draft / MANIFEST).write_text(json.dumps(found.manifest()))
        try:
            draft.rename(home)
        except OSError:
            if not (home / MANIFEST).exists():  # else another build was first, with the same
                raise
        return found.contents
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
    """What an installation has put down: contents are read once, for digests and checks alike."""

    folder: Path
    distributions: list[str] = field(default_factory=list)
    files: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    tags: dict[str, list[str]] = field(default_factory=dict)
    claims: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    native: dict[int, list[tuple[str, bytes]]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, folder: Path) -> Found:
        found = cls(folder)
        shutil.rmtree(folder / "bin", ignore_errors=True)
        for info in sorted(folder.glob("*.dist-info")):
            found._add_distribution(info)
        for place in sorted(_places(folder)):
            found._add_file(place)
        return found

    def _add_distribution(self, info: Path) -> None:
        index, name = len(self.distributions), info.name.removesuffix(".dist-info")
        self.distributions.append(name.replace("-", " ", 1))
        wheel = (info / "WHEEL").read_text(encoding="utf-8").splitlines()
        # A line for each is the rule, and some builders write the name's own short form.
        said = [line[5:] for line in wheel if line.startswith("Tag: ")]
        self.tags[self.distributions[-1]] = [tag for each in said for tag in tags_of(f"-{each}")]
        for line in (info / "RECORD").read_text(encoding="utf-8").splitlines():
            place, _, rest = line.rpartition(",")[0].rpartition(",")
            place = place.strip('"').replace('""', '"')
            self.claims.setdefault(place, []).append((index, rest))

    def _add_file(self, place: str) -> None:
        path = f"{self.folder}/{place}"  # of thousands: a Path would take longer than the reading
        if place.rpartition("/")[2] in LEFT_OUT or place.endswith(".pyc"):
            os.unlink(path)
            return
        if "\n" in place:
            raise CannotResolve(f"a requirement brings a file with a line break: {place!r}")
        with open(path, "rb") as file:
            content = file.read()
        owner = self.claims.get(place, [(0, "")])[0][0]
        if content[:4] == b"\x7fELF":
            self.native.setdefault(owner, []).append((place, content))
        self.contents[place] = content
        self.files[place] = (hashlib.sha256(content).hexdigest(), len(content), owner)

    def clashes(self) -> dict[str, list[str]]:
        """Files that several distributions bring with different content, and whose they are."""
        return {
            place: [self.distributions[index] for index, _ in claims]
            for place, claims in self.claims.items()
            if place in self.files and len({digest for _, digest in claims}) > 1
        }

    def take(self, place: str, fill: Callable[[Path], None]) -> None:
        """Put a file in its place as one distribution alone brings it."""
        alone = Path(tempfile.mkdtemp(prefix="alone-", dir=self.folder.parent))
        fill(alone)
        (alone / place).replace(self.folder / place)
        shutil.rmtree(alone)
        self._add_file(place)

    def manifest(self) -> dict[str, object]:
        return {
            "form": FORM,
            "distributions": self.distributions,
            "modules": sorted(top_level(self.folder)),
            "notes": self.notes,
            "files": _as_table(self.files),
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


def _places(folder: Path) -> list[str]:
    start = len(f"{folder}/")
    return [f"{base}/{name}"[start:] for base, _, names in os.walk(folder) for name in names]
