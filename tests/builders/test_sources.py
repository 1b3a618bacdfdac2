"""The user's code: what imports lead to, data by patterns, what is ignored, what is dynamic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

import pytest

from pelton.builders import BuildError, load_app
from pelton.builders.sources import Sources, find_sources
from pelton.builders.trial import dynamic_notes, names_of

Lay = Callable[..., tuple[Sources, str, Path]]
APP = """
import pelton
{imports}
app = pelton.App("demo")

@app.function(include={include!r})
def double(n: int) -> int:
    return 2 * n
"""
counter = count()


@pytest.fixture
def lay(tmp_path: Path) -> Lay:
    def lay(
        imports: str = "", files: Mapping[str, str] | None = None, include: tuple[str, ...] = ()
    ) -> tuple[Sources, str, Path]:
        name = f"sources_app_{next(counter)}"
        for place, text in (files or {}).items():
            path = tmp_path / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (tmp_path / f"{name}.py").write_text(APP.format(imports=imports, include=include))
        app, root = load_app(str(tmp_path / f"{name}.py"))
        found = find_sources(app.functions["double"], root)
        found.files.pop(f"{name}.py")
        return found, name, root

    return lay


def unique(name: str) -> str:
    return f"{name}_{next(counter)}"


def next_module(name: str) -> str:
    """What `unique("two")` will be after `name` was made."""
    return f"two_{int(name.rpartition('_')[2]) + 1}"


def test_modules_that_import_each_other_are_found_once(lay: Lay) -> None:
    a, b = unique("a"), unique("b")
    found, *_ = lay(f"import {a}", {f"{a}.py": f"import {b}\n", f"{b}.py": f"import {a}\n"})
    assert set(found.files) == {f"{a}.py", f"{b}.py"}


def test_an_own_module_that_may_be_missing_goes_along_all_the_same(lay: Lay) -> None:
    fast, slow = unique("fast"), unique("slow")
    text = f"try:\n    import {fast}\nexcept ImportError:\n    import {slow}\n"
    found, *_ = lay(text, {f"{fast}.py": "", f"{slow}.py": ""})
    assert set(found.files) == {f"{fast}.py", f"{slow}.py"}
    assert [each.module for each in found.imports] == ["pelton"]


def test_a_name_in_quotes_is_followed(lay: Lay) -> None:
    a, b = unique("a"), unique("b")
    text = f"import importlib\nimportlib.import_module({a!r})\n__import__({b!r})\n"
    found, *_ = lay(text, {f"{a}.py": "", f"{b}.py": ""})
    assert set(found.files) == {f"{a}.py", f"{b}.py"}
    assert found.dynamic == []


PLUGINS = """import importlib, pkgutil
import {package}
for each in pkgutil.iter_modules({package}.__path__):
    importlib.import_module(f"{package}.{{each.name}}")
def later(name):
    return __import__(name)
