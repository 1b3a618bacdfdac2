"""What HTTP brings to a Lambda function, and WebSocket APIs do."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from ..runtime.payload_2 import payload_2
from .bodies import text_of


def http_v2(
    body: Any = None,
    *,
    method: str = "POST",
    path: str = "/",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A request as a function URL or an HTTP API delivers it (payload format 2.0).

    body: bytes come in base64, whatever their type

    >>> http_v2({"a": 1})["body"]
    '{"a": 1}'
    """
    given = {"content-type": "application/json", **(headers or {})}
    query_string = urlencode(query or {})
    event = payload_2(
        method,
        f"{path}?{query_string}" if query_string else path,
        {name.lower(): value for name, value in given.items()},
        b"",
        request_id=str(uuid.uuid4()),
        api="test",
    )
    text, encoded = text_of(body)
    return event if text is None else {**event, "body": text, "isBase64Encoded": encoded}


def http_v1(
    body: Any = None,
    *,
    method: str = "POST",
    path: str = "/",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A request as a REST API delivers it (payload format 1.0).

    >>> http_v1({"a": 1})["httpMethod"]
    'POST'
    """
    text, encoded = text_of(body)
    given = {"Content-Type": "application/json", **(headers or {})}
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": given,
        "multiValueHeaders": {name: [value] for name, value in given.items()},
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": None,
        "requestContext": {"requestId": str(uuid.uuid4()), "httpMethod": method, "stage": "test"},
        "body": text,
        "isBase64Encoded": encoded,
    }


def alb(
    body: Any = None,
    *,
    method: str = "POST",
    path: str = "/",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A request as an Application Load Balancer delivers it (names and values of the query as they
    stand in the URL: a balancer decodes nothing).

    >>> "elb" in alb()["requestContext"]
    True
    """
    text, encoded = text_of(body)
    return {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:test"}},
        "httpMethod": method,
        "path": path,
        "queryStringParameters": {quote(k): quote(v) for k, v in (query or {}).items()},
        "headers": {"content-type": "application/json", **(headers or {})},
        "body": text or "",
        "isBase64Encoded": encoded,
    }


def websocket_api(
    body: Any = None,
    *,
    route: str = "",
    event: str = "MESSAGE",
    connection: str = "",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What a client of a WebSocket API does, as API Gateway tells a function of it.

    route:      "" for that of the event: "$default", "$connect", "$disconnect"
    event:      "MESSAGE", "CONNECT" or "DISCONNECT"
    connection: the connection's id, "" for a new one
    headers, query: of the request that connects

    >>> websocket_api({"action": "join"}, route="join")["requestContext"]["eventType"]
    'MESSAGE'
    >>> websocket_api(event="CONNECT", query={"token": "a"})["queryStringParameters"]
    {'token': 'a'}
    """
    keys = {"MESSAGE": "$default", "CONNECT": "$connect", "DISCONNECT": "$disconnect"}
    context: dict[str, Any] = {
        "routeKey": route or keys[event],
        "eventType": event,
        "extendedRequestId": _gateway_id(),
        "requestTime": "01/Jan/2026:00:00:00 +0000",
        "messageDirection": "IN",
        "stage": "live",
        "connectedAt": 1767225600000,
        "requestTimeEpoch": 1767225600000,
        "identity": {"sourceIp": "127.0.0.1"},
        "requestId": _gateway_id(),
        "domainName": "0123abcd.execute-api.localhost",
        "connectionId": connection or _gateway_id(),
        "apiId": "0123abcd",
    }
    if event == "MESSAGE":
        context["messageId"] = _gateway_id()
        text, _ = text_of(body)
        return {"requestContext": context, "body": text or "", "isBase64Encoded": False}
    if event == "DISCONNECT":
        context |= {"disconnectStatusCode": 1000, "disconnectReason": ""}
    given = {"Host": context["domainName"], **(headers or {})}
    return {
        "headers": given,
        "multiValueHeaders": {name: [value] for name, value in given.items()},
        **({"queryStringParameters": dict(query)} if query else {}),
        **(
            {"multiValueQueryStringParameters": {k: [v] for k, v in query.items()}} if query else {}
        ),
        "requestContext": context,
        "isBase64Encoded": False,
    }


def _gateway_id() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes[:11]).decode()
