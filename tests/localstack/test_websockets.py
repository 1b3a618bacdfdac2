"""API Gateway's WebSocket APIs: real clients' messages become events of functions, what those
answer and post comes back, and the bounds hold.  The client is the library websockets, who posts is
boto3; what no such client sends (frames in pieces) is sent by wsproto."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as connect_to
from websockets.typing import Subprotocol
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

from pelton.localstack import websockets
from pelton.localstack.manual_clock import ManualClock
from pelton.localstack.messages import Request as Handshake
from pelton.localstack.websocket_apis import connection as connections
from pelton.localstack.websocket_apis.connection import Connection, Told
from pelton.localstack.websocket_apis.events import Client as Connected
from pelton.localstack.websocket_apis.settings import Api, Route
from pelton.pytest_plugin import RunningEmulator

from .support import make_function, with_plain_aws

ROLE = "arn:aws:iam::000000000000:role/r"
ARN = "arn:aws:lambda:us-east-1:000000000000:function:"
SOURCE = """
import json, socket

def connect(event, context):
    asked = event.get("queryStringParameters") or {}
    if "wait" in asked:
        socket.create_connection(("127.0.0.1", int(asked["wait"]))).recv(1)
    if "fail" in asked:
        raise ValueError("no")
    if "none" in asked:
        return None
    asks = "Sec-WebSocket-Protocol" in event["headers"]
    headers = {"Sec-WebSocket-Protocol": "chat"} if asks else {}
    return {"statusCode": int(asked.get("status", 200)), "headers": headers}

def say(event, context):
    where = event["requestContext"]
    body = json.loads(event["body"])
    if body.get("fail"):
        raise ValueError("no")
    if "wait" in body:
        socket.create_connection(("127.0.0.1", body["wait"])).recv(1)
    if body.get("post"):
        import boto3  # what takes longest of all is for who posts
        client = boto3.client("apigatewaymanagementapi")
        client.post_to_connection(ConnectionId=where["connectionId"], Data=b"posted")
    return {"statusCode": 200, "body": json.dumps({"route": where["routeKey"], "event": event})}

def left(event, context):
    from plain_aws import send
    send("left", json.dumps(event))

def may(event, context):
    effect = "Allow" if event["queryStringParameters"]["token"] == "good" else "Deny"
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": event["methodArn"]}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": "me", "policyDocument": policy, "context": {"level": 3}}
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
def emulator(module_emulator: RunningEmulator) -> RunningEmulator:
    return module_emulator


