"""Which functions are debugged, over HTTP: an option of this machine, and no part of any platform.

`PUT /_pelton/debug/NAME` with {"port": 5678, "wait": false, "qualifier": "live"} (all may be left
out) debugs a function of Lambda and answers where its debugger listens and where its code is in
its process; PUT again, after its code has changed, lets the new code be there before its next
event.  `DELETE` ends it, `GET /_pelton/debug` tells which functions are debugged.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple
from urllib.parse import unquote

from .debugging.relay import HOST
from .front import Request, Response
from .gateway import DEBUG
from .lambda_.account import Account
from .lambda_.debug_post import NotDebugged
from .lambda_.debugged import Debugged
from .lambda_.errors import AwsError
from .lambda_.names import Reference

PORT = 5678


class DebugDoor:
    """Answers at `DEBUG` for one emulator."""

    def __init__(self, account: Account, debugged: Debugged | None) -> None:
        self._account = account
        self._debugged = debugged

    async def __call__(self, request: Request) -> Response:
        debugged = self._debugged
        if debugged is None:
            return _answer(409, message="nothing runs functions here")
        name = unquote(request.path.removeprefix(DEBUG).strip("/"))
        if request.method == "GET" and not name:
            told = {each: _at(port) for each, port in debugged.told().items()}
            return _answer(200, functions=told)
        if not name or request.method not in ("PUT", "DELETE"):
            return _answer(405, message=f"{DEBUG} answers GET, {DEBUG}/NAME answers PUT and DELETE")
        if request.method == "DELETE":
            known = debugged.forget(name)
            return Response(204) if known else _answer(404, message=f"{name} is not debugged")
        return await self._put(debugged, name, request.body)

    async def _put(self, debugged: Debugged, name: str, body: bytes) -> Response:
        try:
            asked = _asked(body)
            function, version = self._account.registry.routed(Reference(name, asked.qualifier))
            await self._account.settled(function)
            revision = self._account.registry.revision(function, version)
            place = await debugged.want(revision, asked.port, asked.wait)
        except ValueError as error:
            return _answer(400, message=str(error))
        except AwsError as error:
            return _answer(error.status, message=error.message)
        except NotDebugged as error:
            return _answer(409, message=str(error))
        state = "at an event" if place.at_an_event else "listening"
        return _answer(200, function=name, address=_at(place.port), root=place.root, state=state)


class Asked(NamedTuple):
    """What a PUT says."""

    port: int
    wait: bool
    qualifier: str


def _asked(body: bytes) -> Asked:
    """Raises ValueError with a sentence.

    >>> _asked(b"")
    Asked(port=5678, wait=False, qualifier='')
    >>> _asked(b'{"port": 70000}')
    Traceback (most recent call last):
    ValueError: "port" is a number from 0 to 65535, not 70000
    """
    try:
        said = json.loads(body or b"{}")
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise ValueError('the body is JSON like {"port": 5678, "wait": false}')
    port, wait, qualifier = (
        said.get("port", PORT),
        said.get("wait", False),
        said.get("qualifier", ""),
    )
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
        raise ValueError(f'"port" is a number from 0 to 65535, not {port!r}')
    if not isinstance(wait, bool):
        raise ValueError(f'"wait" is true or false, not {wait!r}')
    if not isinstance(qualifier, str):
        raise ValueError(f'"qualifier" is a version or an alias, not {qualifier!r}')
    return Asked(port, wait, qualifier)


def _at(port: int) -> str:
    return f"{HOST}:{port}"


def _answer(status: int, **members: Any) -> Response:
    body = json.dumps(members).encode()
    return Response(status, [("Content-Type", "application/json")], body)
