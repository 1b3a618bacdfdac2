"""The calls of AWS that a function's code makes, each with its line.

What is written there is found by `reached`, what it is called with by `arguments`; here it is told
which of it is a call of AWS: by a client, a resource of boto3, or pelton's own context.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...builders.sources import find_sources
from ...handlers.function import Function
from .arguments import Arguments
from .files import read_files
from .needs import Call
from .reached import Reached, Written
from .reading import Reading
from .services import service
from .values import ANY, Asks, Client, Collection, Method, OurContext, Part

_OF_CONTEXT = {
    "invoke": ("lambda", "Invoke", "FunctionName"),
    "secret": ("secretsmanager", "GetSecretValue", "SecretId"),
    "connection": ("apigatewaymanagementapi", "PostToConnection", "ConnectionId"),
}
_MAKES_A_CLIENT = ("client", "resource", "create_client")


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
    reading = _read(stamps)
    search = _Search(reading, function.settings.environment)
    for written in Reached(reading).calls(function):
        search.look(written)
    found = search.found
    return Found(sorted(_once(found.calls), key=lambda each: each.why), found.unread)


@lru_cache(maxsize=64)
def _read(stamps: tuple[tuple[str, Path, int], ...]) -> Reading:
    """Read once for all functions that are made of the same files."""
    return Reading(read_files({place: path for place, path, _ in stamps}))


class _Search:
    """Tells which of the calls that it is shown are calls of AWS."""

    def __init__(self, reading: Reading, environment: Mapping[str, str]) -> None:
        self._reading, self._environment = reading, environment
        self._arguments = Arguments(reading, environment)
        self.found = Found()

    def look(self, call: Written) -> None:
        for target in call.values(call.node.func, self._reading):
            if isinstance(target, Method):
                self._called(target, call)
        if isinstance(call.node.func, ast.Attribute):
            self._our_context(call.node.func, call)
        for argument in call.node.args:  # a method that is handed on: to_thread(s3.put_object)
            for value in call.values(argument, self._reading):
                if isinstance(value, Method) and isinstance(value.owner, Client):
                    self._client(value.owner, value.name, call, handed=True)

    def _called(self, target: Method, call: Written) -> None:
        owner, name = target.owner, target.name
        match owner:
            case Client():
                self._client(owner, name, call)
            case Asks() if name in ("paginate", "wait"):
                self._add(owner.service, owner.operation, self._arguments.given(call), call)
            case Part() | Collection():
                self._part(owner, name, call)
            case _ if name in _MAKES_A_CLIENT:
                self._unread(call)

    def _client(self, client: Client, name: str, call: Written, *, handed: bool = False) -> None:
        """A client's method; handed: given to another, which calls it with who knows what."""
        known = service(client.service)
        if known is None:
            return
        given = self._arguments.given(call, () if handed else known.positions(name))
        for operation in known.calls(name):
            self._add(client.service, operation, given, call)
        if name == "copy" and client.service == "s3":
            self._add("s3", "GetObject", _copied(given), call)
        if name == "generate_presigned_url":  # who follows the link acts for the function
            method = given.get("ClientMethod") or self._arguments.first(call)
            for operation in known.calls(method):
                self._add(client.service, operation, self._arguments.params(call), call)

    def _part(self, owner: Part | Collection, name: str, call: Written) -> None:
        part = owner.of if isinstance(owner, Collection) else owner
        known = service(part.service)
        if known is None:
            return
        given = self._arguments.given(call)
        for operation, known_of in known.requests(owner, name):
            told = {**given, **self._arguments.read(known_of)}
            self._add(part.service, operation, told, call)

    def _our_context(self, called: ast.Attribute, call: Written) -> None:
        if called.attr not in _OF_CONTEXT:
            return
        if OurContext() not in call.values(called.value, self._reading):
            return
        name, operation, member = _OF_CONTEXT[called.attr]
        value = self._arguments.first(call)
        if called.attr == "secret" and value in self._environment:
            return  # a variable of the environment; a reference's need is the deploy's
        self._add(name, operation, {member: value}, call)

    def _unread(self, call: Written) -> None:
        """A client of which the service cannot be told."""
        asked = call.node.args[0] if call.node.args else None
        asked = next((e.value for e in call.node.keywords if e.arg == "service_name"), asked)
        if asked is None:
            return
        names = self._arguments.texts(asked, call)
        unknown = [each for each in names if service(each) is None]
        if names and not unknown:
            return
        which = "the service of this client is not written there"
        if unknown and ANY not in unknown[0]:
            which = f"{unknown[0]!r} is no service that boto3 knows"
        self.found.unread.append(f"{call.where}: {which}: its calls are not in the policy")

    def _add(self, name: str, operation: str, given: dict[str, str], call: Written) -> None:
        self.found.calls.append(Call(name, operation, given, call.where))


def _once(calls: list[Call]) -> list[Call]:
    found = {(e.name, tuple(sorted(e.given.items())), e.why): e for e in calls}
    return list(found.values())


def _copied(given: dict[str, str]) -> dict[str, str]:
    bucket, _, key = given.get("CopySource", ANY).partition("/")
    return {"Bucket": bucket, "Key": key or ANY}
