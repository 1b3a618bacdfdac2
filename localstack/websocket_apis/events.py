"""What a WebSocket API tells functions: the events of connecting, of a message, of the end.

Sources: API Gateway's developer guide ("Set up a WebSocket API integration request", "Manage
connected users and client apps"), and events of all three kinds as people have logged them on AWS:
a message has no headers, the end has four, of which two are empty.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..messages import Request
from ..pushed.format_1 import header_lines, query_lines, with_multiple
from ..pushed.visit import Visit
from .settings import Api

Members = dict[str, Any]
KIND = "WEBSOCKET"


@dataclass(slots=True)
class Client:
    """Who has connected: its handshake, and what an authorizer told of it."""

    id: str
    api: Api
    request: Request
    connected: float
    authorizer: Mapping[str, Any] = field(default_factory=dict)

    @property
    def visit(self) -> Visit:
        return Visit(KIND, {}, self.request)

    @property
    def identity(self) -> dict[str, str]:
        agent = self.request.headers.get("user-agent")
        told = {"userAgent": agent} if agent is not None else {}
        return {**told, "sourceIp": self.request.client[0]}


def new_id() -> str:
    """An id as API Gateway makes them, which is safe in a path.

    >>> len(new_id()), new_id()[-1]
    (16, '=')
    """
    return base64.urlsafe_b64encode(os.urandom(11)).decode()


def connecting(client: Client, now: float, request_id: str) -> Members:
    """The event of $connect."""
    told = _whole(client, _context(client, "$connect", "CONNECT", now, request_id))
    return {**_handshake(client, now), **told}


def asking(client: Client, now: float, request_id: str, arn: str) -> Members:
    """The event of an authorizer: of type REQUEST, for the ARN of $connect."""
    context = _context(client, "$connect", "CONNECT", now, request_id)
    return {
        "type": "REQUEST",
        "methodArn": arn,
        **_handshake(client, now),
        "stageVariables": dict(client.api.variables),
        "requestContext": context,
    }


def message(client: Client, route: str, text: str, now: float, request_id: str) -> Members:
    """The event of a message."""
    context = _context(client, route, "MESSAGE", now, request_id)
    whole = _whole(client, {"routeKey": route, "messageId": new_id(), **context})
    return {"requestContext": whole.pop("requestContext"), "body": text, **whole}


def leaving(client: Client, code: int, reason: str, now: float, request_id: str) -> Members:
    """The event of $disconnect."""
    context = _context(client, "$disconnect", "DISCONNECT", now, request_id)
    context |= {"disconnectStatusCode": code, "disconnectReason": reason}
    lines = [
        ("Host", context["domainName"]),
        ("x-api-key", ""),
        ("X-Forwarded-For", client.request.client[0]),
        ("x-restapi", ""),
    ]
    return {**with_multiple("headers", lines), **_whole(client, context)}


def _handshake(client: Client, now: float) -> Members:
    told = with_multiple("headers", header_lines(client.visit, now))
    if query := client.request.query:
        told |= with_multiple("queryStringParameters", query_lines(query))
    return told


def _context(client: Client, route: str, kind: str, now: float, request_id: str) -> Members:
    api = client.api
    context = {
        "routeKey": route,
        "eventType": kind,
        "extendedRequestId": request_id,
        "requestTime": f"{datetime.fromtimestamp(now, UTC):%d/%b/%Y:%H:%M:%S +0000}",
        "messageDirection": "IN",
        "stage": api.stage,
        "connectedAt": int(client.connected * 1000),
        "requestTimeEpoch": int(now * 1000),
        "identity": client.identity,
        "requestId": request_id,
        "domainName": client.visit.domain(api.id),
        "connectionId": client.id,
        "apiId": api.id,
    }
    return {**context, "authorizer": dict(client.authorizer)} if client.authorizer else context


def _whole(client: Client, context: Members) -> Members:
    told: Members = {"requestContext": context, "isBase64Encoded": False}
    if client.api.variables:
        told["stageVariables"] = dict(client.api.variables)
    return told
