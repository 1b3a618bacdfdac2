"""Responses that stream: InvokeWithResponseStream, RESPONSE_STREAM URLs, and their runtimes."""

import asyncio
import base64
import json
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from pelton.localstack.lambda_.chunked import ChunkedBody
from pelton.localstack.lambda_.streams import LIMIT, ResponseStream, Tap
from pelton.pytest_plugin import RunningEmulator

from .. import plain
from .support import Waiting, archive, make_function, permit_all

BUFFERED = """
import sys, time
def handler(event, context):
    print("heard", event.get("a"))
    if "raise" in event:
        raise ValueError("no")
    if "sleep" in event:
        time.sleep(event["sleep"])
    return {"statusCode": 201, "body": event["a"], "large": "x" * event.get("large", 0)}
"""
# A runtime of its own: it takes over when it is imported, and streams what the event says.
STREAMING = """
import base64, http.client, json, os, socket
api = os.environ["AWS_LAMBDA_RUNTIME_API"]
host, port = api.split(":")

def next_event():
    connection = http.client.HTTPConnection(api)
    connection.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = connection.getresponse()
    return answer.headers["Lambda-Runtime-Aws-Request-Id"], json.loads(answer.read())

def chunk(piece):
    return b"%x\\r\\n%b\\r\\n" % (len(piece), piece)

def answer(request_id, event):
    out = socket.create_connection((host, int(port)))
    out.sendall((
        f"POST /2018-06-01/runtime/invocation/{event.get('id', request_id)}/response HTTP/1.1\\r\\n"
        f"Host: {api}\\r\\nContent-Type: {event.get('type', 'text/plain')}\\r\\n"
        f"Lambda-Runtime-Function-Response-Mode: {event.get('mode', 'streaming')}\\r\\n"
        "Transfer-Encoding: chunked\\r\\nTrailer: Lambda-Runtime-Function-Error-Type, "
        "Lambda-Runtime-Function-Error-Body\\r\\n\\r\\n").encode())
    for piece in event.get("pieces", []):
        out.sendall(chunk(base64.b64decode(piece)))
    if "wait" in event:
        with socket.create_connection(("127.0.0.1", event["wait"])) as caller:
            caller.recv(1)
        out.sendall(chunk(b"after"))
    for _ in range(event.get("megabytes", 0)):
        out.sendall(chunk(b"x" * 1024 * 1024))
    if event.get("end") == "exit":
        os._exit(3)
    if event.get("end") == "close":
        return out.close()
    if event.get("end") == "bad":
        out.sendall(b"zz\\r\\n")
        return out.close()
    if event.get("end") == "hang":
        import time
        time.sleep(60)
    trailers = ""
    if event.get("end") == "error":
        body = json.dumps({"errorType": "Oops", "errorMessage": "midway"}).encode()
        trailers = (f"Lambda-Runtime-Function-Error-Type: Oops\\r\\n"
                    f"Lambda-Runtime-Function-Error-Body: {base64.b64encode(body).decode()}\\r\\n")
    out.sendall(b"0\\r\\n" + trailers.encode() + b"\\r\\n")
    reply = out.recv(4096)
    if not reply.startswith(b"HTTP/1.1 202"):
        again = http.client.HTTPConnection(api)
        again.request("POST", f"/2018-06-01/runtime/invocation/{request_id}/response", reply,
                      {"Content-Type": "text/plain"})
        again.getresponse().read()
    out.close()

while True:
    answer(*next_event())
"""
# With their timeouts: what runs into one, and answers nothing before, may have the shortest.
FUNCTIONS = {"buffered": (BUFFERED, 3), "hurried": (BUFFERED, 1), "streaming": (STREAMING, 3)}


@pytest.fixture(scope="module")
def client(module_emulator: RunningEmulator) -> Any:
    """A Lambda client of an emulator with the `FUNCTIONS`."""
    found = module_emulator.client("lambda")
    for name, (source, seconds) in FUNCTIONS.items():
        settings = {"Runtime": "python3.11", "Timeout": seconds, "MemorySize": 512}
        make_function(found, source, name, **settings)
    return found


def call(client: Any, name: str, event: dict[str, Any], **more: Any) -> Any:
    return client.invoke_with_response_stream(FunctionName=name, Payload=json.dumps(event), **more)


