"""API Gateway before functions, through real HTTP calls: every member of the events of REST APIs
and of both formats of HTTP APIs, and what becomes of each kind of answer."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from aws_lambda_powertools.utilities.data_classes import (
    APIGatewayProxyEvent,
    APIGatewayProxyEventV2,
)
from botocore.exceptions import ClientError

from pelton.localstack.api_seam import within
from pelton.pytest_plugin import RunningEmulator

from .. import plain
from .support import make_function

ARN = "arn:aws:lambda:us-east-1:000000000000:function:"
SOURCE = """
import json, socket, time

def handler(event, context):
    asked = json.loads(event.get("body") or '{"echo": 1}')
    if "echo" in asked:
        return {"statusCode": 200, "body": json.dumps(event)}
    if "raise" in asked:
        raise ValueError("a secret")
    if "sleep" in asked:
        time.sleep(20)
    if "wait" in asked:
        socket.create_connection(("127.0.0.1", asked["wait"])).recv(1)
    return asked["answer"]
"""
NOBODY = {
    "accessKey": None,
    "accountId": None,
    "caller": None,
    "cognitoAuthenticationProvider": None,
    "cognitoAuthenticationType": None,
    "cognitoIdentityId": None,
    "cognitoIdentityPoolId": None,
    "principalOrgId": None,
    "user": None,
    "userArn": None,
}


class World:
    """Three APIs before the function `handler`, by the name of what they are."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.emulator, self.client = emulator, emulator.client
        for name, timeout in (("handler", 10), ("busy", 10), ("slow", 1)):
            make_function(
                self.client("lambda"), SOURCE, name, Timeout=timeout, Runtime="python3.11"
            )
        self.client("lambda").put_function_concurrency(
            FunctionName="busy", ReservedConcurrentExecutions=0
        )
        self.rest = self._rest()
        self.http = {version: self._http(version) for version in ("1.0", "2.0")}

    def _rest(self) -> str:
        gateway = self.client("apigateway")
        api: str = gateway.create_rest_api(name="rest")["id"]
        root = gateway.get_resources(restApiId=api)["items"][0]["id"]
        for name in ("handler", "busy", "slow"):
            place = gateway.create_resource(restApiId=api, parentId=root, pathPart=name)["id"]
            below = gateway.create_resource(restApiId=api, parentId=place, pathPart="{proxy+}")
            where = {"restApiId": api, "resourceId": below["id"], "httpMethod": "ANY"}
            gateway.put_method(**where, authorizationType="NONE")
            gateway.put_integration(
                **where,
                type="AWS_PROXY",
                integrationHttpMethod="POST",
                uri="arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
                f"{ARN}{name}/invocations",
            )
        self.deployment = gateway.create_deployment(
            restApiId=api, stageName="prod", variables={"color": "blue"}
        )["id"]
        return api

    def _http(self, version: str) -> str:
        gateway = self.client("apigatewayv2")
        api: str = gateway.create_api(Name=version, ProtocolType="HTTP")["ApiId"]
        for name in ("handler", "busy", "slow"):
            integration = gateway.create_integration(
                ApiId=api,
                IntegrationType="AWS_PROXY",
                IntegrationUri=f"{ARN}{name}",
                PayloadFormatVersion=version,
            )["IntegrationId"]
            target = f"integrations/{integration}"
            gateway.create_route(ApiId=api, RouteKey=f"ANY /{name}/{{id}}", Target=target)
        variables = {"color": "blue"}
        gateway.create_stage(ApiId=api, StageName="$default", StageVariables=variables)
        gateway.create_stage(ApiId=api, StageName="prod")
        return api

    def place(self, kind: str, function: str = "handler") -> str:
        if kind == "REST":
            return f"{self.emulator.url}/restapis/{self.rest}/prod/_user_request_/{function}/7"
        return f"{self.emulator.url}/_aws/execute-api/{self.http[kind]}/$default/{function}/7"

    def ask(self, kind: str, asked: Any, function: str = "handler") -> httpx.Response:
        return plain.post(
            self.place(kind, function),
            content=json.dumps(asked),
            headers={"Content-Type": "application/json"},
            trust_env=False,
            timeout=30,
        )


