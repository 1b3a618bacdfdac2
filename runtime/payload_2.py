"""A request as a payload 2.0 event, where no platform has made one.

For a Lambda-style handler on Nuclio, and for events of tests.  The emulator's function URLs make
theirs by themselves (`localstack.lambda_.urls`), as it imports nothing of the app's side; one table
of requests holds the two, and all who use them, to one another.

Source: AWS's page on invoking function URLs: the path as it was asked for, cookies beside the
headers, values of one name of the query as one value, a body that is no text as base64, no body
where there is none.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

# Other content types than text/* whose bodies a function URL passes as text.
TEXTS = frozenset({"application/json", "application/javascript", "application/xml"})
# Headers of one connection, which no function is told of.
_UNSEEN = ("connection", "keep-alive", "transfer-encoding", "te", "expect", "upgrade")


def payload_2(
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    request_id: str,
    api: str,
    source_ip: str = "127.0.0.1",
    now: float | None = None,
) -> dict[str, Any]:
    """The event of a request.

    target: path and query as they were asked for
    headers: by lower-case name
    api:    what stands for a URL's id;  now: seconds since the epoch, None for this moment

    >>> event = payload_2("GET", "/a?b=1", {"cookie": "c=1; d=2"}, b"", request_id="7", api="me")
    >>> event["rawPath"], event["queryStringParameters"], event["cookies"], event["headers"]
    ('/a', {'b': '1'}, ['c=1', 'd=2'], {})
    """
    path, _, query = target.partition("?")
    kept = dict(headers)
    when = time.time() if now is None else now
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": kept,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": api,
            "domainName": kept.get("host", ""),
            "domainPrefix": api,
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": source_ip,
                "userAgent": kept.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": _written(int(when)),
            "timeEpoch": int(when * 1000),
        },
        "isBase64Encoded": False,
    }
    for name in _UNSEEN:
        kept.pop(name, None)
    if "cookie" in kept:
        event["cookies"] = [each.strip() for each in kept.pop("cookie").split(";") if each.strip()]
    if query:
        event["queryStringParameters"] = fields_of(query)
    if body:
        event["body"], event["isBase64Encoded"] = _body(body, kept.get("content-type", ""))
    return event


@lru_cache(4)  # a server makes thousands in a second
def _written(seconds: int) -> str:
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(seconds))


def fields_of(query: str) -> dict[str, str]:
    """The fields of a query; values of one name are one value."""
    from urllib.parse import parse_qsl

    fields: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        fields[name] = f"{fields[name]},{value}" if name in fields else value
    return fields


def _body(body: bytes, content_type: str) -> tuple[str, bool]:
    kind = content_type.partition(";")[0].strip().lower()
    if kind.startswith("text/") or kind in TEXTS:
        return body.decode("utf-8", "replace"), False
    return base64.b64encode(body).decode(), True
