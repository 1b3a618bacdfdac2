"""Function URLs over real HTTP: who may call, what the function sees, what its caller gets."""

import base64
import json
import socket
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.localstack.lambda_ import url_access, urls
from pelton.localstack.lambda_.records import Outcome
from pelton.localstack.lambda_.states import Function, Policy, Url
from pelton.pytest_plugin import RunningEmulator

from .. import plain
from .support import make_function, open_url

SOURCE = """
import json, sys, time
def handler(event, context):
    if "body" not in event:
        return event
    asked = json.loads(event["body"]) if not event["isBase64Encoded"] else {}
    if "sleep" in asked:
        time.sleep(asked["sleep"])
    if "raise" in asked:
        raise ValueError("no")
    if "exit" in asked:
        sys.exit(1)
    if "large" in asked:
        return {"statusCode": 200, "body": "x" * 7_000_000}
    return asked["answer"] if "answer" in asked else {"event": event, "id": context.aws_request_id}
"""
PAGE = "https://app.example.com"


@pytest.fixture(scope="module")
def client(module_emulator: RunningEmulator) -> Any:
    """A Lambda client of an emulator that has the function `f`."""
    found = module_emulator.client("lambda")
    make_function(found, SOURCE, Runtime="python3.11", Timeout=3, MemorySize=512, Publish=True)
    return found


def permit(client: Any, url: bool = True, function: bool = True, **place: str) -> None:
    statement = {"FunctionName": "f", "Principal": "*", **place}
    if url:
        client.add_permission(
            StatementId="url",
            Action="lambda:InvokeFunctionUrl",
            FunctionUrlAuthType="NONE",
            **statement,
        )
    if function:
        client.add_permission(
            StatementId="function",
            Action="lambda:InvokeFunction",
            InvokedViaFunctionUrl=True,
            **statement,
        )


@pytest.fixture(scope="module")
def url(client: Any) -> str:
    """An open URL of `f`, without CORS."""
    made = client.create_function_url_config(FunctionName="f", AuthType="NONE")
    permit(client)
    return str(made["FunctionUrl"])


def ask(url: str, method: str = "GET", **more: Any) -> httpx.Response:
    with plain.Client(trust_env=False, timeout=30) as caller:
        return caller.request(method, url, **more)


def answer(url: str, value: Any) -> httpx.Response:
    """What the caller gets when the function returns `value`."""
    return ask(url, "POST", json={"answer": value})


# -- who may call
@pytest.mark.fidelity("Function URLs", "AuthType NONE needs both statements of October 2025")
def test_a_public_url_needs_both_statements(client: Any) -> None:
    client.create_alias(FunctionName="f", Name="open", FunctionVersion="1")
    made = client.create_function_url_config(FunctionName="f", Qualifier="open", AuthType="NONE")
    url = made["FunctionUrl"]

    def refused() -> None:
        answer = ask(url)
        assert (answer.status_code, answer.json()) == (403, {"Message": urls.FORBIDDEN})
        assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"

    refused()
    permit(client, function=False, Qualifier="open")
    refused()
    permit(client, url=False, Qualifier="open")
    event = ask(url).json()
    assert event["requestContext"]["accountId"] == "anonymous"
    assert "authorizer" not in event["requestContext"]
    client.delete_function_url_config(FunctionName="f", Qualifier="open")
    refused()


