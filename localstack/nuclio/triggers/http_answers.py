"""Answers of the HTTP trigger: a worker's reply as fasthttp sends it, and what is said without one.

Headers, a file in the place of the body, log records that a client asks for; who asks a worker, and
when, is not known here.  Source: Nuclio's public pkg/processor/trigger/http, and fasthttp.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from ...front import Request, Response
from .. import wire
from ..cloudevents import NotACloudEvent
from ..pool import NoWorker
from ..work import Work
from ..worker import WorkerTimedOut
from .base import Around

LOGS_HEADER_LIMIT, PIECE = 4096, 1 << 16
LEVELS = {"debug": 0, "info": 1, "warn": 2, "error": 3, "dpanic": 4, "panic": 5, "fatal": 6}
FILE, DELETE_FILE = "X-Nuclio-Filestream-Path", "X-Nuclio-Filestream-Delete-After-Send"
# What fasthttp says of an answer that says nothing of itself.
PLAIN = ("Content-Type", "text/plain; charset=utf-8")
SERVER = ("Server", "nuclio")
# What fasthttp answers to what it cannot or will not read: its `defaultErrorHandler`.
UNREADABLE, LARGE_HEAD = b"Error when parsing request", b"Too big request header"


class Answers:
    """Those of one trigger."""

    def __init__(self, name: str, around: Around) -> None:
        self._name, self._around, self._clock = name, around, around.clock

    def composed(
        self, request: Request, reply: wire.Reply, work: Work | None
    ) -> tuple[Response, str, bool]:
        """A reply as a response; the file that is to be sent as its body, and whether it is then
        deleted."""
        if reply.content_type:
            kind = ("Content-Type", wire.on_the_wire(reply.content_type))
            response = Response(reply.status, [kind, SERVER], reply.body)
        else:
            response = said(reply.status, reply.body)
        file, delete = "", False
        if reply.headers:
            headers, file, delete = _headers(reply)
            response.headers += headers
        self._add_logs(request, response, work)
        if work is not None and work.stream is not None:
            response.body, response.chunks = b"", work.stream.pieces(reply.body)
            return response, "", False
        return response, file, delete

    async def send_file(self, response: Response, file: str, delete: bool) -> None:
        """Send a file that the function names, in the place of its body."""
        path, response.body = self._around.code / file, b""
        try:
            opened = await asyncio.to_thread(path.open, "rb")
        except FileNotFoundError:
            response.status = 404
            _untyped(response)
        except OSError as error:
            self._around.say("warn", f"Failed to open file for file streaming: {error}")
            response.status = 500
            _untyped(response)
        else:
            response.chunks = _pieces(opened, path if delete else None)

    def failed(self, request: Request, error: Exception, work: Work | None) -> Response:
        """What is said of an event that no response came for."""
        if isinstance(error, WorkerTimedOut):
            return said(408, b'{"error": "handler timed out"}')
        if isinstance(error, NoWorker):
            response = said(503)
        else:
            self._around.say("error", f"trigger {self._name}: {error}")
            body = b"" if isinstance(error, NotACloudEvent) else str(error).encode()
            response = said(500, body)
        self._add_logs(request, response, work)
        return response

    def _add_logs(self, request: Request, response: Response, work: Work | None) -> None:
        """The event's log records as a header, when asked for, unless they are too many for one."""
        level = request.headers.get("x-nuclio-log-level")
        if level is None:
            return
        records = work.records if work else []
        least, now = LEVELS.get(level, 0), self._clock.time() * 1000
        told = [
            {
                "level": each["level"],
                "time": now,
                "name": self._name,
                "message": each.get("message", ""),
                **(each.get("with") or {}),
            }
            for each in records
            if LEVELS.get(each["level"], 0) >= least
        ]
        text = json.dumps(told, separators=(",", ":"), default=str)
        if len(text) < LOGS_HEADER_LIMIT:
            response.headers.append(("X-Nuclio-Logs", text))
        else:
            self._around.say("warn", "Skipped setting logs in header cause of size limit")


def _headers(reply: wire.Reply) -> tuple[list[tuple[str, str]], str, bool]:
    """The headers as fasthttp sets them one by one: a name is written its own way, and a later
    value replaces an earlier one, but a cookie is added to the others; values that are no text are
    left out (a number is none of the kinds that Nuclio sends, once Go has read it from JSON).  And
    the file that is to be sent, and whether it is deleted."""
    found: dict[str, str] = {}
    cookies: list[tuple[str, str]] = []
    file, delete = "", False
    for given, value in reply.headers.items():
        name = wire.canonical(given)
        if name == DELETE_FILE:
            delete = True
        elif not isinstance(value, str):
            continue
        elif name == FILE:
            file = value
        elif name == "Set-Cookie":
            cookies.append((name, wire.on_the_wire(value)))
        elif name not in ("Content-Type", "Content-Length"):
            found[name] = wire.on_the_wire(value)
    return [*found.items(), *cookies], file, delete


async def _pieces(opened: Any, delete: Path | None) -> AsyncIterator[bytes]:
    try:
        while piece := await asyncio.to_thread(opened.read, PIECE):
            yield piece
    finally:
        opened.close()
        if delete is not None:
            await asyncio.to_thread(delete.unlink, True)


def _untyped(response: Response) -> None:
    """An empty answer: its content type would have been set later."""
    response.headers = [each for each in response.headers if each[0] != "Content-Type"]


def large_head(most: int) -> Response:
    return said(431, LARGE_HEAD)


def said(status: int, body: bytes = b"") -> Response:
    """An answer without a content type of its own: of one without a body fasthttp says none."""
    return Response(status, [PLAIN, SERVER] if body else [SERVER], body)
