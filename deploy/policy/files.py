"""The user's files as facts: what is defined, what is bound to which name, what is imported.

Nothing is evaluated here, and no service known.  A scope is a qualified name ("" for a module's
own); names are found in it, then in the functions around it, then in the module.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Defined = FunctionNode | ast.ClassDef
# (module, scope, name), or ("", ".", name) for an attribute of whatever it is of.
Key = tuple[str, str, str]
_PROPERTIES = {"property", "cached_property"}


def attribute(name: str) -> Key:
    """Attributes are told apart by their names alone: `self.table` is `other.table`."""
    return ("", ".", name)


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """A name that is given a value, by an expression that stands in a scope."""

    key: Key
    value: ast.expr
    scope: str


@dataclass(slots=True)
class File:
    """One module of the user's."""

    module: str
    place: str
    tree: ast.Module
    definitions: dict[str, Defined] = field(default_factory=dict)
    bindings: list[Binding] = field(default_factory=list)
    returns: dict[str, list[ast.expr]] = field(default_factory=dict)
    imports: dict[Key, tuple[str, str]] = field(default_factory=dict)  # module, name in it
    properties: set[str] = field(default_factory=set)


def read_files(sources: Mapping[str, Path]) -> dict[str, File]:
    """The user's modules by name; `sources` are their files by their place in the artifact."""
    found = {}
    for place, path in sources.items():
        if place.endswith(".py"):
            name = place.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
            file = File(name, place, ast.parse(path.read_bytes(), filename=place))
            _Reader(file, is_package=place.endswith("__init__.py")).visit(file.tree)
            found[name] = file
    return found


def enclosing(scope: str, classes: Mapping[str, Defined]) -> Iterator[str]:
    """The scopes in which a name of `scope` may be found, the nearest first."""
    yield scope
    while scope:
        scope = scope.rpartition(".")[0]
        if not isinstance(classes.get(scope), ast.ClassDef):
            yield scope


def scopes(file: File) -> Iterator[tuple[str, ast.AST]]:
    """Every node of a file, with the scope that it is in."""
    yield from _scoped(file.tree, "")


def _scoped(node: ast.AST, scope: str) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        yield scope, child
        inside = scope
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inside = f"{scope}.{child.name}" if scope else child.name
        yield from _scoped(child, inside)


def body_of(node: Defined, scope: str) -> Iterator[tuple[str, ast.AST]]:
    """Every node of a definition, with the scope that it is in."""
    yield from _scoped(node, scope)


class _Reader(ast.NodeVisitor):
    def __init__(self, file: File, *, is_package: bool) -> None:
        self._file, self._scope = file, ""
        self._package = file.module if is_package else file.module.rpartition(".")[0]
        self._globals: set[tuple[str, str]] = set()

    # -- what is defined
    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._define(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._define(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._define(node)

    def _define(self, node: Defined) -> None:
        outside = self._scope
        name = f"{outside}.{node.name}" if outside else node.name
        self._file.definitions[name] = node
        for each in node.decorator_list:
            self.visit(each)
            word = each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "")
            if word in _PROPERTIES:
                self._file.properties.add(name)
        if not isinstance(node, ast.ClassDef):
            self._defaults(node, name)
        self._scope = name
        for statement in node.body:
            self.visit(statement)
        self._scope = outside

    def _defaults(self, node: FunctionNode, scope: str) -> None:
        places = [*node.args.posonlyargs, *node.args.args]
        pairs = list(zip(reversed(places), reversed(node.args.defaults), strict=False))
        pairs += [
            (a, d) for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if d
        ]
        for argument, value in pairs:
            self._bind((self._file.module, scope, argument.arg), value)

    # -- what is bound
    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._target(target, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._target(node.target, node.value)
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._target(node.target, node.value)
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        self._target(node.target, node.iter)
        self.generic_visit(node)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> None:
        self._target(node.target, node.iter)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._target(node.target, node.iter)
        self.generic_visit(node)

    def visit_withitem(self, node: ast.withitem) -> None:
        if node.optional_vars is not None:
            self._target(node.optional_vars, node.context_expr)
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        self._globals |= {(self._scope, name) for name in node.names}

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None:
            self._file.returns.setdefault(self._scope, []).append(node.value)
        self.generic_visit(node)

    def visit_Yield(self, node: ast.Yield) -> None:
        if node.value is not None:
            self._file.returns.setdefault(self._scope, []).append(node.value)
        self.generic_visit(node)

    def _target(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self._bind(self._key(target.id), value)
        elif isinstance(target, ast.Attribute):
            self._bind(attribute(target.attr), value)
        elif isinstance(target, ast.Subscript):
            self._target(target.value, value)
        elif isinstance(target, ast.Tuple | ast.List):
            parts = value.elts if isinstance(value, ast.Tuple | ast.List) else []
            for place, each in enumerate(target.elts):
                same = len(parts) == len(target.elts)
                self._target(each, parts[place] if same else value)

    def _key(self, name: str) -> Key:
        scope = "" if (self._scope, name) in self._globals else self._scope
        return (self._file.module, scope, name)

    def _bind(self, key: Key, value: ast.expr) -> None:
        self._file.bindings.append(Binding(key, value, self._scope))
        # What is set in a class's body is had through its objects.
        if isinstance(self._file.definitions.get(key[1]), ast.ClassDef):
            self._file.bindings.append(Binding(attribute(key[2]), value, self._scope))

    # -- what is imported
    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            module = alias.name if alias.asname else alias.name.partition(".")[0]
            self._file.imports[self._key(alias.asname or module)] = (module, "")

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level:
            parts = self._package.split(".") if self._package else []
            base = parts[: len(parts) - node.level + 1]
            module = ".".join([*base, *([module] if module else [])])
        for alias in node.names:
            self._file.imports[self._key(alias.asname or alias.name)] = (module, alias.name)
