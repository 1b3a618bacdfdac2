"""What mypy says of graphs: a misfit is found before anything runs."""

from __future__ import annotations

from pathlib import Path

from mypy import api

SCRIPT = """
from pelton import Graph, step

def clean(text: str) -> list[str]: ...
def count(words: list[str]) -> int: ...
async def ask(number: int) -> float: ...
class Model:
    def __call__(self, value: float) -> bytes: ...
class Doer:
    def do(self, value: bytes) -> bool: ...

good = Graph("g", str) >> clean >> count >> ask >> Model >> Doer
reveal_type(good)
reveal_type(step(clean) >> count)
def sorry(error: ValueError, text: str) -> bytes: ...
reveal_type((Graph("g", str) >> clean >> count).catch({ValueError: sorry}))
reveal_type(Graph("in", str) >> (Graph("out", str) >> clean))
Graph("g", str) >> count
Graph("g", str) >> clean >> Model
"""


def test_mypy_finds_a_misfit(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    cache = ["--cache-dir", str(tmp_path / "cache"), "--follow-imports", "silent"]
    said, _, _ = api.run(
        [str(script), "--config-file", "", *cache, "--disable-error-code", "empty-body"]
    )
    lines = [line.partition("script.py:")[2] for line in said.splitlines()]
    shown = [line.split('"')[1] for line in lines if "Revealed" in line]
    assert [each.replace("builtins.", "").rpartition("graph.")[2] for each in shown] == [
        "Graph[str, bool]",
        "steps.base.Step[str, int]",
        "Graph[str, int | bytes]",
        "Graph[str, list[str]]",
    ]
    wrong = {line.partition(":")[0] for line in lines if " error: " in line}
    assert wrong == {"18", "19"}