@pytest.fixture(scope="module")
def world(module_emulator: RunningEmulator) -> World:
    return World(module_emulator)


# -- events
def raw(world: World, host: str, path: str, lines: list[str], body: str = "") -> Any:
    """The event of a request whose header lines are exactly these."""
    port = urlsplit(world.emulator.url).port
    head = [f"POST {path} HTTP/1.1", f"Host: {host}", *lines, f"Content-Length: {len(body)}"]
    with socket.create_connection(("127.0.0.1", port or 80), 30) as connection:
        connection.sendall("\r\n".join([*head, "Connection: close", "", body]).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    _, _, found = answer.partition(b"\r\n\r\n")
    return json.loads(found)


LINES = [
    "tEsT-HEADeR: aValUE",
    "X-Two: value1",
    "x-two: value2",
    "user-agent: agent/1",
    "Cookie: cookie1=a; cookie2=b",
    "X-Forwarded-For: 192.0.2.1",
    "Content-Type: application/json",
]
QUERY = "x=1&x=2&y=a%20b"
TRACE = re.compile(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}")
TIME = re.compile(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000")


def volatile(members: dict[str, Any], *names: str) -> list[Any]:
    """Take out members whose values are other ones each time."""
    return [members.pop(name) for name in names]


@pytest.mark.fidelity(
    "Pushes",
    "API Gateway, REST: every member of an event; names as the client wrote them, the last value",
    different="as of a regional API: no headers of CloudFront's; X-Forwarded-Proto is http",
)
def test_the_event_of_a_rest_api(world: World) -> None:
    host, port = (
        f"{world.rest}.execute-api.us-east-1.amazonaws.com",
        urlsplit(world.emulator.url).port,
    )
    event = raw(world, host, f"/prod/handler/7?{QUERY}", LINES, '{"echo": 1}')
    context = event["requestContext"]
    request_id, extended, told, epoch, resource = volatile(
        context, "requestId", "extendedRequestId", "requestTime", "requestTimeEpoch", "resourceId"
    )
    assert len(request_id) == 36 and extended.endswith("=") and TIME.fullmatch(told)
    assert isinstance(epoch, int) and resource
    (trace,) = volatile(event["headers"], "X-Amzn-Trace-Id")
    assert TRACE.fullmatch(trace)
    assert event["multiValueHeaders"].pop("X-Amzn-Trace-Id") == [trace]
    headers = {
        "Host": host,
        "tEsT-HEADeR": "aValUE",
        "X-Two": "value2",
        "User-Agent": "agent/1",
        "Cookie": "cookie1=a; cookie2=b",
        "Content-Type": "application/json",
        "X-Forwarded-For": "192.0.2.1, 127.0.0.1",
        "X-Forwarded-Port": str(port),
        "X-Forwarded-Proto": "http",
    }
    assert event == {
        "resource": "/handler/{proxy+}",
        "path": "/handler/7",
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {
            **{name: [value] for name, value in headers.items()},
            "X-Two": ["value1", "value2"],
        },
        "queryStringParameters": {"x": "2", "y": "a b"},
        "multiValueQueryStringParameters": {"x": ["1", "2"], "y": ["a b"]},
        "pathParameters": {"proxy": "7"},
        "stageVariables": {"color": "blue"},
        "requestContext": {
            "accountId": "000000000000",
            "apiId": world.rest,
            "deploymentId": world.deployment,
            "domainName": host,
            "domainPrefix": world.rest,
            "httpMethod": "POST",
            "identity": {**NOBODY, "sourceIp": "127.0.0.1", "userAgent": "agent/1"},
            "path": "/prod/handler/7",
            "protocol": "HTTP/1.1",
            "resourcePath": "/handler/{proxy+}",
            "stage": "prod",
        },
        "body": '{"echo": 1}',
        "isBase64Encoded": False,
    }
    assert APIGatewayProxyEvent(event).resolved_query_string_parameters["x"] == ["1", "2"]


HTTP_HEADERS = {
    "test-header": "aValUE",
    "x-two": "value1,value2",
    "user-agent": "agent/1",
    "content-type": "application/json",
    "content-length": "11",
    "x-forwarded-for": "192.0.2.1, 127.0.0.1",
    "x-forwarded-proto": "http",
}


@pytest.mark.fidelity(
    "Pushes",
    "API Gateway, HTTP, format 2.0: every member of an event, cookies, the stage in rawPath",
    different="X-Forwarded-Proto is http",
)
@pytest.mark.parametrize(("stage", "prefix"), [("$default", ""), ("prod", "/prod")])
def test_the_event_of_format_2(world: World, stage: str, prefix: str) -> None:
    api, port = world.http["2.0"], urlsplit(world.emulator.url).port
    host = f"{api}.execute-api.us-east-1.amazonaws.com"
    event = raw(world, host, f"{prefix}/handler/7?{QUERY}", LINES, '{"echo": 1}')
    context = event["requestContext"]
    request_id, told, epoch = volatile(context, "requestId", "time", "timeEpoch")
    assert len(request_id) == 16 and TIME.fullmatch(told) and isinstance(epoch, int)
    (trace,) = volatile(event["headers"], "x-amzn-trace-id")
    assert TRACE.fullmatch(trace)
    wanted = {
        "version": "2.0",
        "routeKey": "ANY /handler/{id}",
        "rawPath": f"{prefix}/handler/7",
        "rawQueryString": QUERY,
        "cookies": ["cookie1=a", "cookie2=b"],
        "headers": {**HTTP_HEADERS, "host": host, "x-forwarded-port": str(port)},
        "queryStringParameters": {"x": "1,2", "y": "a b"},
        "pathParameters": {"id": "7"},
        "stageVariables": {"color": "blue"},
        "requestContext": {
            "accountId": "000000000000",
            "apiId": api,
            "domainName": host,
            "domainPrefix": api,
            "http": {
                "method": "POST",
                "path": f"{prefix}/handler/7",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "agent/1",
            },
            "routeKey": "ANY /handler/{id}",
            "stage": stage,
        },
        "body": '{"echo": 1}',
        "isBase64Encoded": False,
    }
    if stage == "prod":
        del wanted["stageVariables"]  # this stage has none
    assert event == wanted
    assert APIGatewayProxyEventV2(event).cookies == ["cookie1=a", "cookie2=b"]


@pytest.mark.fidelity(
    "Pushes",
    "API Gateway, HTTP, format 1.0: every member of an event",
    different="X-Forwarded-Proto is http",
)
def test_the_event_of_format_1(world: World) -> None:
    api, port = world.http["1.0"], urlsplit(world.emulator.url).port
    host = f"{api}.execute-api.us-east-1.amazonaws.com"
    event = raw(world, host, f"/handler/7?{QUERY}", LINES, '{"echo": 1}')
    context = event["requestContext"]
    names = ("requestId", "extendedRequestId", "requestTime", "requestTimeEpoch")
    request_id, extended, told, epoch = volatile(context, *names)
    assert request_id == extended and TIME.fullmatch(told) and isinstance(epoch, int)
    (trace,) = volatile(event["headers"], "x-amzn-trace-id")
    assert event["multiValueHeaders"].pop("x-amzn-trace-id") == [trace]
    headers = {
        **HTTP_HEADERS,
        "x-two": "value2",
        "cookie": "cookie1=a; cookie2=b",
        "host": host,
        "x-forwarded-port": str(port),
    }
    assert event == {
        "version": "1.0",
        "resource": "/handler/{id}",
        "path": "/handler/7",
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {
            **{name: [value] for name, value in headers.items()},
            "x-two": ["value1", "value2"],
        },
        "queryStringParameters": {"x": "2", "y": "a b"},
        "multiValueQueryStringParameters": {"x": ["1", "2"], "y": ["a b"]},
        "pathParameters": {"id": "7"},
        "stageVariables": {"color": "blue"},
        "requestContext": {
            "accountId": "000000000000",
            "apiId": api,
            "authorizer": {"claims": None, "scopes": None},
            "domainName": host,
            "domainPrefix": api,
            "httpMethod": "POST",
            "identity": {**NOBODY, "sourceIp": "127.0.0.1", "userAgent": "agent/1"},
            "path": "/handler/7",
            "protocol": "HTTP/1.1",
            "resourceId": "ANY /handler/{id}",
            "resourcePath": "/handler/{id}",
            "stage": "$default",
        },
        "body": '{"echo": 1}',
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize("kind", ["REST", "1.0", "2.0"])
def test_a_request_with_nothing_in_it(world: World, kind: str) -> None:
    event = plain.get(world.place(kind), trust_env=False, timeout=30).json()
    if kind == "2.0":
        assert not {"body", "cookies", "queryStringParameters"} & event.keys()
        assert event["rawQueryString"] == ""
    else:
        assert event["body"] is event["queryStringParameters"] is None
        assert event["multiValueQueryStringParameters"] is None
    assert event["isBase64Encoded"] is False


# -- answers
REST_FAILS = (502, {"message": "Internal server error"})
HTTP_FAILS = (500, {"message": "Internal Server Error"})
GOOD = (201, {"a": 1})
TABLE = {
    "good": ({"statusCode": 201, "body": '{"a": 1}'}, GOOD, GOOD, GOOD),
    "status as text": ({"statusCode": "201", "body": '{"a": 1}'}, GOOD, GOOD, GOOD),
    "no body": ({"statusCode": 204}, (204, ""), (204, ""), (204, "")),
    "null body": ({"statusCode": 200, "body": None}, (200, ""), (200, ""), (200, "")),
    "string": ("hello", REST_FAILS, HTTP_FAILS, (200, "hello")),
    "null": (None, REST_FAILS, HTTP_FAILS, (200, None)),
    "list": ([1], REST_FAILS, HTTP_FAILS, (200, [1])),
    "no status": ({"a": 1}, REST_FAILS, HTTP_FAILS, (200, {"a": 1})),
    "other members": (
        {"statusCode": 201, "body": '{"a": 1}', "z": 0}, REST_FAILS, GOOD, GOOD,
    ),
    "empty": ({}, (200, ""), HTTP_FAILS, (200, {})),
    "body no text": (
        {"statusCode": 200, "body": {"a": 1}}, REST_FAILS, HTTP_FAILS, HTTP_FAILS,
    ),
    "status no number": ({"statusCode": "ok", "body": ""}, REST_FAILS, HTTP_FAILS, HTTP_FAILS),
    "no header's name": (
        {"statusCode": 200, "headers": {"a b": "c"}}, REST_FAILS, HTTP_FAILS, HTTP_FAILS,
    ),
    "two lines in a header": (
        {"statusCode": 200, "headers": {"a": "b\r\nc: d"}}, REST_FAILS, HTTP_FAILS, HTTP_FAILS,
    ),
    "headers of the connection": (
        {"statusCode": 201, "headers": {"Content-Length": "1", "Transfer-Encoding": "chunked"},
         "body": '{"a": 1}'}, GOOD, GOOD, GOOD,
    ),
    "no base64": (
        {"statusCode": 200, "body": "x", "isBase64Encoded": True},
        REST_FAILS, HTTP_FAILS, HTTP_FAILS,
    ),
    "half a character": ({"statusCode": 200, "body": "\ud800"}, (200, "?"), (200, "?"), (200, "?")),
    "headers no object": (
        {"statusCode": 200, "headers": ["a"]}, REST_FAILS, HTTP_FAILS, HTTP_FAILS,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("kind", ["REST", "1.0", "2.0"])
@pytest.mark.fidelity(
    "Pushes", "API Gateway: answers good and malformed; REST 502, HTTP 500, format 2.0 infers"
)
def test_answers(world: World, kind: str, name: str) -> None:
    answer, *wanted = TABLE[name]
    status, body = wanted[("REST", "1.0", "2.0").index(kind)]
    found = world.ask(kind, {"answer": answer})
    assert found.status_code == status, found.text
    assert found.text == body if isinstance(body, str) else found.json() == body
    if status == 502:
        assert found.headers["x-amzn-errortype"] == "InternalServerErrorException"


@pytest.mark.parametrize(
    ("function", "asked", "statuses", "of_http"),
    [
        ("handler", {"raise": 1}, (502, 500, 500), "Internal Server Error"),
        ("slow", {"sleep": 1}, (502, 500, 500), "Internal Server Error"),
        ("busy", {}, (500, 503, 503), "Service Unavailable"),
    ],
)
@pytest.mark.fidelity(
    "Pushes", "API Gateway: a function that raises, times out or is throttled is not told of"
)
def test_failures(
    world: World, function: str, asked: Any, statuses: tuple[int, ...], of_http: str
) -> None:
    """By the three kinds at once: one timeout is waited for, not three."""
    kinds = ("REST", "1.0", "2.0")
    with ThreadPoolExecutor(len(kinds)) as threads:
        found = [*threads.map(lambda kind: world.ask(kind, asked, function), kinds)]
    messages = ("Internal server error", of_http, of_http)
    assert [(each.status_code, each.text) for each in found] == [
        (status, f'{{"message":"{message}"}}')
        for status, message in zip(statuses, messages, strict=True)
    ]


@pytest.mark.parametrize("kind", ["REST", "1.0", "2.0"])
@pytest.mark.fidelity("Pushes", "API Gateway: headers, cookies and base64 bodies of an answer")
def test_headers_and_bodies(world: World, kind: str) -> None:
    encoded = base64.b64encode(b"\xff\x00").decode()
    answer: dict[str, Any] = {
        "statusCode": 200,
        "headers": {"Content-Type": "image/x", "x-yes": True, "x-one": "lost"},
        "body": encoded,
        "isBase64Encoded": True,
    }
    if kind == "2.0":
        answer |= {"cookies": ["a=1", "b=2"]}
    else:
        answer |= {"multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"], "X-One": ["1", "2"]}}
    found = world.ask(kind, {"answer": answer})
    assert found.headers["content-type"] == "image/x" and found.headers["x-yes"] == "true"
    assert found.headers.get_list("set-cookie") == ["a=1", "b=2"]
    if kind != "2.0":
        assert found.headers.get_list("x-one") == ["1", "2"]
    # A REST API has no binary media types by itself, and leaves the text as it is.
    assert found.content == (encoded.encode() if kind == "REST" else b"\xff\x00")
    assert ("apigw-requestid" in found.headers) == (kind != "REST")


def test_a_custom_integration_is_told_the_error(world: World) -> None:
    """An integration that is no proxy gives the function's own error, as on AWS."""
    gateway = world.client("apigateway")
    api = gateway.create_rest_api(name="custom")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    where = {"restApiId": api, "resourceId": root, "httpMethod": "POST"}
    gateway.put_method(**where, authorizationType="NONE")
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{ARN}handler/invocations"
    gateway.put_integration(**where, type="AWS", integrationHttpMethod="POST", uri=uri)
    gateway.create_deployment(restApiId=api, stageName="prod")
    base = f"{world.emulator.url}/restapis/{api}/prod/_user_request_/"
    found = plain.post(base, json={"raise": 1}, trust_env=False, timeout=30)
    assert found.status_code == 200 and found.json()["errorMessage"] == "a secret"


@pytest.mark.fidelity("Safety", "an API's host name leads to the API alone, whatever the path")
def test_under_the_name_of_an_api_is_nothing_else(world: World) -> None:
    api = world.http["2.0"]
    for domain in ("localhost", "us-east-1.amazonaws.com"):
        page = {"Host": f"{api}.execute-api.{domain}", "Origin": "https://evil.test"}
        for path in ("/_ministack/reset", "/health", "/_localstack/health", "/@connections/x"):
            answer = plain.post(
                f"{world.emulator.url}{path}", headers=page, trust_env=False, timeout=30
            )
            assert answer.status_code in (403, 404), answer.text
    assert world.client("apigatewayv2").get_api(ApiId=api)["ApiId"] == api


# -- how long is waited
def test_what_takes_too_long_goes_on() -> None:
    async def wait() -> list[str]:
        done, left, go = list[str](), set[asyncio.Future[Any]](), asyncio.Event()

        async def work() -> str:
            await go.wait()
            done.append("worked")
            return "late"

        with pytest.raises(TimeoutError):
            await within(0.0, work(), left)
        (task,) = left
        go.set()
        assert not done and await task == "late" and not left
        return done

    assert asyncio.run(wait()) == ["worked"]


@pytest.mark.fidelity(
    "Pushes",
    "API Gateway: an integration may take 29 s (REST, then 504) or 30 s (HTTP, then 503), or its "
    "timeoutInMillis; the function goes on",
    different="REST APIs: never longer than 29 s",
)
@pytest.mark.parametrize(
    ("kind", "status", "message"),
    [("REST", 504, "Endpoint request timed out"), ("HTTP", 503, "Service Unavailable")],
)
def test_an_integration_s_time(world: World, kind: str, status: int, message: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as never:  # which answers nobody
        wait = {"wait": never.getsockname()[1]}
        found = plain.post(_hasty(world, kind), json=wait, trust_env=False, timeout=30)
    assert (found.status_code, found.text) == (status, f'{{"message":"{message}"}}')


def _hasty(world: World, kind: str) -> str:
    """The address of an API whose integration may take 50 ms."""
    if kind == "HTTP":
        gateway = world.client("apigatewayv2")
        made = gateway.create_api(Name="hasty", ProtocolType="HTTP", Target=f"{ARN}handler")
        api = made["ApiId"]
        (integration,) = gateway.get_integrations(ApiId=api)["Items"]
        id = integration["IntegrationId"]
        gateway.update_integration(ApiId=api, IntegrationId=id, TimeoutInMillis=50)
        return f"{world.emulator.url}/_aws/execute-api/{api}/$default/"
    rest = world.client("apigateway")
    api = rest.create_rest_api(name="hasty")["id"]
    root = rest.get_resources(restApiId=api)["items"][0]["id"]
    where = {"restApiId": api, "resourceId": root, "httpMethod": "POST"}
    rest.put_method(**where, authorizationType="NONE")
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{ARN}handler/invocations"
    rest.put_integration(
        **where, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri, timeoutInMillis=50
    )
    rest.create_deployment(restApiId=api, stageName="prod")
    return f"{world.emulator.url}/restapis/{api}/prod/_user_request_/"


# -- OPTIONS
PREFLIGHT = {"Origin": "https://page.test", "Access-Control-Request-Method": "PUT"}
HANDSHAKE = {"WebHook-Request-Origin": "events.test"}


def options(place: str, headers: dict[str, str]) -> httpx.Response:
    return plain.request("OPTIONS", place, headers=headers, trust_env=False, timeout=30)


@pytest.mark.fidelity(
    "Pushes",
    "API Gateway, HTTP: OPTIONS goes to a route that takes it (OPTIONS, ANY, $default); without "
    "one it is 404, or with CORS answered by that",
)
def test_options_without_cors(world: World) -> None:
    place = f"{world.emulator.url}/_aws/execute-api/{world.http['2.0']}/$default"
    for headers in (HANDSHAKE, PREFLIGHT):
        found = options(f"{place}/handler/7", headers)
        context = found.json()["requestContext"]
        assert (context["http"]["method"], context["routeKey"]) == ("OPTIONS", "ANY /handler/{id}")
        assert found.json()["headers"].items() >= {k.lower(): v for k, v in headers.items()}.items()
        assert options(f"{place}/nowhere", headers).status_code == 404


@pytest.mark.fidelity(
    "Pushes",
    "API Gateway, HTTP with CORS: preflights; what a route answers to one gets CORS' headers, and "
    "an authorizer of ANY or $default refuses it",
)
def test_options_with_cors(world: World) -> None:
    gateway = world.client("apigatewayv2")
    rules = {"AllowOrigins": ["https://page.test"], "AllowMethods": ["PUT"], "AllowHeaders": ["a"]}
    made = gateway.create_api(Name="cors", ProtocolType="HTTP", CorsConfiguration=rules)
    api = made["ApiId"]
    integration = gateway.create_integration(
        ApiId=api,
        IntegrationType="AWS_PROXY",
        IntegrationUri=f"{ARN}handler",
        PayloadFormatVersion="2.0",
    )
    target = f"integrations/{integration['IntegrationId']}"
    jwt = gateway.create_authorizer(
        ApiId=api, Name="jwt", AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Audience": ["a"], "Issuer": "https://issuer.test"},
    )["AuthorizerId"]  # fmt: skip
    for key in ("PUT /put", "ANY /any", "OPTIONS /hook"):
        gateway.create_route(ApiId=api, RouteKey=key, Target=target)
    gateway.create_route(
        ApiId=api, RouteKey="ANY /guarded", Target=target, AuthorizationType="JWT", AuthorizerId=jwt
    )
    gateway.create_stage(ApiId=api, StageName="$default")
    place = f"{world.emulator.url}/_aws/execute-api/{api}/$default"
    by_cors = {
        "access-control-allow-origin": "https://page.test",
        "access-control-allow-methods": "PUT",
        "access-control-allow-headers": "a",
    }
    own = options(f"{place}/put", PREFLIGHT)
    assert own.status_code == 204 and own.headers.items() >= by_cors.items()
    for path in ("any", "hook"):
        routed = options(f"{place}/{path}", PREFLIGHT)
        assert routed.json()["requestContext"]["http"]["method"] == "OPTIONS"
        assert routed.headers.items() >= by_cors.items()
        shaken = options(f"{place}/{path}", HANDSHAKE)
        assert shaken.json()["headers"]["webhook-request-origin"] == "events.test"
        assert not by_cors.keys() & shaken.headers.keys()
    assert options(f"{place}/guarded", PREFLIGHT).status_code == 401
    other = options(f"{place}/put", HANDSHAKE)
    assert other.status_code == 204 and not by_cors.keys() & other.headers.keys()


# -- quick create
@pytest.mark.fidelity("Pushes", "API Gateway, HTTP: quick create, with a function as the target")
def test_quick_create(world: World) -> None:
    gateway = world.client("apigatewayv2")
    api = gateway.create_api(Name="quick", ProtocolType="HTTP", Target=f"{ARN}handler")["ApiId"]
    (route,) = gateway.get_routes(ApiId=api)["Items"]
    (stage,) = gateway.get_stages(ApiId=api)["Items"]
    (integration,) = gateway.get_integrations(ApiId=api)["Items"]
    assert route["RouteKey"] == stage["StageName"] == "$default" and stage["AutoDeploy"]
    assert integration["PayloadFormatVersion"] == "2.0"
    host = f"{api}.execute-api.us-east-1.amazonaws.com"
    answer = plain.get(
        f"{world.emulator.url}/any/where", headers={"Host": host}, trust_env=False, timeout=30
    )
    event = answer.json()
    assert (event["rawPath"], event["routeKey"]) == ("/any/where", "$default")


@pytest.mark.fidelity(
    "Pushes", "API Gateway: a target for a WebSocket API, or in UpdateApi", refused=True
)
def test_what_has_no_quick_create(world: World) -> None:
    gateway = world.client("apigatewayv2")
    with pytest.raises(ClientError, match="for HTTP APIs only"):
        gateway.create_api(
            Name="w", ProtocolType="WEBSOCKET", Target=f"{ARN}handler",
            RouteSelectionExpression="$request.body.action",
        )  # fmt: skip
    with pytest.raises(ClientError, match="Invalid function ARN"):
        gateway.create_api(Name="n", ProtocolType="HTTP", Target="nonsense")
    with pytest.raises(ClientError, match="update its integration"):
        gateway.update_api(ApiId=world.http["2.0"], Target=f"{ARN}busy")
