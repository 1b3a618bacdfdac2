"""The root directories are the subpackages of `pelton`: table, links and tree agree."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
PARTS = {name: folder for name, folder in SETUPTOOLS["package-dir"].items() if name != "pelton"}
OWN = {
    f"pelton.{path.name}": f"pelton/{path.name}"
    for path in (ROOT / "pelton").iterdir()
    if path.is_dir() and not path.is_symlink() and path.name != "__pycache__"
}
# A line that may import one of them by its whole name.
ABSOLUTE = re.compile(
    rf"^\s*(from\s+|import\s+(.*,\s*)?)({'|'.join(['pelton', *PARTS.values()])})\b", re.MULTILINE
)


def test_every_package_is_declared() -> None:
    found = {"pelton"} | {
        ".".join((name, *path.parent.relative_to(ROOT / folder).parts))
        for name, folder in (PARTS | OWN).items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert found == set(SETUPTOOLS["packages"])


def test_every_part_is_linked() -> None:
    links = {
        f"pelton.{link.name}": link
        for link in (ROOT / "pelton").iterdir()
        if link.is_dir() and f"pelton.{link.name}" not in OWN and link.name != "__pycache__"
    }
    if not all(link.is_symlink() for link in links.values()) or not links:
        pytest.skip("this checkout has no symbolic links")
    assert {name: link.resolve() for name, link in links.items()} == {
        name: ROOT / folder for name, folder in PARTS.items()
    }


@pytest.mark.parametrize("folder", sorted((PARTS | OWN).values()))
def test_a_part_imports_its_siblings_relatively(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        text = path.read_text()
        if not ABSOLUTE.search(text):  # nearly all of them, and to parse each is dear
            continue
        for node in ast.walk(ast.parse(text)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            wrong = {name.partition(".")[0] for name in names} & {"pelton", *PARTS.values()}
            assert not wrong, f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
