"""Events of an API Gateway WebSocket API, what they are answered, and connections to write to.

An answer goes back where the route has a route response; on $connect, its status lets in or
refuses.  A handler's exception is raised again: API Gateway tells the client of it.  Loaded where a
function has such a trigger, or asks for a connection.

Sources: API Gateway's developer guide on WebSocket APIs: integration requests, route responses,
"Use @connections commands in your backend service".
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from ..handlers.context import Context
from ..handlers.errors import PeltonError
from ..handlers.event import Event
from ..handlers.function import Function
from .call import Call
from .refusals import as_result, logged_refusal

_ENDPOINTS = ("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI", "AWS_ENDPOINT_URL")
_clients: dict[str, Any] = {}


class Sockets:
    """Answers a WebSocket API's events for one function."""

    def __init__(self, function: Function[..., Any], call: Call) -> None:
        self._call = call
        self._silent = {
            route
            for each in function.triggers
            if each.kind == "websocket_api" and not getattr(each, "answers", True)
            for route in getattr(each, "routes", ())
        }

    def answer(self, events: list[dict[str, Any]], context: Context) -> dict[str, Any]:
        """A proxy's answer to the one event.  Bad input is one with its status, whose body says
        what is wrong."""
        event = websocket_event(events[0])
        try:
            result = as_result(self._call(event, context))
        except PeltonError as error:
            refused = logged_refusal(error, context)
            if refused is None:
                raise
            result = refused
        told: dict[str, Any] = {"statusCode": result.status}
        if result.headers:
            told["headers"] = dict(result.headers)
        if result.body is not None and event.topic not in self._silent:
            told["body"] = as_text(result.body)
        return told


def websocket_event(payload: dict[str, Any]) -> Event:
    """One event of a connection; a message's body is its text.

    >>> event = websocket_event({"requestContext": {"routeKey": "join", "connectionId": "c"}})
    >>> event.topic, event.key, event.body
    ('join', 'c', b'')
    """
    context = payload["requestContext"]
    headers = payload.get("headers") or {}
    return Event(
        body=(payload.get("body") or "").encode(),
        id=context.get("messageId") or context.get("requestId", ""),
        trigger="websocket_api",
        source=f"{context.get('apiId', '')}/{context.get('stage', '')}",
        headers={name.lower(): value for name, value in headers.items()},
        fields=payload.get("queryStringParameters") or {},
        timestamp=context.get("requestTimeEpoch", 0) / 1000 or None,
        raw=payload,
        key=context["connectionId"],
        topic=context["routeKey"],
    )


def as_text(body: Any) -> str:
    """What is sent: text as it is, bytes as the text that they are, all else as JSON.

    >>> as_text({"a": 1}), as_text("hi"), as_text(b"hi")
    ('{"a": 1}', 'hi', 'hi')
    """
    if isinstance(body, bytes):
        return body.decode()  # a WebSocket API sends text alone
    return body if isinstance(body, str) else json.dumps(body)


class Connection:
    """A client of a WebSocket API, by the id of its connection."""

    def __init__(self, id: str, endpoint: str) -> None:
        self.id, self._endpoint = id, endpoint

    def __repr__(self) -> str:
        return f"<connection {self.id}>"

    def send(self, body: Any) -> bool:
        """Send a message; False where nobody is there any more.

        Raises what boto3 raises for everything else (a body of more than 128 KB, a role that may
        not `execute-api:ManageConnections`).
        """
        return self._done("post_to_connection", Data=as_text(body).encode())

    def close(self) -> bool:
        """End the connection; False where nobody is there any more."""
        return self._done("delete_connection")

    @property
    def is_open(self) -> bool:
        """Whether somebody is there."""
        return self._done("get_connection")

    def _done(self, operation: str, **more: Any) -> bool:
        client = _client(self._endpoint)
        try:
            getattr(client, operation)(ConnectionId=self.id, **more)
        except client.exceptions.GoneException:
            return False
        return True


def connection(event: Any, id: str) -> Connection:
    """The connection that an event came over, or another one of its API.  Raises RuntimeError
    where it came over none."""
    payload = getattr(event, "raw", None)
    context = payload.get("requestContext") if isinstance(payload, dict) else None
    if not isinstance(context, dict) or "connectionId" not in context:
        raise RuntimeError("this event came over no connection of a WebSocket API")
    return Connection(id or str(context["connectionId"]), endpoint_of(context))


def endpoint_of(context: Mapping[str, Any]) -> str:
    """Where `@connections` is: "" where the environment says so for every service.

    By the API's own name also where a client came by a custom domain's, under which the path is not
    the stage's.

    >>> endpoint_of({"domainName": "a1.execute-api.eu-west-1.amazonaws.com", "stage": "live"})
    'https://a1.execute-api.eu-west-1.amazonaws.com/live'
    """
    if any(os.environ.get(name) for name in _ENDPOINTS):
        return ""
    domain = str(context.get("domainName", ""))
    if ".execute-api." not in domain:
        region = os.environ.get("AWS_REGION", "us-east-1")
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        domain = f"{context.get('apiId')}.execute-api.{region}.{suffix}"
    return f"https://{domain}/{context.get('stage')}"


def _client(endpoint: str) -> Any:
    import boto3

    if endpoint not in _clients:
        more = {"endpoint_url": endpoint} if endpoint else {}
        _clients[endpoint] = boto3.client("apigatewaymanagementapi", **more)
    return _clients[endpoint]
