"""What of a function's module is only there for the app's other functions: their bodies, and those
of their hooks.

A worker never runs it, so what is imported there is not needed in this function's artifact.  An
other one that the function calls itself, by its name, is its own code as well.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from typing import Any

from ..handlers.function import Function

Definition = ast.FunctionDef | ast.AsyncFunctionDef


def only_of_others(function: Function[..., Any], tree: ast.Module) -> frozenset[ast.AST]:
    """The definitions in the function's module that its worker never runs."""
    if any(isinstance(e, ast.Attribute) and e.attr == "functions" for e in ast.walk(tree)):
        return frozenset()  # they may be found by name, in the app
    others = _others(function, tree)
    while True:
        named = _names(tree, others)
        if not (called := [name for name in others if name in named]):
            return frozenset(each for made in others.values() for each in made)
        for name in called:
            del others[name]


def _others(function: Function[..., Any], tree: ast.Module) -> dict[str, list[Definition]]:
    """The other functions of the module, by name: each with its hooks."""
    loaded = sys.modules.get(function.module)
    names = {
        name
        for name, each in (vars(loaded) if loaded else {}).items()
        if isinstance(each, Function) and each.user_function is not function.user_function
    }
    found: dict[str, list[Definition]] = {}
    for node in tree.body:
        if isinstance(node, Definition):
            for name in names & {node.name, *map(_root, node.decorator_list)}:
                found.setdefault(name, []).append(node)
    return found


def _names(tree: ast.Module, others: Mapping[str, list[Definition]]) -> set[str]:
    """The names that are read in the module, but for what is only there for these others."""
    apart: set[ast.AST] = set()
    for definition in (each for made in others.values() for each in made):
        hooks = [each for each in definition.decorator_list if _root(each) in others]
        apart |= {*definition.body, *hooks}
    found, waiting = set(), [e for e in ast.iter_child_nodes(tree) if e not in apart]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.add(node.id)
        waiting += (each for each in ast.iter_child_nodes(node) if each not in apart)
    return found


def _root(decorator: ast.expr) -> str:
    """`load` of `@load.init`, "" of others."""
    node: ast.AST = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.value.id
    return ""
