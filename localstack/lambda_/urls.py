"""Function URLs: an HTTP request becomes a payload 2.0 event, the answer an HTTP reply.

Sources: AWS's page on invoking function URLs (payload format 2.0, inference of the response);
the 403 text as recorded on AWS.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from .records import Outcome

FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})
TEXT_TYPES = ("text/", "application/json", "application/javascript", "application/xml")
TEXT_SUFFIXES = ("+json", "+xml", "application/x-www-form-urlencoded")


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request to a function URL; `path` is still percent-encoded."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    source_ip: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class HttpReply:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def is_text(content_type: str) -> bool:
    """Whether AWS passes a body of this type as text, not base64.

    >>> is_text("application/json; charset=utf-8"), is_text("image/png")
    (True, False)
    """
    kind = content_type.partition(";")[0].strip().lower()
    return not kind or kind.startswith(TEXT_TYPES) or kind.endswith(TEXT_SUFFIXES)


def make_event(request: Request, url_id: str, host: str, now: float) -> dict[str, Any]:
    """The payload 2.0 event of a request; header names are lower-cased, repeated ones joined."""
    headers: dict[str, str] = {}
    for name, value in request.headers:
        name = name.lower()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    cookies = headers.pop("cookie", "")
    path = unquote(request.path) or "/"
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": url_id,
            "domainName": host,
            "domainPrefix": url_id,
            "http": {
                "method": request.method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.source_ip,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": "$default",
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = [each.strip() for each in cookies.split(";")]
    if request.query:
        event["queryStringParameters"] = _query(request.query)
    if request.body:
        text = is_text(headers.get("content-type", ""))
        event["isBase64Encoded"] = not text
        event["body"] = (
            request.body.decode("utf-8", "replace")
            if text
            else base64.b64encode(request.body).decode()
        )
    return event


def _query(query: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        fields[name] = f"{fields[name]},{value}" if name in fields else value
    return fields


def forbidden() -> HttpReply:
    """The answer without a resource policy that lets anyone in."""
    return _json(403, {"Message": FORBIDDEN}, (("x-amzn-ErrorType", "AccessDeniedException"),))


def make_reply(outcome: Outcome) -> HttpReply:
    """The HTTP reply of an outcome: with a statusCode as it says, else 200 with a JSON body."""
    if outcome.error:
        return bad_gateway()
    try:
        answer = json.loads(outcome.payload or b"null")
    except ValueError:
        return bad_gateway()
    if not isinstance(answer, dict) or "statusCode" not in answer:
        body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        return HttpReply(200, (("content-type", "application/json"),), body)
    return _explicit(answer)


def _explicit(answer: dict[str, Any]) -> HttpReply:
    status, given, body = answer["statusCode"], answer.get("headers") or {}, answer.get("body")
    try:
        status = int(status)
        raw = _body(body, bool(answer.get("isBase64Encoded")))
    except (TypeError, ValueError):
        return bad_gateway()
    if not 100 <= status <= 599 or not isinstance(given, dict):
        return bad_gateway()
    headers = [
        (name.lower(), str(value))
        for name, value in given.items()
        if name.lower() not in HOP_BY_HOP
    ]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "application/json"))
    cookies: Iterable[Any] = answer.get("cookies") or ()
    headers += [("set-cookie", str(each)) for each in cookies]
    return HttpReply(status, tuple(headers), raw)


def _body(body: Any, encoded: bool) -> bytes:
    if body is None:
        return b""
    if not isinstance(body, str):
        return json.dumps(body).encode()
    return base64.b64decode(body, validate=True) if encoded else body.encode()


def bad_gateway() -> HttpReply:
    """The answer for a function that failed, or gave something that is no HTTP answer."""
    return _json(502, {"message": "Internal Server Error"})


def too_many() -> HttpReply:
    """The answer when the function is throttled."""
    return _json(
        429,
        {
            "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
            "Type": "User",
            "message": "Rate Exceeded.",
        },
    )


def too_large(limit: int) -> HttpReply:
    """The answer to a request whose event is over Invoke's own limit."""
    message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
    kind = ("x-amzn-ErrorType", "RequestEntityTooLargeException")
    return _json(413, {"Message": message}, (kind,))


def _json(
    status: int, body: dict[str, Any], headers: tuple[tuple[str, str], ...] = ()
) -> HttpReply:
    return HttpReply(
        status, (("content-type", "application/json"), *headers), json.dumps(body).encode()
    )
