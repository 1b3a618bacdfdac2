"""API gateways: a host in front of one function, or of two that share its requests by percentage.

A request reaches one by its Host header on the dashboard's port, or by `/_gateway/NAME/…` from
clients that cannot set one.  On a cluster an ingress does that, by the same configuration.

Source: Nuclio's page "API Gateway with HTTP", and its dashboard's public resource.
"""

from __future__ import annotations

import base64
import hmac
import random
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from ..front import Request, Response
from ..store import Store
from .errors import Refused
from .shapes import check_gateway

KIND = "api_gateway"
PATH = "/_gateway/"
MODES = ("none", "basicAuth")
PROJECT_LABEL = "nuclio.io/project-name"
NO_CANARY = "Percentage must be set on one of the upstreams (canary)"

# Answers a request as the function of that name; raises Refused.
Ask = Callable[[str, Request], Awaitable[Response]]


class ApiGateways:
    """Every API gateway, by name; kept before it is answered.

    functions: the names of the functions that are there
    """

    def __init__(
        self, store: Store, ask: Ask, functions: Callable[[], Collection[str]] = tuple
    ) -> None:
        self._store, self._ask, self._functions = store, ask, functions
        self._random = random.Random()
        self._known: dict[str, dict[str, Any]] = store.all(KIND)

    def names(self, project: str | None = None) -> list[str]:
        found = sorted(self._known)
        return [each for each in found if project in (None, "", self._project(each))]

    def show(self, name: str) -> dict[str, Any]:
        """Configuration and status; raises `Refused` 404."""
        return {**self._there(name), "status": {"name": name, **self._state(name)}}

    def _there(self, name: str) -> dict[str, Any]:
        if name not in self._known:
            raise Refused(404, "Api-Gateway not found")
        return self._known[name]

    def _state(self, name: str) -> dict[str, str]:
        """`ready`, or `error` while a function of its upstreams is not there."""
        upstreams = self._known[name]["spec"]["upstreams"]
        if len(upstreams) == 2 and not any(map(_share, upstreams)):
            return {"state": "error", "lastError": NO_CANARY}
        there = self._functions()
        gone = [each for each in self.functions_of(self._known[name]) if each not in there]
        if not gone:
            return {"state": "ready"}
        return {"state": "error", "lastError": f"Function not found: {', '.join(gone)}"}

    def export(self, name: str) -> dict[str, Any]:
        """The configuration as another dashboard can import it; raises `Refused` 404."""
        shown = self.show(name)
        metadata = {k: v for k, v in shown["metadata"].items() if k != "namespace"}
        return {"metadata": metadata, "spec": shown["spec"]}

    def of_function(self, name: str) -> list[str]:
        """The gateways that a function is an upstream of."""
        return [each for each in self.names() if name in self.functions_of(self._known[each])]

    def functions_of(self, document: Mapping[str, Any]) -> list[str]:
        """The functions that a gateway's document names."""
        upstreams = (document.get("spec") or {}).get("upstreams") or []
        return [_function(each) for each in upstreams if isinstance(each, dict)]

    def put(self, given: dict[str, Any], *, new: bool) -> dict[str, Any]:
        """Take a configuration; from now on requests go by it.  Raises `Refused`."""
        check_gateway(given)
        metadata, spec = given.get("metadata") or {}, given.get("spec") or {}
        name = str(metadata.get("name") or "")
        _check(name, spec)
        if new and name in self._known:
            raise Refused(409, f"Api gateway {name} already exists")
        if not new and name not in self._known:
            raise Refused(404, "Api-Gateway not found")
        self._refuse_taken(name, spec)
        metadata.setdefault("namespace", "nuclio")
        wanted = {"metadata": metadata, "spec": {**spec, "name": name}}
        self._store.put(KIND, name, wanted)
        self._known[name] = wanted
        return self.show(name)

    def delete(self, name: str) -> None:
        """Forget it; one that is not there is as good as forgotten."""
        self._store.delete(KIND, name)
        self._known.pop(name, None)

    def forget(self) -> None:
        """Everything was wiped."""
        self._known.clear()

    def of(self, request: Request) -> str | None:
        """The name of the gateway that a request is for, by its host and the longest path."""
        if not self._known:
            return None
        host = request.headers.get("host", "").partition(":")[0].lower()
        fits = [
            name
            for name, each in self._known.items()
            if each["spec"]["host"].partition(":")[0].lower() == host
            and _below(request.path, each["spec"].get("path") or "/")
        ]
        return max(fits, key=self._path_length, default=None)

    def _path_length(self, name: str) -> int:
        return len(self._known[name]["spec"].get("path") or "")

    async def answer(self, name: str, request: Request) -> Response:
        """The answer of the function that is drawn for this request."""
        spec = self._there(name)["spec"]
        if not _may(spec, request):
            challenge = ("WWW-Authenticate", 'Basic realm="Authentication Required"')
            return Response(401, [challenge], b"401 Authorization Required")
        usual, canary = _usual_and_canary(spec["upstreams"])
        both = [usual] if canary is None else [usual, canary]
        headers = {**request.headers, "x-nuclio-target": ",".join(map(_function, both))}
        drawn = usual if canary is None or self._random.random() * 100 >= _share(canary) else canary
        target = str(drawn.get("rewriteTarget") or "")
        if target:  # as an ingress does that has no pattern: whatever is below the path
            target += f"?{request.query}" if request.query else ""
        request = replace(request, headers=headers, target=target or request.target)
        return await self._ask(_function(drawn), request)

    def _project(self, name: str) -> str:
        labels = self._known[name]["metadata"].get("labels") or {}
        return str(labels.get(PROJECT_LABEL, ""))

    def _refuse_taken(self, name: str, spec: Mapping[str, Any]) -> None:
        for other, known in self._known.items():
            has = known["spec"]
            same_path = (has.get("path") or "/") == (spec.get("path") or "/")
            if other != name and has["host"] == spec["host"] and same_path:
                raise Refused(409, f"host {spec['host']} with that path is {other}'s already")


