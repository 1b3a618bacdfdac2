"""Bad input at every door: each answers as its platform does, and serves the next caller."""

import json
from collections.abc import Callable
from typing import Any

import botocore.exceptions
import httpx
import pytest

from pelton.pytest_plugin import RunningEmulator

from .. import plain
from .support import make_function, open_url

MEGABYTE = 1024 * 1024
SOURCE = """
def handler(event, context):
    return event if len(str(event)) < 100 else len(str(event))
"""


@pytest.fixture
def url(pelton_emulator: RunningEmulator) -> str:
    """The function `f`, behind a function URL."""
    client = pelton_emulator.client("lambda")
    make_function(client, SOURCE, Timeout=10, MemorySize=512)
    return open_url(client)


def invoke(client: Any, payload: bytes, kind: str = "RequestResponse") -> Any:
    answer = client.invoke(FunctionName="f", InvocationType=kind, Payload=payload)
    return json.loads(answer["Payload"].read() or b"null")


@pytest.mark.parametrize(
    ("payload", "kind", "code", "words"),
    [
        (b"{", "RequestResponse", "InvalidRequestContentException", "Could not parse"),
        (b"\xff\xfe", "RequestResponse", "InvalidRequestContentException", "Could not parse"),
        (
            b'"' + b"x" * 7 * MEGABYTE + b'"',
            "RequestResponse",
            "RequestEntityTooLargeException",
            "6291456 bytes for the InvokeFunction operation",
        ),
        (
            b'"' + b"x" * 2 * MEGABYTE + b'"',
            "Event",
            "RequestEntityTooLargeException",
            "byte payload is too large for the Event invocation type (limit 1048576 bytes)",
        ),
    ],
    ids=["broken", "no text", "7 MB", "a 2 MB event"],
)
@pytest.mark.fidelity(
    "Errors", "payloads that are no JSON or too large are refused in Lambda's words"
)
def test_a_payload_that_lambda_refuses(
    pelton_emulator: RunningEmulator, url: str, payload: bytes, kind: str, code: str, words: str
) -> None:
    client = pelton_emulator.client("lambda")
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        invoke(client, payload, kind)
    assert refused.value.response["Error"]["Code"] == code
    assert words in refused.value.response["Error"]["Message"]
    assert invoke(client, b'{"a": 1}') == {"a": 1}


def test_the_largest_payload_is_taken(pelton_emulator: RunningEmulator, url: str) -> None:
    largest = b'"' + b"x" * (6 * MEGABYTE - 2) + b'"'
    assert invoke(pelton_emulator.client("lambda"), largest) == 6 * MEGABYTE - 2


@pytest.mark.fidelity("Function URLs", "a body over 6 MB is a 413")
def test_a_body_too_large_for_a_function_url(url: str) -> None:
    with plain.Client(trust_env=False, timeout=30) as client:
        assert client.post(url, content=b"x" * 7 * MEGABYTE).status_code == 413
        assert client.post(url, content=b"x").status_code == 200


Post = Callable[[bytes], httpx.Response]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
@pytest.mark.fidelity("Safety", "what is no HTTP is answered 400")
def test_what_is_no_http_is_answered_400(
    pelton_emulator: RunningEmulator, request_bytes: bytes
) -> None:
    import socket

    host, _, port = pelton_emulator.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request_bytes)
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")
    assert plain.get(f"{pelton_emulator.url}/_pelton/health", trust_env=False).status_code == 200


@pytest.mark.fidelity("Safety", "a caller that leaves does no harm: the function runs to its end")
def test_a_caller_that_leaves_does_no_harm(pelton_emulator: RunningEmulator, url: str) -> None:
    """Half a request, then gone; and one that does not wait for its answer."""
    import socket

    host, _, port = pelton_emulator.url.removeprefix("http://").partition(":")
    path = b"/2015-03-31/functions/f/invocations"
    for sent in (
        b"POST " + path + b" HTTP/1.1\r\nContent-Length: 100\r\n\r\n{",
        b"POST " + path + b" HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
    ):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(sent)
    assert invoke(pelton_emulator.client("lambda"), b"1") == 1
