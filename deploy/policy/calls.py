"""The calls of AWS that a function's code makes: what can be reached from it, and the calls there.

Reached is what runs when a worker starts (the modules' own statements), the function with its
hooks, or a graph's steps, and whatever those name.  So two functions of one file need different
things.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...builders.sources import find_sources
from ...handlers.function import Function
from .files import File, body_of, enclosing, read_files
from .needs import Call
from .reading import Reading
from .services import service
from .values import (
    ANY,
    Asks,
    Client,
    Collection,
    Definition,
    Identifiers,
    Method,
    OurContext,
    Part,
    Text,
    Values,
)

_OF_CONTEXT = {
    "invoke": ("lambda", "Invoke", "FunctionName"),
    "secret": ("secretsmanager", "GetSecretValue", "SecretId"),
    "connection": ("apigatewaymanagementapi", "PostToConnection", "ConnectionId"),
}


@dataclass(slots=True)
class Found:
    """calls, and a sentence for each place that cannot be read."""

    calls: list[Call] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def find_calls(function: Function[..., Any], root: Path) -> Found:
    """The calls that `function` makes, by its sources below `root`, each with its line."""
    sources = find_sources(function, root).files
    stamps = tuple(
        (place, path, path.stat().st_mtime_ns) for place, path in sorted(sources.items())
    )
    project = _project(stamps)
    search = _Search(project, function.settings.environment)
    search.start(function, root)
    return search.found


@lru_cache(maxsize=64)
def _project(stamps: tuple[tuple[str, Path, int], ...]) -> Reading:
    """Read once for all functions that are made of the same files."""
    return Reading(read_files({place: path for place, path, _ in stamps}))


class _Search:
    def __init__(self, reading: Reading, environment: Mapping[str, str]) -> None:
        self._reading, self._environment = reading, environment
        self._reached: set[Definition] = set()
        self._waiting: list[Definition] = []
        self._names: set[tuple[str, str]] = set()
        self.found = Found()

    def start(self, function: Function[..., Any], root: Path) -> None:
        for file in self._reading.files.values():
            self._module(file)
        for definition in self._roots(function, root):
            self._reach(definition)
        while self._waiting:
            self._definition(self._waiting.pop())
        self.found.calls = sorted(set_of(self.found.calls), key=lambda each: each.why)

    # -- where it begins
    def _roots(self, function: Function[..., Any], root: Path) -> Iterator[Definition]:
        graph = function.user_function
        graphs = getattr(graph, "graphs", (graph,) if hasattr(graph, "walk") else ())
        for each in graphs:
            for step in each.walk():
                for reference in step.references:
                    yield from self._reference(reference)
        hooks = function.hooks
        routed = getattr(graph, "handlers", ())
        for user in (graph, *routed, *hooks.init, *hooks.drain, *hooks.stop):
            yield from self._written(user, root)

    def _reference(self, reference: str) -> Iterator[Definition]:
        module, _, name = reference.partition(":")
        file = self._reading.files.get(module)
        if file is None:
            return
        name = name.replace("<locals>.", "")
        if name in file.definitions:
            yield Definition(module, name)
        else:  # a lambda, say: anything in its module may be meant
            yield from (Definition(module, each) for each in file.definitions)

    def _written(self, user: Any, root: Path) -> Iterator[Definition]:
        """The definition of a function, by where its code says that it was written."""
        import inspect

        code = getattr(inspect.unwrap(user) if callable(user) else user, "__code__", None)
        if code is None:
            return
        for file in self._reading.files.values():
            if not Path(code.co_filename).as_posix().endswith(file.place):
                continue
            for name, node in file.definitions.items():
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                if first <= code.co_firstlineno <= node.lineno and node.name == code.co_name:
                    yield Definition(file.module, name)

    # -- what is reached
    def _reach(self, definition: Definition) -> None:
        if definition not in self._reached and definition.module in self._reading.files:
            self._reached.add(definition)
            self._waiting.append(definition)

    def _module(self, file: File) -> None:
        """What runs at import: a module's statements, and what they call."""
        for node in _at_import(file.tree):
            if not isinstance(node, ast.Call):
                continue
            self._call(node, file, "")
            for target in self._reading.value(node.func, file.module, ""):
                if isinstance(target, Definition):
                    self._made_at_import(target)

    def _made_at_import(self, target: Definition) -> None:
        """A function is called; of a class, what makes an object of it."""
        definitions = self._reading.files[target.module].definitions
        if not isinstance(definitions.get(target.name), ast.ClassDef):
            self._reach(target)
            return
        for name in ("__init__", "__new__", "__post_init__"):
            if f"{target.name}.{name}" in definitions:
                self._reach(Definition(target.module, f"{target.name}.{name}"))

    def _definition(self, definition: Definition) -> None:
        file = self._reading.files[definition.module]
        node = file.definitions.get(definition.name)
        if node is None:
            return
        for scope, each in body_of(node, definition.name):
            self._mentioned(each, file, scope)
            if isinstance(each, ast.Call):
                self._call(each, file, scope)

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
                other = self._reading.files.get(origin[0])
                if other is not None and origin[1]:
                    self._global(origin[1], other, "")
        if (file.module, name) in self._names:
            return
        self._names.add((file.module, name))
        for binding in file.bindings:
            if binding.key == (file.module, "", name):
                for node in ast.walk(binding.value):
                    self._mentioned(node, file, binding.scope)

    # -- calls
    def _call(self, node: ast.Call, file: File, scope: str) -> None:
        targets = self._reading.value(node.func, file.module, scope)
        why = f"{file.place}:{node.lineno}"
        for target in targets:
            if isinstance(target, Method):
                self._called(target, node, file, scope, why)
        if isinstance(node.func, ast.Attribute):
            self._our_context(node, node.func, file, scope, why)
        for argument in node.args:  # a method that is handed on: asyncio.to_thread(s3.put_object)
            for value in self._reading.value(argument, file.module, scope):
                if isinstance(value, Method) and isinstance(value.owner, Client):
                    self._client(value.owner, value.name, node, file, scope, why, handed=True)

    def _called(self, target: Method, node: ast.Call, file: File, scope: str, why: str) -> None:
        owner, name = target.owner, target.name
        match owner:
            case Client():
                self._client(owner, name, node, file, scope, why)
            case Asks() if name in ("paginate", "wait"):
                given = self._given(node, file, scope)
                self._add(owner.service, owner.operation, given, why)
            case Part() | Collection():
                self._part(owner, name, node, file, scope, why)
            case _:
                self._unread(target, node, file, scope, why)

    def _client(
        self,
        client: Client,
        name: str,
        node: ast.Call,
        file: File,
        scope: str,
        why: str,
        *,
        handed: bool = False,
    ) -> None:
        known = service(client.service)
        if known is None:
            return
        places = () if handed else known.positions(name)
        given = self._given(node, file, scope, places)
        for operation in known.calls(name):
            self._add(client.service, operation, given, why)
        if name == "copy" and client.service == "s3":
            self._add("s3", "GetObject", _copied(given), why)
        if name == "generate_presigned_url":  # who follows the link acts for the function
            method = given.get("ClientMethod") or self._first(node, file, scope)
            for operation in known.calls(method):
                self._add(client.service, operation, self._params(node, file, scope), why)

    def _part(
        self,
        owner: Part | Collection,
        name: str,
        node: ast.Call,
        file: File,
        scope: str,
        why: str,
    ) -> None:
        part = owner.of if isinstance(owner, Collection) else owner
        known = service(part.service)
        if known is None:
            return
        given = self._given(node, file, scope)
        for operation, known_of in known.requests(owner, name):
            self._add(part.service, operation, {**given, **self._read(known_of)}, why)

    def _our_context(
        self, node: ast.Call, called: ast.Attribute, file: File, scope: str, why: str
    ) -> None:
        if called.attr in _OF_CONTEXT and OurContext() in self._reading.value(
            called.value, file.module, scope
        ):
            name, operation, member = _OF_CONTEXT[called.attr]
            value = self._first(node, file, scope)
            if called.attr == "secret" and value in self._environment:
                return  # a variable of the environment; a reference's need is the deploy's
            self._add(name, operation, {member: value}, why)

    def _unread(self, target: Method, node: ast.Call, file: File, scope: str, why: str) -> None:
        """A client of which the service cannot be told."""
        if target.name not in ("client", "resource", "create_client"):
            return
        asked = node.args[0] if node.args else None
        asked = next((e.value for e in node.keywords if e.arg == "service_name"), asked)
        if asked is None:
            return
        names = [
            each.read(self._environment)
            for each in self._reading.value(asked, file.module, scope)
            if isinstance(each, Text)
        ]
        bad = [each for each in names if service(each) is None]
        if bad or not names:
            which = (
                f"{bad[0]!r} is no service that boto3 knows" if bad and ANY not in bad[0] else ""
            )
            self.found.unread.append(
                f"{why}: {which or 'the service of this client is not written there'}: its calls "
                "are not in the policy"
            )

    def _first(self, node: ast.Call, file: File, scope: str) -> str:
        given = [*node.args, *(each.value for each in node.keywords)]
        return self._text(given[0], file, scope) if given else ANY

    def _params(self, node: ast.Call, file: File, scope: str) -> dict[str, str]:
        told = next((each.value for each in node.keywords if each.arg == "Params"), None)
        told = told or (node.args[1] if len(node.args) > 1 else None)
        if not isinstance(told, ast.Dict):
            return {}
        return {
            key.value: self._text(value, file, scope)
            for key, value in zip(told.keys, told.values, strict=True)
            if isinstance(key, ast.Constant) and isinstance(key.value, str)
        }

    def _given(
        self, node: ast.Call, file: File, scope: str, places: tuple[str, ...] = ()
    ) -> dict[str, str]:
        """What a call says of its members; `*` for what it does not write down."""
        found = {
            name: self._text(argument, file, scope)
            for name, argument in zip(places, node.args, strict=False)
        }
        for each in node.keywords:
            if each.arg is not None:
                found[each.arg] = self._member(each.arg, each.value, file, scope)
        return found

    def _member(self, name: str, value: ast.expr, file: File, scope: str) -> str:
        if name in ("CopySource", "RequestItems", "Entries") and isinstance(value, ast.Dict):
            told = {
                key.value: self._text(each, file, scope)
                for key, each in zip(value.keys, value.values, strict=True)
                if isinstance(key, ast.Constant)
            }
            if name == "CopySource":
                return f"{told.get('Bucket', ANY)}/{told.get('Key', ANY)}"
        return self._text(value, file, scope)

    def _text(self, node: ast.expr, file: File, scope: str) -> str:
        return self._one(self._reading.value(node, file.module, scope))

    def _one(self, values: Values) -> str:
        """The one string that it is; `*` where it may be several, or something else."""
        texts = {each.read(self._environment) for each in values if isinstance(each, Text)}
        return texts.pop() if len(texts) == 1 == len(values) else ANY

    def _read(self, identifiers: Identifiers) -> dict[str, str]:
        return {name: each.read(self._environment) for name, each in identifiers}

    def _add(self, name: str, operation: str, given: dict[str, str], why: str) -> None:
        self.found.calls.append(Call(name, operation, given, why))


def set_of(calls: list[Call]) -> list[Call]:
    """Each call once."""
    found = {(e.name, tuple(sorted(e.given.items())), e.why): e for e in calls}
    return list(found.values())


def _copied(given: dict[str, str]) -> dict[str, str]:
    bucket, _, key = given.get("CopySource", ANY).partition("/")
    return {"Bucket": bucket, "Key": key or ANY}


def _at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those inside functions, and with the statements of classes."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for each in getattr(child, "decorator_list", ()):
                yield from ast.walk(each)
            continue
        yield child
        yield from _at_import(child)