@pytest.mark.parametrize(
    ("condition", "opens"),
    [
        ({}, True),
        ({"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}, True),
        ({"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}}, False),
        ({"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}, True),
        ({"Bool": {"lambda:InvokedViaFunctionUrl": "false"}}, False),
        ({"StringEquals": {"AWS:SourceAccount": "1"}}, False),
        ({"ArnLike": {"AWS:SourceArn": "arn:x"}}, False),
    ],
)
def test_conditions_of_a_statement_hold(condition: dict[str, Any], opens: bool) -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "lambda:*", "Condition": condition}
    url = Url("id", "", "NONE", "", "")
    function = Function("f", None, policies={"": Policy({"a": statement})})  # type: ignore[arg-type]
    assert url_access.open_to_all(function, url) is opens


def sign(url: str, secret: str = "test", service: str = "lambda", **more: Any) -> dict[str, str]:
    made = botocore.awsrequest.AWSRequest("GET", url, **more)
    credentials = botocore.credentials.Credentials("test", secret)
    botocore.auth.SigV4Auth(credentials, service, "us-east-1").add_auth(made)
    return dict(made.headers)


@pytest.mark.fidelity("Function URLs", "AWS_IAM: unsigned calls are a 403, who signed is told")
def test_an_iam_url_wants_a_signature(client: Any) -> None:
    client.create_alias(FunctionName="f", Name="iam", FunctionVersion="1")
    made = client.create_function_url_config(FunctionName="f", Qualifier="iam", AuthType="AWS_IAM")
    url = made["FunctionUrl"]
    refused = ask(url)
    assert (refused.status_code, refused.json()) == (403, {"Message": "Forbidden"})
    wrong = ask(url, headers=sign(url, service="s3"))
    assert wrong.status_code == 403
    assert "scoped to correct service: 'lambda'" in wrong.json()["message"]
    # Without --verify-signatures any secret does.
    context = ask(url, headers=sign(url, secret="whatever")).json()["requestContext"]
    assert context["accountId"] == "000000000000"
    assert context["authorizer"]["iam"]["accessKey"] == "test"
    assert context["authorizer"]["iam"]["userArn"] == "arn:aws:iam::000000000000:root"
    client.delete_function_url_config(FunctionName="f", Qualifier="iam")


# -- what the function sees
@pytest.mark.fidelity("Function URLs", "the payload 2.0 event, member by member")
def test_the_event_of_a_request(module_emulator: RunningEmulator, url: str) -> None:
    sent = [
        ("X-Two", "a"),
        ("x-two", "b"),
        ("Cookie", "c=1; d=2"),
        ("Cookie", "e=3"),
        ("User-Agent", "me"),
        ("X-Forwarded-For", "1.2.3.4"),
    ]
    answer = ask(f"{url}a%20b/%2F/ü?x=1&x=2&y=%20a+b&z", "PUT", headers=sent)
    event = answer.json()
    context = event["requestContext"]
    name = url.rstrip("/").rpartition("/")[2]
    assert event["version"] == "2.0"
    assert event["routeKey"] == context["routeKey"] == context["stage"] == "$default"
    assert event["rawPath"] == context["http"]["path"] == "/a%20b/%2F/%C3%BC"
    assert event["rawQueryString"] == "x=1&x=2&y=%20a+b&z"
    assert event["queryStringParameters"] == {"x": "1,2", "y": " a b", "z": ""}
    assert event["cookies"] == ["c=1", "d=2", "e=3"]
    assert event["headers"]["x-two"] == "a,b"
    assert "cookie" not in event["headers"] and "connection" not in event["headers"]
    assert all(key == key.lower() for key in event["headers"])
    assert event["headers"]["x-forwarded-for"] == "1.2.3.4, 127.0.0.1"
    assert event["headers"]["x-forwarded-port"] == module_emulator.url.rpartition(":")[2]
    assert event["headers"]["x-amzn-trace-id"].startswith("Root=1-")
    assert "body" not in event and event["isBase64Encoded"] is False
    assert context["http"] == {
        "method": "PUT",
        "path": "/a%20b/%2F/%C3%BC",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "me",
    }
    assert context["domainPrefix"] == context["apiId"] == name
    assert context["domainName"] == f"{name}.lambda-url.us-east-1.on.aws"
    assert context["requestId"] == answer.headers["x-amzn-requestid"]
    assert isinstance(context["timeEpoch"], int)
    assert context["time"].endswith(" +0000")


@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        ("application/json; charset=utf-8", True),
        ("text/csv", True),
        ("application/xml", True),
        ("application/x-www-form-urlencoded", False),
        ("application/octet-stream", False),
        (None, False),
    ],
)
@pytest.mark.fidelity("Function URLs", "bodies that are no text are base64, forms among them")
def test_a_body_is_text_or_base64(url: str, content_type: str | None, text: bool) -> None:
    headers = {"content-type": content_type} if content_type else {}
    sent = b'{"a": 1}'
    event = ask(url, "POST", content=sent, headers=headers).json()["event"]
    assert event["isBase64Encoded"] is not text
    assert event["body"] == (sent.decode() if text else base64.b64encode(sent).decode())


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "PATCH", "PUT"])
def test_every_method_reaches_the_function(url: str, method: str) -> None:
    answer = ask(url, method)
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) > 100
    if method != "HEAD":
        assert answer.json()["requestContext"]["http"]["method"] == method


def test_a_url_answers_to_its_host_too(module_emulator: RunningEmulator, url: str) -> None:
    name = url.rstrip("/").rpartition("/")[2]
    for host in (f"{name}.lambda-url.us-east-1.on.aws", f"{name}.lambda-url.us-east-1.localhost"):
        assert ask(f"{module_emulator.url}/x", headers={"host": host}).json()["rawPath"] == "/x"


