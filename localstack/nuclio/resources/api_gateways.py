"""/api/api_gateways: hosts in front of functions.  Source: the dashboard's apigateway.go."""

from __future__ import annotations

from typing import Any

from ...front import Response
from ..api_gateways import PROJECT_LABEL
from ..errors import Refused
from ..estate import Estate
from .call import Call, done, name_of, not_taken, same_namespace, told

EXISTENCE = "x-nuclio-agw-validate-functions-existence"


class ApiGateways:
    def __init__(self, estate: Estate) -> None:
        self._estate, self._known = estate, estate.gateways

    async def answer(self, call: Call) -> Response:
        if call.method == "GET" and len(call.rest) < 2:
            return self._read(call)
        if call.method == "POST" and not call.rest:
            return told(201, self._put(call, self._document(call), new=True))
        if call.method == "PUT" and len(call.rest) < 2:
            self._put(call, self._document(call), new=False)
            return done()
        if call.method == "DELETE" and len(call.rest) < 2:
            self._known.delete(call.rest[0] if call.rest else name_of(call.body(), "Api gateway"))
            return done()
        raise not_taken(call, "api gateways")

    def _read(self, call: Call) -> Response:
        show = self._known.export if call.flag("export") else self._known.show
        if call.rest:
            return told(200, show(call.rest[0]))
        names = self._known.names(call.header("x-nuclio-project-name"))
        namespace = call.header("x-nuclio-api-gateway-namespace")
        fits = [each for each in names if same_namespace(self._known.show(each), namespace)]
        return told(200, {name: show(name) for name in fits})

    def _document(self, call: Call) -> dict[str, Any]:
        """The body, with the name of its path and the project of its header."""
        given = call.body()
        metadata = given.get("metadata") or {}
        if not isinstance(metadata, dict):
            return given  # its shape is refused by name
        if call.rest:
            metadata = {**metadata, "name": metadata.get("name") or call.rest[0]}
            if metadata["name"] != call.rest[0]:
                raise Refused(400, "Api gateway name is different from request id")
        if project := call.header("x-nuclio-project-name"):
            metadata = {**metadata, "labels": {**(metadata.get("labels") or {})}}
            metadata["labels"][PROJECT_LABEL] = project
        return {**given, "metadata": metadata}

    def _put(self, call: Call, given: dict[str, Any], *, new: bool) -> dict[str, Any]:
        return self._estate.put_gateway(given, new=new, strict=call.says(EXISTENCE))