"""


def test_imports_by_name_are_told_with_their_line_and_what_to_add(lay: Lay) -> None:
    package = unique("plugins")
    files = {f"{package}/__init__.py": "", f"{package}/one.py": "", f"{package}/two.py": ""}
    found, name, root = lay(PLUGINS.format(package=package), files)
    assert set(found.files) == {f"{package}/__init__.py"}
    notes = dynamic_notes(name, root, found)
    assert names_of(notes) == [f"{package}/one.py", f"{package}/two.py"]
    assert notes[0].startswith(f"{name}.py:6 imports {package}/one.py by name")
    assert notes[-1].startswith(f"{name}.py:8 imports name when it runs")


def test_what_is_included_is_not_asked_for(lay: Lay) -> None:
    package = unique("plugins")
    files = {f"{package}/__init__.py": "", f"{package}/one.py": ""}
    found, name, root = lay(PLUGINS.format(package=package), files, (f"{package}/*.py",))
    assert names_of(dynamic_notes(name, root, found)) == []


def test_a_trial_that_fails_says_so_and_stops_nothing(lay: Lay, tmp_path: Path) -> None:
    found, name, root = lay("__import__('js' + 'on')\n")
    (tmp_path / f"{name}.py").write_text("raise RuntimeError('no database')\n")
    assert dynamic_notes(name, root, found)[-1].endswith("failed: RuntimeError: no database")


DATA = {"data/a.csv": "", "data/b.csv": "", "data/.env": "", "data/__pycache__/a.pyc": ""}


def test_caches_and_secrets_are_never_taken_by_a_wildcard(lay: Lay) -> None:
    found, *_ = lay("", DATA, ("data/**/*",))
    assert set(found.files) == {"data/a.csv", "data/b.csv"}
    assert found.ignored == ["data/__pycache__/a.pyc is passed over: pelton itself (*.py[co])"]


def test_a_file_named_exactly_is_taken_whoever_ignores_it(lay: Lay) -> None:
    found, *_ = lay("", DATA | {".peltonignore": "data/\n"}, ("data/b.csv", "data/a.csv"))
    assert set(found.files) == {"data/b.csv", "data/a.csv"}


@pytest.mark.parametrize("file", [".peltonignore", ".funcignore", ".dockerignore"])
def test_the_app_s_ignore_file_counts(lay: Lay, file: str) -> None:
    found, *_ = lay("", DATA | {file: "# no\n*.csv\n!a.csv\n"}, ("data/*.csv",))
    assert set(found.files) == {"data/a.csv"}
    assert found.ignored == [f"data/b.csv is passed over: {file}:2 (*.csv)"]


def test_the_first_ignore_file_speaks_alone_and_may_bring_another_in(lay: Lay) -> None:
    files = DATA | {".dockerignore": "a.csv\n", ".peltonignore": "", ".gitignore": "b.csv\n"}
    found, *_ = lay("", files, ("data/*.csv",))
    assert set(found.files) == {"data/a.csv", "data/b.csv"}
    found, *_ = lay("", files | {".peltonignore": "#!include:.gitignore\n"}, ("data/*.csv",))
    assert set(found.files) == {"data/a.csv"}


def test_a_pattern_of_which_nothing_is_left_is_refused_with_who_ignores_it(lay: Lay) -> None:
    with pytest.raises(BuildError, match=r"data/a\.csv by \.peltonignore:1 \(data/\); name the"):
        lay("", DATA | {".peltonignore": "data/\n"}, ("data/*.csv",))


TWO = """
import pelton
app = pelton.App("two")

@app.function
def light(n: int) -> int:
    {light}

@app.function
def heavy(n: int) -> int:
    import {inner}
    import scipy
    return n

@heavy.init
def load(context):
    import torch

@app.function
def between(n: int) -> int:
    return heavy(n)
{more}
"""


@pytest.fixture
def two(tmp_path: Path) -> Callable[..., tuple[set[str], set[str]]]:
    """What a function of two in a module takes along: its own files, and what they import."""

    def of(
        name: str, light: str = "return n", more: str = "", inner: str = "json"
    ) -> tuple[set[str], set[str]]:
        module = unique("two")
        text = TWO.format(light=light, more=more, inner=inner).replace("MODULE", module)
        (tmp_path / f"{module}.py").write_text(text)
        app, root = load_app(str(tmp_path / f"{module}.py"))
        found = find_sources(app.functions[name], root)
        asked = {each.module for each in found.imports} - {"pelton", "json"}
        return set(found.files) - {f"{module}.py"}, asked

    return of


@pytest.mark.parametrize(
    ("name", "words", "asked"),
    [
        ("light", {}, set()),
        ("heavy", {}, {"scipy", "torch"}),
        ("between", {}, {"scipy", "torch"}),
        ("light", {"light": "return heavy(n)"}, {"scipy", "torch"}),
        ("light", {"light": "return between(n)"}, {"scipy", "torch"}),
        ("light", {"light": "return app.functions['heavy'](n)"}, {"scipy", "torch"}),
        ("light", {"more": "table = {'h': heavy}"}, {"scipy", "torch"}),
        ("light", {"more": "class Field:\n    heavy: int"}, set()),
        ("light", {"more": "def unused():\n    import pandas"}, {"pandas"}),
    ],
)
def test_what_only_other_functions_import_stays_behind(
    two: Callable[..., tuple[set[str], set[str]]], name: str, words: dict[str, str], asked: set[str]
) -> None:
    assert two(name, **words)[1] == asked


def test_files_that_only_other_functions_import_stay_behind(
    tmp_path: Path, two: Callable[..., tuple[set[str], set[str]]]
) -> None:
    name = unique("inner")
    (tmp_path / f"{name}.py").write_text("")
    assert two("light", inner=name)[0] == set()
    assert two("heavy", inner=name)[0] == {f"{name}.py"}


def test_who_imports_the_module_back_may_call_any_function_of_it(
    tmp_path: Path, two: Callable[..., tuple[set[str], set[str]]]
) -> None:
    name = unique("back")
    (tmp_path / f"{name}.py").write_text(f"from {next_module(name)} import heavy\n")
    files, asked = two("light", light=f"import {name}")
    assert files == {f"{name}.py"} and asked == {"scipy", "torch"}
