"""The dashboard's port: its REST API, the API gateways' own clients, the processors' numbers.

Here a request finds its resource (`resources/`); paths, statuses and headers are theirs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..clock import Clock
from ..front import OPEN, Gate, Request, Response
from ..recordings import Recordings
from ..store import Store
from .api_gateways import PATH, ApiGateways
from .builder import Builder
from .cluster.objects import Cluster
from .deployments import Deployments
from .errors import Refused
from .estate import Estate
from .function_events import FunctionEvents
from .functions import Functions
from .processor import Site
from .projects import Projects
from .resources import (
    api_gateways,
    fixed,
    function_events,
    function_invocations,
    function_templates,
    functions,
    projects,
)
from .resources.call import Call, Resource, refused, told

# Methods of the API, for who asks before calling.  Browsers ask the port's gate.
METHODS = "GET, POST, PUT, DELETE, OPTIONS, PATCH"
OPTIONS_TOO = "function_invocations"  # a function may be asked with any method


class Dashboard:
    """Answers the dashboard's requests; `start` and `close` its functions.

    environment: variables that every worker gets (endpoint, region, credentials)
    gate:        who may call the ports of its functions
    platform:    "kube", or "local" as on Docker: without API gateways and Secrets
    cluster:     where its Secrets and ConfigMaps are
    sockets:     a folder with a short path, for the workers' sockets; `folder` without one
    wrapper:     Nuclio's own `_nuclio_wrapper.py`, which workers run in the place of ours
    recordings:  who is told of calls, while somebody records
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        host: str = "127.0.0.1",
        environment: Mapping[str, str] | None = None,
        gate: Gate = OPEN,
        platform: str = "kube",
        cluster: Cluster | None = None,
        sockets: Path | None = None,
        wrapper: Path | None = None,
        recordings: Recordings | None = None,
    ) -> None:
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
        store = Store(folder / "nuclio.sqlite")
        found = None if platform == "local" else cluster or Cluster()
        builder = Builder(folder, site.environment, found)
        deployments = Deployments(store, builder, site, found)
        self.functions = Functions(store, deployments)
        self._projects = Projects(store)
        self._events = FunctionEvents(store, self.functions.project_of)
        self.gateways = ApiGateways(store, self._ask, self.functions.names)
        self._host, self._platform = host, platform
        self._resources = self._all(
            Estate(self._projects, self.functions, self._events, self.gateways)
        )

    def _all(self, estate: Estate) -> dict[str, Resource]:
        """Every resource of the API, by its name in the path."""
        host, platform = self._host, self._platform
        gateways = api_gateways.ApiGateways(estate) if platform != "local" else fixed.NO_GATEWAYS
        return {
            "functions": functions.Functions(estate),
            "projects": projects.Projects(estate),
            "function_events": function_events.FunctionEvents(estate.events),
            "function_invocations": function_invocations.FunctionInvocations(estate.functions),
            "api_gateways": gateways,
            "function_templates": function_templates.FunctionTemplates(),
            "namespaces": fixed.Fixed("namespaces", lambda: fixed.namespaces(self._namespaces())),
            "external_ip_addresses": fixed.Fixed(
                "external_ip_addresses", lambda: fixed.addresses(host)
            ),
            "frontend_spec": fixed.Fixed(
                "frontend_spec", lambda: fixed.frontend_spec(host, platform)
            ),
            "versions": fixed.Fixed("versions", fixed.versions),
            "v3io_streams": fixed.V3IO_STREAMS,
        }

    def _namespaces(self) -> list[str]:
        known = self.functions
        return [known.wanted(name)["metadata"]["namespace"] for name in known.names()]

    async def start(self) -> None:
        await self.functions.start()

    async def reset(self) -> None:
        await self.functions.reset()
        self.gateways.forget()
        self._events.forget()
        self._projects.forget()

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
        try:
            return await self._route(request)
        except Refused as refusal:
            return refused(refusal)
        except (OSError, sqlite3.Error) as error:  # a full disk, most often
            return refused(Refused(500, f"The emulator could not keep this: {error}"))

    async def _route(self, request: Request) -> Response:
        words = [word for word in request.path.split("/") if word]
        if request.cut:
            raise Refused(413, "the body is too large")
        if not words or words[0] != "api":
            raise Refused(404, f"there is nothing at {request.path}; the API is at /api")
        name, *rest = words[1:] or [""]
        resource = self._resources.get(name)
        if resource is None:
            known = ", ".join(sorted(self._resources))
            raise Refused(404, f"there is no resource {name!r}; there are {known}")
        if request.method == "OPTIONS" and name != OPTIONS_TOO:
            return Response(200, [("Allow", METHODS)])
        return await resource.answer(Call(request, tuple(rest)))

    async def _through(self, gateway: str, request: Request) -> Response:
        """A request of a gateway's own clients, who are told no more than an ingress tells."""
        try:
            return await self.gateways.answer(gateway, request)
        except Refused as refusal:
            return told(refusal.status, {"error": refusal.message})

    async def _ask(self, function: str, request: Request) -> Response:
        try:
            http = self.functions.processor(function).http
        except Refused as refusal:
            raise Refused(503, refusal.message) from None
        assert http is not None
        return await http.answer(request)
