"""Which wheels a target can run, by the tags in their names: Python, ABI, C library, machine.

Sources: PEP 425 (tags), PEP 600 (manylinux_x_y), PEP 513, 571 and 599 (manylinux1, 2010, 2014).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from .target import Target

LEGACY = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
# The oldest C library that a manylinux platform was ever made for, by machine.
OLDEST = {"x86_64": 5, "aarch64": 17}


def platforms(machine: str, glibc: tuple[int, int]) -> Iterator[str]:
    """The platform tags that a machine with that C library runs, best first.

    >>> list(platforms("aarch64", (2, 18)))
    ['manylinux_2_18_aarch64', 'manylinux_2_17_aarch64', 'manylinux2014_aarch64', 'linux_aarch64']
    """
    major, newest = glibc
    for minor in range(newest, OLDEST.get(machine, 17) - 1, -1):
        yield f"manylinux_{major}_{minor}_{machine}"
        if (major, minor) in LEGACY:
            yield f"{LEGACY[major, minor]}_{machine}"
    yield f"linux_{machine}"


@cache
def ranks(target: Target) -> dict[str, int]:
    """Every tag that the target takes, with its rank: 0 is the best fit."""
    from packaging.tags import compatible_tags, cpython_tags

    major, minor = map(int, target.python.split("."))
    tag = f"cp{major}{minor}"
    places = list(platforms(target.machine, target.glibc))
    found = [*cpython_tags((major, minor), [tag], places)]
    found += compatible_tags((major, minor), tag, places)
    return {str(each): rank for rank, each in reversed(list(enumerate(found)))}


def tags_of(wheel: str) -> list[str]:
    """The tags that a wheel's name stands for.

    >>> tags_of("a-1.0-py2.py3-none-any.whl")
    ['py2-none-any', 'py3-none-any']
    """
    pythons, abis, places = wheel.removesuffix(".whl").split("-")[-3:]
    return [f"{p}-{a}-{w}" for p in pythons.split(".") for a in abis.split(".")
            for w in places.split(".")]  # fmt: skip


def rank(wheel: str, target: Target) -> int | None:
    """How well a wheel fits a target: 0 is best; None when it does not run there.

    >>> rank("n-2-cp311-cp311-manylinux_2_27_x86_64.whl", Target("lambda", "3.11", glibc=(2, 26)))
    >>> rank("n-2-cp311-cp311-manylinux_2_26_x86_64.whl", Target("lambda", "3.11", glibc=(2, 26)))
    0
    >>> rank("n-2-cp311-cp311-musllinux_1_2_x86_64.whl", Target("lambda", "3.11"))
    """
    known = ranks(target)
    found = [known[each] for each in tags_of(wheel) if each in known]
    return min(found) if found else None
