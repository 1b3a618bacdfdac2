"""API gateways: a host in front of one function, or of two that share its requests by percentage.

A request reaches one by its Host header on the dashboard's port, or by `/_gateway/NAME/…` from
clients that cannot set one.  On a cluster an ingress does that, by the same configuration.

A function is one gateway's in its namespace: another that names it is refused as a cluster's
controller does, which keeps the document, says `error`, and leaves the former ingress as it was.

Source: Nuclio's page "API Gateway with HTTP", its dashboard's public resource, and its controller
(pkg/platform/kube/apigatewayres/lazy.go).
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
IN_USE = "Nuclio function '{}' is already being used in another api gateway"

# Answers a request as the function of that name; raises Refused.
Ask = Callable[[str, Request], Awaitable[Response]]


class ApiGateways:
    """Every API gateway, by name; kept before it is answered.

    A document that was refused has `refused`, why, and `serves`, the configuration before it, which
    requests go by, or None.

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
        told = {part: self._there(name)[part] for part in ("metadata", "spec")}
        return {**told, "status": {"name": name, **self._state(name)}}

    def _there(self, name: str) -> dict[str, Any]:
        if name not in self._known:
            raise Refused(404, "Api-Gateway not found")
        return self._known[name]

    def _state(self, name: str) -> dict[str, str]:
        """`ready`, or `error` while a function of its upstreams is not there, or for good."""
        if refused := self._known[name].get("refused"):
            return {"state": "error", "lastError": refused}
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
        if used := self._used_elsewhere(name, wanted):
            serves = self._served(name) if name in self._known else None
            wanted |= {"refused": IN_USE.format(used), "serves": serves}
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
        served = {name: self._served(name) or each["spec"] for name, each in self._known.items()}
        fits = [
            name
            for name, spec in served.items()
            if spec["host"].partition(":")[0].lower() == host
            and _below(request.path, spec.get("path") or "/")
        ]
        return max(fits, key=self._path_length, default=None)

    def _path_length(self, name: str) -> int:
        return len(self._known[name]["spec"].get("path") or "")

    async def answer(self, name: str, request: Request) -> Response:
        """The answer of the function that is drawn for this request."""
        known, spec = self._there(name), self._served(name)
        if spec is None:
            raise Refused(503, known["refused"])
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

    def _served(self, name: str) -> dict[str, Any] | None:
        """The configuration that requests go by; None where there was none but a refused one."""
        known = self._known[name]
        served: dict[str, Any] | None = known["serves"] if "refused" in known else known["spec"]
        return served

    def _used_elsewhere(self, name: str, wanted: Mapping[str, Any]) -> str:
        """The first of its functions that another gateway of the namespace names, "" for none."""
        namespace = wanted["metadata"]["namespace"]
        used = {
            function
            for other, known in self._known.items()
            if other != name and known["metadata"]["namespace"] == namespace
            for function in self.functions_of(known)
        }
        return next((each for each in self.functions_of(wanted) if each in used), "")

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