def told(response: Any) -> tuple[list[bytes], dict[str, Any]]:
    """The chunks of a response, and its last event."""
    events = list(response["EventStream"])
    assert all(len(event) == 1 for event in events)
    chunks = [each["PayloadChunk"]["Payload"] for each in events[:-1]]
    return chunks, events[-1]["InvokeComplete"]


def pieces(*words: bytes) -> list[str]:
    return [base64.b64encode(each).decode() for each in words]


# -- the operation
@pytest.mark.fidelity(
    "Functions", "InvokeWithResponseStream: a Python function's answer is one PayloadChunk"
)
def test_a_python_answer_is_one_chunk(client: Any) -> None:
    response = call(client, "buffered", {"a": "hi"}, LogType="Tail")
    assert response["StatusCode"] == 200
    assert response["ExecutedVersion"] == "$LATEST"
    assert response["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"
    chunks, end = told(response)
    assert [json.loads(each).get("body") for each in chunks] == ["hi"], chunks
    assert set(end) == {"LogResult"}
    log = base64.b64decode(end["LogResult"]).decode()
    assert log.startswith("START RequestId: ") and "heard hi\n" in log and "\nREPORT " in log
    assert response["ResponseMetadata"]["RequestId"] in log
    large, end = told(call(client, "buffered", {"a": "", "large": 1_000_000}))
    assert (len(large), len(large[0]) > 1_000_000, end) == (1, True, {})


@pytest.mark.parametrize(
    ("name", "event", "kind"),
    [
        ("buffered", {"raise": 1}, "ValueError"),
        ("hurried", {"a": "", "sleep": 9}, "Sandbox.Timedout"),
    ],
)
def test_an_error_is_in_the_last_event(
    client: Any, name: str, event: dict[str, Any], kind: str
) -> None:
    chunks, end = told(call(client, name, event))
    assert chunks == []
    assert end["ErrorCode"] == "Unhandled"
    assert json.loads(end["ErrorDetails"])["errorType"] == kind


def test_what_is_refused_before_it_begins(client: Any) -> None:
    dry = call(client, "buffered", {}, InvocationType="DryRun")
    assert dry["StatusCode"] == 204
    dry["EventStream"].close()
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        call(client, "nobody", {})
    with pytest.raises(ClientError, match="Could not parse request body into json"):
        client.invoke_with_response_stream(FunctionName="buffered", Payload=b"{")
    with pytest.raises(ClientError, match="must be smaller than 6291456 bytes"):
        client.invoke_with_response_stream(FunctionName="buffered", Payload=b'"%b"' % (b"x" * 6**9))
    client.put_function_concurrency(FunctionName="buffered", ReservedConcurrentExecutions=0)
    try:
        impatient = boto3.client(
            "lambda",
            endpoint_url=client.meta.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )
        with pytest.raises(ClientError) as refused:
            call(impatient, "buffered", {})
    finally:
        client.delete_function_concurrency(FunctionName="buffered")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429


# -- runtimes that stream
@pytest.mark.fidelity(
    "Execution", "a runtime streams its response: first bytes arrive before the function ends"
)
def test_the_first_bytes_come_before_the_end(client: Any) -> None:
    with Waiting() as waiting:
        event = {"pieces": pieces(b"one"), "wait": waiting.port}
        events = iter(call(client, "streaming", event)["EventStream"])
        assert next(events) == {"PayloadChunk": {"Payload": b"one"}}
        waiting.let_on()
        assert [*events] == [{"PayloadChunk": {"Payload": b"after"}}, {"InvokeComplete": {}}]


def test_a_stream_may_be_larger_than_a_whole_answer(client: Any) -> None:
    chunks, end = told(call(client, "streaming", {"megabytes": 12}))
    assert (sum(map(len, chunks)), end) == (12 * 1024 * 1024, {})


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        ("error", "Oops"),
        ("exit", "Runtime.ExitError"),
        ("close", "Runtime.TruncatedResponse"),
        ("bad", "Runtime.TruncatedResponse"),
        ("hang", "Sandbox.Timedout"),
    ],
)
@pytest.mark.fidelity(
    "Execution", "a stream that fails midway: its pieces, then the error in InvokeComplete"
)
def test_a_stream_that_fails_midway(client: Any, end: str, kind: str) -> None:
    chunks, last = told(call(client, "streaming", {"pieces": pieces(b"one", b"two"), "end": end}))
    assert b"".join(chunks) == b"onetwo"
    assert last["ErrorCode"] == "Unhandled"
    assert json.loads(last["ErrorDetails"])["errorType"] == kind
    assert told(call(client, "streaming", {"pieces": pieces(b"again")}))[0] == [b"again"]


