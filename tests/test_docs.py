"""What docs/ says of the code is what the code says: generated pages are current."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent


def make_docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "tools" / "make_docs.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_docs"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["docs/architecture.md", "docs/fidelity.md", "docs/reference.md"])
def test_a_generated_page_is_current(name: str) -> None:
    assert (ROOT / name).read_text() == make_docs().FILES[name](), "run `make docs`"


def test_every_module_opens_with_what_it_is_for() -> None:
    docs = make_docs()
    silent = [
        str(path) for part in docs.PARTS for path in docs.modules(part) if not docs.sentence(path)
    ]
    assert silent == []
