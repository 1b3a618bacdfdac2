"""The imports that a syntax tree holds: by statements, and by calls with a name.

Knows no files; what a name leads to is for others to say.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

BY_NAME = frozenset({"import_module", "__import__"})


@dataclass(frozen=True, slots=True)
class Statement:
    """One import.  `required`: it must succeed (not in a `try` that expects it to fail);
    `unknown`: `module` is the code of a name that only exists when it runs."""

    module: str
    names: tuple[str, ...]
    line: int
    required: bool = True
    unknown: bool = False


def imports_of(
    tree: ast.AST, package: str, without: Collection[ast.AST] = ()
) -> Iterator[Statement]:
    """Every import but those that only a type checker reads.

    package: what relative ones are relative to
    without: definitions whose bodies are passed over

    >>> [each.module for each in imports_of(ast.parse("from . import a; import b.c"), "p.q")]
    ['p.q', 'b.c']
    """
    for node, required in _at_run_time(tree, True, {s for each in without for s in _body(each)}):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Statement(alias.name, (), node.lineno, required)
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            if module := _absolute(node.level, node.module or "", package):
                yield Statement(module, names, node.lineno, required)
        elif isinstance(node, ast.Call) and _name(node.func) in BY_NAME and node.args:
            yield from _by_name(node, package)


def _by_name(node: ast.Call, package: str) -> Iterator[Statement]:
    """A literal name is followed where it leads to the user's own; what it asks of others may be
    an option."""
    asked = node.args[0]
    if isinstance(asked, ast.Constant) and isinstance(asked.value, str):
        name = asked.value.lstrip(".")
        module = _absolute(len(asked.value) - len(name), name, package)
        if module:
            yield Statement(module, (), node.lineno, required=False)
    else:
        yield Statement(ast.unparse(asked), (), node.lineno, required=False, unknown=True)


def _absolute(level: int, module: str, package: str) -> str:
    if not level:
        return module
    parts = package.split(".") if package else []
    base = parts[: len(parts) - level + 1]
    return ".".join([*base, *([module] if module else [])])


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _body(definition: ast.AST) -> Iterable[ast.AST]:
    return getattr(definition, "body", ())


def _at_run_time(
    node: ast.AST, required: bool, without: Collection[ast.AST]
) -> Iterator[tuple[ast.AST, bool]]:
    """(node, whether an import there must succeed) but for those under `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if child in without:
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            for other in child.orelse:
                yield other, required
                yield from _at_run_time(other, required, without)
            continue
        must = required and not (isinstance(child, ast.Try) and _expects_import_error(child))
        yield child, must
        yield from _at_run_time(child, must, without)


def _expects_import_error(node: ast.Try) -> bool:
    return any(
        handler.type is None
        or any(name in ast.dump(handler.type) for name in ("ImportError", "ModuleNotFoundError"))
        for handler in node.handlers
    )
