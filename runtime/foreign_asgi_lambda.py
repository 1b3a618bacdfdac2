"""An ASGI application on Lambda: requests of function URLs, HTTP APIs, REST APIs and balancers.

Sources: AWS's documents of the payload formats 2.0 and 1.0 and of balancers' targets.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote, urlencode

from ..handlers.context import Context
from ..handlers.errors import WrongUse
from ..handlers.function import Function
from .aws_events import source_of
from .foreign_asgi import Answer, Headers, Hosted, Request
from .nuclio_replies import with_cookies
from .worker import Worker

MakeContext = Callable[[Function[..., Any], Worker, Any], Context]
SOURCES = ("http2", "http1", "alb")
# What a path may have as it is.  Source: RFC 3986, pchar and '/'.
PLAIN = "/:@!$&'()*+,;=~-._"
# Bodies that go as text, beside text/*; what is compressed never does.
TEXTS = ("json", "xml", "javascript", "x-www-form-urlencoded")
# Of a connection, and none is here: the body is whole when it leaves, and who sends it counts it.
HOPS = frozenset(
    {b"connection", b"content-length", b"keep-alive", b"transfer-encoding", b"upgrade"}
)


def asgi_on_lambda(
    function: Function[..., Any], worker: Worker, make_context: MakeContext
) -> Callable[[Any, Any], Any]:
    """The Lambda handler of an ASGI application."""
    hosted = worker.hosted = Hosted(function.user_function)

    def handle(event: Any, raw: Any) -> Any:
        context = make_context(function, worker, raw)
        worker.begin(context)
        source = source_of(event)
        if source not in SOURCES:
            raise WrongUse(
                f"function {function.name} is an ASGI application and got no HTTP request",
                file=function.file,
                line=function.line,
                advice="call it by its URL, or with an event of a URL, an API or a balancer",
            )
        request = request_of(source, event)
        request.own.update({"aws.event": event, "aws.context": raw})
        return reply_of(source, event, hosted.answer(request, context))

    return handle


def request_of(source: str, event: Mapping[str, Any]) -> Request:
    """The request that a payload tells of."""
    context = event["requestContext"]
    headers = _headers(event)
    first = {name: value.decode("latin-1") for name, value in reversed(headers)}
    path, raw_path, root = _FORMS[source](event, context)
    http = context.get("http") or context.get("identity") or {}
    address = http.get("sourceIp") or first.get(b"x-forwarded-for", "").split(",")[0].strip()
    scheme = first.get(b"x-forwarded-proto", "https")
    host, _, port = (first.get(b"host") or context.get("domainName") or "").partition(":")
    port = port or first.get(b"x-forwarded-port", "")
    known = int(port) if port.isdecimal() else {"http": 80}.get(scheme, 443)
    return Request(
        method=http.get("method") or event["httpMethod"],
        path=path,
        query=_query(source, event),
        headers=headers,
        body=_body(event),
        raw_path=raw_path,
        root_path=root,
        scheme=scheme,
        client=(address, 0) if address else None,
        server=(host, known) if host else None,
        own={},
    )


def _version_2(event: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[str, bytes, str]:
    """(path, as it was asked for, the part of it that is the stage's).

    A function URL passes the path as it was asked for, an API decoded, after its stage's name.
    """
    path = event.get("rawPath") or context["http"]["path"]
    if ".lambda-url." in context.get("domainName", ""):
        return unquote(path), path.encode(), ""
    stage = f"/{context.get('stage') or '$default'}"
    root = stage if f"{path}/".startswith(f"{stage}/") else ""
    return path, quote(path, PLAIN).encode(), root


def _version_1(event: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[str, bytes, str]:
    """The stage is in the request context's path alone."""
    path, whole = event["path"], context.get("path") or event["path"]
    root = whole[: -len(path)] if whole.endswith(path) else ""
    asked = f"{root}{path}"
    return unquote(asked), quote(asked, f"{PLAIN}%").encode(), root


def _balancer(event: Mapping[str, Any], _: Mapping[str, Any]) -> tuple[str, bytes, str]:
    return unquote(event["path"]), quote(event["path"], f"{PLAIN}%").encode(), ""


_FORMS = {"http2": _version_2, "http1": _version_1, "alb": _balancer}


def _query(source: str, event: Mapping[str, Any]) -> bytes:
    if source == "http2":
        return str(event.get("rawQueryString") or "").encode()
    many = event.get("multiValueQueryStringParameters")
    pairs = _pairs(many, event.get("queryStringParameters"))
    if source == "alb":  # a balancer passes on what was asked for, encoded as it was
        return "&".join(f"{name}={value}" for name, value in pairs).encode()
    return urlencode(pairs).encode()


def _pairs(
    many: Mapping[str, Iterable[Any]] | None, single: Mapping[str, Any] | None
) -> list[tuple[str, str]]:
    if many:
        return [(name, str(each)) for name, values in many.items() for each in values]
    return [(name, str(value)) for name, value in (single or {}).items()]


def _headers(event: Mapping[str, Any]) -> Headers:
    found = [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in _pairs(event.get("multiValueHeaders"), event.get("headers"))
    ]
    if cookies := event.get("cookies"):
        found.append((b"cookie", "; ".join(cookies).encode("latin-1", "replace")))
    return found


def _body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    return binascii.a2b_base64(body) if event.get("isBase64Encoded") else str(body).encode()


def reply_of(source: str, event: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    """An answer in the form that the source of `event` wants."""
    headers: dict[str, list[str]] = {}
    for name, value in answer.headers:
        if name not in HOPS:
            headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    body, encoded = _wire(answer.body, headers)
    reply: dict[str, Any] = {"statusCode": answer.status, "body": body, "isBase64Encoded": encoded}
    if source == "alb":
        reply["statusDescription"] = f"{answer.status} {_phrase(answer.status)}"
    if source != "http2" and (event.get("multiValueHeaders") or source == "http1"):
        return {**reply, "multiValueHeaders": headers}
    cookies = headers.pop("set-cookie", [])
    reply["headers"] = {name: ", ".join(values) for name, values in headers.items()}
    if source == "alb":  # its one mapping has a name once: each cookie's in letters of its own case
        reply["headers"] = with_cookies(reply["headers"], cookies)
    elif cookies:
        reply["cookies"] = cookies
    return reply


def _wire(body: bytes, headers: Mapping[str, list[str]]) -> tuple[str, bool]:
    """(body, whether it is base64): text where the type says so and it is UTF-8."""
    kind = headers.get("content-type", [""])[0].partition(";")[0].strip().lower()
    text = kind.startswith("text/") or kind.endswith(TEXTS)
    if (text or not body) and "content-encoding" not in headers:
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return binascii.b2a_base64(body, newline=False).decode(), True


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"
