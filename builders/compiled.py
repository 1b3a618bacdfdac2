"""Which modules of an artifact get bytecode, and what is said of it.

All of the user's own and ours; of requirements those that a start can reach by imports, since the
others would make the archive larger and no start faster.  Where requirements are a part by
themselves, which other functions and later builds share, all of theirs: what one function imports
must not decide on what another one has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from .bytecode import bytecode, is_compiled
from .content import File, Files
from .installed import Installed
from .reach import reached
from .report import UNZIPPED_LIMIT, human
from .target import Target
from .trim import Choice, normal

RULE = "unreached"
# Steps whose models say by name what they import, in a file that is no source.
BY_NAME = frozenset({"pickled", "skops"})


def add_bytecode(
    files: dict[str, File],
    installed: Installed,
    places: Sequence[str],
    target: Target,
    cache: Path,
) -> str:
    """Add what the modules at `places` compile to; what to say about it."""
    made = bytecode({place: files[place] for place in places}, target.python, cache)
    if made is None:
        return f"no bytecode: this machine has no Python {target.python} to compile for the target"
    size = sum(each.size for each in made.values())
    if sum(each.size for each in files.values()) + size > UNZIPPED_LIMIT:
        return f"no bytecode: its {human(size)} would go over {human(UNZIPPED_LIMIT)} unzipped"
    owner = installed.owner
    for place in made:
        folder, _, name = place.rpartition("__pycache__/")
        if source := owner.get(f"{folder}{name.partition('.')[0]}.py"):
            owner[place] = source
    whole = sum(map(is_compiled, files))
    files |= made
    some = f", for those of its {whole} modules that its imports reach, {len(places)}"
    said = some if len(places) < whole else ""
    return f"with bytecode for Python {target.python}, {human(size)}{said}"


def worth_compiling(
    files: Files, installed: Installed, choice: Choice, shared: bool, graphs: Sequence[Any]
) -> list[str]:
    """The places of the modules that get bytecode.

    shared: whether requirements are a part by themselves; graphs: those of the function
    """
    modules = sorted(filter(is_compiled, files))
    named = any(step.spec.kind in BY_NAME for graph in graphs for step in graph.walk())
    if shared or named or RULE not in choice.rules:
        return modules
    owner = installed.owner
    own = [place for place in files if place not in owner]
    found = reached(files, own, lambda place: files[place].read(), _behind(files, installed))
    spared = {name for rule, name in choice.spared if rule == RULE}
    return [
        place for place in modules
        if place in found or (spared and _key(owner.get(place, "")) in spared)
    ]  # fmt: skip


def _behind(files: Files, installed: Installed) -> Callable[[str], Iterable[str]]:
    """What a native module may import: the distributions that its own requires, whole where they
    are plain Python (of one with native modules itself, what its packages import)."""
    owner, known = installed.owner, installed.requirers.installed
    places: dict[str, list[str]] = {}
    for place in files:
        places.setdefault(_key(owner.get(place, "")), []).append(place)

    def behind(place: str) -> Iterable[str]:
        made = known.get(_key(owner.get(place, "")))
        for name, _, extra in made.needs if made else ():
            theirs = () if extra else places.get(name, ())
            native = any(each.endswith(".so") for each in theirs)
            yield from (each for each in theirs if not native or _is_package(each))

    return behind


def _is_package(place: str) -> bool:
    return place.count("/") == 1 and place.endswith("/__init__.py")


def _key(label: str) -> str:
    return normal(label.partition(" ")[0])
