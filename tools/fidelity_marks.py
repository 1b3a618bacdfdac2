"""What the tests prove of the emulator, read from their `fidelity` marks: rows of docs/fidelity.md.

    @pytest.mark.fidelity("Layers", "merged on /opt in the order given")              exact
    @pytest.mark.fidelity("Logs", "streams", different="kept until the emulator ends")
    @pytest.mark.fidelity("Functions", "container images", refused=True)

The marks are read from the sources, without importing them, so a mark must be written in literals.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True, order=True)
class Mark:
    """One behaviour, and the test that proves it."""

    area: str
    behaviour: str
    different: str
    refused: bool
    test: str  # "tests/localstack/test_layers.py::test_order", or the file for a whole module
    slow: bool = False  # run by `make test-slow` only

    @property
    def here(self) -> str:
        if self.refused:
            return "refused"
        return f"different: {self.different}" if self.different else "exact"


def marks(tests: Path) -> list[Mark]:
    """Every mark below `tests`, sorted.  Raises ValueError for one that is not of literals."""
    root = tests.parent
    texts = {path: path.read_text() for path in tests.rglob("test_*.py")}
    found = {
        mark
        for path, text in sorted(texts.items())
        if "mark.fidelity" in text  # to parse the others is most of the work
        for mark in _marks_of(ast.parse(text), path.relative_to(root).as_posix())
    }
    return sorted(found)


def _marks_of(tree: ast.Module, file: str) -> Iterator[Mark]:
    for node in tree.body:
        names = [node] if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else []
        if isinstance(node, ast.ClassDef):
            names = [each for each in node.body if isinstance(each, ast.FunctionDef)]
        for function in names:
            slow = any(ast.unparse(each) == "pytest.mark.slow" for each in function.decorator_list)
            for decorator in function.decorator_list:
                for mark in _calls(decorator, f"{file}::{function.name}"):
                    yield replace(mark, slow=slow)
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets
        ):
            yield from _calls(node.value, file)


def _calls(within: ast.AST, test: str) -> Iterator[Mark]:
    for call in ast.walk(within):
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr == "fidelity"
        ):
            yield _mark(call, test)


def _mark(call: ast.Call, test: str) -> Mark:
    try:
        given = [ast.literal_eval(each) for each in call.args]
        named = {each.arg or "": ast.literal_eval(each.value) for each in call.keywords}
        area, behaviour = given
    except ValueError:
        raise ValueError(
            f"{test}: a fidelity mark takes an area and a behaviour, as literals"
        ) from None
    if unknown := set(named) - {"different", "refused"}:
        raise ValueError(f"{test}: a fidelity mark knows no {', '.join(sorted(unknown))}")
    return Mark(area, behaviour, named.get("different", ""), named.get("refused", False), test)


def tables(found: list[Mark]) -> str:
    """One table an area: behaviour, how it is here, the test that proves it."""
    blocks = []
    for area in sorted({mark.area for mark in found}):
        rows = [
            f"| {mark.behaviour} | {mark.here} | `{mark.test.removeprefix('tests/')}`"
            f"{' (slow)' if mark.slow else ''} |"
            for mark in found
            if mark.area == area
        ]
        blocks.append(
            "\n".join([f"### {area}", "", "| behaviour | here | proof |", "| --- | --- | --- |"])
            + "\n"
            + "\n".join(rows)
            + "\n"
        )
    return "\n".join(blocks)
