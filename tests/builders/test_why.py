"""Why an artifact is as big as it is: chains from metadata, what is only brought by one, ways."""

from __future__ import annotations

import pytest

from pelton.builders.content import held
from pelton.builders.errors import TooLarge
from pelton.builders.report import MEGABYTE, Entry, Report, Saved, make_report
from pelton.builders.requirers import Requirers, environment, find_requirers, parse_metadata
from pelton.builders.target import Target
from pelton.builders.why import explain, lines, refuse_too_large

MARKERS = environment(Target("lambda", "3.12"))


def metadata(name: str, *needs: str, extras: tuple[str, ...] = ()) -> str:
    lines = [f"Name: {name}", "Version: 1.0"]
    lines += [f"Provides-Extra: {each}" for each in extras]
    return "\n".join([*lines, *(f"Requires-Dist: {each}" for each in needs)]) + "\n\nText\n"


def requirers(requirements: list[str], *texts: str) -> Requirers:
    found = [parse_metadata(text, MARKERS) for text in texts]
    return find_requirers(requirements, {each.key: each for each in found})


SHOP = requirers(
    ["Big[fast]>=1", "small"],
    metadata("big", "shared", "wheels; extra == 'fast'", "slow; extra == 'slow'",
             extras=("fast", "slow")),
    metadata("small", "Shared>=1", 'old; python_version < "3.8"'),
    metadata("shared", "big"),
    metadata("wheels"),
    metadata("slow"),
    metadata("old"),
)  # fmt: skip


def test_the_chain_is_the_shortest_and_extras_and_markers_count() -> None:
    assert dict(SHOP.chains) == {
        "big": ("big",),
        "small": ("small",),
        "shared": ("big", "shared"),
        "wheels": ("big", "wheels"),
    }


def test_what_a_requirement_brings_alone_is_what_goes_with_it() -> None:
    # small needs shared, which needs big: without the requirement big it is there all the same.
    assert dict(SHOP.alone) == {"Big[fast]>=1": ("wheels",), "small": ("small",)}


def test_an_extra_that_is_asked_for_later_is_followed() -> None:
    found = requirers(
        ["a", "b"],
        metadata("a", "c; extra == 'more'", extras=("more",)),
        metadata("b", "a[more]"),
        metadata("c"),
    )
    assert found.chains["c"] == ("a", "c") or found.chains["c"] == ("b", "a", "c")


def report(unzipped: int, zipped: int = 1) -> Report:
    packages = (Entry("wheels 1.0", unzipped - 30 * MEGABYTE), Entry("small 1.0", 20 * MEGABYTE),
                Entry("big 1.0", 10 * MEGABYTE))  # fmt: skip
    return Report(
        (), packages, zipped, unzipped, possible=(Saved("locales", 3, 5 * MEGABYTE),),
        trimmed=(Saved("tests", 2, 100),), cut={"big 1.0": 60, "shared 1.0": 40}, requirers=SHOP,
    )  # fmt: skip


def test_every_part_has_its_size_what_was_left_out_and_its_chain() -> None:
    parts = {each.name: each for each in explain("f", report(100 * MEGABYTE)).parts}
    assert parts["wheels 1.0"].chain == ("big", "wheels")
    assert (parts["big 1.0"].trimmed, parts["shared 1.0"].trimmed) == (60, 40)


def test_ways_begin_with_what_costs_nothing_and_end_with_another_form() -> None:
    why = explain("f", report(260 * MEGABYTE, 60 * MEGABYTE))
    assert [way.saves // MEGABYTE for way in why.ways] == [5, 230, 20, 0, 0, 0]
    assert "locales" in why.ways[0].do
    assert "do without Big[fast]>=1" in why.ways[1].do
    assert "image" in why.ways[-1].do
    assert any("goes through S3" in each for each in why.limits)
    assert any("over Lambda's 250.0 MB" in each for each in why.limits)


def test_a_small_one_names_no_limit() -> None:
    why = explain("f", report(40 * MEGABYTE))
    assert (why.limits, [way.saves > 0 for way in why.ways]) == ((), [True] * 3)


def test_too_large_says_which_way_is_enough() -> None:
    with pytest.raises(TooLarge) as caught:
        refuse_too_large("f", report(260 * MEGABYTE))
    said = str(caught.value)
    assert "10.0 MB must go" in said
    assert "230.0 MB  do without Big[fast]>=1 (enough by itself)" in said
    assert "5.0 MB  trim=" in said
    assert "it saves" not in said


def test_the_tree_has_each_distribution_once_below_what_brought_it() -> None:
    told = lines(explain("f", report(100 * MEGABYTE)), report(100 * MEGABYTE))
    tree = told[told.index("what each requirement brings, once and where it is met first:") + 1 :]
    assert [line[11:] for line in tree[:4]] == ["big", "  wheels", "  shared", "small"]
    assert tree[0].split()[0] == "80.0"  # with what is below it


def test_bytecode_is_a_way_to_less() -> None:
    made = make_report(held({"a.py": b"x", "__pycache__/a.cpython-312.pyc": b"four"}), {}, 1)
    assert made.possible == (Saved("bytecode", 1, 4),)