def test_one_connection_serves_many_requests(url: str) -> None:
    host, _, port = url.removeprefix("http://").partition("/")[0].partition(":")
    path = "/" + url.removeprefix("http://").partition("/")[2]
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        stream = connection.makefile("rb")
        for _ in range(3):
            connection.sendall(request)
            response = b""
            while b"\r\n\r\n" not in response:
                response += stream.readline()
            length = int(response.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            assert json.loads(stream.read(length))["rawPath"] == "/"


# -- what the caller gets
@pytest.mark.parametrize(
    ("value", "body"),
    [
        ("Hello, world!", b'"Hello, world!"'),
        ({"message": "hi"}, b'{"message": "hi"}'),
        ([1, "ü"], '[1, "ü"]'.encode()),
        (None, b"null"),
        (7, b"7"),
    ],
)
@pytest.mark.fidelity("Function URLs", "without a statusCode the answer is the body of a 200")
def test_an_answer_without_a_status(url: str, value: Any, body: bytes) -> None:
    response = answer(url, value)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert json.loads(response.content) == json.loads(body)
    assert len(response.content) >= len(json.dumps(value, ensure_ascii=False).encode())


def test_an_answer_with_everything(url: str) -> None:
    response = answer(
        url,
        {
            "statusCode": "418",
            "headers": {"X-A": 1, "X-B": True, "Content-Type": "image/png", "Connection": "close"},
            "cookies": ["a=1; Secure", "b=2"],
            "body": base64.b64encode(b"\x00\xff").decode(),
            "isBase64Encoded": True,
        },
    )
    assert (response.status_code, response.content) == (418, b"\x00\xff")
    assert response.headers.get_list("set-cookie") == ["a=1; Secure", "b=2"]
    assert (response.headers["x-a"], response.headers["x-b"]) == ("1", "true")
    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-amzn-requestid"]
    assert response.headers["x-amzn-trace-id"].startswith("Root=1-")
    assert response.headers["date"].endswith("GMT")
    plain = answer(url, {"statusCode": 201, "body": "hi"})
    assert (plain.status_code, plain.text) == (201, "hi")
    assert plain.headers["content-type"] == "application/json"
    assert answer(url, {"statusCode": 204}).status_code == 204


MALFORMED = [
    {"statusCode": "many"},
    {"statusCode": 99},
    {"statusCode": 600},
    {"statusCode": None},
    {"statusCode": True},
    {"statusCode": [200]},
    {"statusCode": 200, "headers": [["a", "b"]]},
    {"statusCode": 200, "headers": {"a": {}}},
    {"statusCode": 200, "headers": {"a\r\nb": "c"}},
    {"statusCode": 200, "headers": {"a": "b\r\nset-cookie: c"}},
    {"statusCode": 200, "cookies": "a=1"},
    {"statusCode": 200, "cookies": ["a=1\r\nb: c"]},
    {"statusCode": 200, "body": "*", "isBase64Encoded": True},
]


@pytest.mark.parametrize("value", MALFORMED)
def test_a_malformed_answer_is_a_502(value: Any) -> None:
    reply = urls.make_reply(Outcome(json.dumps(value).encode()))
    assert (reply.status, reply.body) == (502, b"Internal Server Error")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["statusCode", "headers", "cookies", "body", "isBase64Encoded", "a"]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    )
)
def test_every_answer_becomes_a_reply(value: Any) -> None:
    """Whatever a function returns, its caller gets HTTP whose lines it cannot forge."""
    reply = urls.make_reply(Outcome(json.dumps(value).encode()))
    assert 100 <= reply.status <= 599
    for name, text in reply.headers:
        assert not {"\r", "\n", "\0"} & {*name, *text}


@pytest.mark.parametrize(
    "asked",
    [{"raise": 1}, {"exit": 1}, {"large": 1}, {"answer": {"statusCode": "x"}}],
)
@pytest.mark.fidelity(
    "Function URLs", "errors, timeouts, exits and malformed answers are a 502 Internal Server Error"
)
def test_a_failure_is_a_502(url: str, asked: dict[str, Any]) -> None:
    assert_is_502(ask(url, "POST", json=asked))


def test_a_timeout_is_a_502(client: Any) -> None:
    make_function(client, SOURCE, "hurried", Runtime="python3.11", Timeout=1, MemorySize=512)
    assert_is_502(ask(open_url(client, "hurried"), "POST", json={"sleep": 9}))


def assert_is_502(response: httpx.Response) -> None:
    assert (response.status_code, response.text) == (502, "Internal Server Error")
    assert "x-amzn-requestid" in response.headers


