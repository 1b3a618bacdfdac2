"""The dashboard's REST API, as nuclio-jupyter and plain HTTP clients use it.

Paths, statuses and headers: Nuclio's public dashboard, and what the real nuclio-jupyter 0.13.2
sends.  What is not there yet answers 501 and names itself.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..clock import Clock
from ..front import OPEN, Gate, Request, Response
from ..recordings import Recordings
from .api_gateways import PATH, ApiGateways
from .cluster_secrets import Find, nothing
from .errors import Refused
from .functions import Functions
from .processor import Site
from .shapes import check_function

VERSION = {"label": "1.15.0-emulated", "gitCommit": "", "os": "linux", "arch": "amd64"}
NOT_THERE = ("function_events", "function_templates", "v3io_streams")


class Dashboard:
    """Answers the dashboard's requests; `start` and `close` its functions.

    environment: variables that every worker gets (endpoint, region, credentials)
    gate:        who may call the ports of its functions
    platform:    "kube", or "local" as on Docker: without API gateways and Secrets
    find:        who finds the data of a Secret of the cluster
    sockets:     a folder with a short path, for the workers' sockets; `folder` without one
    wrapper:     Nuclio's own `_nuclio_wrapper.py`, which workers run in the place of ours
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        host: str = "127.0.0.1",
        environment: Mapping[str, str] | None = None,
        gate: Gate = OPEN,
        platform: str = "kube",
        find: Find = nothing,
        sockets: Path | None = None,
        wrapper: Path | None = None,
        recordings: Recordings | None = None,
    ) -> None:
        self._platform = platform
        site = Site(
            folder / "addresses.json",
            sockets or folder,
            environment or {},
            clock,
            host,
            recordings or Recordings(clock),
            gate,
            wrapper,
            platform,
        )
        self.functions = Functions(folder, site, find)
        self.gateways = ApiGateways(self.functions.store, self._ask)
        self._host = host

    async def start(self) -> None:
        await self.functions.start()

    async def reset(self) -> None:
        await self.functions.reset()
        self.gateways.forget()

    async def close(self) -> None:
        await self.functions.close()

    async def __call__(self, request: Request) -> Response:
        if (gateway := self.gateways.of(request)) is not None:
            return await self._through(gateway, request)
        if request.path.startswith(PATH):
            gateway, _, rest = request.target.removeprefix(PATH).partition("/")
            return await self._through(gateway, replace(request, target=f"/{rest}"))
        if request.path == "/metrics":
            text = self.functions.statistics()
            return Response(200, [("Content-Type", "text/plain; version=0.0.4")], text.encode())
        words = [word for word in request.path.split("/") if word]
        if request.cut:
            return _json(413, {"error": "the body is too large"})
        if not words or words[0] != "api":
            return _json(404, {"error": f"there is nothing at {request.path}; the API is at /api"})
        try:
            return await self._route(request, words[1:])
        except Refused as refusal:
            return _json(refusal.status, {"error": refusal.message})
        except (OSError, sqlite3.Error) as error:  # a full disk, most often
            return _json(500, {"error": f"The emulator could not keep this: {error}"})

    async def _route(self, request: Request, words: list[str]) -> Response:
        resource, rest = (words[0] if words else ""), words[1:]
        if resource == "functions":
            return await self._functions(request, rest)
        if resource == "projects":
            return await self._projects(request, rest)
        if resource == "api_gateways":
            return self._api_gateways(request, rest)
        if resource == "function_invocations":
            return await self._invoke(request)
        if resource == "external_ip_addresses":
            return _json(200, {"externalIPAddresses": {"addresses": [self._host]}})
        if resource == "namespaces":
            return _json(200, {"namespaces": {"names": ["nuclio"]}})
        if resource == "versions":
            return _json(200, {"dashboard": VERSION})
        if resource == "frontend_spec":
            return _json(
                200,
                {
                    "externalIPAddresses": [self._host],
                    "namespace": "nuclio",
                    "defaultHTTPIngressHostTemplate": "",
                    "platformKind": self._platform,
                },
            )
        if resource in NOT_THERE:
            raise Refused(501, f"the emulator does not have {resource} yet")
        raise Refused(404, f"there is no resource {resource!r}")

    async def _functions(self, request: Request, rest: list[str]) -> Response:
        method, known = request.method, self.functions
        if not rest and method == "GET":
            return _json(200, {name: known.show(name) for name in self._selected(request)})
        if not rest and method == "POST":
            await known.put(_body(request), new=True, wait=_waits(request))
            return Response(202)
        if not rest and method == "DELETE":
            await known.delete(_name_of(_body(request)))
            return Response(204)
        if not rest and method == "PUT":
            await known.put(_body(request), new=False, wait=_waits(request))
            return Response(202)
        if not rest:
            raise Refused(405, f"functions do not take {method}")
        return await self._function(request, rest[0], rest[1:])

    async def _function(self, request: Request, name: str, rest: list[str]) -> Response:
        method, known = request.method, self.functions
        if rest[:1] == ["replicas"] and method == "GET":
            known.show(name)
            return _json(200, {"names": [f"nuclio-{name}"]})
        if rest[:1] == ["logs"] and method == "GET":
            lines = "".join(f"{json.dumps(each)}\n" for each in known.logs(name))
            return Response(200, [("Content-Type", "text/plain")], lines.encode())
        if rest:
            raise Refused(404, f"a function has no {'/'.join(rest)}")
        if method == "GET":
            return _json(200, known.show(name))
        if method == "PUT":
            given = _body(request)
            check_function(given)
            given["metadata"] = {"name": name, **(given.get("metadata") or {})}
            await known.put(given, new=False, wait=_waits(request))
            return Response(202)
        if method == "DELETE":
            await known.delete(name)
            return Response(204)
        raise Refused(501, f"the emulator does not have {method} of a function yet")

    def _selected(self, request: Request) -> list[str]:
        name = request.headers.get("x-nuclio-function-name")
        project = request.headers.get("x-nuclio-project-name")
        return [
            each
            for each in self.functions.names()
            if name in (None, "", each) and project in (None, "", self.functions.project_of(each))
        ]

    async def _projects(self, request: Request, rest: list[str]) -> Response:
        method, known = request.method, self.functions
        if method == "GET":
            if not rest:
                return _json(200, known.projects)
            if rest[0] not in known.projects:
                raise Refused(404, "Project not found")
            return _json(200, known.projects[rest[0]])
        if method == "POST":
            return _json(201, known.put_project(_body(request), new=True))
        if method == "PUT":
            known.put_project(_body(request), new=False)
            return Response(204)
        if method == "DELETE":
            name = rest[0] if rest else _name_of(_body(request))
            strategy = request.headers.get("x-nuclio-delete-project-strategy", "restricted")
            await known.delete_project(name, strategy)
            return Response(204)
        raise Refused(405, f"projects do not take {method}")

    def _api_gateways(self, request: Request, rest: list[str]) -> Response:
        method, known = request.method, self.gateways
        if self._platform == "local":
            raise Refused(501, "Unsupported method")
        if method == "GET" and not rest:
            project = request.headers.get("x-nuclio-project-name")
            return _json(200, {name: known.show(name) for name in known.names(project)})
        if method == "GET":
            return _json(200, known.show(rest[0]))
        if method == "POST" and not rest:
            return _json(201, known.put(_body(request), new=True))
        if method == "PUT" and not rest:
            known.put(_body(request), new=False)
            return Response(204)
        if method == "DELETE" and not rest:
            known.delete(_name_of(_body(request)))
            return Response(204)
        raise Refused(405, f"api gateways do not take {method} there")

    async def _through(self, gateway: str, request: Request) -> Response:
        """A request of a gateway's own clients, who are told no more than an ingress tells."""
        try:
            return await self.gateways.answer(gateway, request)
        except Refused as refusal:
            return _json(refusal.status, {"error": refusal.message})

    async def _ask(self, function: str, request: Request) -> Response:
        try:
            http = self.functions.processor(function).http
        except Refused as refusal:
            raise Refused(503, refusal.message) from None
        assert http is not None
        return await http.answer(request)

    async def _invoke(self, request: Request) -> Response:
        """Pass the request to the function named in a header; `x-nuclio-*` headers stay here."""
        name = request.headers.get("x-nuclio-function-name", "")
        if not name:
            raise Refused(400, "Function name must be provided")
        http = self.functions.processor(name).http
        assert http is not None
        path = "/" + request.headers.get("x-nuclio-path", "").lstrip("/")
        kept = {
            key: value
            for key, value in request.headers.items()
            if not key.startswith("x-nuclio-") or key == "x-nuclio-log-level"
        }
        target = path + (f"?{request.query}" if request.query else "")
        return await http.answer(replace(request, target=target, headers=kept))


def _waits(request: Request) -> bool:
    return request.headers.get("x-nuclio-wait-function-action", "").lower() == "true"


def _name_of(body: Mapping[str, Any]) -> str:
    check_function({"metadata": body.get("metadata")})
    name = (body.get("metadata") or {}).get("name")
    if not name:
        raise Refused(400, "a name must be provided in metadata")
    return str(name)


def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise Refused(400, f"Failed to parse JSON body: {error}") from None
    if not isinstance(body, dict):
        raise Refused(400, "Failed to parse JSON body: it is no object")
    return body


def _json(status: int, body: Any) -> Response:
    return Response(status, [("Content-Type", "application/json")], json.dumps(body).encode())
