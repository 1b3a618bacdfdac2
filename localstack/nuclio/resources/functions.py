"""/api/functions: deployed, changed, read, followed by their logs, deleted.

Source: the dashboard's function.go, and the statuses that its command line's client expects: a
PATCH that redeploys is a 202, one that has nothing to do a 204.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from ...front import Response
from ..durations import seconds
from ..errors import Refused
from ..estate import Estate
from ..functions import PROJECT_LABEL
from ..journal import Since
from ..shapes import check_function
from .call import Call, done, name_of, not_taken, same_namespace, told

WAIT = "x-nuclio-wait-function-action"
PATIENCE, MINUTE = "x-nuclio-creation-state-updated-timeout", 60.0
IMPORTED_ONLY = "x-nuclio-imported-function-only"


class Functions:
    def __init__(self, estate: Estate) -> None:
        self._estate, self._known = estate, estate.functions

    async def answer(self, call: Call) -> Response:
        method = call.method
        if method == "GET":
            return self._read(call)
        if method == "POST" and not call.rest:
            return await self._put(call, self._document(call), new=True)
        if method == "PUT" and len(call.rest) < 2:
            return await self._put(call, self._document(call), new=False)
        if method == "PATCH" and len(call.rest) == 1:
            return await self._patch(call, call.rest[0])
        if method == "DELETE" and len(call.rest) < 2:
            return await self._delete(call)
        raise not_taken(call, "functions")

    # -- reading
    def _read(self, call: Call) -> Response:
        if not call.rest:
            return told(200, {name: self._show(call, name) for name in self._selected(call)})
        name, *more = call.rest
        self._look(call, name)
        if not more:
            return told(200, self._show(call, name))
        if more == ["replicas"]:
            return told(200, {"names": self._known.replicas(name)})
        if len(more) == 2 and more[0] == "logs":
            return self._logs(call, name, more[1])
        raise not_taken(call, "functions")

    def _look(self, call: Call, name: str) -> None:
        """Raise `Refused` 404 for a function that is not there, or in another namespace."""
        if not same_namespace(self._known.wanted(name), call.header("x-nuclio-function-namespace")):
            raise Refused(404, "Function not found")

    def _selected(self, call: Call) -> list[str]:
        name = call.header("x-nuclio-function-name")
        project = call.header("x-nuclio-project-name")
        namespace = call.header("x-nuclio-function-namespace")
        return [
            each
            for each in self._known.names()
            if name in ("", each)
            and project in ("", self._known.project_of(each))
            and same_namespace(self._known.wanted(each), namespace)
        ]

    def _show(self, call: Call, name: str) -> dict[str, Any]:
        if call.flag("export"):
            return self._known.export(name)
        shown = self._known.show(name)
        if call.says("x-nuclio-function-enrich-apigateways"):
            shown["status"]["apiGateways"] = self._estate.gateways.of_function(name)
        return shown

    def _logs(self, call: Call, name: str, replica: str) -> Response:
        """A replica's log, a JSON document a line; followed until its end unless told otherwise."""
        if replica.lower() not in (each.lower() for each in self._known.replicas(name)):
            raise Refused(400, f"{replica} replica does not belong to function {name}")
        journal = self._known.journal(name)
        since = _since(call)
        headers = [("Content-Type", "text/plain"), ("Cache-Control", "no-cache, private")]
        if journal is None or not call.flag("follow", True):
            lines = journal.read(since) if journal else []
            return Response(200, headers, b"".join(map(_line, lines)))

        async def follow() -> AsyncIterator[bytes]:
            async for record in journal.follow(since):
                yield _line(record)

        return Response(200, headers, chunks=follow())

    # -- changing
    def _document(self, call: Call) -> dict[str, Any]:
        """The body of a request, with the name of its path and the project of its header."""
        given = call.body()
        check_function(given)
        metadata = given["metadata"] = dict(given.get("metadata") or {})
        if call.rest:
            metadata["name"] = metadata.get("name") or call.rest[0]
            if metadata["name"] != call.rest[0]:
                raise Refused(400, "Function name is different from request id")
        if project := call.header("x-nuclio-project-name"):
            metadata["labels"] = {**(metadata.get("labels") or {}), PROJECT_LABEL: project}
        if namespace := call.header("x-nuclio-function-namespace"):
            metadata["namespace"] = metadata.get("namespace") or namespace
        return given

    async def _put(self, call: Call, given: dict[str, Any], *, new: bool) -> Response:
        self._estate.put_function(given, new=new)
        if _patience(call) <= 0:  # it is deployed all the same
            raise Refused(500, "Timed out waiting for creation state to be set")
        await self._waited(call, given["metadata"]["name"])
        return done(202)

    async def _patch(self, call: Call, name: str) -> Response:
        self._look(call, name)
        state = call.body().get("desiredState")
        skipped = call.says(IMPORTED_ONLY) and not self._known.is_imported(name)
        if state is None or skipped:
            return done()
        if not isinstance(state, str):
            raise Refused(400, f"desiredState must be a string, not {json.dumps(state)[:80]}")
        await self._known.reach(name, state)
        await self._waited(call, name)
        return done(202)

    async def _waited(self, call: Call, name: str) -> None:
        """Come back when the deployment is over, if the caller wants that.

        Without it a client is answered when the state says that a deployment has begun, which is
        here before the request returns.
        """
        if call.says(WAIT):
            await self._known.deployed(name)

    async def _delete(self, call: Call) -> Response:
        body = call.body() if call.request.body or not call.rest else {}
        check_function(body)
        name = name_of(body, "Function", call.rest[0] if call.rest else "")
        await self._estate.delete_function(
            name,
            version=str((body.get("metadata") or {}).get("resourceVersion") or ""),
            busy_too=call.says("x-nuclio-delete-function-ignore-state-validation"),
            gateways_too=call.says("x-nuclio-delete-function-with-api-gateways"),
        )
        return done()


def _patience(call: Call) -> float:
    """How many seconds the state may take to say that a deployment has begun.

    It says so at once here, so only a time that is over already matters.  What is no duration is
    taken for the usual minute, as the dashboard takes it.
    """
    text = call.header(PATIENCE)
    try:
        return seconds(text) if text else MINUTE
    except ValueError:
        return -1.0 if _is_negative(text) else MINUTE


def _is_negative(text: str) -> bool:
    """
    >>> _is_negative("-5m"), _is_negative("-soon"), _is_negative("5m")
    (True, False, False)
    """
    try:
        return text.startswith("-") and bool(seconds(text[1:]))
    except ValueError:
        return False


def _since(call: Call) -> Since:
    """Which lines of a log are wanted; raises `Refused` 400."""
    text, lines = call.parameter("since"), call.parameter("tailLines")
    try:
        age = seconds(text) if text else None
    except ValueError as error:
        raise Refused(400, f"Failed to parse since: {error}") from None
    return Since(age, int(lines) if lines.isdigit() else None)


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode() + b"\n"
