"""What mypy says of graphs: a misfit is found before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from mypy import api

ROOT = Path(__file__).parents[2]

SCRIPT = """
from pelton import Context, Graph, step

def clean(text: str) -> list[str]: ...
def count(words: list[str]) -> int: ...
async def ask(number: int) -> float: ...
class Model:
    def __call__(self, value: float) -> bytes: ...
class Doer:
    def do(self, value: bytes) -> bool: ...
class Told:
    def __call__(self, value: bool, context: Context) -> int: ...
class Asked:
    async def __call__(self, value: bool, context: Context) -> float: ...
class Done:
    def do(self, value: bool, context: Context) -> str: ...

good = Graph("g", str) >> clean >> count >> ask >> Model >> Doer
reveal_type(good)
reveal_type(step(clean) >> count)
def sorry(error: ValueError, text: str) -> bytes: ...
reveal_type((Graph("g", str) >> clean >> count).catch({ValueError: sorry}))
reveal_type(Graph("in", str) >> (Graph("out", str) >> clean))
reveal_type(good >> Told)
reveal_type(good >> Asked)
reveal_type(good >> Done)
reveal_type(step(Doer) >> Told)
Graph("g", str) >> count
Graph("g", str) >> clean >> Model
Graph("g", str) >> clean >> Told
"""


def test_mypy_finds_a_misfit(said: dict[str, list[str]]) -> None:
    lines = said["script"]
    shown = [line.split('"')[1] for line in lines if "Revealed" in line]
    assert [each.replace("builtins.", "").rpartition("graph.")[2] for each in shown] == [
        "Graph[str, bool]",
        "kit.base.Step[str, int]",
        "Graph[str, int | bytes]",
        "Graph[str, list[str]]",
        "Graph[str, int]",
        "Graph[str, float]",
        "Graph[str, str]",
        "kit.base.Step[bytes, int]",
    ]
    wrong = {int(line.partition(":")[0]) for line in lines if " error: " in line}
    first = SCRIPT.splitlines().index('Graph("g", str) >> count') + 1
    assert wrong == set(range(first, first + 3))


WORDS = """
from pelton import Graph, step, steps

def clean(text: str) -> list[str]: ...
def count(words: list[str]) -> int: ...
async def ask(number: int) -> float: ...
def small(n: int) -> bool: ...
def note(thing: object) -> None: ...
def add(total: float, n: int) -> float: ...
def tell(total: float, n: int) -> str: ...
def wind(airport: str) -> float | None: ...
def clean_all(words: list[str]) -> list[int]: ...
def with_wind(airport: str, found: float) -> bytes: ...
class Model:
    def __call__(self, value: int) -> bytes: ...

words = Graph("g", str) >> clean >> steps.tap(note) >> count >> steps.filter(small)
reveal_type(words >> ask)
reveal_type(words >> steps.cache(ask, ttl=3))
reveal_type(words >> steps.cache(Model))
reveal_type(words >> steps.reduce(add, 0.0))
reveal_type(words >> steps.reduce(add, 0.0, gives=tell))
reveal_type(words >> steps.cycle(step(ask) >> int, until=small, limit=3))
reveal_type(words >> steps.respond(ask, then=note))
reveal_type(Graph("g", list[str]) >> steps.map(clean) >> steps.flat_map(clean_all))
reveal_type(Graph("g", str) >> steps.join(wind, by="x", combine=with_wind))
reveal_type(words >> steps.http("http://x", output_type=float))

Graph("g", str) >> steps.tap(count)
Graph("g", str) >> steps.cache(ask)
Graph("g", str) >> steps.reduce(add, 0.0)
Graph("g", str) >> steps.cycle(Graph("in", int) >> abs, until=small, limit=3)
Graph("g", int) >> steps.map(clean)
Graph("g", str) >> steps.respond(ask, then=note)
Graph("g", str) >> clean >> steps.flat_map(clean) >> count >> steps.filter(small) >> clean
"""


def test_the_words_keep_the_types(said: dict[str, list[str]]) -> None:
    lines = said["words"]
    shown = [line.split('"')[1] for line in lines if "Revealed" in line]
    assert [each.replace("builtins.", "").rpartition("graph.")[2] for each in shown] == [
        "Graph[str, float]",
        "Graph[str, float]",
        "Graph[str, bytes]",
        "Graph[str, float]",
        "Graph[str, str]",
        "Graph[str, int]",
        "Graph[str, float]",
        "Graph[list[str], list[int]]",
        "Graph[str, bytes]",
        "Graph[str, float]",
    ]
    wrong = {int(line.partition(":")[0]) for line in lines if " error: " in line}
    first = WORDS.splitlines().index('Graph("g", str) >> steps.tap(count)') + 1
    assert wrong == set(range(first, first + 7))


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What mypy says of each script, each line from its line number on: with the project's own
    settings, so that what it already knows of the project is not worked out again."""
    folder = tmp_path_factory.mktemp("scripts")
    scripts = {"script": SCRIPT, "words": WORDS}
    for name, text in scripts.items():
        (folder / f"{name}.py").write_text(text.replace(": ...", ": raise NotImplementedError"))
    told, _, _ = api.run(
        [
            *(str(folder / f"{name}.py") for name in scripts),
            *("--config-file", str(ROOT / "pyproject.toml")),
            *("--cache-dir", str(ROOT / ".mypy_cache")),
        ]
    )
    return {
        name: [
            line.partition(f"{name}.py:")[2] for line in told.splitlines() if f"{name}.py:" in line
        ]
        for name in scripts
    }
