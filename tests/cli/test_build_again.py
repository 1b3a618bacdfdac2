"""`pelton build` a second time: answered from the record, and never with what is no longer true."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.builders.support import wheel

APP = """
import os
from pathlib import Path

import pelton
import helper
from package.deep import inner

try:
    import optional
except ImportError:
    optional = None

here = Path(__file__).parent
memory = (here / ".env").read_text() if (here / ".env").exists() else "128"
more = sorted(each.name for each in here.glob("plug_*"))
said = f"{memory} {more} {helper.WORD} {inner.WORD} {getattr(optional, 'WORD', '')}"
app = pelton.App("demo")

@app.function(include=["data/*.txt"], description=said, requirements=["-r requirements.txt"])
def double(n: int) -> int:
    return 2 * n
"""
RUNNER = Path(__file__).with_name("again_builds.py")


@dataclass
class Desk:
    """An app, and the command by which it is built: from records, or with none to go by."""

    folder: Path
    runner: subprocess.Popen[str]

    @property
    def root(self) -> Path:
        return self.folder / "app"

    def build(self, out: str, cache: str) -> tuple[int, str, dict[str, bytes]]:
        """(exit code, what it prints, what it writes), with `out` and `cache` by other names."""
        words = ["build", "app.py", "--out", f"../{out}", "--to", "nuclio", "--trim",
                 "bytecode", "--find-links", "../wheels", "--offline"]  # fmt: skip
        assert self.runner.stdin and self.runner.stdout
        self.runner.stdin.write(json.dumps([str(self.folder / cache), *words]) + "\n")
        self.runner.stdin.flush()
        code, said = json.loads(self.runner.stdout.readline())
        written = {
            str(each.relative_to(self.folder / out)): each.read_bytes()
            for each in sorted((self.folder / out).rglob("*")) if each.is_file()
        } if code == 0 else {}  # fmt: skip
        return code, said.replace(f"../{out}/", "../OUT/"), written

    def again(self) -> tuple[int, str, dict[str, bytes]]:
        return self.build("made", "cache")

    def truth(self) -> tuple[int, str, dict[str, bytes]]:
        """Of a build that knows of no other."""
        for part in ("commands", "kept", "answers"):
            shutil.rmtree(self.folder / "other" / "pelton" / "build" / part, ignore_errors=True)
        return self.build("true", "other")

    def compare(self, what: str) -> None:
        """Hold the answer against the truth."""
        code, said, written = self.again()
        true_code, true_said, true = self.truth()
        assert (what, code, said) == (what, true_code, true_said)
        assert written.keys() == true.keys()
        for name in true:
            assert written[name] == true[name], f"{name} is not true after: {what}"

    def records(self) -> dict[str, tuple[int, int]]:
        """The records of commands; one that is used has another time, one that is made is new."""
        found = (self.folder / "cache" / "pelton" / "build" / "commands").glob("*.json")
        return {each.name: (each.stat().st_ino, each.stat().st_mtime_ns) for each in found}

    def is_answered(self) -> bool:
        """Whether the next build is answered from a record."""
        before = self.records()
        self.again()
        now = self.records()
        return any(now[name][0] == had[0] and now[name] != had for name, had in before.items())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    for name in ("one_thing", "other_thing"):
        wheel(tmp_path / "wheels", name)
    made = {
        "app.py": APP, "helper.py": "WORD = 11", "package/__init__.py": "",
        "package/deep/__init__.py": "", "package/deep/inner.py": "WORD = 1", "data/a.txt": "a",
        "data/keep.txt": "k", "requirements.txt": "one-thing\n",
    }  # fmt: skip
    for place, text in made.items():
        (tmp_path / "app" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "app" / place).write_text(text)
    (tmp_path / "app" / "helper").mkdir()
    command = [sys.executable, str(RUNNER)]
    with subprocess.Popen(command, cwd=tmp_path / "app", text=True, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as runner:  # fmt: skip
        yield Desk(tmp_path, runner)
        assert runner.stdin
        runner.stdin.close()


def _writes(place: str, text: str) -> Callable[[Path], None]:
    def edit(root: Path) -> None:
        (root / place).parent.mkdir(exist_ok=True)
        (root / place).write_text(text)

    return edit


def _racy(place: str, text: str) -> Callable[[Path], None]:
    """The same size, the same time of the content."""

    def edit(root: Path) -> None:
        found = (root / place).stat()
        assert found.st_size == len(text)
        (root / place).write_text(text)
        os.utime(root / place, ns=(found.st_atime_ns, found.st_mtime_ns))

    return edit


def _removes(place: str) -> Callable[[Path], None]:
    return lambda root: (root / place).unlink()


def _git(*words: str) -> Callable[[Path], object]:
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b.c"}
    who |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b.c"}
    return lambda root: subprocess.run(
        ["git", "-C", str(root), *words], check=True, env=os.environ | who
    )


EDITS: dict[str, Callable[[Path], object]] = {
    "a module changes": _writes("helper.py", "WORD = 22"),
    "a module changes, with its size and time as before": _racy("helper.py", "WORD = 33"),
    "a module deep inside changes": _writes("package/deep/inner.py", "WORD = 5"),
    "a module appears that an import looked for": _writes("optional.py", "WORD = 7"),
    "a package takes a module's place": _writes("helper/__init__.py", "WORD = 8"),
    "it goes again": _removes("helper/__init__.py"),
    "variables appear that the app looks for": _writes(".env", "256"),
    "a file appears that the app lists": _writes("plug_one.txt", ""),
    "one that it lists has another name":
        lambda root: (root / "plug_one.txt").rename(root / "plug_two.txt"),
    "data is added": _writes("data/b.txt", "b"),
    "data changes, with its size and time as before": _racy("data/b.txt", "c"),
    "data is gone": _removes("data/b.txt"),
    "an ignore file appears": _writes(".peltonignore", "#!include:more.ignore\n"),
    "one that it names appears": _writes("more.ignore", "keep.txt\n"),
    "a requirement is another": _writes("requirements.txt", "other-thing\n"),
    "a setting is another": _writes("pelton.toml", "timeout = 7\n"),
    "a module cannot be imported": _writes("helper.py", "WORD = "),
    "it can be again": _writes("helper.py", "WORD = 22"),
    "a file may be read by its owner alone": lambda root: (root / "helper.py").chmod(0o600),
    "the app's folder becomes a working copy": _git("init", "--quiet"),
    "all of it is added": _git("add", "--all"),
    "all of it is committed": _git("commit", "--quiet", "-m", "all"),
}  # fmt: skip


# The kinds of change that are the hardest to see.
SOME = [
    "a module changes, with its size and time as before",
    "a module appears that an import looked for",
    "a package takes a module's place",
    "variables appear that the app looks for",
    "a requirement is another",
    "the app's folder becomes a working copy",
]


def test_nothing_changed_is_answered_and_no_change_is_overlooked(desk: Desk) -> None:
    assert desk.again()[0] == 0
    desk.compare("nothing")
    assert desk.is_answered()
    for what in SOME:
        EDITS[what](desk.root)
        desk.compare(what)
    assert desk.is_answered()
    (desk.folder / "made" / "manifest.json").unlink()
    desk.compare("the manifest is gone")


@pytest.mark.slow
def test_no_change_of_any_kind_is_overlooked(desk: Desk) -> None:
    for what, edit in EDITS.items():
        edit(desk.root)
        desk.compare(what)
    assert desk.is_answered()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_any_order_of_edits_and_builds(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(40):
        what = chance.choice(list(EDITS))
        try:
            EDITS[what](desk.root)
        except (OSError, AssertionError, subprocess.CalledProcessError):
            continue
        if chance.random() < 0.6:
            desk.again()
        if chance.random() < 0.6:
            desk.compare(what)
    assert (code := desk.again()[0]) in (0, 1)
    assert desk.is_answered() or code
