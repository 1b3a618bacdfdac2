"""What is checked of installed wheels before they may ship: tags and native files.

A wheel's name is a promise; here it is held against what is inside.
"""

from __future__ import annotations

from . import elf
from .errors import CannotResolve
from .gathered import Found
from .tags import ranks
from .target import Target


def check_wheels(found: Found, target: Target, function: str, built: frozenset[str]) -> None:
    """Raise `CannotResolve` for a wheel that does not run on the target.

    built: the distributions (by name) that were built here from their sources
    """
    for index, distribution in enumerate(found.distributions):
        tags = found.tags[distribution]
        if distribution.partition(" ")[0].lower().replace("_", "-") in built:
            _refuse_compiled(distribution, tags, target, function)
        if tags and not any(each in ranks(target) for each in tags):
            raise CannotResolve(
                f"function {function}: {distribution} is built for {', '.join(tags)}, which does "
                f"not run on {target.says}; give one that is built for it"
            )
        _check_native(found, index, tags, target, function)


def _refuse_compiled(distribution: str, tags: list[str], target: Target, function: str) -> None:
    if "py3-none-any" not in tags:
        raise CannotResolve(
            f"function {function}: {distribution} has no wheel for {target.says}, and its sources "
            f"are compiled for one machine ({', '.join(tags)}); ask for a version that has a "
            "wheel, or build its wheel with cibuildwheel and name that by its path"
        )


def _check_native(found: Found, index: int, tags: list[str], target: Target, function: str) -> None:
    """Libraries for several machines may lie in one wheel; none for the target's is a fault."""
    native = [each for each in found.native.get(index, []) if elf.machine(each[1].head(64))]
    ours = [(place, file) for place, file in native if elf.machine(file.head(64)) == target.machine]
    if native and not ours:
        place, machine = native[0][0], elf.machine(native[0][1].head(64))
        raise CannotResolve(
            f"function {function}: {found.distributions[index]} says that it runs on "
            f"{target.architecture}, and its {place} is for {machine}; take another "
            "version or build, and tell its publisher"
        )
    if any(tag.endswith(f"-linux_{target.machine}") for tag in tags):  # no promise about glibc
        for place, file in ours:
            if (wanted := elf.glibc(file.read())) > target.glibc:
                raise CannotResolve(
                    f"function {function}: {place} of {found.distributions[index]} needs glibc "
                    f"{wanted[0]}.{wanted[1]}, newer than that of {target.says}; build its wheel "
                    "in a manylinux image"
                )
