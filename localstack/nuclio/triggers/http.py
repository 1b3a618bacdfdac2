"""The HTTP trigger: a port of its own; a request becomes an event, its reply the answer."""

from __future__ import annotations

import json
import sys
from typing import Any
from urllib.parse import parse_qsl, unquote

from ...clock import Clock
from ...front import OPEN, Front, Gate, Request, Response
from .. import wire
from ..pool import NoWorker, Pool
from ..worker import WorkerFailed, WorkerTimedOut

KIND = "http"
MAX_BODY = 4 * 1024 * 1024
LOGS_HEADER_LIMIT = 4096


class HttpTrigger:
    """One listening port for one function.

    former: the trigger that this takes the place of;  port: one to take when it is free
    """

    def __init__(
        self,
        name: str,
        settings: dict[str, Any],
        pool: Pool,
        host: str,
        clock: Clock,
        gate: Gate = OPEN,
        former: HttpTrigger | None = None,
        port: int = 0,
    ) -> None:
        self.name, self.kind = name, KIND
        self._name, self._pool, self._host = name, pool, host
        self._clock = clock
        attributes = settings.get("attributes") or {}
        self._wanted = int(attributes.get("port") or 0)
        self._max_body = int(attributes.get("maxRequestBodySize") or MAX_BODY)
        self._former, self._preferred = former, port
        self._front = Front(gate, body=self._max_body)
        self.port = 0

    async def start(self) -> None:
        former = self._former
        if former is not None and self._wanted in (0, former.port):
            # Its callers keep their address and their connections.
            self._front, former._front, self.port = former._front, Front(), former.port
            self._front.handler, self._front.body = self.answer, self._max_body
            return
        self.port = self._bind()
        await self._front.serve(self.answer)

    def _bind(self) -> int:
        """The configured port; without one the preferred, when it is free."""
        if self._preferred and not self._wanted:
            try:
                return self._front.bind(self._host, self._preferred)
            except OSError:  # taken meanwhile
                pass
        return self._front.bind(self._host, self._wanted)

    def retire(self) -> None:
        """Nothing: its callers go to who took its place, and those that have come are answered."""

    async def close(self) -> None:
        await self._front.close()

    async def answer(self, request: Request) -> Response:
        """The function's answer to a request, or Nuclio's own 408, 413, 500 and 503."""
        if request.path == "/__internal/health":
            return Response(200, [("Content-Type", "text/plain")], b"")
        if request.cut or len(request.body) > self._max_body:
            return _text(413, "Request body is too large")
        try:
            reply, records = await self._pool.call(self._event(request))
        except NoWorker:
            return Response(503, [], b"")
        except WorkerTimedOut:
            return _json(408, {"error": "handler timed out"})
        except WorkerFailed as error:
            print(f"nuclio: {self._name}: {error}", file=sys.stderr, flush=True)
            return _text(500, str(error))
        return _response(reply, records, request.headers.get("x-nuclio-log-level"))

    def _event(self, request: Request) -> dict[str, Any]:
        headers = {wire.canonical(name): value for name, value in request.headers.items()}
        return wire.event(
            kind=KIND,
            name=self._name,
            body=request.body,
            content_type=request.headers.get("content-type", ""),
            headers=headers,
            fields=dict(parse_qsl(request.query, keep_blank_values=True)),
            method=request.method,
            path=unquote(request.path),
            url=request.target,
            now=self._clock.time(),
        )


def _response(reply: wire.Reply, records: list[dict[str, Any]], level: str | None) -> Response:
    headers = [("Content-Type", reply.content_type), *_headers(reply)]
    if level is not None:
        text = json.dumps(records)
        if len(text) < LOGS_HEADER_LIMIT:
            headers.append(("X-Nuclio-Logs", text))
    return Response(reply.status, headers, reply.body)


def _headers(reply: wire.Reply) -> list[tuple[str, str]]:
    """The headers as Nuclio's server (fasthttp) sets them one by one: a name is written its own
    way, and a later value replaces an earlier one, but a cookie is added to the others."""
    found: dict[str, str] = {}
    cookies: list[tuple[str, str]] = []
    for given, value in reply.headers.items():
        name = wire.canonical(given)
        if not isinstance(value, str | int) or name in ("Content-Type", "Content-Length"):
            continue
        if name == "Set-Cookie":
            cookies.append((name, str(value)))
        else:
            found[name] = str(value)
    return [*found.items(), *cookies]


def _text(status: int, text: str) -> Response:
    return Response(status, [("Content-Type", "text/plain")], text.encode())


def _json(status: int, body: dict[str, Any]) -> Response:
    return Response(status, [("Content-Type", "application/json")], json.dumps(body).encode())
