"""The real index: wheels as their publishers tag them.  Needs a network."""

from __future__ import annotations

import pytest

from pelton.builders import Target
from pelton.builders.errors import CannotResolve
from pelton.builders.tags import rank

from .conftest import Desk

pytestmark = pytest.mark.slow
TARGETS = [
    Target("lambda", python, machine, (2, 26) if python == "3.11" else (2, 34))
    for python in ("3.11", "3.12", "3.13", "3.14")
    for machine in ("x86_64", "arm64")
]


@pytest.mark.parametrize("target", TARGETS, ids=lambda each: f"{each.python}-{each.architecture}")
def test_native_wheels_for_every_runtime(target: Target, desk: Desk) -> None:
    made = desk.install("numpy", "pydantic", target=target, offline=False)
    for package in made.packages:
        assert rank(package.file, target) is not None
    assert {"numpy", "pydantic", "pydantic_core"} <= made.modules


def test_sources_that_are_plain_python_are_built(desk: Desk) -> None:
    assert desk.install("docopt", offline=False).modules == {"docopt"}


def test_sources_that_need_a_compiler_are_refused(desk: Desk) -> None:
    with pytest.raises(CannotResolve, match=r"uwsgi.*do not build into plain Python"):
        desk.install("uwsgi", offline=False)


def test_a_version_whose_wheels_are_too_new_names_one_that_is_not(desk: Desk) -> None:
    old = Target("lambda", "3.11", glibc=(2, 26))
    with pytest.raises(CannotResolve, match=r"numpy.*2\.2\.6 is the newest that has one"):
        desk.install("numpy>=2.4", target=old, offline=False)


def test_a_name_that_is_on_no_index(desk: Desk) -> None:
    with pytest.raises(CannotResolve, match="there is no package pelton-has-no-such-name"):
        desk.install("pelton-has-no-such-name", offline=False)
