"""API Gateway's WebSocket APIs: a real client's frames become events of a function, what it
answers and posts comes back, and the bounds hold."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)

from pelton.pytest_plugin import RunningEmulator, running_emulator

from .support import make_function

ROLE = "arn:aws:iam::000000000000:role/r"
ARN = "arn:aws:lambda:us-east-1:000000000000:function:"
SOURCE = """
import json, os, boto3

def connect(event, context):
    refused = (event.get("queryStringParameters") or {}).get("token") == "bad"
    return {"statusCode": 403 if refused else 200}

def say(event, context):
    where = event["requestContext"]
    body = json.loads(event["body"])
    if body.get("post"):
        endpoint = os.environ["AWS_ENDPOINT_URL"] + "/_aws/execute-api/" + where["apiId"] + "/prod"
        client = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint)
        client.post_to_connection(ConnectionId=where["connectionId"], Data=b"posted")
    return {"statusCode": 200, "body": json.dumps({"route": where["routeKey"], "got": body})}
"""


class Client:
    """A WebSocket client as small as one can be."""

    def __init__(self, url: str, host: str, path: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80), 30)
        self._frames = WSConnection(ConnectionType.CLIENT)
        self._events: list[Event] = []
        self.send(Request(host=host, target=path))

    def send(self, event: Event) -> None:
        self._socket.sendall(self._frames.send(event))

    def next(self) -> Event:
        while not self._events:
            data = self._socket.recv(65536)
            self._frames.receive_data(data or None)
            self._events += list(self._frames.events())
        return self._events.pop(0)

    def text(self) -> str:
        parts = [self.next()]
        while not getattr(parts[-1], "message_finished", True):
            parts.append(self.next())
        return "".join(each.data for each in parts if isinstance(each, TextMessage))

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(scope="module")
def emulator() -> Iterator[RunningEmulator]:
    with running_emulator() as running:
        yield running


@pytest.fixture(scope="module")
def api(emulator: RunningEmulator) -> str:
    for name in ("connect", "say"):
        make_function(
            emulator.client("lambda"),
            SOURCE,
            name,
            Runtime="python3.11",
            Timeout=10,
            Handler=f"main.{name}",
        )
    gateway = emulator.client("apigatewayv2")
    made: str = gateway.create_api(
        Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]
    for route, function in (("$connect", "connect"), ("$default", "say"), ("shout", "say")):
        integration = gateway.create_integration(
            ApiId=made, IntegrationType="AWS_PROXY", IntegrationUri=f"{ARN}{function}"
        )["IntegrationId"]
        gateway.create_route(ApiId=made, RouteKey=route, Target=f"integrations/{integration}")
    gateway.create_stage(ApiId=made, StageName="prod", AutoDeploy=True)
    return made


def connect(
    emulator: RunningEmulator, api: str, path: str = "/prod", domain: str = "localhost"
) -> Client:
    port = urlsplit(emulator.url).port
    return Client(emulator.url, f"{api}.execute-api.{domain}:{port}", path)


@pytest.mark.fidelity("Pushes", "API Gateway WebSocket APIs: connect, routes, answers, close")
def test_a_conversation(emulator: RunningEmulator, api: str) -> None:
    client = connect(emulator, api)
    assert isinstance(client.next(), AcceptConnection)
    client.send(TextMessage(json.dumps({"action": "shout", "n": 1})))
    assert json.loads(client.text()) == {"route": "shout", "got": {"action": "shout", "n": 1}}
    client.send(TextMessage('{"action": "no', message_finished=False))
    client.send(TextMessage('where"}'))
    assert json.loads(client.text())["route"] == "$default"
    client.send(Ping(b"there?"))
    answer = client.next()
    assert isinstance(answer, Pong) and answer.payload == b"there?"
    client.send(CloseConnection(code=1000))
    assert isinstance(client.next(), CloseConnection)
    client.close()


@pytest.mark.fidelity("Pushes", "a function posts to a WebSocket connection")
def test_a_function_posts_to_a_connection(emulator: RunningEmulator, api: str) -> None:
    client = connect(emulator, api)
    assert isinstance(client.next(), AcceptConnection)
    client.send(TextMessage(json.dumps({"post": True})))
    assert {client.text(), client.text()} >= {"posted"}
    client.close()


def test_by_the_name_that_it_has_on_aws(emulator: RunningEmulator, api: str) -> None:
    client = connect(emulator, api, domain="us-east-1.amazonaws.com")
    assert isinstance(client.next(), AcceptConnection)
    client.send(TextMessage('{"action": "shout"}'))
    assert json.loads(client.text())["route"] == "shout"
    client.close()


def test_what_connect_refuses_is_refused(emulator: RunningEmulator, api: str) -> None:
    client = connect(emulator, api, "/prod?token=bad")
    refused = client.next()
    assert isinstance(refused, RejectConnection) and refused.status_code == 403
    client.close()


def test_bounds(emulator: RunningEmulator, api: str) -> None:
    client = connect(emulator, api)
    assert isinstance(client.next(), AcceptConnection)
    client.send(TextMessage("x" * 200_000))
    closed = client.next()
    assert isinstance(closed, CloseConnection) and closed.code == 1009
    client.close()


def test_only_where_it_is_served(emulator: RunningEmulator) -> None:
    client = Client(emulator.nuclio_url, urlsplit(emulator.nuclio_url).netloc, "/api/functions")
    refused: Any = client.next()
    assert isinstance(refused, RejectConnection) and refused.status_code == 501
    client.close()
