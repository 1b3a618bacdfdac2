"""What a command looked at: while that stands, looking again would say the same."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton.builders import default_cache
from pelton.cli.again import Asked, cache_folder
from pelton.cli.looking import Looking

from ..tries import tries

FILES = ("a.txt", "b.txt", "d/a.txt", "d/b.txt", "m/__init__.py", "m.py")
FOLDERS = (".", "d", "m")
REPOSITORY = str(Path(__file__).parents[2])
Look = Callable[[Path], object]
Edit = Callable[[Path], object]


def _try(call: Callable[[], object]) -> object:
    try:
        return call()
    except OSError as error:
        return type(error).__name__


def _reads(name: str) -> Look:
    return lambda root: _try((root / name).read_text)


def _asks(name: str) -> Look:
    return lambda root: ((root / name).exists(), (root / name).is_dir())


def _lists(name: str) -> Look:
    def listed(folder: Path) -> object:
        with os.scandir(folder) as entries:  # closed also where a link to itself raises
            return sorted((each.name, each.is_dir()) for each in entries)

    return lambda root: _try(lambda: listed(root / name))


LOOKS = st.one_of(
    st.builds(_reads, st.sampled_from(FILES)),
    st.builds(_asks, st.sampled_from((*FILES, *FOLDERS))),
    st.builds(_lists, st.sampled_from(FOLDERS)),
)


def _write(name: str, text: str, restore: bool) -> Edit:
    """With the times of before, where they are restored: what git calls racy."""

    def edit(root: Path) -> None:
        path = root / name
        found = path.stat()
        path.write_text(text)
        if restore:
            os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))

    return edit


def _new(name: str, text: str) -> Edit:
    def edit(root: Path) -> None:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)

    return edit


NAME = st.sampled_from(FILES)
TEXT = st.sampled_from(("1", "2", "33"))
EDITS = st.one_of(
    st.builds(_write, NAME, TEXT, st.booleans()),
    st.builds(_new, NAME, TEXT),
    st.builds(lambda name: lambda root: (root / name).unlink(), NAME),
    st.builds(lambda one, two: lambda root: (root / one).rename(root / two), NAME, NAME),
    st.builds(lambda one, two: lambda root: (root / one).symlink_to(root / two), NAME, NAME),
    st.builds(lambda name: lambda root: (root / name).chmod(0o600), NAME),
    st.builds(lambda name: lambda root: (root / name).touch(), NAME),
    st.builds(lambda name: lambda root: shutil.rmtree(root / name), st.sampled_from(("d", "m"))),
)


CASES = given(
    st.lists(EDITS, max_size=3), st.lists(LOOKS, min_size=1, max_size=5),
    st.lists(EDITS, max_size=2),
)  # fmt: skip


@settings(max_examples=tries(30))
@CASES
def test_an_answer_is_given_again_only_while_looking_would_say_the_same(
    before: list[Edit], looks: list[Look], after: list[Edit]
) -> None:
    _hold(before, looks, after)


@pytest.mark.slow
@settings(max_examples=1000)
@CASES
def test_the_same_of_many(before: list[Edit], looks: list[Look], after: list[Edit]) -> None:
    _hold(before, looks, after)


def _hold(before: list[Edit], looks: list[Look], after: list[Edit]) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name, "root")
        (root / "d").mkdir(parents=True)
        for each in FILES[:3]:
            (root / each).write_text("0")
        for edit in before:
            _try(lambda edit=edit: edit(root))  # type: ignore[misc]
        asked, seen = Asked.now(Path(name, "cache"), {}), Looking([*sys.path, REPOSITORY])
        with seen():
            said = repr([look(root) for look in looks])
        assert not seen.unsure
        asked.keep(said, seen, root, "")
        assert asked.answer() == said
        for edit in after:
            _try(lambda edit=edit: edit(root))  # type: ignore[misc]
        now = repr([look(root) for look in looks])
        assert asked.answer() in (None, now)


def test_what_python_compiles_is_no_change(tmp_path: Path) -> None:
    """Another process that runs may write it at any time."""
    root = tmp_path / "root"
    (root / "__pycache__").mkdir(parents=True)
    (root / "m.py").write_text("0")
    asked, seen = Asked.now(tmp_path / "cache", {}), Looking([*sys.path, REPOSITORY])
    with seen():
        assert sorted(path for path, _, _ in os.walk(root)) == [str(root), f"{root}/__pycache__"]
    asked.keep("said", seen, root, "")
    (root / "__pycache__" / "m.cpython-311.pyc").write_text("")
    assert asked.answer() == "said"
    (root / "n.py").write_text("0")
    assert asked.answer() is None


def test_what_is_no_file_makes_it_unsure(tmp_path: Path) -> None:
    def writes() -> None:
        (tmp_path / "made.txt").write_text("")

    def runs() -> None:
        subprocess.run([sys.executable, "-c", "pass"], check=True)

    def calls() -> None:
        with socket.socket() as one, pytest.raises(OSError):
            one.connect(("127.0.0.1", 1))

    for does in (writes, runs, calls, lambda: (tmp_path / "made.txt").rename(tmp_path / "b.txt")):
        seen = Looking()
        with seen():
            does()
        assert seen.unsure
    assert os.stat is Looking.__init__.__globals__["_stat"]


def test_other_circumstances_are_another_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked.now(tmp_path, {"file": "app.py"})
    asked.keep("said", Looking(), tmp_path, "")
    assert asked.answer() == "said"
    assert Asked.now(tmp_path, {"file": "other.py"}).answer() is None
    monkeypatch.setenv("WORD", "other")
    assert Asked.now(tmp_path, {"file": "app.py"}).answer() is None
    monkeypatch.delenv("WORD")
    monkeypatch.setenv("SHLVL", "17")
    assert Asked.now(tmp_path, {"file": "app.py"}).answer() == "said"
    for text in ("", "{", "[]", "{}", asked.path.read_text().replace('"git"', '"gone"')):
        asked.path.write_text(text)
        assert asked.answer() is None


def test_both_know_one_cache() -> None:
    assert cache_folder() == default_cache()
