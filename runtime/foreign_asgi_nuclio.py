"""An ASGI application on Nuclio: requests of HTTP triggers.

Nuclio hands over a JSON body parsed, so the application gets it written anew: equal as JSON, and
not byte for byte (a signature over the body does not hold; other content types are untouched).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

from ..handlers.errors import WrongUse
from ..handlers.event import Event
from ..handlers.function import Function
from .foreign_asgi import Answer, Hosted, Request
from .nuclio import read_event
from .nuclio_context import make_context
from .nuclio_replies import with_cookies
from .nuclio_shapes import text
from .worker import Worker


def asgi_on_nuclio(function: Function[..., Any], worker: Worker) -> Callable[[Any, Any], Any]:
    """The Nuclio handler of an ASGI application."""
    hosted = worker.hosted = Hosted(function.user_function)

    def handle(raw: Any, nuclio_event: Any) -> Any:
        event = read_event(nuclio_event)
        if event.trigger != "http":
            raise WrongUse(
                f"function {function.name} is an ASGI application and got an event of the trigger "
                f"{event.trigger}",
                file=function.file,
                line=function.line,
                advice="give it HTTP triggers alone",
            )
        context = make_context(function, worker, raw, event.id)
        worker.begin(context)
        request = request_of(event)
        request.own.update({"nuclio.event": nuclio_event, "nuclio.context": raw})
        return _response(raw, hosted.answer(request, context))

    return handle


def request_of(event: Event) -> Request:
    """The request of an HTTP trigger's event."""
    asked, _, query = text(getattr(event.raw, "url", "")).partition("?")
    if not asked.startswith("/"):  # an event that was made by hand has no address
        asked, query = quote(event.path), urlencode(dict(event.fields))
    headers = [
        (name.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in event.headers.items()
    ]
    address = event.headers.get("x-forwarded-for", "").split(",")[0].strip()
    host, _, port = event.headers.get("host", "").partition(":")
    scheme = event.headers.get("x-forwarded-proto", "http")
    known = int(port) if port.isdecimal() else {"http": 80}.get(scheme, 443)
    return Request(
        method=event.method or "GET",
        path=event.path or "/",
        query=query.encode(),
        headers=headers,
        body=_body(event.body),
        raw_path=asked.encode(),
        scheme=scheme,
        client=(address, 0) if address else None,
        server=(host, known) if host else None,
        own={},
    )


def _body(body: Any) -> bytes:
    if body is None or isinstance(body, bytes):
        return body or b""
    return json.dumps(body, ensure_ascii=False).encode()


def _response(raw: Any, answer: Answer) -> Any:
    headers: dict[str, str] = {}
    cookies = []
    for name, value in answer.headers:
        key, said = name.decode("latin-1"), value.decode("latin-1")
        if key == "set-cookie":
            cookies.append(said)
        elif key not in ("content-length", "transfer-encoding", "connection"):
            headers[key] = f"{headers[key]}, {said}" if key in headers else said
    kind = headers.pop("content-type", "application/octet-stream")
    return raw.Response(
        headers=with_cookies(headers, cookies),
        body=answer.body,
        content_type=kind,
        status_code=answer.status,
    )
