"""Trimming: what each rule leaves out, what must stay, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.builders import BuildError
from pelton.builders.trim import Trimmed, choose, trim
from pelton.builders.trim_rules import EXCEPTIONS, NAMES, RULES


def trimmed(files: Mapping[str, str], *words: str, owner: str = "pkg 1.0") -> Trimmed:
    sources = {place: text.encode() for place, text in files.items()}
    return trim(sorted(files), dict.fromkeys(files, owner), sources.__getitem__, choose(words))


PLACES = {
    "tests": "pkg/tests/test_a.py",
    "pyc": "pkg/__pycache__/a.cpython-312.pyc",
    "stubs": "pkg/a.pyi",
    "headers": "pkg/include/a.h",
    "docs": "pkg/docs/index.rst",
    "foreign": "pkg/cli.exe",
    "locale-sources": "pkg/locale/de/LC_MESSAGES/a.po",
    "locales": "pkg/locale/de/LC_MESSAGES/a.mo",
}


@pytest.mark.parametrize("rule", PLACES)
def test_each_rule_is_switched_by_its_name(rule: str) -> None:
    place = PLACES[rule]
    files = {"pkg/__init__.py": "", place: ""}
    assert trimmed(files, "none", rule).left_out == {place: rule}
    off = trimmed(files, f"no-{rule}")
    assert (off.left_out, off.possible) == ({}, {place: rule})
    assert trimmed(files, rule, f"no-{rule}:Pkg").left_out == {}


def test_the_usual_rules_are_those_that_take_nothing_a_function_could_ask_for() -> None:
    assert [each.name for each in RULES if not each.usual] == ["locales", "bytecode"]


def test_tests_that_another_module_imports_stay_and_it_is_said_why() -> None:
    for line in (
        "from pkg.tests import helper",
        "import pkg.tests.helper",
        "from .tests import helper",
        "from . import (\n    a,\n    tests,\n)",
        "def f():\n    from .tests.helper import g",
    ):
        files = {"pkg/__init__.py": line, "pkg/tests/test_a.py": "", "pkg/tests/helper.py": ""}
        found = trimmed(files)
        assert found.left_out == {}, line
        assert found.spared == {("tests", "pkg"): "pkg/__init__.py imports it"}


def test_what_only_looks_like_tests_stays() -> None:
    kept = {"pkg/testing/__init__.py": "", "pkg/test/client.py": "", "pkg/test_utils.py": "",
            "tests.py": ""}  # fmt: skip
    assert trimmed(kept).left_out == {}


def test_stubs_that_are_read_at_import_stay() -> None:
    lazy = "import lazy_loader as lazy\nlazy.attach_stub(__name__, __file__)\n"
    files = {"pkg/__init__.py": lazy, "pkg/__init__.pyi": "", "pkg/a.pyi": ""}
    assert trimmed(files).left_out == {}


def test_modules_and_data_of_a_folder_called_docs_stay() -> None:
    files = {"botocore/docs/client.py": "", "botocore/docs/shapes.json": ""}
    assert trimmed(files).left_out == {}


def test_metadata_and_licences_stay() -> None:
    files = {"pkg-1.0.dist-info/METADATA": "", "pkg-1.0.dist-info/docs/LICENSE.txt": ""}
    assert trimmed(files).left_out == {}


def test_english_stays_with_locales_on() -> None:
    files = {f"pkg/locale/{each}/LC_MESSAGES/a.mo": "" for each in ("en", "en_GB", "de", "zh_Hans")}
    files |= {f"babel/locale-data/{each}.dat": "" for each in ("root", "en_US", "de")}
    left_out = trimmed(files, "locales").left_out
    assert {each.split("/")[2].removesuffix(".dat") for each in left_out} == {"de", "zh_Hans"}


@pytest.mark.parametrize(("rule", "distribution"), EXCEPTIONS)
def test_exceptions_are_left_alone_with_a_reason(rule: str, distribution: str) -> None:
    files = {PLACES[rule]: ""}
    found = trimmed(files, owner=f"{distribution.replace('-', '_')} 2.0")
    assert found.left_out == {}
    assert found.spared == {(rule, distribution): EXCEPTIONS[rule, distribution]}


@pytest.mark.parametrize("word", ["test", "no-", "tests:numpy", "", "no-test:numpy"])
def test_an_unknown_rule_is_refused_with_those_there_are(word: str) -> None:
    with pytest.raises(BuildError, match=r"is no rule; there are tests, pyc"):
        choose([word])


@given(st.lists(st.sampled_from([*NAMES, *(f"no-{each}" for each in NAMES), "none"])))
def test_the_last_word_on_a_rule_counts(words: list[str]) -> None:
    for rule in NAMES:
        last = [each for each in words if each in (rule, f"no-{rule}", "none")][-1:]
        usual = next(each.usual for each in RULES if each.name == rule)
        assert (rule in choose(words).rules) == (last == [rule] or (not last and usual))