class Made:
    """A WebSocket API as boto3 makes one."""

    def __init__(self, emulator: RunningEmulator, name: str) -> None:
        self.emulator, self._gateway = emulator, emulator.client("apigatewayv2")
        self.id: str = self._gateway.create_api(
            Name=name, ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
        )["ApiId"]
        found = self._gateway.get_api(ApiId=self.id)["ApiEndpoint"]
        assert found.startswith(f"ws://{self.id}.execute-api.localhost:")
        self._gateway.create_stage(
            ApiId=self.id, StageName="prod", AutoDeploy=True, StageVariables={"colour": "red"}
        )

    def route(
        self, key: str, function: str, *, answers: bool = False, millis: int = 29_000, **more: Any
    ) -> None:
        integration = self._gateway.create_integration(
            ApiId=self.id,
            IntegrationType="AWS_PROXY",
            IntegrationUri=f"{ARN}{function}",
            TimeoutInMillis=millis,
        )["IntegrationId"]
        target = f"integrations/{integration}"
        route = self._gateway.create_route(ApiId=self.id, RouteKey=key, Target=target, **more)
        if answers:
            self._gateway.create_route_response(
                ApiId=self.id, RouteId=route["RouteId"], RouteResponseKey="$default"
            )

    def authorizer(self, function: str) -> str:
        uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
        made: str = self._gateway.create_authorizer(
            ApiId=self.id,
            Name=function,
            AuthorizerType="REQUEST",
            AuthorizerUri=f"{uri}{ARN}{function}/invocations",
            IdentitySource=["route.request.querystring.token"],
        )["AuthorizerId"]
        return made

    @property
    def address(self) -> str:
        return f"{self.emulator.url}/_aws/execute-api/{self.id}/prod"

    def connect(self, query: str = "", **more: Any) -> ClientConnection:
        made: ClientConnection = connect_to(self.address.replace("http:", "ws:") + query, **more)
        return made

    def manager(self, endpoint: str = "") -> Any:
        return boto3.client(
            "apigatewaymanagementapi",
            endpoint_url=endpoint or self.address,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


@pytest.fixture(scope="module")
def api(emulator: RunningEmulator) -> Made:
    for name in ("connect", "say", "left", "may"):
        make_function(
            emulator.client("lambda"),
            with_plain_aws(SOURCE),
            name,
            Runtime="python3.11",
            Timeout=10,
            Handler=f"main.{name}",
        )
    emulator.client("sqs").create_queue(QueueName="left")
    made = Made(emulator, "chat")
    made.route("$connect", "connect")
    made.route("$disconnect", "left")
    made.route("$default", "say", answers=True)
    made.route("shout", "say", answers=True)
    made.route("tell", "say")
    return made


def told(client: ClientConnection, **members: Any) -> dict[str, Any]:
    client.send(json.dumps(members))
    answer: dict[str, Any] = json.loads(client.recv(30))
    return answer


def raw(api: Made, path: str = "/prod", domain: str = "localhost") -> Client:
    url = api.emulator.url
    return Client(url, f"{api.id}.execute-api.{domain}:{urlsplit(url).port}", path)


def end_of(api: Made) -> dict[str, Any]:
    """The next event of $disconnect."""
    sqs = api.emulator.client("sqs")
    url = sqs.get_queue_url(QueueName="left")["QueueUrl"]
    found: list[Any] = []
    for _ in range(6):
        found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages", [])
        if found:
            break
    sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
    event: dict[str, Any] = json.loads(found[0]["Body"])
    return event


@pytest.mark.fidelity("Pushes", "API Gateway WebSocket APIs: connect, routes, answers, close")
def test_a_conversation(api: Made) -> None:
    with api.connect() as client:
        assert told(client, action="shout")["route"] == "shout"
        assert told(client, action="nobody's")["route"] == "$default"
        assert told(client, action="$connect")["route"] == "$default"
        client.send(json.dumps({"action": "tell"}))  # whose route has no route response
        assert told(client, action="shout")["route"] == "shout"
        client.close(1000, "enough")
    context = end_of(api)["requestContext"]
    assert (context["disconnectStatusCode"], context["disconnectReason"]) == (1000, "enough")
    assert (context["eventType"], context["routeKey"]) == ("DISCONNECT", "$disconnect")


@pytest.mark.fidelity("Pushes", "API Gateway WebSocket APIs: the events of a message and the end")
def test_events(api: Made) -> None:
    with api.connect() as client:
        first, second = (told(client, action="shout")["event"] for _ in range(2))
    context = first["requestContext"]
    assert set(first) == {"requestContext", "body", "isBase64Encoded", "stageVariables"}
    assert first["body"] == '{"action": "shout"}' and first["isBase64Encoded"] is False
    assert set(context) == {
        "apiId", "connectedAt", "connectionId", "domainName", "eventType", "extendedRequestId",
        "identity", "messageDirection", "messageId", "requestId", "requestTime",
        "requestTimeEpoch", "routeKey", "stage",
    }  # fmt: skip
    assert (context["stage"], context["apiId"]) == ("prod", api.id)
    assert context["domainName"] == f"{api.id}.execute-api.localhost"
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert context["connectedAt"] == second["requestContext"]["connectedAt"]
    assert context["connectionId"] == second["requestContext"]["connectionId"]
    assert context["messageId"] != second["requestContext"]["messageId"]
    end = end_of(api)
    assert end["requestContext"]["connectionId"] == context["connectionId"]
    assert set(end["headers"]) == {"Host", "x-api-key", "X-Forwarded-For", "x-restapi"}
    assert "body" not in end


@pytest.mark.fidelity(
    "Pushes", "API Gateway WebSocket APIs: what $connect refuses, or fails at, is refused"
)
@pytest.mark.parametrize(
    ("query", "status"),
    [("?status=403", 403), ("?status=401", 401), ("?fail", 502), ("?none", 502)],
)
def test_what_connect_refuses_is_refused(api: Made, query: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        api.connect(query)
    assert refused.value.response.status_code == status


def test_a_subprotocol_is_agreed_on(api: Made) -> None:
    with api.connect(subprotocols=[Subprotocol("chat"), Subprotocol("talk")]) as client:
        assert client.subprotocol == "chat"
    end_of(api)


@pytest.mark.fidelity("Pushes", "API Gateway WebSocket APIs: errors are told the client, with ids")
def test_errors(api: Made) -> None:
    with api.connect() as client:
        answer = told(client, action="tell", fail=True)
        assert answer["message"] == "Internal server error"
        assert set(answer) == {"message", "connectionId", "requestId"}
    end_of(api)
    alone = Made(api.emulator, "alone")
    alone.route("shout", "say", answers=True)
    with alone.connect() as client:
        assert told(client, action="other")["message"] == "Forbidden"
        assert told(client, action="shout")["route"] == "shout"
        alone.route("other", "say", answers=True)  # who has connected finds it, too
        assert told(client, action="other")["route"] == "other"


@pytest.mark.fidelity(
    "Pushes",
    "API Gateway WebSocket APIs: an integration may take 29 s, or its timeoutInMillis; then the "
    "client is told `Endpoint request timed out`, or the handshake is a 504, and the function goes "
    "on",
)
def test_what_takes_too_long(api: Made) -> None:
    hasty = Made(api.emulator, "hasty")
    hasty.route("nap", "say", answers=True, millis=50)
    hasty.route("$default", "say", answers=True)
    with socket.create_server(("127.0.0.1", 0)) as gate, hasty.connect() as client:
        late = told(client, action="nap", wait=gate.getsockname()[1], post=True)
        assert late["message"] == "Endpoint request timed out"
        assert set(late) == {"message", "connectionId", "requestId"}
        gate.accept()[0].close()
        assert client.recv(30) == "posted", "the function went on"
        assert told(client)["route"] == "$default"
    hasty.route("$connect", "connect", millis=50)
    with socket.create_server(("127.0.0.1", 0)) as gate:
        with pytest.raises(InvalidStatus) as refused:
            hasty.connect(f"?wait={gate.getsockname()[1]}")
    assert refused.value.response.status_code == 504
    assert json.loads(refused.value.response.body)["message"] == "Endpoint request timed out"


@pytest.mark.fidelity(
    "Pushes",
    "API Gateway WebSocket APIs: throttling of a stage's routes, by the emulator's clock; a client "
    "is told `Too Many Requests`, a handshake is a 429",
    different="$disconnect is never throttled; a Lambda authorizer is asked before",
)
def test_throttled_routes(api: Made) -> None:
    busy = Made(api.emulator, "busy")
    for key in ("$connect", "$default"):
        busy.route(key, "connect" if key == "$connect" else "say", answers=True)
    limits = {"ThrottlingBurstLimit": 1, "ThrottlingRateLimit": 0.0001}
    api.emulator.client("apigatewayv2").update_stage(
        ApiId=busy.id, StageName="prod", DefaultRouteSettings=limits
    )
    with busy.connect() as client:
        assert told(client)["route"] == "$default"
        late = told(client)
        assert late["message"] == "Too Many Requests"
        assert set(late) == {"message", "connectionId", "requestId"}
        with pytest.raises(InvalidStatus) as refused:
            busy.connect()
    assert refused.value.response.status_code == 429


@pytest.mark.fidelity(
    "Pushes", "@connections: PostToConnection, GetConnection, DeleteConnection, GoneException"
)
def test_others_post_ask_and_end(api: Made) -> None:
    manager = api.manager()
    with api.connect(user_agent_header="me/1") as client:
        id = told(client, action="shout")["event"]["requestContext"]["connectionId"]
        manager.post_to_connection(ConnectionId=id, Data="é".encode())
        assert client.recv(30) == "é"
        found = manager.get_connection(ConnectionId=id)
        assert found["Identity"] == {"SourceIp": "127.0.0.1", "UserAgent": "me/1"}
        assert found["ConnectedAt"] <= found["LastActiveAt"]
        everywhere = api.manager(api.emulator.url)  # as AWS_ENDPOINT_URL says it in functions
        everywhere.post_to_connection(ConnectionId=id, Data=b"x" * 131_072)
        assert len(client.recv(30)) == 131_072
        assert code(lambda: manager.post_to_connection(ConnectionId=id, Data=b"x" * 131_073)) == (
            413,
            "PayloadTooLargeException",
        )
        other = api.manager(api.address.replace("prod", "test"))
        assert code(lambda: other.get_connection(ConnectionId=id)) == (403, "ForbiddenException")
        manager.delete_connection(ConnectionId=id)
        with pytest.raises(ConnectionClosed):
            client.recv(30)
    for act in (manager.get_connection, manager.delete_connection):
        assert code(lambda act=act: act(ConnectionId=id)) == (410, "GoneException")  # type: ignore[misc]
    assert code(lambda: manager.get_connection(ConnectionId="a")) == (400, "BadRequestException")
    assert end_of(api)["requestContext"]["disconnectStatusCode"] == 1000


def code(call: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(ClientError) as refused:
        call()
    answer = refused.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


@pytest.mark.fidelity("Pushes", "a function posts to a WebSocket connection")
def test_a_function_posts_to_a_connection(api: Made) -> None:
    with api.connect() as client:
        client.send(json.dumps({"post": True}))
        assert "posted" in {client.recv(30), client.recv(30)}
    end_of(api)


@pytest.mark.fidelity("Pushes", "API Gateway WebSocket APIs: Lambda REQUEST authorizers, AWS_IAM")
def test_who_may_connect(api: Made) -> None:
    guarded = Made(api.emulator, "guarded")
    by = guarded.authorizer("may")
    guarded.route("$connect", "connect", AuthorizationType="CUSTOM", AuthorizerId=by)
    guarded.route("$default", "say", answers=True)
    with guarded.connect("?token=good") as client:
        context = told(client)["event"]["requestContext"]
        assert context["authorizer"] == {"principalId": "me", "level": "3"}
    for query, status in (("?token=bad", 403), ("", 401)):
        with pytest.raises(InvalidStatus) as refused:
            guarded.connect(query)
        assert refused.value.response.status_code == status
    signed = Made(api.emulator, "signed")
    signed.route("$connect", "connect", AuthorizationType="AWS_IAM")
    with pytest.raises(InvalidStatus) as refused:
        signed.connect()
    assert json.loads(refused.value.response.body)["message"] == "Missing Authentication Token"
    asked = AWSRequest("GET", signed.address)
    SigV4QueryAuth(Credentials("test", "test"), "execute-api", "us-east-1", 60).add_auth(asked)
    with connect_to(str(asked.url).replace("http:", "ws:")):
        pass


def test_by_the_name_that_it_has_on_aws(api: Made) -> None:
    client = raw(api, domain="us-east-1.amazonaws.com")
    assert isinstance(client.next(), AcceptConnection)
    client.send(TextMessage('{"action": "shout"}'))
    context = json.loads(client.text())["event"]["requestContext"]
    assert context["domainName"] == f"{api.id}.execute-api.us-east-1.amazonaws.com"
    client.close()
    assert end_of(api)["requestContext"]["disconnectStatusCode"] == 1006


def test_a_stage_that_is_not_there(api: Made) -> None:
    client = raw(api, "/production")
    refused = client.next()
    assert isinstance(refused, RejectConnection) and refused.status_code == 403
    client.close()


def test_pieces_and_pings(api: Made) -> None:
    client = raw(api)
    assert isinstance(client.next(), AcceptConnection)
    client.send(TextMessage('{"action": "no', message_finished=False))
    client.send(TextMessage('where"}'))
    assert json.loads(client.text())["route"] == "$default"
    client.send(Ping(b"there?"))
    answer = client.next()
    assert isinstance(answer, Pong) and answer.payload == b"there?"
    client.send(CloseConnection(code=1000))
    assert isinstance(client.next(), CloseConnection)
    client.close()
    end_of(api)


@pytest.mark.fidelity(
    "Pushes", "API Gateway WebSocket APIs: messages of 128 KB, frames of 32 KB, no binary ones"
)
@pytest.mark.parametrize(
    ("message", "code"), [("x" * 32_769, 1009), (["x" * 30_000] * 5, 1009), (b"bytes", 1003)]
)
def test_bounds(api: Made, message: Any, code: int) -> None:
    with api.connect() as client:
        client.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(30)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == code
    assert end_of(api)["requestContext"]["disconnectStatusCode"] == code


def test_only_where_it_is_served(emulator: RunningEmulator) -> None:
    client = Client(emulator.nuclio_url, urlsplit(emulator.nuclio_url).netloc, "/api/functions")
    refused: Any = client.next()
    assert isinstance(refused, RejectConnection) and refused.status_code == 501
    client.close()


# -- without an emulator
KEYS = ("$connect", "$default", "$disconnect")
CHAT = Api("a", "live", "$request.body.a", {}, {key: Route(key) for key in KEYS})


async def nothing(client: Connected) -> dict[str, Any]:
    return {}


async def as_it_is() -> Api:
    return CHAT


def test_a_flood_of_messages_is_begun_in_order_and_a_few_at_a_time() -> None:
    async def flood() -> tuple[list[str], int]:
        begun, most = list[str](), 0
        inbox: asyncio.Queue[Any] = asyncio.Queue()
        free = asyncio.Event()
        at_work = 0

        async def call(route: Route, event: dict[str, Any]) -> Told:
            nonlocal at_work, most
            if "body" in event:
                begun.append(event["body"])
                at_work += 1
                most = max(most, at_work)
                if len(begun) == connections.AT_ONCE:
                    asyncio.get_running_loop().call_soon(free.set)
                await free.wait()
                at_work -= 1
            return Told({"statusCode": 200})

        async def send(message: Any) -> None:
            pass

        connected = Connected("id", CHAT, Handshake("GET", "/"), 0.0)
        clock = ManualClock(start=0.0)
        connection = Connection(connected, call, nothing, as_it_is, clock, send)
        assert await connection.connect()
        for number in range(300):
            inbox.put_nowait({"type": "websocket.receive", "text": str(number)})
        inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await connection.talk(inbox.get)
        return begun, most

    begun, most = asyncio.run(flood())
    assert begun == [str(number) for number in range(300)]
    assert most == connections.AT_ONCE


class Stuck(asyncio.Transport):
    """A connection whose client reads nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.held, self.dropped = 0, False

    def write(self, data: Any) -> None:
        self.held += len(data)

    def get_write_buffer_size(self) -> int:
        return self.held

    def is_closing(self) -> bool:
        return self.dropped

    def close(self) -> None:
        pass

    def abort(self) -> None:
        self.dropped = True


def test_who_reads_nothing_is_dropped_in_the_end() -> None:
    async def post() -> Stuck:
        ended = asyncio.Event()
        lines = [(b"host", b"h"), (b"upgrade", b"websocket"), (b"connection", b"upgrade"),
                 (b"sec-websocket-version", b"13"),
                 (b"sec-websocket-key", b"am5ubWVpbHd3bmNyYXF0ag==")]  # fmt: skip
        request = Handshake("GET", "/", {}, b"", lines)

        async def application(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "websocket.accept"})
            for _ in range(100):
                await send({"type": "websocket.send", "text": "x" * websockets.MESSAGE})

        stuck = Stuck()
        websockets.WebSocket(application, request, ended.set).begin(stuck, b"")
        await ended.wait()
        return stuck

    stuck = asyncio.run(post())
    assert stuck.dropped and stuck.held < websockets.UNREAD + 2 * websockets.MESSAGE


# a day in milliseconds
@pytest.mark.fidelity(
    "Pushes", "API Gateway WebSocket APIs: ten minutes without a message, two hours in all"
)
@pytest.mark.parametrize(("every", "lives"), [(0, connections.IDLE), (300, connections.LONGEST)])
def test_how_long_a_connection_lives(every: int, lives: float) -> None:
    async def live() -> tuple[float, int, list[str]]:
        clock, calls = ManualClock(start=0.0), list[str]()
        inbox: asyncio.Queue[Any] = asyncio.Queue()
        closed: list[tuple[float, int]] = []

        async def call(route: Route, event: dict[str, Any]) -> Told:
            calls.append(route.key)
            return Told({"statusCode": 200})

        async def send(message: Any) -> None:
            if message["type"] == "websocket.close":
                closed.append((clock.time(), message["code"]))
                inbox.put_nowait({"type": "websocket.disconnect", "code": message["code"]})

        connected = Connected("id", CHAT, Handshake("GET", "/"), clock.time())
        connection = Connection(connected, call, nothing, as_it_is, clock, send)
        assert await connection.connect()
        talk = asyncio.create_task(connection.talk(inbox.get))
        for _ in range(30):
            if every:
                inbox.put_nowait({"type": "websocket.receive", "text": "{}"})
            await clock.advance(every or 300)
        await talk
        return *closed[0], calls

    when, code, calls = asyncio.run(live())
    assert (when, code) == (lives, connections.GOING_AWAY)
    assert calls[0] == "$connect" and calls[-1] == "$disconnect"
