"""Which app a folder is of: named by its settings, or the one module that makes one.

Reads text and syntax trees; nothing is imported.
"""

from __future__ import annotations

import ast
import os
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from .errors import BuildError

SETTINGS = (("pelton.toml", ()), ("pyproject.toml", ("tool", "pelton")))


class Found(NamedTuple):
    """where: as `load_app` takes it; why: what says so, for people."""

    where: str
    why: str


def find_app(folder: Path) -> Found:
    """The app of a folder.

    Raises `BuildError` where nothing names one and no module or more than one makes one.
    """
    return _named(folder) or _made(folder)


def named(folder: Path) -> str:
    """What a folder's settings name as its app; "" for nothing."""
    found = _named(folder)
    return found.where.removeprefix(f"{folder}{os.sep}") if found else ""


def _named(folder: Path) -> Found | None:
    for name, table in SETTINGS:
        said = _settings(folder / name, table).get("app")
        if said is None:
            continue
        if not isinstance(said, str) or not said:
            raise BuildError(f'{name}: app = {said!r} names no app; write app = "FILE.py:name"')
        file = said.partition(":")[0]
        place = str(folder / said) if file.endswith((".py", ".ipynb")) else said
        return Found(place, f"{said}, by {name}")
    return None


def _settings(path: Path, table: tuple[str, ...]) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found: Any = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BuildError(f"{path.name} cannot be read: {error}") from None
    for name in table:
        found = found.get(name, {})
    return found if isinstance(found, dict) else {}


def _made(folder: Path) -> Found:
    makers = {
        path: names for path in sorted(folder.glob("*.py")) if (names := _apps(path.read_bytes()))
    }
    if len(makers) == 1:
        (path,) = makers
        return Found(str(path), f"{path.name}, the one module here with a pelton.App")
    if not makers:
        raise BuildError(
            f"no module in {folder} makes a pelton.App: give FILE.py, or name it in pelton.toml "
            'with app = "FILE.py"'
        )
    found = ", ".join(f"{path.name}:{name}" for path, names in makers.items() for name in names)
    raise BuildError(
        f"{folder} has several apps ({found}): give one, or name it in pelton.toml with "
        'app = "FILE.py:name"'
    )


def _apps(source: bytes) -> list[str]:
    """The names under which a module keeps apps.

    >>> _apps(b"import pelton\\napp = pelton.App('shop')")
    ['app']
    >>> _apps(b"from other import App\\napp = App('shop')")
    []
    """
    if b"App" not in source or b"pelton" not in source:
        return []
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []
    ways = {way for node in tree.body for way in _ways(node)}
    return [
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func) in ways
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    ]


def _ways(node: ast.stmt) -> list[str]:
    """How a module may call App, by an import of its."""
    if isinstance(node, ast.Import):
        return [f"{each.asname or each.name}.App" for each in node.names if each.name == "pelton"]
    if isinstance(node, ast.ImportFrom) and node.module == "pelton":
        return [each.asname or each.name for each in node.names if each.name == "App"]
    return []