def _check(name: str, spec: Mapping[str, Any]) -> None:
    """Raise `Refused` 400 for what no gateway can be."""
    if not name:
        raise Refused(400, "Api gateway name must be provided in metadata")
    if spec.get("name") not in (None, "", name):
        raise Refused(400, "Api gateway metadata.name must match api gateway spec.name")
    if not spec.get("host"):
        raise Refused(400, "Api gateway host must be provided in spec")
    mode = spec.get("authenticationMode") or "none"
    if mode not in MODES:
        raise Refused(400, f"the emulator has authentication modes {', '.join(MODES)}, not {mode}")
    basic = (spec.get("authentication") or {}).get("basicAuth") or {}
    if mode == "basicAuth" and not (basic.get("username") and basic.get("password")):
        raise Refused(400, "basicAuth needs spec.authentication.basicAuth.username and .password")
    upstreams = spec.get("upstreams") or []
    if not upstreams:
        raise Refused(400, "One or more upstreams must be provided in spec")
    if len(upstreams) > 2:
        raise Refused(400, "Received more than 2 upstreams. Currently not supported")
    for each in upstreams:
        if "$" in (each.get("rewriteTarget") or ""):
            raise Refused(400, "the emulator takes a rewriteTarget without groups ($1) alone")
        if (each.get("kind") or "nucliofunction") != "nucliofunction" or not _function(each):
            raise Refused(400, "an upstream must be of kind nucliofunction and name its function")


def _function(upstream: Mapping[str, Any]) -> str:
    named = upstream.get("nucliofunction") or upstream.get("nuclioFunction") or {}
    return str(named.get("name") or "")


def _share(upstream: Mapping[str, Any]) -> int:
    return int(upstream.get("percentage") or 0)


def _usual_and_canary(
    upstreams: list[dict[str, Any]],
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Of two, the first that has a percentage is the canary and gets that, the other the rest.

    Raises `Refused` 503 where neither has one: no ingress is made of that.
    """
    if len(upstreams) == 1:
        return upstreams[0], None
    first, second = upstreams
    if _share(first):
        return second, first
    if _share(second):
        return first, second
    raise Refused(503, NO_CANARY)


def _below(path: str, prefix: str) -> bool:
    """
    >>> _below("/a/b", "/a"), _below("/ab", "/a"), _below("/x", "/")
    (True, False, True)
    """
    prefix = prefix.rstrip("/")
    return path == prefix or path.startswith(f"{prefix}/")


def _may(spec: Mapping[str, Any], request: Request) -> bool:
    if (spec.get("authenticationMode") or "none") == "none":
        return True
    basic = spec["authentication"]["basicAuth"]
    pair = f"{basic['username']}:{basic['password']}".encode()
    wanted = b"Basic " + base64.b64encode(pair)
    given = request.headers.get("authorization", "").encode("utf-8", "surrogateescape")
    return hmac.compare_digest(given, wanted)
