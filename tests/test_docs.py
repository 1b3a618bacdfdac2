"""What docs/ says of the code is what the code says: generated pages are current."""

import ast
import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import pytest

from .deploy.commands import run_command
from .forked import Forked

ROOT = Path(__file__).parent.parent
HOW_TO = sorted((ROOT / "docs" / "how-to").glob("*.md"))


def make_docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "tools" / "make_docs.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_docs"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", sorted(make_docs().FILES))
def test_a_generated_page_is_current(name: str) -> None:
    assert (ROOT / name).read_text() == make_docs().FILES[name](), "run `make docs`"


def test_every_module_opens_with_what_it_is_for() -> None:
    docs = make_docs()
    silent = [
        str(path) for part in docs.PARTS for path in docs.modules(part) if not docs.sentence(path)
    ]
    assert silent == []


def test_the_code_map_has_a_whole_sentence_of_a_docstring(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('"""What it is,\nand for what.  Who it knows.\n\nMore of it.\n"""\n')
    assert make_docs().sentence(module) == "What it is, and for what."


def test_the_table_of_promises_has_every_source_and_names_tests_that_there_are() -> None:
    make_docs().promises()  # whose folder of tools is importable then
    promises_page = sys.modules["promises.page"]
    from pelton.handlers import triggers

    rows = promises_page.rows()
    kinds = {each.kind for name in triggers.__all__ if (each := getattr(triggers, name)).kind}
    named = " ".join(rows)
    alone = {"nats": "`nats`", "redis": "`redis-stream`"}
    without = [kind for kind in kinds if alone.get(kind, f"`{kind}`") not in named]
    assert not without, "give them a row in tools/promises/rows.py"
    assert {len(cells) for cells in rows.values()} == {len(promises_page.COLUMNS) + 1}
    proofs = {test for cells in rows.values() for _, test in cells if test}
    known = known_tests({test.partition("::")[0] for test in proofs})
    assert not sorted(proofs - known)


def known_tests(files: set[str]) -> set[str]:
    """Those of `files` that the table may name: of a module, and of a class and its bases."""
    texts = {path: path.read_text() for path in (ROOT / "tests").rglob("*.py")}
    modules = {
        path: ast.parse(text)
        for path, text in texts.items()
        if path.relative_to(ROOT).as_posix() in files or re.search(r"^class \w+Tests\b", text, re.M)
    }
    methods: dict[str, set[str]] = {}
    for tree in modules.values():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name.endswith("Tests"):
                methods[node.name] = {each.name for each in node.body if hasattr(each, "name")}
    found = set[str]()
    for path, tree in modules.items():
        where = path.relative_to(ROOT).as_posix()
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                found.add(f"{where}::{node.name}")
            elif isinstance(node, ast.ClassDef):
                own = {each.name for each in node.body if hasattr(each, "name")}
                own = own.union(*(methods.get(ast.unparse(base), set()) for base in node.bases))
                found |= {f"{where}::{node.name}::{each}" for each in own}
    return found


PAGES = ["README.md", "docs/tutorial.md", *(f"docs/how-to/{p.name}" for p in HOW_TO)]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a reader begins in."""
    folder = tmp_path_factory.mktemp("begun")
    assert run_command(["init", "."], folder).returncode == 0
    return folder


# A reader's run of tests has an emulator of its own; these have that of this run.
SHARED = """
import pytest
from pelton.pytest_plugin import RunningEmulator

@pytest.fixture(scope="session")
def pelton_emulator_process():
    return {emulator!r}
"""


@pytest.mark.parametrize("page", PAGES)
def test_the_python_on_a_page_runs(
    page: str, begun: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Every block is a module of its own, as a reader would save it; its tests are run too."""
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    if any("pelton_emulator" in block for block in blocks):
        emulator = request.getfixturevalue("pelton_emulator")
        (tmp_path / "conftest.py").write_text(SHARED.format(emulator=emulator))
    for number, block in enumerate(blocks):
        (tmp_path / f"test_block_{number}.py").write_text(block)
    with tempfile.TemporaryFile("w+") as said:
        done = Forked(
            ["-q", "-p", "no:cacheprovider", "--rootdir", ".", "-p", "pelton.pytest_plugin", "."],
            tmp_path,
            stdout=said,
            stderr=subprocess.STDOUT,
            # Only our plugin: loading the others that the tests of this project have takes longest.
            environment=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            program="pytest",
        ).wait()
        said.seek(0)
        assert done in (0, 5), said.read()  # 5: no tests among the blocks
    assert blocks or page in {"docs/how-to/deploy.md", "docs/how-to/develop-on-your-machine.md"}


def test_a_fidelity_mark_that_is_not_literal_is_named(tmp_path: Path) -> None:
    make_docs().event_sources()  # puts tools/ on the path
    marks = importlib.import_module("fidelity_marks").marks
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test_a.py").write_text(
        '@pytest.mark.fidelity("Logs", "tail", different="shorter")\ndef test_tail(): ...\n'
    )
    (found,) = marks(tests)
    assert (found.area, found.here) == ("Logs", "different: shorter")
    assert found.test == "tests/test_a.py::test_tail"
    (tests / "test_b.py").write_text("@pytest.mark.fidelity(AREA, 'x')\ndef test_b(): ...\n")
    with pytest.raises(ValueError, match=r"test_b\.py::test_b: a fidelity mark takes"):
        marks(tests)
