"""The user's code: load the app, and find the files that it needs by following its imports."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from ..handlers.app import App
from ..handlers.function import Function
from .errors import BuildError, CannotLoad


def load_app(where: str) -> tuple[App, Path]:
    """(app, root folder) of FILE.py, FILE.py:name or module:name.

    The file's folder becomes importable, as it is in the artifact.  Raises `CannotLoad`.
    """
    place, _, name = where.partition(":")
    if place.endswith(".py"):
        path = Path(place).resolve()
        if not path.is_file():
            raise CannotLoad(f"there is no file {place}")
        module, root = _import_file(path), path.parent
    else:
        module, root = _import_module(place), Path.cwd()
    return _app_in(module, name, place), root


def _import_file(path: Path) -> Any:
    folder, name = str(path.parent), path.stem
    if not name.isidentifier():
        raise CannotLoad(f"{path.name}: {name!r} cannot be a module's name; rename the file")
    if name in sys.stdlib_module_names or name == "pelton":
        raise CannotLoad(f"{path.name} would hide the module {name!r}; rename the file")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    spec = spec_from_file_location(name, path)
    assert spec and spec.loader
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _import_module(name: str) -> Any:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name and name.startswith(error.name):
            raise CannotLoad(f"there is no module {name}; give FILE.py or module:app") from None
        raise


def _app_in(module: Any, name: str, place: str) -> App:
    apps = {key: value for key, value in vars(module).items() if isinstance(value, App)}
    if name:
        if name not in apps:
            raise CannotLoad(f"{place} has no pelton.App named {name!r}")
        return apps[name]
    distinct = {id(app): app for app in apps.values()}
    if len(distinct) != 1:
        found = ", ".join(apps) or "none"
        raise CannotLoad(
            f"{place} should have one pelton.App (found {found}); name it: {place}:app"
        )
    return next(iter(distinct.values()))


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