@pytest.mark.fidelity("Execution", "Invoke of a function that streams gets its response whole")
def test_invoke_gets_a_stream_whole(client: Any) -> None:
    def invoke(event: dict[str, Any]) -> Any:
        return client.invoke(FunctionName="streaming", Payload=json.dumps(event))

    whole = invoke({"pieces": pieces(b'["a"', b', "b"]')})
    assert json.loads(whole["Payload"].read()) == ["a", "b"]
    failed = invoke({"pieces": pieces(b"a"), "end": "error"})
    assert failed["FunctionError"] == "Unhandled"
    assert json.loads(failed["Payload"].read())["errorMessage"] == "midway"
    large = json.loads(invoke({"megabytes": 8})["Payload"].read())
    assert large["errorType"] == "Function.ResponseSizeTooLarge"
    chunked = invoke({"pieces": pieces(b"1", b"2"), "mode": "buffered"})
    assert json.loads(chunked["Payload"].read()) == 12


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"mode": "sometimes"}, b"InvalidFunctionResponseMode"),
        ({"id": "another"}, b"InvalidRequestID"),
    ],
)
def test_streams_that_the_runtime_api_refuses(
    client: Any, event: dict[str, Any], words: bytes
) -> None:
    chunks, _ = told(call(client, "streaming", {"pieces": pieces(b"x"), **event}))
    assert chunks[0].startswith(b"HTTP/1.1 400 ") and words in chunks[0]


def test_a_caller_that_leaves_does_not_stop_the_stream(client: Any) -> None:
    with Waiting() as waiting:
        response = call(client, "streaming", {"pieces": pieces(b"one"), "wait": waiting.port})
        response["EventStream"].close()
        waiting.let_on()
    assert told(call(client, "streaming", {"pieces": pieces(b"next")}))[0] == [b"next"]


# -- function URLs
def open_url(client: Any, name: str) -> str:
    made = client.create_function_url_config(
        FunctionName=name, AuthType="NONE", InvokeMode="RESPONSE_STREAM"
    )
    assert made["InvokeMode"] == "RESPONSE_STREAM"
    permit_all(client, name)
    return str(made["FunctionUrl"])


@pytest.fixture(scope="module")
def url(client: Any) -> str:
    """A URL of a runtime that streams what its handler says, whatever is asked of it."""
    source = STREAMING.replace(
        "answer(*next_event())",
        "request_id, event = next_event(); answer(request_id, json.loads(event['body']))",
    )
    make_function(client, source, "web", Runtime="python3.11", Timeout=3, MemorySize=512)
    return open_url(client, "web")


HTTP = "application/vnd.awslambda.http-integration-response"


@pytest.mark.fidelity(
    "Function URLs", "RESPONSE_STREAM: status, headers and cookies from the prelude, then the body"
)
def test_a_stream_with_a_prelude(url: str) -> None:
    prelude = {"statusCode": 206, "headers": {"X-A": "b"}, "cookies": ["c=1", "d=2"]}
    begun = json.dumps(prelude).encode() + bytes(8) + b"one"
    with Waiting() as waiting, plain.Client(trust_env=False, timeout=20) as caller:
        event = {"type": HTTP, "pieces": pieces(begun[:9], begun[9:]), "wait": waiting.port}
        with caller.stream("POST", url, json=event) as response:
            assert response.status_code == 206
            assert response.headers["x-a"] == "b"
            assert response.headers.get_list("set-cookie") == ["c=1", "d=2"]
            assert response.headers["transfer-encoding"] == "chunked"
            assert response.headers["x-amzn-requestid"]
            came = response.iter_raw()
            assert next(came) == b"one"
            waiting.let_on()
            assert b"".join(came) == b"after"


