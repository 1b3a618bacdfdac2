"""Requirements become files for the target's Python and platform, by `uv`, without Docker.

`Resolver.install` is the door: from what a function asks for to files with their digests.  What was
resolved is kept: in `pelton.lock` beside the app, where people commit it, and in the cache.  An
install that was made before is answered from a note of it: a few small files are read, no process
is started and no folder walked.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ..handlers.function import Function
from . import gathered as gathering
from .answers import Answer, Known
from .built import Local, local_wheel
from .choose import Choice, choose, common
from .errors import CannotResolve, NotLocked, Tampered
from .explain import refusal
from .fetch import wheels
from .files import locked_file, write_whole
from .gathered import Found, Gathered
from .lockfile import (
    NAME,
    Lock,
    Package,
    Question,
    Resolution,
    packages_json,
    packages_of,
    read_lock,
    write_lock,
)
from .requirements import Asked, asked_for
from .target import Target
from .uv_calls import run_uv
from .wheel_checks import check_wheels
from .wheels import Wheel

# What may become of pelton.lock: only read; changed where it is there; made; not to be changed.
Locking = Literal["read", "keep", "write", "locked"]


def default_cache() -> Path:
    """Where locks, wheels and what is known of them are kept between builds."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pelton" / "build"


@dataclass(frozen=True)
class Resolver:
    """cache: a folder kept between builds; find_links: folders with wheels to look in first;
    offline: use nothing but those and what is cached; lock: what may become of `pelton.lock`
    ("read", "keep" it true where it is there, "write" it, "locked": refuse what would change it);
    upgrade: the distributions that need not keep their locked version, None for all."""

    cache: Path
    find_links: tuple[Path, ...] = ()
    offline: bool = False
    lock: Locking = "keep"
    upgrade: frozenset[str] | None = field(default_factory=frozenset)

    def install(self, function: Function[..., Any], target: Target, root: Path) -> Gathered | None:
        """What a function requires, installed for a target; None when it requires nothing.

        root: the app's folder, with `pelton.lock`.  Raises `CannotResolve` (a requirement cannot be
        had), `NotLocked`, `Tampered`; each says the line to blame and what to do.
        """
        words = function.settings.requirements
        if not words:
            return None
        try:
            return self._install(function, words, target, root)
        except OSError as error:
            raise CannotResolve(
                f"function {function.name}: its requirements cannot be kept in {self.cache}: "
                f"{error.strerror or error}; make room or give another cache (XDG_CACHE_HOME)"
            ) from None

    def _install(
        self, function: Function[..., Any], words: tuple[str, ...], target: Target, root: Path
    ) -> Gathered:
        answer = Answer.to(self._question(function, words, target, root), self.cache, root / NAME)
        fresh = self.upgrade is not None and not self.upgrade
        if fresh and (known := answer.read()):
            if made := gathering.load(
                self._home(known.key), packages_of(known.packages), known.asked
            ):
                return made
        asked = asked_for(words, root, target, _where(function, root))
        local = self._local(asked, target)
        links = [each for each in self.find_links if each.is_dir()]
        choice = Choice(asked, target, root, function.name, local, {}, links, self.offline)
        resolution, made = self._resolution(choice, function, root / NAME)
        paths = [each.path for each in asked.requirements if each.path is not None]
        key = made.home.name
        known = Known(key, packages_json(resolution), made.asked)
        answer.write([*asked.files, *paths], known)
        return made

    def _question(
        self, function: Function[..., Any], words: tuple[str, ...], target: Target, root: Path
    ) -> list[Any]:
        place = [target.python, target.architecture, target.glibc]
        links = [str(each) for each in self.find_links]
        # An answer of another form names folders that are none of this one's.
        return [gathering.FORM, function.app.name, words, place, str(root), links, self.lock]

    def _home(self, key: str) -> Path:
        return self.cache / "installed" / key

    def _local(self, asked: Asked, target: Target) -> dict[str, Local]:
        paths = [each for each in asked.requirements if each.path is not None]
        found: dict[str, Local] = {}
        for each in paths:
            made = local_wheel(each, target, self.cache, self.find_links, self.offline)
            if found.setdefault(made.name, made) != made:
                raise CannotResolve(
                    f"{each.where}: {each.text} and {found[made.name].path} are both {made.name}; "
                    "name one of them"
                )
        return found

    def _resolution(
        self, choice: Choice, function: Function[..., Any], path: Path
    ) -> tuple[Resolution, Gathered]:
        """The answer of the lock, else of the cache, else of uv, and its files.  It is kept when
        its files are there and may ship."""
        asked = choice.asked
        question = Question.of(function.app.name, asked, choice.target)
        kept = self.cache / "resolutions" / f"{_key(question, asked, choice, path)}.json"
        if asked.pinned:
            found = self._kept(kept, question) or Resolution(question, choose(choice))
            made = self._made(choice, found.packages)
            write_whole(kept, packages_json(found))
            return found, made
        with locked_file(self.cache / "locks" / _short(str(path))):
            lock = read_lock(path)
            known = lock.find(question)
            if known is not None and self._stays(known, choice):
                _check_local(known, choice, function)
                return known, self._made(choice, known.packages)
            if self.lock == "locked":
                raise _not_locked(function, choice, path, lock.nearest(question))
            is_new = lock.nearest(question) is None
            wanted = replace(choice, preferences=self._preferences(lock, question))
            found = (self._kept(kept, question) if is_new else None) or Resolution(
                question, choose(wanted)
            )
            made = self._made(choice, found.packages)
            write_whole(kept, packages_json(found))
            if self.lock == "write" or (self.lock == "keep" and path.exists()):
                asks = _all_asked(function, choice)
                write_lock(path, lock.without(function.app.name, asks).with_(found))
            return found, made

    def _preferences(self, lock: Lock, question: Question) -> dict[str, str]:
        if self.upgrade is None:
            return {}
        known = lock.preferences(question)
        return {name: version for name, version in known.items() if name not in self.upgrade}

    def _stays(self, known: Resolution, choice: Choice) -> bool:
        if self.upgrade is None or self.upgrade.intersection(e.name for e in known.packages):
            return False
        needs = {each.name: each.needs for each in known.packages if each.path}
        return all(needs.get(name) == each.needs for name, each in choice.local.items())

    def _kept(self, path: Path, question: Question) -> Resolution | None:
        if self.upgrade is None or self.upgrade:
            return None
        try:
            return Resolution(question, packages_of(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def _made(self, choice: Choice, packages: tuple[Package, ...]) -> Gathered:
        hashes = {name: each.wheel_sha256 for name, each in choice.local.items()}
        home = self._home(gathering.key_of(packages, hashes, choice.target.python))
        direct = _direct(choice)
        known = gathering.load(home, packages, direct)
        if known is not None:
            return known

        def check(found: Found) -> None:
            built = {e.name for e in packages if e.is_source and e.name not in choice.local}
            check_wheels(found, choice.target, choice.function, frozenset(built))

        def gather(draft: Path) -> list[Wheel]:
            return wheels(choice, packages, self.cache / "wheels", draft, fill)

        def fill(folder: Path, some: Sequence[Package]) -> None:
            _fill(folder, choice, some)

        gathering.make(home, gather, check)
        made = gathering.load(home, packages, direct)
        assert made is not None
        return made


def _direct(choice: Choice) -> tuple[str, ...]:
    """The requirements themselves, each as pip writes it."""
    named = [each.text for each in choice.asked.requirements if each.path is None]
    return (*named, *choice.local)


def _fill(folder: Path, choice: Choice, packages: Sequence[Package]) -> None:
    """Let uv fetch and unpack exactly these files."""
    lines = [each for each in choice.asked.options if each != "--pre"]
    for each in packages:
        if own := choice.local.get(each.name):
            lines.append(f"{each.name} @ {own.wheel.as_uri()} --hash=sha256:{own.wheel_sha256}")
        elif each.url:
            lines.append(f"{each.name} @ {each.url} --hash=sha256:{each.sha256}")
        else:
            lines.append(f"{each.name}=={each.version} --hash=sha256:{each.sha256}")
    sources = [e.name for e in packages if e.is_source and e.name not in choice.local]
    words = [
        "pip", "install", "--require-hashes", "--no-deps", "--no-compile-bytecode",
        "--link-mode", "copy", "--target", str(folder), "--requirement", "-",
        *common(choice, choice.target.next_uv_platform, sources),
    ]  # fmt: skip
    said = run_uv(words, cwd=choice.root, text="\n".join(lines) + "\n")
    if said.code:
        raise refusal(said, choice.asked, choice.target, choice.function)


def _check_local(known: Resolution, choice: Choice, function: Function[..., Any]) -> None:
    """A wheel beside the app must be the one that was locked."""
    for package in known.packages:
        own = choice.local.get(package.name)
        if own is not None and package.sha256 and package.sha256 != own.sha256:
            raise Tampered(
                f"function {function.name}: {own.path} is not the file that {NAME} was made with; "
                f"if you changed it, run `pelton lock --upgrade {own.name}`"
            )


def _not_locked(
    function: Function[..., Any], choice: Choice, path: Path, nearest: Resolution | None
) -> NotLocked:
    if not path.exists():
        return NotLocked(f"function {function.name}: there is no {path}; run `pelton lock`")
    why = f"it says nothing of {choice.target.says}"
    if nearest is not None:
        had, has = set(nearest.question.requirements), set(choice.asked.texts)
        changed = [f"+{each}" for each in sorted(has - had)]
        changed += [f"-{each}" for each in sorted(had - has)]
        more = "constraints changed, or what a project beside the app requires"
        why = f"its requirements are others ({', '.join(changed) or more})"
    return NotLocked(
        f"function {function.name}: {path.name} would have to change, {why}; run `pelton lock` and "
        "commit the file"
    )


def _all_asked(
    function: Function[..., Any], choice: Choice
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """What each function of the app asks for; of one whose files cannot be read nothing is known,
    and it says so itself when it is built."""
    found = []
    for each in function.app.functions.values():
        words = each.settings.requirements
        try:
            asked = asked_for(words, choice.root, choice.target, _where(each, choice.root))
        except CannotResolve:
            continue
        found.append((asked.texts, asked.constraint_texts))
    return found


def _where(function: Function[..., Any], root: Path) -> str:
    """The line of a function, relative to the app's folder where it is below it."""
    path = Path(function.file)
    short = path.relative_to(root) if path.is_relative_to(root) else path
    return f"{short}:{function.line}"


def _key(question: Question, asked: Asked, choice: Choice, path: Path) -> str:
    allowed: Mapping[str, frozenset[str]] = asked.allowed
    said = [
        str(question), sorted((name, sorted(each)) for name, each in allowed.items()),
        list(map(str, choice.links)), list(asked.options), str(path),
        sorted(each.wheel_sha256 for each in choice.local.values()),
    ]  # fmt: skip
    return _short(json.dumps(said))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
