"""What of pelton ships: all that the code can reach, and of the serving graph no more than that."""

from __future__ import annotations

import ast
import functools
import os
import shutil
import subprocess
import sys
from importlib.util import resolve_name
from pathlib import Path

import pytest

from pelton import steps
from pelton.builders.parts import graph_part, shipped
from pelton.serving_graph.steps import KINDS

WORDS = sorted(steps.__all__)
BARE = """
import sys
sys.path.insert(0, sys.argv[1])
from pelton import steps, Graph
for word in sys.argv[2:]:
    getattr(steps, word)
"""
EVERY = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
"""


@functools.cache  # of six words nearly all files are the same
def modules(place: str, content: bytes) -> tuple[str, ...]:
    """A file's module, and what its functions import when they are called; what only a type checker
    reads not."""
    name = place.removesuffix(".py").replace("/", ".")
    package = name.rpartition(".")[0]
    functions = [
        each
        for each in ast.walk(ast.parse(content))
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    later = {
        resolve_name("." * node.level + node.module, package)
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and node.level and node.module
    }
    return (name.removesuffix(".__init__"), *sorted(later))


def lay(files: dict[str, bytes], folder: Path) -> None:
    for place, content in files.items():
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        os.utime(target, (0, 0))  # the same file has the same bytecode, wherever that is kept


def sources(folder: Path, text: str) -> dict[str, Path]:
    (folder / "app.py").write_text(text)
    return {"app.py": folder / "app.py"}


@pytest.mark.parametrize("word", WORDS)
def test_the_word_s_own_kind_goes_along(word: str) -> None:
    kept = graph_part([f"pelton.Graph; steps.{word}".encode()])
    home = {"step": "call", "when": "choice"}.get(word, word)
    assert f"pelton/serving_graph/steps/{home}.py" in kept


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.mark.parametrize("word", ["batched", "dead_letter", "http", "model", "queue", "shadow"])
def test_every_file_that_ships_finds_what_it_imports(
    word: str, tmp_path: Path, bench: Path
) -> None:
    """One after the other at one place, so that none compiles anew what another has compiled."""
    artifact, kept_at = bench / "artifact", f"pycache_prefix={bench / 'bytecode'}"
    shutil.rmtree(artifact, ignore_errors=True)
    kept = shipped(sources(tmp_path, f"import pelton\npelton.Graph\npelton.steps.{word}\n"))
    lay(kept, artifact)
    read = [modules(*each) for each in sorted(kept.items()) if "/oip/" not in each[0]]
    names = [each[0] for each in read] + sorted({name for each in read for name in each[1:]})
    command = [sys.executable, "-I", "-S", "-X", kept_at, "-c", EVERY, str(artifact), *names]
    subprocess.run(command, check=True, capture_output=True, text=True)


def test_what_ships_is_enough_for_its_words(tmp_path: Path) -> None:
    words = ["map", "filter", "join", "retry"]
    text = "import pelton\n" + "".join(f"pelton.steps.{word}\n" for word in words) + "Graph\n"
    lay(shipped(sources(tmp_path, text)), tmp_path / "artifact")
    command = [sys.executable, "-I", "-S", "-B", "-c", BARE, str(tmp_path / "artifact"), *words]
    subprocess.run(command, check=True, capture_output=True, text=True)


def test_a_word_that_was_not_said_is_refused_with_what_to_do(tmp_path: Path) -> None:
    lay(shipped(sources(tmp_path, "import pelton\npelton.Graph\n")), tmp_path / "artifact")
    command = [sys.executable, "-I", "-S", "-B", "-c", BARE, str(tmp_path / "artifact"), "bandit"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert "pelton.steps.bandit" in done.stderr
    assert "not in this artifact" in done.stderr


def test_what_no_function_needs_stays_at_home(tmp_path: Path) -> None:
    without = shipped(sources(tmp_path, "import pelton\n"))
    assert not any("serving_graph" in place for place in without)
    few = shipped(sources(tmp_path, "import pelton\npelton.Graph\n"))
    assert not [
        place for place in few if "/oip/" in place or place.endswith(("draw.py", "live.py"))
    ]
    assert "pelton/serving_graph/steps/bandit.py" not in few
    served = shipped(sources(tmp_path, "import pelton\npelton.oip(pelton.Graph)\n"))
    assert any("/oip/" in place for place in served)
    read = shipped(sources(tmp_path, "import pelton\npelton.Graph.from_spec\n"))
    assert all(f"pelton/serving_graph/steps/{module}.py" in read for module in KINDS.values())
