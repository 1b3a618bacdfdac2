"""A command run a second time: its answer from the record of the first, where nothing has changed.

A record has what the command looked at (see `looking`), the circumstances that are no files, what
git says, and what was printed.  While all of it stands, the answer is the same, and the user's app
need not be imported to know.  Anything else, a record that cannot be read too, is no answer.

This module is what a second run waits for: it imports nothing of pelton but `looking`.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import looking
from .looking import Looking

FORM = 1
# Variables that tell how a shell came to run the command, and nothing else.
_PASSING = ("_", "SHLVL", "OLDPWD")
_GIT = (
    ("rev-parse", "HEAD"),
    ("config", "--get", "remote.origin.url"),
    ("status", "--porcelain=v1", "-z", "--untracked-files=all", "--", "."),
)
_DIFFERENCE = (
    "diff",
    "HEAD",
    "--binary",
    "--no-ext-diff",
    "--no-textconv",
    "--relative",
    "--",
    ".",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A command as it is asked here: `path` of its record, and the circumstances of this run."""

    path: Path
    circumstances: str

    @classmethod
    def now(cls, cache: Path, words: Mapping[str, Any]) -> Asked:
        """words: the command's arguments and options"""
        key = _digest([FORM, os.getcwd(), sorted(words.items())])[:32]
        return cls(cache / "commands" / f"{key}.json", circumstances())

    def answer(self) -> str | None:
        """What the command printed, where that still stands."""
        try:
            record = json.loads(self.path.read_bytes())
            if record["circumstances"] != self.circumstances:
                return None
            git = Git(Path(record["root"]))
            stands = _stands(record)
            if git.said() != record["git"] or not stands:
                return None
            os.utime(self.path)  # by this `pelton cache prune` knows what is in use
            return str(record["said"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def keep(
        self, said: str, seen: Looking, root: Path, git: str, mine: Collection[Path] = ()
    ) -> None:  # fmt: skip
        """Keep what was printed after having looked at all this.

        git:  what git said before
        mine: what the command itself makes, whose coming is no change
        """
        own = [os.path.abspath(each) for each in mine]
        record = {
            "circumstances": self.circumstances,
            "root": str(root),
            "git": git,
            "files": [[path, *_settled(path, each)] for path, each in seen.files.items()],
            "folders": [[path, _without(path, n, own)] for path, n in seen.folders.items()],
            "others": [[path, each] for path, each in seen.others.items() if path not in own],
            "links": list(seen.links.items()),
            "mine": own,
            "said": said,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(record, separators=(",", ":")))
        draft.replace(self.path)


def cache_folder() -> Path:
    """What `builders.default_cache` says, without importing how things are built."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pelton" / "build"


def to_come(path: Path) -> list[Path]:
    """A path and those of its parents that are not there yet."""
    missing = [each for each in path.absolute().parents if not each.exists()]
    return [path.absolute(), *missing]


def circumstances() -> str:
    """The digest of what is no file and that any code may ask: interpreter, environment, machine,
    user."""
    variables = sorted(each for each in os.environ.items() if each[0] not in _PASSING)
    python = [sys.version, sys.executable, sys.prefix, repr(sys.flags), sys._xoptions, sys.path]
    return _digest([FORM, python, list(os.uname()), os.getuid(), variables])


def _stands(record: Mapping[str, Any]) -> bool:
    """Whether all that was looked at is as it was."""
    ask, told, own = os.stat, looking.told, record["mine"]
    try:
        for path, *signature, digest in record["files"]:
            if told(ask(path)) != signature or (digest and looking.sha256(path) != digest):
                return False
        return (
            all(_without(path, looking.names_in(path), own) == n for path, n in record["folders"])
            and all(looking.signature(path, fresh=False)[0] == e for path, e in record["others"])
            and all(looking.link(path) == leads for path, leads in record["links"])
        )
    except OSError:
        return False  # something is gone


def _settled(path: str, signature: looking.Signature) -> looking.Signature:
    """Without the digest, where the clock has gone on so far that its times will tell of any
    change from now on."""
    *told, digest = signature
    late = time.time_ns() - max(told[1:3]) > looking.UNSURE_NS
    if not digest or not late:
        return signature
    now = looking.told(os.stat(path)) == told and looking.sha256(path) == digest
    return [*told, "" if now else digest]


def _without(folder: str, names: list[str], mine: Collection[str]) -> list[str]:
    """Names of a folder but for those that the command itself makes."""
    inside = [each for each in mine if os.path.dirname(each) == folder]
    own = {os.path.basename(each) for each in inside}
    return [each for each in names if each.partition("/")[0] not in own] if own else names


class Git:
    """What git says of the working copy that a folder is in: asked at once, waited for later."""

    def __init__(self, root: Path) -> None:
        self.root = root
        folders = (root, *root.parents)
        known = any((each / ".git").exists() for each in folders)
        known = known or "GIT_DIR" in os.environ
        self._running = [self._start(words) for words in _GIT] if known else []

    def said(self) -> str:
        """The digest of commit, remote and all that is not committed; "" outside of a copy."""
        if not self._running:
            return ""
        told = [(each.communicate()[0] if each else b"") for each in self._running]
        if told[-1] and (difference := self._start(_DIFFERENCE)):
            told.append(difference.communicate()[0])
        return hashlib.sha256(repr(told).encode()).hexdigest()

    def _start(self, words: tuple[str, ...]) -> Any:
        from subprocess import DEVNULL, PIPE, Popen

        environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
        command = ["git", "-C", str(self.root), *words]
        try:
            return Popen(command, stdout=PIPE, stderr=DEVNULL, env=environment)
        except FileNotFoundError:
            return None


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, default=str).encode()).hexdigest()
