"""The second build: the same answer without reading, and every real change noticed."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.builders import Artifact, Resolver, Target, build, load_app
from pelton.builders.kept import Looked, find, keep
from pelton.builders.records import decode, encode
from pelton.builders.report import Entry, Report

from .support import Maker

SOURCE = """
import pelton
import helper_{number}
import deep.inner
try:
    import deep.more.optional
except ImportError:
    pass
app = pelton.App("demo")

@app.function(include=["data/*.txt"])
def double(n: int) -> int:
    return 2 * n
"""
# No machine has it: nothing is compiled, which is not what these tests are about.
PLAIN = Target("lambda", "3.99")


@dataclass
class Project:
    """An app with a helper and data, built again and again."""

    root: Path
    out: Path
    file: Path
    helper: Path
    resolver: Resolver

    def build(self, **more: str) -> Artifact:
        app, root = load_app(str(self.file))
        return build(app.functions["double"], PLAIN, root=root, out=self.out,
                     resolver=self.resolver, **more)  # type: ignore[arg-type]  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Project:
    maker = Maker(tmp_path)
    number = abs(hash(tmp_path))
    (maker.root / "data").mkdir()
    (maker.root / "data" / "a.txt").write_text("a")
    (maker.root / "data" / "keep.txt").write_text("k")
    for folder in ("deep/inner", "deep/more"):
        (maker.root / folder).mkdir(parents=True)
    (maker.root / "deep" / "inner.py").write_text("x = 1\n")
    helper = maker.root / f"helper_{number}.py"
    helper.write_text("x = 1\n")
    file = maker.app(SOURCE.format(number=number))
    return Project(maker.root, maker.out, file, helper, maker.resolver)


def test_without_a_change_nothing_is_written_and_the_answer_is_the_same(project: Project) -> None:
    first = project.build()
    before = first.path.stat()
    again = project.build()
    assert again == first
    assert again.path.stat() == before


def _same_size_and_time(project: Project) -> None:
    """An edit that leaves size and time as they were: only its ctime tells."""
    found = project.helper.stat()
    project.helper.write_text("x = 2\n")
    os.utime(project.helper, ns=(found.st_atime_ns, found.st_mtime_ns))


def _helper(project: Project) -> None:
    project.helper.write_text("x = 12345\n")


def _data(project: Project) -> None:
    (project.root / "data" / "b.txt").write_text("b")


def _less_data(project: Project) -> None:
    (project.root / "data" / "keep.txt").unlink()


def _package_instead(project: Project) -> None:
    """A package of the helper's name comes before the helper's file."""
    folder = project.helper.with_suffix("")
    folder.mkdir()
    (folder / "__init__.py").write_text("x = 3\n")


def _ignore_file(project: Project) -> None:
    (project.root / ".peltonignore").write_text("keep.txt\n")


def _package_where_a_folder_was(project: Project) -> None:
    (project.root / "deep" / "inner" / "__init__.py").write_text("x = 3\n")


def _module_that_was_sought(project: Project) -> None:
    (project.root / "deep" / "more" / "optional.py").write_text("x = 3\n")


CHANGES = [
    _same_size_and_time, _helper, _data, _less_data, _package_instead, _ignore_file,
    _package_where_a_folder_was, _module_that_was_sought,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_every_real_change_is_noticed(project: Project, change: Callable[[Project], None]) -> None:
    first = project.build()
    project.build()
    change(project)
    assert project.build().digest != first.digest


def test_other_times_alone_are_no_change(project: Project) -> None:
    project.build()
    before = project.build().path.stat()
    os.utime(project.helper, ns=(1, 1))
    assert project.build().path.stat() == before


def test_an_ignore_file_that_another_names_counts_once_it_is_there(project: Project) -> None:
    (project.root / ".peltonignore").write_text("#!include:more.ignore\n")
    first = project.build()
    (project.root / "more.ignore").write_text("keep.txt\n")
    assert project.build().digest != first.digest


def test_a_file_that_changes_while_it_is_built_is_not_taken_for_what_was_read(
    tmp_path: Path,
) -> None:
    file, cache = tmp_path / "a.py", tmp_path / "cache"
    file.write_text("x = 1\n")
    read = {file: hashlib.sha256(b"x = 0\n").hexdigest()}
    keep(cache, "key", "value", Looked(tmp_path, (file,), read=read), time.time_ns())
    assert find(cache, "key") is None
    keep(cache, "key", "value", Looked(tmp_path, (file,)), 0)
    assert find(cache, "key") is None
    read = {file: hashlib.sha256(b"x = 1\n").hexdigest()}
    keep(cache, "key", "value", Looked(tmp_path, (file,), read=read), time.time_ns())
    assert find(cache, "key") == "value"


def test_what_was_written_and_is_gone_is_written_again(project: Project) -> None:
    first = project.build()
    content = first.path.read_bytes()
    first.path.write_bytes(b"something else")
    assert project.build().path.read_bytes() == content
    first.path.unlink()
    assert project.build().path.read_bytes() == content
    for each in first.beside:
        each.unlink()
        project.build()
        assert each.exists()


def test_another_word_is_another_build(project: Project) -> None:
    first = project.build()
    app, root = load_app(str(project.file))
    other = build(app.functions["double"], Target("lambda", "3.98"), root=root, out=project.out,
                  resolver=project.resolver)  # fmt: skip
    assert other.runtime != first.runtime


def test_a_record_that_cannot_be_read_is_none(project: Project) -> None:
    first = project.build()
    for text in ("", "{", "[]", '{"root": 1}', '{"root": "/", "files": [["/x"]]}'):
        for record in (project.resolver.cache / "kept").glob("*.json"):
            record.write_text(text)
        assert project.build() == first


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    | st.lists(inner).map(tuple) | st.builds(Entry, st.text(), st.integers()),
    max_leaves=10,
)  # fmt: skip


@given(VALUES)
def test_a_record_gives_back_what_it_was_given(value: object) -> None:
    assert decode(encode(value)) == value


def test_a_record_makes_nothing_but_our_own_dataclasses() -> None:
    with pytest.raises(TypeError):
        encode(object())
    for name in ("os:system", ".archive:write_zip", "..handlers.app:App", ".report:human"):
        with pytest.raises((ValueError, AttributeError)):
            decode({"is": name, "of": []})
    assert decode(encode(Report((Entry("a", 1),) * 2, (), 1, 2))).files[1] == Entry("a", 1)


def test_what_cannot_be_kept_is_no_failure_of_the_build(tmp_path: Path) -> None:
    looked = Looked(tmp_path, ())
    full = tmp_path / "full"
    full.write_text("no folder")
    keep(full, "key", 1, looked, 0)
    (tmp_path / "kept" / "key.json").mkdir(parents=True)  # nothing can take its place
    keep(tmp_path / "kept", "key", 1, looked, 0)
    assert [each.name for each in (tmp_path / "kept").iterdir()] == ["key.json"]
    assert find(full, "key") is find(tmp_path / "kept", "key") is None
