"""What docs/ says of the code is what the code says: generated pages are current."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

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


PAGES = ["README.md", "docs/tutorial.md", *(f"docs/how-to/{p.name}" for p in HOW_TO)]


@pytest.mark.parametrize("page", PAGES)
def test_the_python_on_a_page_runs(page: str, tmp_path: Path) -> None:
    """Every block is a module of its own, as a reader would save it; its tests are run too."""
    made = subprocess.run(
        [sys.executable, "-m", "pelton", "init", "."], cwd=tmp_path, capture_output=True, check=True
    )
    assert made.returncode == 0
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    for number, block in enumerate(blocks):
        (tmp_path / f"test_block_{number}.py").write_text(block)
    pytest_run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", "."]
    done = subprocess.run(
        [*pytest_run, "-p", "pelton.pytest_plugin", "."],
        cwd=tmp_path,
        # Only our plugin: loading the others that the tests of this project have takes longest.
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 5), done.stdout + done.stderr  # 5: no tests among the blocks
    assert blocks or page in {"docs/how-to/deploy.md", "docs/how-to/develop-on-your-machine.md"}


def test_a_fidelity_mark_that_is_not_literal_is_named(tmp_path: Path) -> None:
    make_docs().fidelity()  # puts tools/ on the path
    marks = sys.modules["fidelity_marks"].marks
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
