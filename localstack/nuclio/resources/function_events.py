"""/api/function_events: events kept to try functions with.  Source: functionevent.go."""

from __future__ import annotations

from typing import Any

from ...front import Response
from ..errors import Refused
from ..function_events import FUNCTION_LABEL
from ..function_events import FunctionEvents as Known
from .call import Call, done, name_of, not_taken, same_namespace, told

WHAT = "Function event"


class FunctionEvents:
    def __init__(self, known: Known) -> None:
        self._known = known

    async def answer(self, call: Call) -> Response:
        if call.method == "GET" and len(call.rest) < 2:
            return self._read(call)
        if call.method == "POST" and not call.rest:
            return told(201, self._known.put(call.body(), new=True))
        if call.method == "PUT" and len(call.rest) < 2:
            self._known.put(self._named(call), new=False)
            return done()
        if call.method == "DELETE" and len(call.rest) < 2:
            self._known.delete(call.rest[0] if call.rest else name_of(call.body(), WHAT))
            return done()
        raise not_taken(call, "function events")

    def _read(self, call: Call) -> Response:
        if call.rest:
            return told(200, self._known.show(call.rest[0]))
        return told(200, {n: event for n, event in self._known.all() if _fits(call, n, event)})

    def _named(self, call: Call) -> dict[str, Any]:
        body = call.body()
        name = name_of(body, WHAT, call.rest[0] if call.rest else "")
        if call.rest and name != call.rest[0]:
            raise Refused(400, "Function event name is different from request id")
        body["metadata"] = {**(body.get("metadata") or {}), "name": name}
        return body


def _fits(call: Call, name: str, event: dict[str, Any]) -> bool:
    function = event["metadata"]["labels"].get(FUNCTION_LABEL)
    return (
        call.header("x-nuclio-function-event-name") in ("", name)
        and call.header("x-nuclio-function-name") in ("", function)
        and same_namespace(event, call.header("x-nuclio-function-event-namespace"))
    )
