"""The calls that are written in what can be reached of a function's code.

Reached is what runs when a worker starts (the modules' own statements), the function with its
hooks, or a graph's steps, and whatever those name.  So two functions of one file need different
things.  Here nothing is known of AWS: a call is a line, whatever it calls.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...handlers.function import Function
from .files import File, body_of, enclosing
from .reading import Reading
from .values import Definition, Values

Files = Mapping[str, File]
_MAKES_AN_OBJECT = ("__init__", "__new__", "__post_init__")


@dataclass(frozen=True, slots=True)
class Written:
    """A call as it is written: its node, the file and the scope that it stands in."""

    node: ast.Call
    file: File
    scope: str

    @property
    def where(self) -> str:
        """`app.py:12`"""
        return f"{self.file.place}:{self.node.lineno}"

    def values(self, node: ast.expr, reading: Reading) -> Values:
        """What an expression beside it may be."""
        return reading.value(node, self.file.module, self.scope)


class Reached:
    """What one function reaches; made anew for each."""

    def __init__(self, reading: Reading) -> None:
        self._reading, self._files = reading, reading.files
        self._reached: set[Definition] = set()
        self._waiting: list[Definition] = []
        self._names: set[tuple[str, str]] = set()

    def calls(self, function: Function[..., Any]) -> Iterator[Written]:
        """Each call that is written there."""
        for file in self._files.values():
            yield from self._module(file)
        for definition in _roots(self._files, function):
            self._reach(definition)
        while self._waiting:
            yield from self._definition(self._waiting.pop())

    def _reach(self, definition: Definition) -> None:
        if definition not in self._reached and definition.module in self._files:
            self._reached.add(definition)
            self._waiting.append(definition)

    def _module(self, file: File) -> Iterator[Written]:
        """What runs at import: a module's statements, and what they call."""
        for node in _at_import(file.tree):
            if not isinstance(node, ast.Call):
                continue
            yield Written(node, file, "")
            for target in self._reading.value(node.func, file.module, ""):
                if isinstance(target, Definition):
                    self._made_at_import(target)

    def _made_at_import(self, target: Definition) -> None:
        """A function is called; of a class, what makes an object of it."""
        definitions = self._files[target.module].definitions
        if not isinstance(definitions.get(target.name), ast.ClassDef):
            self._reach(target)
            return
        for name in _MAKES_AN_OBJECT:
            if f"{target.name}.{name}" in definitions:
                self._reach(Definition(target.module, f"{target.name}.{name}"))

    def _definition(self, definition: Definition) -> Iterator[Written]:
        file = self._files[definition.module]
        node = file.definitions.get(definition.name)
        if node is None:
            return
        for scope, each in body_of(node, definition.name):
            self._mentioned(each, file, scope)
            if isinstance(each, ast.Call):
                yield Written(each, file, scope)

    def _mentioned(self, node: ast.AST, file: File, scope: str) -> None:
        """A function or class that is named may be used; so may what a global was made of."""
        if isinstance(node, ast.Name):
            self._global(node.id, file, scope)
        elif not isinstance(node, ast.Attribute):
            return
        for value in self._reading.value(node, file.module, scope):
            if isinstance(value, Definition):
                self._reach(value)

    def _global(self, name: str, file: File, scope: str) -> None:
        for each in enclosing(scope, file.definitions):
            if (origin := file.imports.get((file.module, each, name))) is not None:
                other = self._files.get(origin[0])
                if other is not None and origin[1]:
                    self._global(origin[1], other, "")
        if (file.module, name) in self._names:
            return
        self._names.add((file.module, name))
        for binding in file.bindings:
            if binding.key == (file.module, "", name):
                for node in ast.walk(binding.value):
                    self._mentioned(node, file, binding.scope)


def _roots(files: Files, function: Function[..., Any]) -> Iterator[Definition]:
    """Where it begins: the steps of its graphs, else itself; and its hooks."""
    for step in steps_of(function):
        for reference in step.references:
            yield from _referred(files, reference)
    main, hooks = function.user_function, function.hooks
    routed = getattr(main, "handlers", ())
    for user in (main, *routed, *hooks.init, *hooks.drain, *hooks.stop):
        yield from _defined(files, user)


def steps_of(function: Function[..., Any]) -> Iterator[Any]:
    """Every step of the graph, or graphs, that the function serves; none of a plain one."""
    main = function.user_function
    for graph in getattr(main, "graphs", (main,) if hasattr(main, "walk") else ()):
        yield from graph.walk()


def _referred(files: Files, reference: str) -> Iterator[Definition]:
    module, _, name = reference.partition(":")
    file = files.get(module)
    if file is None:
        return
    name = name.replace("<locals>.", "")
    if name in file.definitions:
        yield Definition(module, name)
    else:  # a lambda, say: anything in its module may be meant
        yield from (Definition(module, each) for each in file.definitions)


def _defined(files: Files, user: Any) -> Iterator[Definition]:
    """The definition of a function, by where its code says that it was written."""
    import inspect

    code = getattr(inspect.unwrap(user) if callable(user) else user, "__code__", None)
    if code is None:
        return
    for file in files.values():
        if not Path(code.co_filename).as_posix().endswith(file.place):
            continue
        for name, node in file.definitions.items():
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if first <= code.co_firstlineno <= node.lineno and node.name == code.co_name:
                yield Definition(file.module, name)


def _at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those inside functions, and with the statements of classes."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for each in getattr(child, "decorator_list", ()):
                yield from ast.walk(each)
            continue
        yield child
        yield from _at_import(child)
