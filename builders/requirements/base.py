"""What every source of requirements gives: lines as uv takes them, each with where it is from."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import CannotResolve
from ..target import Target

_NAMED = re.compile(r"(?P<path>[^\[\]:]+)(\[(?P<extras>[^\]]*)\])?(:(?P<group>[\w.-]+))?")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement.

    text:   as pip writes it, without hashes; where: "file:line"; hashes: the sha256 that its
            files may have, hex, none for any; path: of a wheel, an sdist or a project's folder
    """

    text: str
    where: str
    hashes: tuple[str, ...] = ()
    path: Path | None = None

    @property
    def name(self) -> str:
        """The distribution's name as indexes write it; "" for a path."""
        found = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", self.text)
        return canonical(found[0]) if found and self.path is None else ""


@dataclass(frozen=True, slots=True)
class Asked:
    """All that was asked for.

    options: lines about indexes, as a requirements file has them; files: those that were read;
    pinned:  every version, dependencies too, is said by a lock of the user's own
    """

    requirements: tuple[Requirement, ...] = ()
    constraints: tuple[Requirement, ...] = ()
    options: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    pinned: bool = False

    def as_constraints(self) -> Asked:
        """The same, as bounds on what others ask for."""
        return Asked((), self.requirements, self.options, self.files)

    @property
    def texts(self) -> tuple[str, ...]:
        """What a lock keeps to see whether something else is asked for."""
        return tuple(sorted({each.text for each in self.requirements}))

    @property
    def constraint_texts(self) -> tuple[str, ...]:
        return tuple(sorted({each.text for each in self.constraints}))

    @property
    def allowed(self) -> dict[str, frozenset[str]]:
        """The hashes that a distribution's files may have, by its name."""
        found: dict[str, frozenset[str]] = {}
        for each in (*self.requirements, *self.constraints):
            if each.hashes:
                found[each.name] = found.get(each.name, frozenset()) | frozenset(each.hashes)
        return found


@dataclass(frozen=True, slots=True)
class Named:
    """A file as somebody named it, with the extras or the group that are meant.

    >>> target = Target("lambda", "3.12")
    >>> Named.of("pyproject.toml[aws,onnx]", Path("/app"), target, "app.py:3").extras
    ('aws', 'onnx')
    """

    path: Path
    root: Path
    target: Target
    where: str
    extras: tuple[str, ...] = ()
    group: str = ""
    seen: frozenset[Path] = field(default_factory=frozenset)

    @classmethod
    def of(cls, text: str, folder: Path, target: Target, where: str) -> Named:
        found = _NAMED.fullmatch(text)
        if found is None:
            raise CannotResolve(
                f"{where}: {text!r} is no file with requirements; write its name, with [extra] or "
                ":group behind it where it has those"
            )
        extras = tuple(each.strip() for each in (found["extras"] or "").split(",") if each.strip())
        path = folder / found["path"].strip()
        return cls(path, folder, target, where, extras, found["group"] or "")

    def refuse_parts(self) -> None:
        """For kinds of file that have neither extras nor groups."""
        if self.extras or self.group:
            raise CannotResolve(
                f"{self.where}: {self.path.name} has no extras and no groups; only pyproject.toml, "
                "uv.lock, poetry.lock and pylock.toml have"
            )


def canonical(name: str) -> str:
    """
    >>> canonical("Typing_Extensions")
    'typing-extensions'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def joined(parts: Iterable[Asked]) -> Asked:
    """Several sources as one; pinned when each of them is."""
    whole = list(parts)
    return Asked(
        tuple(dict.fromkeys(each for part in whole for each in part.requirements)),
        tuple(dict.fromkeys(each for part in whole for each in part.constraints)),
        tuple(dict.fromkeys(each for part in whole for each in part.options)),
        tuple(dict.fromkeys(each for part in whole for each in part.files)),
        bool(whole) and all(part.pinned for part in whole if part.requirements),
    )


def path_requirement(text: str, folder: Path, where: str) -> Requirement:
    """A wheel, an sdist or a project's folder, by its path; raises `CannotResolve` when it is none
    of these."""
    bare = text.partition(";")[0].strip()
    path = (folder / bare.partition("[")[0].removeprefix("file://")).resolve()
    if path.is_dir() and not any(
        (path / each).is_file() for each in ("pyproject.toml", "setup.py")
    ):
        raise CannotResolve(
            f"{where}: the folder {bare} has no pyproject.toml and no setup.py, so it is no "
            "project that can be installed; files beside the app go along when they are imported"
        )
    if not path.exists():
        raise CannotResolve(f"{where}: there is no {bare} in {folder}")
    if path.is_file() and not path.name.endswith((".whl", ".tar.gz", ".zip")):
        raise CannotResolve(f"{where}: {bare} is no wheel, no sdist and no project's folder")
    return Requirement(text, where, path=path)


def toml(named: Named) -> tuple[Mapping[str, Any], str]:
    """(content, text) of a TOML file; raises `CannotResolve` with its line when it is none."""
    text = named.path.read_text(encoding="utf-8")
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        raise CannotResolve(f"{named.path.name}: {error}; mend it, or make it anew") from None


def line_of(text: str, words: str) -> int:
    """The first line that says `words`, from 1; 1 where none does."""
    before, found, _ = text.partition(words)
    return before.count("\n") + 1 if found else 1


def markers(target: Target) -> dict[str, str]:
    """The environment that markers are read in.  Source: PEP 508, environment markers."""
    machine = {"arm64": "aarch64"}.get(target.architecture, target.architecture)
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{target.python}.0",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{target.python}.0",
        "python_version": target.python,
        "sys_platform": "linux",
    }


def holds(marker: str, target: Target, **more: Any) -> bool:
    """Whether a marker is true on the target; an empty one is."""
    from packaging.markers import InvalidMarker, Marker

    if not marker:
        return True
    try:
        return Marker(marker).evaluate({"extra": "", **markers(target), **more})
    except (InvalidMarker, KeyError) as error:
        raise CannotResolve(f"the marker {marker!r} cannot be read: {error}") from None


def at(requirement: Requirement, where: str) -> Requirement:
    """The same requirement, said elsewhere."""
    return replace(requirement, where=where)
