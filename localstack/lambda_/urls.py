"""Function URLs: an HTTP request becomes a payload 2.0 event, the answer an HTTP reply.

Sources: AWS's page on invoking function URLs (payload format 2.0, inference of the response) and on
response streaming.  A path stays percent-encoded, as was captured on AWS (unlike that of an HTTP
API); only the content types below are text, as was seen on AWS's HTTP APIs, whose payload this is.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from .records import Outcome

FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
HOP_BY_HOP = frozenset(
    {"connection", "transfer-encoding", "content-length", "keep-alive", "upgrade", "te", "trailer"}
)
_UNSEEN = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "expect", "upgrade"})
_TEXTS = frozenset({"application/json", "application/javascript", "application/xml"})
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_VALUE = re.compile(r"[\r\n\x00]")
Headers = tuple[tuple[str, str], ...]
_PLAIN: Headers = (("content-type", "application/json"),)  # of an answer that says none


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request to a function URL; `path` is still percent-encoded."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    source_ip: str = "127.0.0.1"
    port: int = 443


@dataclass(frozen=True, slots=True)
class HttpReply:
    status: int
    headers: Headers
    body: bytes


def is_text(content_type: str) -> bool:
    """Whether AWS passes a body of this type as text, not base64.

    >>> is_text("application/json; charset=utf-8"), is_text("application/x-www-form-urlencoded")
    (True, False)
    """
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in _TEXTS


def make_event(
    request: Request,
    url_id: str,
    host: str,
    now: float,
    request_id: str,
    trace_id: str,
    account: str = "anonymous",
    authorizer: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The payload 2.0 event of a request; header names are lower-cased, repeated ones joined.

    account: the caller's account, "anonymous" for one who did not sign
    """
    headers, cookies = _headers(request, trace_id)
    path = request.path or "/"
    context: dict[str, Any] = {
        "accountId": account,
        "apiId": url_id,
        **({"authorizer": authorizer} if authorizer else {}),
        "domainName": host,
        "domainPrefix": url_id,
        "http": {
            "method": request.method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": request.source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "timeEpoch": int(now * 1000),
    }
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.query,
        **({"cookies": cookies} if cookies else {}),
        "headers": headers,
        **({"queryStringParameters": query_of(request.query)} if request.query else {}),
        "requestContext": context,
    }
    if request.body:
        text = is_text(headers.get("content-type", ""))
        raw = request.body
        body = raw.decode("utf-8", "replace") if text else base64.b64encode(raw).decode()
        return {**event, "body": body, "isBase64Encoded": not text}
    return {**event, "isBase64Encoded": False}


def _headers(request: Request, trace_id: str) -> tuple[dict[str, str], list[str]]:
    """The headers as the function sees them, and the cookies, which are no header there."""
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in request.headers:
        name = name.lower()
        if name == "cookie":
            cookies += [each.strip() for each in value.split(";") if each.strip()]
        elif name not in _UNSEEN:
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    before = headers.get("x-forwarded-for")
    headers["x-forwarded-for"] = f"{before}, {request.source_ip}" if before else request.source_ip
    headers.setdefault("x-forwarded-proto", "http")
    headers.setdefault("x-forwarded-port", str(request.port))
    headers["x-amzn-trace-id"] = trace_id
    return headers, cookies


def query_of(query: str) -> dict[str, str]:
    """The fields of a query; values of one name are one value.

    >>> query_of("a=1&a=2&b=")
    {'a': '1,2', 'b': ''}
    """
    fields: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        fields[name] = f"{fields[name]},{value}" if name in fields else value
    return fields


# -- replies
def make_reply(outcome: Outcome) -> HttpReply:
    """The HTTP reply of an outcome: with a statusCode as it says, else 200 with what was given."""
    if outcome.error:
        return bad_gateway()
    try:
        answer = json.loads(outcome.payload or b"null")
    except ValueError:
        return bad_gateway()
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return HttpReply(200, (("content-type", "application/json"),), outcome.payload)
    head = head_of(answer)
    body = _body(answer.get("body"), answer.get("isBase64Encoded"))
    return bad_gateway() if head is None or body is None else HttpReply(*head, body)


def head_of(answer: Mapping[str, Any]) -> tuple[int, Headers] | None:
    """Status and headers of an answer that says them; None where they are malformed.

    >>> head_of({"statusCode": "201", "headers": {"A": 1}, "cookies": ["c=d"]})
    (201, (('a', '1'), ('content-type', 'application/json'), ('set-cookie', 'c=d')))
    """
    status = _status(answer.get("statusCode", 200))
    given, cookies = answer.get("headers") or {}, answer.get("cookies") or []
    if status is None or not isinstance(given, dict) or not isinstance(cookies, list):
        return None
    if not given and not cookies:
        return status, _PLAIN
    pairs = [(name.lower(), _text(value)) for name, value in given.items()]
    pairs = [(name, value) for name, value in pairs if name not in HOP_BY_HOP]
    if not any(name == "content-type" for name, _ in pairs):
        pairs.append(("content-type", "application/json"))
    pairs += [("set-cookie", _text(each)) for each in cookies]
    if not all(_TOKEN.fullmatch(name) and value is not None for name, value in pairs):
        return None
    return status, tuple((name, str(value)) for name, value in pairs)


def _status(given: Any) -> int | None:
    if isinstance(given, bool) or not isinstance(given, int | str):
        return None
    try:
        status = int(given)
    except ValueError:
        return None
    return status if 100 <= status <= 599 else None


def _text(value: Any) -> str | None:
    """A header's value; None for what cannot be one."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float) or _NO_VALUE.search(str(value)):
        return None
    return str(value)


def _body(body: Any, encoded: Any) -> bytes | None:
    if body is None:
        return b""
    if not isinstance(body, str):
        return json.dumps(body).encode()
    if encoded is not True:
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        return None


def forbidden() -> HttpReply:
    """The answer without a resource policy that lets anyone in, and where there is no URL."""
    return _json(403, {"Message": FORBIDDEN}, (("x-amzn-ErrorType", "AccessDeniedException"),))


def unsigned() -> HttpReply:
    """The answer of an AWS_IAM URL to a request without a signature."""
    return _json(403, {"Message": "Forbidden"}, (("x-amzn-ErrorType", "AccessDeniedException"),))


def bad_gateway() -> HttpReply:
    """The answer for a function that failed, or gave something that is no HTTP answer."""
    return HttpReply(502, (("content-type", "application/json"),), b"Internal Server Error")


def too_many(reason: str) -> HttpReply:
    """The answer when the function is throttled."""
    kind = ("x-amzn-ErrorType", "TooManyRequestsException")
    body = {"Reason": reason, "Type": "User", "message": "Rate Exceeded."}
    return _json(429, body, (kind,))


def too_large(limit: int) -> HttpReply:
    """The answer to a request whose event is over Invoke's own limit."""
    message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
    kind = ("x-amzn-ErrorType", "RequestEntityTooLargeException")
    return _json(413, {"Message": message}, (kind,))


def _json(status: int, body: dict[str, Any], headers: Headers = ()) -> HttpReply:
    return HttpReply(
        status, (("content-type", "application/json"), *headers), json.dumps(body).encode()
    )
