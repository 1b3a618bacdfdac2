"""Wheels and sdists that a test makes itself, in a folder: no index and no network is needed."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pelton.builders import Resolver, Target
from pelton.builders.gathered import Gathered
from pelton.builders.resolve import Locking
from pelton.handlers.app import App
from pelton.handlers.function import Function

BACKEND = """
import pathlib, zipfile
def build_wheel(out, settings=None, metadata=None):
    name = {wheel!r}
    with zipfile.ZipFile(pathlib.Path(out) / name, "w") as made:
        for place, text in {files!r}.items():
            made.writestr(place, text)
    return name
"""


@dataclass(frozen=True)
class Shelf:
    """A folder of wheels, as `find_links` takes it."""

    folder: Path

    def wheel(
        self,
        name: str,
        version: str = "1.0",
        *,
        needs: Sequence[str] = (),
        tag: str = "py3-none-any",
        files: Mapping[str, bytes] | None = None,
    ) -> Path:
        """Write a wheel and say where."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}-{version}-{tag}.whl"
        with zipfile.ZipFile(path, "w") as out:
            for place, content in wheel_files(name, version, needs, tag, files).items():
                out.writestr(zipfile.ZipInfo(place), content)
        return path

    def sdist(self, name: str, version: str = "1.0", *, tag: str = "py3-none-any") -> Path:
        """Write an sdist whose own backend makes a wheel of that tag, and needs nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}-{version}.tar.gz"
        with tarfile.open(path, "w:gz") as out:
            for place, content in project_files(name, version, tag).items():
                entry = tarfile.TarInfo(f"{name}-{version}/{place}")
                entry.size = len(content)
                out.addfile(entry, io.BytesIO(content))
        return path

    def project(self, folder: Path, name: str, *, tag: str = "py3-none-any") -> Path:
        """Write a project's folder, as an sdist has it."""
        for place, content in project_files(name, "1.0", tag).items():
            path = folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder


def wheel_files(
    name: str,
    version: str,
    needs: Sequence[str] = (),
    tag: str = "py3-none-any",
    files: Mapping[str, bytes] | None = None,
) -> dict[str, bytes]:
    """What is in a small wheel, with a true record."""
    info = f"{name}-{version}.dist-info"
    lines = [f"Requires-Dist: {each}\n" for each in needs]
    pythons, abis, places = tag.split("-")
    tags = [f"{p}-{a}-{w}" for p in pythons.split(".") for a in abis.split(".")
            for w in places.split(".")]  # fmt: skip
    content = dict(files if files is not None else {f"{name}.py": f"v = '{version}'\n".encode()})
    content[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{''.join(lines)}".encode()
    )
    about = "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\n"
    about += "".join(f"Tag: {each}\n" for each in tags)
    content.setdefault(f"{info}/WHEEL", about.encode())
    record = ""
    for place, each in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(each).digest()).rstrip(b"=").decode()
        record += f"{place},sha256={digest},{len(each)}\n"
    content[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    return content


def project_files(name: str, version: str, tag: str) -> dict[str, bytes]:
    """A project's folder with a backend of its own."""
    files = {k: v.decode() for k, v in wheel_files(name, version, (), tag).items()}
    # Of no hashes, so that a test may change what the backend writes.
    record = f"{name}-{version}.dist-info/RECORD"
    files[record] = "".join(f"{line.partition(',')[0]},,\n" for line in files[record].splitlines())
    backend = BACKEND.format(wheel=f"{name}-{version}-{tag}.whl", files=files)
    return {
        "backend.py": backend.encode(),
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        "pyproject.toml": (
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
            f'[project]\nname = "{name}"\nversion = "{version}"\n'
        ).encode(),
    }


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "wheels")


@dataclass
class Desk:
    """An app's folder, and installs of what a function of it asks for."""

    root: Path
    cache: Path
    links: Path

    def function(self, *words: Any, **more: Any) -> Function[..., Any]:
        """A function with these requirements; one word that is no list stands alone."""
        app = App("desk")

        @app.function(requirements=list(words), **more)
        def work(n: int) -> int:
            return n

        return work

    def install(
        self,
        *words: str,
        target: Target | None = None,
        function: Function[..., Any] | None = None,
        offline: bool = True,
        lock: Locking = "keep",
        upgrade: frozenset[str] | None = frozenset(),
    ) -> Gathered:
        resolver = Resolver(self.cache, (self.links,), offline, lock, upgrade)
        asked = function or self.function(*words)
        made = resolver.install(asked, target or Target("lambda", "3.12"), self.root)
        assert made is not None
        return made

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    @property
    def lock(self) -> str:
        return (self.root / "pelton.lock").read_text()


@pytest.fixture
def desk(tmp_path: Path, shelf: Shelf) -> Desk:
    (tmp_path / "app").mkdir()
    shelf.folder.mkdir(exist_ok=True)
    return Desk(tmp_path / "app", tmp_path / "cache", shelf.folder)
