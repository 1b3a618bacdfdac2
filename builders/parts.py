"""The parts of pelton that ship, read through importlib.resources (a zipped install works too).

Of the serving graph only what the user's code can reach goes along: the kinds of step whose words
it says, and what those import.  Reading is by text and by syntax tree; nothing is imported.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from ..serving_graph.steps import KINDS

ALWAYS = ("handlers", "runtime")
GRAPH = "serving_graph"
PACKAGE = __package__.rpartition(".")[0]
STEPS, KIT = f"{PACKAGE}/{GRAPH}/steps", f"{PACKAGE}/{GRAPH}/kit"
# Words of the serving graph by which code is known to use it.
_USES = re.compile(rb"Graph|serving_graph|ensemble|router|parallel|oip")
# With these a graph is made of what is read at run time, so it may be of any kind.
_ANY_KIND = re.compile(rb"from_spec|from_yaml|from_json|importlib|getattr")


def shipped(sources: Mapping[str, Path]) -> dict[str, bytes]:
    """The files of pelton for an artifact whose own files those are, by their place in it."""
    texts = [path.read_bytes() for place, path in sources.items() if place.endswith(".py")]
    found = {f"{PACKAGE}/__init__.py": (files(PACKAGE) / "__init__.py").read_bytes()}
    for part in ALWAYS:
        found |= _part(part)
    if any(map(_USES.search, texts)):
        found[f"{PACKAGE}/steps.py"] = (files(PACKAGE) / "steps.py").read_bytes()
        found |= graph_part(texts)
    return found


def graph_part(texts: Iterable[bytes]) -> dict[str, bytes]:
    """The files of the serving graph that code with those texts can reach."""
    words = set(re.findall(rb"\w+", b"\n".join(texts)))
    every = any(map(_ANY_KIND.search, texts))
    places = _part(GRAPH)
    homes = {f"{STEPS}/{module}.py" for module in KINDS.values()}
    kinds = {each for each in homes if every or _functions(places[each]) & words}
    named = [place for place, content in places.items() if _named(place, content) & words]
    waiting = [f"{PACKAGE}/{GRAPH}/graph.py", f"{STEPS}/subgraph.py", f"{STEPS}/call.py"]
    waiting += [*kinds, *(each for each in named if not each.startswith((STEPS, KIT)))]
    kept: dict[str, bytes] = {}
    while waiting:
        place = waiting.pop()
        if place in places and place not in kept:
            kept[place] = places[place]
            waiting += _reached(place, places)
    return kept


def _named(place: str, content: bytes) -> set[bytes]:
    """The words by which code asks for a file: its own and its folder's name, its classes."""
    own = place.removesuffix(".py").encode().split(b"/")[2:]
    return {*own, *re.findall(rb"^class (\w+)", content, re.MULTILINE)}


def _functions(content: bytes) -> set[bytes]:
    """The words that a kind's file has; `rebuild` is every kind's."""
    return set(re.findall(rb"^def ([a-z]\w*)", content, re.MULTILINE)) - {b"rebuild"}


def _reached(place: str, places: Mapping[str, bytes]) -> Iterator[str]:
    """The files that one imports, those of its folders, and all beside a folder's `__init__` that
    loads them by name."""
    folder = place.rpartition("/")[0]
    yield f"{folder}/__init__.py"
    yield from _imports(place, places[place])
    by_name = place.endswith("/__init__.py") and b"import_module" in places[place]
    if by_name and folder not in (STEPS, f"{PACKAGE}/{GRAPH}"):
        yield from (each for each in places if each.startswith(f"{folder}/"))
    if b'import_module(f"..models' in places[place]:
        yield from (each for each in places if each.startswith(f"{PACKAGE}/{GRAPH}/models/"))


@cache
def _imports(place: str, content: bytes) -> tuple[str, ...]:
    found: list[str] = []
    for node in _at_run_time(ast.parse(content).body):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = place.split("/")[: -node.level] + (node.module or "").split(".")
            home = "/".join(filter(None, base))
            found += [f"{home}.py", f"{home}/__init__.py"]
            found += [f"{home}/{each.name}.py" for each in node.names]
    return tuple(found)


def _at_run_time(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Every statement but those that only a type checker reads; no expression holds one."""
    for each in body:
        if isinstance(each, ast.If) and "TYPE_CHECKING" in ast.dump(each.test):
            continue
        yield each
        for part in ("body", "orelse", "finalbody"):
            yield from _at_run_time(getattr(each, part, ()))
        for part in ("handlers", "cases"):
            for branch in getattr(each, part, ()):
                yield from _at_run_time(branch.body)


@cache
def _part(part: str) -> Mapping[str, bytes]:
    return dict(_walk(files(f"{PACKAGE}.{part}"), f"{PACKAGE}/{part}"))


def _walk(folder: Traversable, place: str) -> Iterator[tuple[str, bytes]]:
    for each in folder.iterdir():
        if each.is_dir() and each.name != "__pycache__":
            yield from _walk(each, f"{place}/{each.name}")
        elif each.name.endswith(".py"):
            yield f"{place}/{each.name}", each.read_bytes()
