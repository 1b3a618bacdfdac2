"""The parts of pelton that ship, read through importlib.resources (a zipped install works too)."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

ALWAYS = ("handlers", "runtime")
GRAPH = "serving_graph"
PACKAGE = __package__.rpartition(".")[0]


def shipped(with_graph: bool) -> dict[str, bytes]:
    """The files of pelton for an artifact, by their place in it."""
    front = ("__init__.py", *(["steps.py"] if with_graph else []))
    found = {f"{PACKAGE}/{name}": (files(PACKAGE) / name).read_bytes() for name in front}
    for part in (*ALWAYS, *([GRAPH] if with_graph else [])):
        for place, content in _walk(files(f"{PACKAGE}.{part}"), f"{PACKAGE}/{part}"):
            found[place] = content
    return found


def _walk(folder: Traversable, place: str) -> Iterator[tuple[str, bytes]]:
    for each in folder.iterdir():
        if each.is_dir() and each.name != "__pycache__":
            yield from _walk(each, f"{place}/{each.name}")
        elif each.name.endswith(".py"):
            yield f"{place}/{each.name}", each.read_bytes()
