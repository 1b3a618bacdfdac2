"""/api/function_invocations: any method, passed on to the function that a header names.

Source: the dashboard's invocation.go and the platform's invoker.go.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ...front import Request, Response
from ..durations import seconds
from ..errors import Refused
from ..functions import Functions
from .call import Call, same_namespace, told

TIMEOUT = 60.0  # seconds, where x-nuclio-invoke-timeout says nothing
LOG_LEVEL = "x-nuclio-log-level"


class FunctionInvocations:
    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    async def answer(self, call: Call) -> Response:
        """The function's answer, or an error in the form that this resource alone has."""
        try:
            name = self._name(call)
            return await self._ask(call, name, self._timeout(call))
        except Refused as refusal:
            return told(refusal.status, {"error": refusal.message})

    def _name(self, call: Call) -> str:
        name = call.header("x-nuclio-function-name")
        if not name:
            raise Refused(400, "Function name must be provided")
        namespace = call.header("x-nuclio-function-namespace")
        if name not in self._functions.names() or not same_namespace(
            self._functions.wanted(name), namespace
        ):
            where = f"{name} @ {namespace or 'nuclio'}"
            raise Refused(404, f"Failed to invoke function: Function not found: {where}")
        return name

    def _timeout(self, call: Call) -> float:
        given = call.header("x-nuclio-invoke-timeout")
        try:
            return seconds(given) if given else TIMEOUT
        except ValueError:
            raise Refused(400, "Invalid invoke timeout") from None

    async def _ask(self, call: Call, name: str, timeout: float) -> Response:
        http = self._functions.processor(name).http
        assert http is not None
        if url := call.header("x-nuclio-invoke-url"):
            self._check_url(name, url)
        try:
            async with asyncio.timeout(timeout):
                return await http.answer(_passed_on(call, name))
        except TimeoutError:
            told_in = f"no answer within {timeout:g} s (x-nuclio-invoke-timeout)"
            raise Refused(500, f"Failed to invoke function: {told_in}") from None

    def _check_url(self, name: str, url: str) -> None:
        """Only an address that the function's status tells may be named."""
        status = self._functions.show(name)["status"]
        known = {
            *status.get("internalInvocationUrls", ()),
            *status.get("externalInvocationUrls", ()),
        }
        if url not in known:
            raise Refused(400, f"Failed to invoke function: Invalid function url {url}")


def _passed_on(call: Call, name: str) -> Request:
    """The request as the function sees it: the dashboard's own headers stay here."""
    request = call.request
    path = "/" + call.header("x-nuclio-path").lstrip("/")
    if request.query:
        path += ("&" if "?" in path else "?") + request.query
    kept = {
        key: value
        for key, value in request.headers.items()
        if not key.startswith("x-nuclio-") or key == LOG_LEVEL
    }
    kept["x-nuclio-target"] = name
    body = request.body
    if request.method == "GET":
        body = b""
        kept.pop("content-length", None)
    return replace(request, target=path, headers=kept, body=body)
