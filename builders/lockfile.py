"""`pelton.lock`: what the requirements of an app's functions were resolved to, wheel by wheel.

It lies beside the app's file and belongs into version control.  One resolution for each set of
requirements and each Python, machine and C library; functions that ask for the same share one.
Reading and writing only: what is resolved, and when, is decided in `resolve`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import CannotResolve
from .files import write_whole
from .requirements import Asked
from .target import Target

NAME = "pelton.lock"
FORM = 1
HEAD = """# What the requirements of this app's functions were resolved to, wheel by wheel.
# Made by `pelton lock`, kept by whatever builds; commit it.
"""


@dataclass(frozen=True, slots=True)
class Package:
    """One distribution: its file and that file's sha256.

    url: where it is, when no index was asked; path: of a file or folder beside the app (a folder
    is built, and has no hash); needs: a digest of what a folder's project requires
    """

    name: str
    version: str
    file: str = ""
    sha256: str = ""
    url: str = ""
    path: str = ""
    needs: str = ""

    @property
    def is_source(self) -> bool:
        """Built here, and not a wheel as it came."""
        return not self.file.endswith(".whl")


@dataclass(frozen=True, slots=True)
class Question:
    """What is resolved: for which app and target, from which requirements."""

    app: str
    python: str
    architecture: str
    glibc: str
    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()

    @classmethod
    def of(cls, app: str, asked: Asked, target: Target) -> Question:
        glibc = ".".join(map(str, target.glibc))
        texts, bounds = asked.texts, asked.constraint_texts
        return cls(app, target.python, target.architecture, glibc, texts, bounds)

    @property
    def place(self) -> tuple[str, str, str]:
        return self.python, self.architecture, self.glibc


@dataclass(frozen=True, slots=True)
class Resolution:
    """A question and its answer."""

    question: Question
    packages: tuple[Package, ...]


@dataclass(frozen=True, slots=True)
class Lock:
    """A file's content; empty where there is none."""

    resolutions: tuple[Resolution, ...] = field(default=())

    def find(self, question: Question) -> Resolution | None:
        return next((each for each in self.resolutions if each.question == question), None)

    def nearest(self, question: Question) -> Resolution | None:
        """The answer to the question most like it, for the same app and target: what a changed
        function had before."""
        same = [e for e in self.resolutions if e.question.app == question.app
                and e.question.place == question.place]  # fmt: skip
        asked = set(question.requirements)
        return max(same, key=lambda e: len(asked & set(e.question.requirements)), default=None)

    def preferences(self, question: Question) -> dict[str, str]:
        """The version that each distribution keeps, unless something rules it out: the nearest
        answer's, then those that other functions and targets have."""
        nearest = self.nearest(question)
        own = [each for each in self.resolutions if each.question.app == question.app]
        found: dict[str, str] = {}
        for resolution in ([nearest] if nearest else []) + own:
            for package in resolution.packages:
                found.setdefault(package.name, package.version)
        return found

    def with_(self, resolution: Resolution) -> Lock:
        """With an answer more, or another one."""
        others = [e for e in self.resolutions if e.question != resolution.question]
        return Lock(tuple(sorted([*others, resolution], key=lambda e: _order(e.question))))

    def without(self, app: str, asked: Iterable[tuple[tuple[str, ...], tuple[str, ...]]]) -> Lock:
        """Without answers to what no function of the app asks for any more."""
        known = set(asked)
        kept = [e for e in self.resolutions if e.question.app != app
                or (e.question.requirements, e.question.constraints) in known]  # fmt: skip
        return Lock(tuple(kept))


def _order(question: Question) -> tuple[Any, ...]:
    python = tuple(map(int, question.python.split(".")))
    return question.app, question.requirements, python, question.architecture, question.glibc


def read_lock(path: Path) -> Lock:
    """The lock of a file; raises `CannotResolve` when it cannot be read."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Lock()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CannotResolve(
            f"{path.name} cannot be read: {error}; take its last state from version control (a "
            "merge may have left its marks), or delete it and run `pelton lock`"
        ) from None
    if document.get("version") != FORM:
        raise CannotResolve(
            f"{path.name} has version {document.get('version')!r}, and this pelton reads {FORM}; "
            "use the pelton that wrote it, or delete it and run `pelton lock`"
        )
    try:
        return Lock(tuple(map(_resolution, document.get("resolution", ()))))
    except (KeyError, TypeError, AttributeError) as error:
        raise CannotResolve(
            f"{path.name} is not as pelton writes it ({error}); delete it and run `pelton lock`"
        ) from None


def _resolution(said: Mapping[str, Any]) -> Resolution:
    question = Question(
        said["app"], said["python"], said["architecture"], said["glibc"],
        tuple(said["requirements"]), tuple(said.get("constraints", ())),
    )  # fmt: skip
    return Resolution(question, tuple(Package(**each) for each in said["packages"]))


def lock_text(lock: Lock) -> str:
    """A lock as TOML, a line a distribution, so that two states compare well."""
    return HEAD + f"version = {FORM}\n" + "".join(map(_table, lock.resolutions))


def _table(resolution: Resolution) -> str:
    question = resolution.question
    lines = ["", "[[resolution]]"]
    for name in ("app", "python", "architecture", "glibc"):
        lines.append(f"{name} = {_string(getattr(question, name))}")
    lines.append(f"requirements = [{', '.join(map(_string, question.requirements))}]")
    if question.constraints:
        lines.append(f"constraints = [{', '.join(map(_string, question.constraints))}]")
    lines += ["packages = [", *(f"    {_inline(each)}," for each in resolution.packages), "]"]
    return "\n".join(lines) + "\n"


def _inline(package: Package) -> str:
    fields = {name: getattr(package, name) for name in Package.__slots__}
    return f"{{ {', '.join(f'{k} = {_string(v)}' for k, v in fields.items() if v)} }}"


def _string(text: str) -> str:
    """A TOML basic string; JSON's are such, with DEL escaped as well."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def write_lock(path: Path, lock: Lock) -> None:
    """Write it at once, so that a kill leaves the old one or the new one."""
    try:
        write_whole(path, lock_text(lock))
    except OSError as error:
        raise CannotResolve(
            f"{path} cannot be written: {error.strerror or error}; make room there, or see to it "
            "that the folder may be written to"
        ) from None


def packages_json(resolution: Resolution) -> str:
    """The packages alone, as a cache keeps them."""
    fields = [{n: getattr(p, n) for n in Package.__slots__} for p in resolution.packages]
    return json.dumps(fields)


def packages_of(text: str) -> tuple[Package, ...]:
    return tuple(Package(**each) for each in json.loads(text))
