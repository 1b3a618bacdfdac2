"""The user's code: the files that a function needs, found by following its imports."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..handlers.function import Function
from .errors import BuildError
from .ignores import Ignores, read_ignores
from .notebook import Notebook
from .others import only_of_others
from .statements import imports_of

VARIABLES = ".env"  # how the names of files begin that hold them: secrets, most often


@dataclass(frozen=True, slots=True)
class Import:
    """One import of something that is not the user's own code."""

    module: str
    file: str
    line: int


@dataclass(slots=True)
class Sources:
    """The user's files, by their place in the artifact, and what they import from outside.

    dynamic: imports by a name that only exists when they run, `module` as the code says it
    ignored: files that a pattern of `include` matches and that are passed over, and by whom
    sought: the folders in which modules were looked for, there or not
    """

    files: dict[str, Path] = field(default_factory=dict)
    imports: list[Import] = field(default_factory=list)
    dynamic: list[Import] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    sought: set[Path] = field(default_factory=set)


def find_sources(
    function: Function[..., Any], root: Path, modules: Sequence[str] | None = None
) -> Sources:
    """Follow the imports of the function's module (or of `modules`, where it goes by itself as a
    pickle) through the files below `root`; add the files of its graphs and what `include` names.
    What the app's other functions import inside is left out.  Raises `BuildError` with file and
    line."""
    if isinstance(function.user_function, Notebook):
        return Sources(function.user_function.sources)
    graphs = graphs_of(function) if modules is None else []
    begin = [function.module] if modules is None else list(modules)
    for graph in graphs:
        begin += [name for name in graph.modules() if name.partition(".")[0] != "pelton"]
    found = _follow(begin, root, function if begin == [function.module] else None)
    for graph in graphs:
        for file in graph.files():
            _add_file(Path(file.path), root, found, f"the graph {graph.name}")
    ignores = read_ignores(root) if function.settings.include else None
    for pattern in function.settings.include:
        assert ignores is not None
        _add_pattern(pattern, root, found, function, ignores)
    if modules is None and function.module.replace(".", "/") + ".py" not in found.files:
        raise BuildError(
            f"function {function.name}: its module {function.module} is not below {root}; "
            "deploy from the folder that holds the app"
        )
    return found


def _follow(begin: Sequence[str], root: Path, alone: Function[..., Any] | None) -> Sources:
    """The files of these modules and of what they import.

    alone: what no other than this function needs of its module is passed over
    """
    found, waiting, seen = Sources(), list(begin), set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            more = list(_add_module(name, root, found, alone))
            if alone is not None and alone.module in more:  # who imports it may call any of it
                return _follow(begin, root, None)
            waiting += more
    return found


def graphs_of(function: Function[..., Any]) -> list[Any]:
    """The serving graphs that the function's module holds, and those it is made of."""
    loaded = sys.modules.get(function.module)
    graphs = [each for each in vars(loaded).values() if _is_graph(each)] if loaded else []
    return graphs + [e for e in getattr(function.user_function, "graphs", ()) if _is_graph(e)]


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


def _add_pattern(
    pattern: str, root: Path, found: Sources, function: Function[..., Any], ignores: Ignores
) -> None:
    matched = [
        path
        for path in sorted(root.glob(pattern))
        if path.is_file() and not path.name.startswith(VARIABLES)
    ]
    if pattern.rpartition("/")[2].startswith(VARIABLES):
        raise BuildError(
            f"function {function.name}: include={pattern!r} names variables of local runs, which "
            "never ship; give those that the platform needs as environment="
        )
    if not matched:
        raise BuildError(
            f"function {function.name}: include={pattern!r} matches no file below {root}"
        )
    exact = not any(each in pattern for each in "*?[")
    places = {path: path.relative_to(root).as_posix() for path in matched}
    by = {} if exact else {p: who for p in matched if (who := ignores.ignored(places[p]))}
    if len(by) == len(matched):
        raise BuildError(
            f"function {function.name}: all that include={pattern!r} matches is ignored, "
            f"{places[matched[0]]} by {by[matched[0]]}; name the file without a wildcard, or "
            "change the ignore file"
        )
    found.ignored += [f"{places[path]} is passed over: {who}" for path, who in by.items()]
    for path in matched:
        if path not in by:
            _add_file(path, root, found, f"function {function.name}")


def _locate(name: str, root: Path) -> Path | None:
    base = root.joinpath(*name.split("."))
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return path
    return None


def _add_module(
    name: str, root: Path, found: Sources, alone: Function[..., Any] | None
) -> Iterator[str]:
    """Add a module and its parent packages; yields the user's modules that it imports, but for
    what in the module of `alone` is for other functions."""
    path, parts = _locate(name, root), name.split(".")
    found.sought.add(root.joinpath(*parts[:-1]))
    if path is None:
        return
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
    mine = alone is not None and name == alone.module
    without = only_of_others(alone, tree) if alone is not None and mine else ()
    for each in imports_of(tree, package_name, without):
        top = each.module.partition(".")[0]
        if each.unknown:
            found.dynamic.append(Import(each.module, place, each.line))
        elif _locate(top, root) or (root / top).is_dir():
            yield each.module
            yield from (f"{each.module}.{name}" for name in each.names)
        elif each.required:
            found.imports.append(Import(each.module, place, each.line))
