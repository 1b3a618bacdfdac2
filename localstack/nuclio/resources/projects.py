"""/api/projects: what functions and gateways belong to.  Source: the dashboard's project.go."""

from __future__ import annotations

from typing import Any

from ...front import Response
from ..errors import Refused
from ..estate import Estate
from .call import Call, done, name_of, not_taken, same_namespace, told


class Projects:
    def __init__(self, estate: Estate) -> None:
        self._estate, self._known = estate, estate.projects

    async def answer(self, call: Call) -> Response:
        if len(call.rest) > 1:
            raise not_taken(call, "projects")
        if call.method == "GET":
            return self._read(call)
        if call.method == "POST" and not call.rest:
            return await self._make(call)
        if call.method == "PUT":
            self._known.put(self._named(call), new=False)
            return done()
        if call.method == "DELETE":
            name = call.rest[0] if call.rest else name_of(call.body(), "Project")
            await self._estate.delete_project(name, call.header("x-nuclio-delete-project-strategy"))
            return done()
        raise not_taken(call, "projects")

    def _read(self, call: Call) -> Response:
        show = self._estate.export_project if call.flag("export") else self._known.show
        if call.rest:
            return told(200, show(call.rest[0]))
        name = call.header("x-nuclio-project-name")
        namespace = call.header("x-nuclio-project-namespace")
        found = {
            each: document
            for each in self._known.names()
            if name in ("", each) and same_namespace(document := self._known.show(each), namespace)
        }
        return told(200, {each: show(each) for each in found})

    async def _make(self, call: Call) -> Response:
        if call.flag("import"):
            return told(201, await self._estate.import_project(call.body()))
        return told(201, self._known.put(call.body(), new=True))

    def _named(self, call: Call) -> dict[str, Any]:
        """The body of a change, with the name of its path."""
        body = call.body()
        if call.rest:
            name = name_of(body, "Project", call.rest[0])
            if name != call.rest[0]:
                raise Refused(400, "Project name is different from request id")
            body["metadata"] = {**(body.get("metadata") or {}), "name": name}
        return body
