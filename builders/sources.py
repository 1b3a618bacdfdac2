"""The user's code: the files that a function needs, found by following its imports."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..handlers.function import Function
from .errors import BuildError


@dataclass(frozen=True, slots=True)
class Import:
    """One import of something that is not the user's own code."""

    module: str
    file: str
    line: int


@dataclass(slots=True)
class Sources:
    """The user's files, by their place in the artifact, and what they import from outside."""

    files: dict[str, Path] = field(default_factory=dict)
    imports: list[Import] = field(default_factory=list)


def find_sources(function: Function[..., Any], root: Path) -> Sources:
    """Follow the imports of the function's module through the files below `root`; add the files
    of its graphs and what `include` names.  Raises `BuildError` with file and line."""
    found = Sources()
    waiting, seen = [function.module], set()
    loaded = sys.modules.get(function.module)
    graphs = [each for each in vars(loaded).values() if _is_graph(each)] if loaded else []
    graphs += [each for each in getattr(function.user_function, "graphs", ()) if _is_graph(each)]
    for graph in graphs:
        waiting += [name for name in graph.modules() if name.partition(".")[0] != "pelton"]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += list(_add_module(name, root, found))
    for graph in graphs:
        for file in graph.files():
            _add_file(Path(file.path), root, found, f"the graph {graph.name}")
    for pattern in function.settings.include:
        _add_pattern(pattern, root, found, function)
    if function.module.replace(".", "/") + ".py" not in found.files:
        raise BuildError(
            f"function {function.name}: its module {function.module} is not below {root}; "
            "deploy from the folder that holds the app"
        )
    return found


def _is_graph(value: Any) -> bool:
    return (
        hasattr(value, "files")
        and hasattr(value, "modules")
        and hasattr(value, "spec")
        and (not isinstance(value, type))
    )


def _add_file(path: Path, root: Path, found: Sources, who: str) -> None:
    if not path.is_file():
        raise BuildError(f"{who} needs the file {path}, which is not there")
    try:
        found.files[path.resolve().relative_to(root).as_posix()] = path
    except ValueError:
        raise BuildError(f"{who} needs {path}, which is outside the app's folder {root}") from None


def _add_pattern(pattern: str, root: Path, found: Sources, function: Function[..., Any]) -> None:
    matched = [path for path in sorted(root.glob(pattern)) if path.is_file()]
    if not matched:
        raise BuildError(
            f"function {function.name}: include={pattern!r} matches no file below {root}"
        )
    for path in matched:
        _add_file(path, root, found, f"function {function.name}")


def _locate(name: str, root: Path) -> Path | None:
    base = root.joinpath(*name.split("."))
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return path
    return None


def _add_module(name: str, root: Path, found: Sources) -> Iterator[str]:
    """Add a module and its parent packages; yields the user's modules that it imports."""
    path = _locate(name, root)
    if path is None:
        return
    parts = name.split(".")
    for depth in range(1, len(parts)):
        package = root.joinpath(*parts[:depth], "__init__.py")
        if package.is_file() and package.relative_to(root).as_posix() not in found.files:
            yield ".".join(parts[:depth])
    place = path.relative_to(root).as_posix()
    found.files[place] = path
    try:
        tree = ast.parse(path.read_bytes(), filename=place)
    except SyntaxError as error:
        raise BuildError(f"{place}:{error.lineno}: {error.msg}") from None
    package_name = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for module, names, line in _imports(tree, package_name):
        if _locate(module.partition(".")[0], root) or (root / module.partition(".")[0]).is_dir():
            yield module
            yield from (f"{module}.{each}" for each in names)
        else:
            found.imports.append(Import(module, place, line))


def _imports(tree: ast.AST, package: str) -> Iterator[tuple[str, list[str], int]]:
    """(module, names taken from it, line) of every import that must succeed."""
    for node in _unguarded(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, [], node.lineno
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                parts = package.split(".") if package else []
                base = parts[: len(parts) - node.level + 1]
                module = ".".join([*base, *([module] if module else [])])
            if module:
                yield module, [alias.name for alias in node.names], node.lineno


def _unguarded(node: ast.AST) -> Iterator[ast.AST]:
    """Every node but those under `if TYPE_CHECKING` and in a `try` that expects ImportError."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            for other in child.orelse:
                yield other
                yield from _unguarded(other)
            continue
        if isinstance(child, ast.Try) and _expects_import_error(child):
            continue
        yield child
        yield from _unguarded(child)


def _expects_import_error(node: ast.Try) -> bool:
    return any(
        handler.type is None
        or any(name in ast.dump(handler.type) for name in ("ImportError", "ModuleNotFoundError"))
        for handler in node.handlers
    )
