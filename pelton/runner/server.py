"""`Server`: requests by the project's own HTTP skin, functions on threads, an end that loses none.

It knows routes and nothing of the command line.  The skin (`localstack.front`) bounds what a client
may do; what of it this server answers itself is here.
"""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from collections.abc import Callable
from functools import lru_cache, partial

from ..handlers.event import Result
from ..localstack.front import Front, Request, Response
from ..localstack.messages import broken
from ..runtime.aws_events import http_reply
from ..runtime.routes import BY_NAME
from .payload import RunContext, Stamp, make_event, make_response, new_id, said
from .relay import Call, Relay
from .routes import Route, find

MIB = 1 << 20


class Server:
    """The routes of an app at one address.

    most_body: bytes of a request's body, at the most
    log:       takes lines of the access log, several at a time
    """

    def __init__(
        self,
        routes: list[Route],
        *,
        most_body: int = 64 * MIB,
        log: Callable[[str], object] = sys.stderr.write,
    ) -> None:
        self._front, self._most_body = Front(body=most_body), most_body
        self._find = lru_cache(256)(partial(find, routes))
        self._stamp, self._log, self._lines = Stamp(), log, list[str]()

    def bind(self, host: str, port: int) -> int:
        """Take the address; the port, which is a free one for 0.  Raises OSError."""
        return self._front.bind(host, port)

    async def begin(self, relay: Relay) -> None:
        """Answer requests from now on, by functions that the relay of this loop runs."""
        self._relay = relay
        self._front.begin = self._begin
        await self._front.serve(self._answer)

    async def end(self, seconds: float) -> int:
        """Take no more connections and answer what has come; how many were not answered in time."""
        left = await self._front.drain(seconds)
        await self._front.close()
        self._write_log()
        return left

    def _begin(self, request: Request, done: Callable[[Response], None]) -> bool:
        """Have a function called, whose response is passed on without a task in between."""
        found = None if request.cut else self._find(request.method, request.path)
        if not isinstance(found, Route):
            return False

        def finish(called: Call) -> None:
            if called.error is not None:
                done(broken(request, called.error))
            else:
                done(self._noted(request, called.answer))

        self._relay.begin(Call(found.pace, finish, call, found, request))
        return True

    async def _answer(self, request: Request) -> Response:
        """What no function is asked: too large a body, a 404, a 405."""
        found = self._find(request.method, request.path)
        if request.cut or not isinstance(found, Result):
            response = said(413, {"message": f"a body has at most {self._most_body} bytes"})
        else:
            response = make_response(http_reply("http2", {}, found))
        return self._noted(request, response)

    def _noted(self, request: Request, response: Response) -> Response:
        stamp = self._stamp.at(time.time())
        response.headers.append(("date", stamp.date))
        self._note(request, response.status, stamp.log)
        return response

    # -- the access log: written once a turn of the loop, as each write is a call of the system
    def _note(self, request: Request, status: int, when: str) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._write_log)
        asked = f"{request.method} {request.target} HTTP/1.1"
        self._lines.append(f'{request.client[0]} - - [{when}] "{asked}" {status} -\n')

    def _write_log(self) -> None:
        text, self._lines = "".join(self._lines), []
        self._log(text)


def call(route: Route, request: Request) -> Response:
    """The function's response; an error is a 502, as on a function URL, its trace printed."""
    request_id = new_id()
    event = make_event(request, request_id, time.time())
    if route.by_name:
        event["headers"][BY_NAME] = "1"
    try:
        return make_response(route.handler(event, RunContext(route.name, request_id)))
    except (Exception, SystemExit):  # sys.exit ends a call, not the server
        traceback.print_exc()
        return said(502, {"message": "Internal Server Error"})