def test_a_stream_without_a_prelude(url: str) -> None:
    with plain.Client(trust_env=False, timeout=20) as caller:
        bare = caller.post(url, json={"type": "text/csv", "pieces": pieces(b"a,", b"b")})
        assert (bare.status_code, bare.text) == (200, "a,b")
        assert bare.headers["content-type"] == "text/csv"
        for begun in (b"no json" + bytes(8), b'{"statusCode": "x"}' + bytes(8), b'{"a": 1}'):
            wrong = caller.post(url, json={"type": HTTP, "pieces": pieces(begun)})
            assert (wrong.status_code, wrong.text) == (502, "Internal Server Error")
        with pytest.raises(httpx.RemoteProtocolError):
            caller.post(url, json={"pieces": pieces(b"one"), "end": "error"})
        again = caller.post(url, json={"pieces": pieces(b"again")})
        assert again.text == "again"


@pytest.mark.fidelity(
    "Function URLs",
    "RESPONSE_STREAM of a function that answers whole",
    different="the answer is passed on as it is, statusCode and body are not looked for; AWS "
    "documents no form",
)
def test_a_whole_answer_behind_response_stream(client: Any) -> None:
    make_function(client, BUFFERED, "whole", Runtime="python3.11", Timeout=3, MemorySize=512)
    with plain.Client(trust_env=False, timeout=20) as caller:
        failed = caller.get(open_url(client, "whole"))
        assert (failed.status_code, failed.text) == (502, "Internal Server Error")
        name = client.get_function_url_config(FunctionName="whole")["FunctionUrl"]
        client.update_function_code(
            FunctionName="whole",
            ZipFile=archive("def handler(e, c):\n    return {'statusCode': 4}"),
        )
        client.get_waiter("function_updated_v2").wait(
            FunctionName="whole", WaiterConfig={"Delay": 1}
        )
        answer = caller.get(name)
    assert (answer.status_code, answer.json()) == (200, {"statusCode": 4})


# -- without an emulator
@given(
    st.lists(st.binary(min_size=1, max_size=30), max_size=6),
    st.lists(st.integers(1, 9), min_size=1, max_size=9),
)
def test_chunks_are_the_same_however_they_are_cut(words: list[bytes], cuts: list[int]) -> None:
    framed = b"".join(b"%X;ext=1\r\n%b\r\n" % (len(each), each) for each in words)
    sent = framed + b"0\r\nA: b\r\n\r\nnext"
    body, buffer, found, at, turn = ChunkedBody(), bytearray(), b"", 0, 0
    while at < len(sent):
        buffer += sent[at : at + cuts[turn % len(cuts)]]
        at, turn = at + cuts[turn % len(cuts)], turn + 1
        found += body.take(buffer)
    assert (found, body.done, body.trailers) == (b"".join(words), True, {"a": "b"})
    assert bytes(buffer) == b"next"


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader_of_chunks(noise: bytes) -> None:
    body = ChunkedBody()
    body.take(bytearray(noise))
    assert body.bad is None or str(body.bad)


@pytest.mark.fidelity("Execution", "a stream of more than 200 MB ends in ResponseSizeTooLarge")
def test_a_stream_has_a_limit() -> None:
    async def flow() -> tuple[int, list[bytes]]:
        errors: list[bytes] = []
        tap = Tap(lambda error, body: errors.append(error), 0)
        tap.stream = ResponseStream()
        tap.began("text/plain", lambda: None, lambda: None)
        piece, count = bytes(1024 * 1024), 0
        while tap.piece(piece):
            count += 1
        return count, errors

    count, errors = asyncio.run(flow())
    assert count * 1024 * 1024 == LIMIT
    assert json.loads(errors[0])["errorMessage"].endswith(f"({LIMIT} bytes).")


def test_a_slow_reader_holds_the_writer_back() -> None:
    async def flow() -> None:
        stopped: list[bool] = []
        stream = ResponseStream()
        stream.begin("", lambda: stopped.append(True), lambda: stopped.append(False))
        for _ in range(20):
            stream.put(bytes(100_000))
        assert stopped == [True]
        reader = aiter(stream)
        for _ in range(20):
            await anext(reader)
        assert stopped == [True, False]

    asyncio.run(flow())