@pytest.mark.fidelity("Function URLs", "reserved concurrency of zero turns a URL off: 429")
def test_a_url_that_is_turned_off(client: Any, url: str) -> None:
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    try:
        response = ask(url)
    finally:
        client.delete_function_concurrency(FunctionName="f")
    assert response.status_code == 429
    assert response.headers["x-amzn-errortype"] == "TooManyRequestsException"
    assert response.json()["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


@pytest.mark.parametrize("path", ["/_url/nosuchurl/", "/_url//", "/_url"])
def test_a_url_that_is_not_there(module_emulator: RunningEmulator, path: str) -> None:
    assert ask(f"{module_emulator.url}{path}").status_code in (403, 404)


# -- CORS
CORS = {
    "AllowOrigins": [PAGE, "http://localhost:3000"],
    "AllowMethods": ["GET", "PUT"],
    "AllowHeaders": ["Content-Type", "X-Token"],
    "ExposeHeaders": ["X-Shown"],
    "AllowCredentials": True,
    "MaxAge": 300,
}


@pytest.fixture(scope="module")
def shared(client: Any) -> str:
    """The URL of an alias, with CORS."""
    client.create_alias(FunctionName="f", Name="cors", FunctionVersion="1")
    made = client.create_function_url_config(
        FunctionName="f", Qualifier="cors", AuthType="NONE", Cors=CORS
    )
    assert made["Cors"] == CORS
    permit(client, Qualifier="cors")
    return str(made["FunctionUrl"])


def preflight(url: str, origin: str, method: str, headers: str = "") -> httpx.Response:
    sent = {"origin": origin, "access-control-request-method": method}
    if headers:
        sent["access-control-request-headers"] = headers
    return ask(url, "OPTIONS", headers=sent)


@pytest.mark.fidelity("Function URLs", "CORS: a preflight is answered without the function")
def test_a_preflight(client: Any, shared: str) -> None:
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    try:
        allowed = preflight(shared, PAGE, "PUT", "x-token, content-type")
        assert (allowed.status_code, allowed.content) == (200, b"")
        headers = {k: v for k, v in allowed.headers.items() if k.startswith("access-control")}
        assert headers == {
            "access-control-allow-origin": PAGE,
            "access-control-allow-credentials": "true",
            "access-control-allow-methods": "GET,PUT",
            "access-control-allow-headers": "content-type,x-token",
            "access-control-max-age": "300",
        }
        for origin, method, asked in (
            ("https://evil.test", "PUT", ""),
            (PAGE, "DELETE", ""),
            (PAGE, "PUT", "x-other"),
            ("null", "GET", ""),
            (f"{PAGE}.evil.test", "GET", ""),
        ):
            refused = preflight(shared, origin, method, asked)
            assert refused.status_code == 200
            assert not [k for k in refused.headers if k.startswith("access-control")]
    finally:
        client.delete_function_concurrency(FunctionName="f")


@pytest.mark.fidelity(
    "Function URLs", "CORS: the URL's headers are added to the function's own, which may double"
)
def test_cors_on_answers(shared: str) -> None:
    own = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*"}, "body": ""}
    given = ask(shared, "POST", json={"answer": own}, headers={"origin": PAGE})
    assert given.headers.get_list("access-control-allow-origin") == ["*", PAGE]
    assert given.headers["access-control-expose-headers"] == "X-Shown"
    assert given.headers["access-control-allow-credentials"] == "true"
    assert given.headers["vary"] == "Origin"
    for headers in ({}, {"origin": "https://evil.test"}):
        other = ask(shared, headers=headers)
        assert other.status_code == 200
        assert not [k for k in other.headers if k.startswith("access-control")]


def test_without_settings_the_function_answers_pages(url: str) -> None:
    event = preflight(url, PAGE, "PUT").json()
    assert event["requestContext"]["http"]["method"] == "OPTIONS"
    assert event["headers"]["origin"] == PAGE
    assert "access-control-allow-origin" not in ask(url, headers={"origin": PAGE}).headers


def test_an_asterisk_allows_everything(client: Any, shared: str) -> None:
    every = {"AllowOrigins": ["*"], "AllowMethods": ["*"], "AllowHeaders": ["*"]}
    client.update_function_url_config(FunctionName="f", Qualifier="cors", Cors=every)
    try:
        allowed = preflight(shared, "https://any.test", "DELETE", "X-Any")
        assert allowed.headers["access-control-allow-origin"] == "https://any.test"
        assert allowed.headers["access-control-allow-methods"] == "DELETE"
        assert allowed.headers["access-control-allow-headers"] == "x-any"
        assert "access-control-max-age" not in allowed.headers
        assert "access-control-allow-credentials" not in allowed.headers
    finally:
        client.update_function_url_config(FunctionName="f", Qualifier="cors", Cors=CORS)
