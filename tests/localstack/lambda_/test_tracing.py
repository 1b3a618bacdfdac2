"""The X-Ray trace header on its way: request, function, the function that this one calls."""

import base64
import json
import re
import time
import urllib.request
from typing import Any

import pytest

from pelton.localstack.lambda_.interpreters import own
from pelton.pytest_plugin import RunningEmulator

from ..support import make_function, open_url

SOURCE = """
import os

def handler(event, context):
    trace = os.environ.get("_X_AMZN_TRACE_ID", "")
    if event.get("fail"):
        print("trace", trace)
        raise ValueError("again")
    if "call" not in event:
        return trace
    import boto3, json
    answer = boto3.client("lambda").invoke(FunctionName=event["call"], Payload=b"{}")
    return [trace, json.loads(answer["Payload"].read())]
"""
ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793"
FORM = re.compile(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=([01])")


@pytest.fixture
def client(pelton_emulator: RunningEmulator) -> Any:
    return pelton_emulator.client("lambda")


def create(client: Any, name: str = "f", **given: Any) -> None:
    make_function(client, SOURCE, name, Runtime=own().runtime, Timeout=20, **given)


def call(client: Any, header: str = "", event: dict[str, Any] | None = None) -> Any:
    """The function's answer, and its log, to a call with that header."""

    def add(request: Any, **_: Any) -> None:
        if header:
            request.headers["X-Amzn-Trace-Id"] = header

    client.meta.events.register("before-sign.lambda.Invoke", add, unique_id="trace")
    try:
        answer = client.invoke(FunctionName="f", Payload=json.dumps(event or {}), LogType="Tail")
    finally:
        client.meta.events.unregister("before-sign.lambda.Invoke", unique_id="trace")
    return json.loads(answer["Payload"].read()), base64.b64decode(answer["LogResult"]).decode()


def parts(trace: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in trace.split(";"))


@pytest.mark.fidelity("Execution", "a trace header is made where none comes; each call has its own")
def test_a_trace_is_made(client: Any) -> None:
    create(client)
    traces = [call(client)[0] for _ in range(2)]
    assert [found[1] for each in traces if (found := FORM.fullmatch(each))] == ["0", "0"]
    assert parts(traces[0])["Root"] != parts(traces[1])["Root"]


@pytest.mark.fidelity(
    "Execution", "the X-Ray trace header of a request is handed on, other fields of it too"
)
@pytest.mark.parametrize("mode", ["PassThrough", "Active"])
def test_a_trace_is_handed_on(client: Any, mode: str) -> None:
    create(client, TracingConfig={"Mode": mode})
    sampled, log = call(client, f"{ROOT};Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:b:0")
    told = parts(sampled)
    assert (f"Root={told['Root']}", told["Sampled"], told["Lineage"]) == (ROOT, "1", "a:b:0")
    assert told["Parent"] != "53995c3f42cd8ad8", "the invocation is a segment of its own"
    assert f"XRAY TraceId: {told['Root']}\tSegmentId: {told['Parent']}\tSampled: true" in log
    unsampled, log = call(client, f"{ROOT};Parent=53995c3f42cd8ad8;Sampled=0")
    assert unsampled == f"{ROOT};Parent=53995c3f42cd8ad8;Sampled=0"
    assert "XRAY" not in log


@pytest.mark.fidelity(
    "Execution",
    "TracingConfig Active samples what comes undecided",
    different="each of them, not the first of a second and one in twenty; nothing goes to X-Ray",
)
def test_active_tracing_samples(client: Any) -> None:
    create(client, TracingConfig={"Mode": "Active"})
    assert parts(call(client)[0])["Sampled"] == "1"
    assert parts(call(client, ROOT)[0])["Sampled"] == "1"
    client.update_function_configuration(FunctionName="f", TracingConfig={"Mode": "PassThrough"})
    client.get_waiter("function_updated_v2").wait(
        FunctionName="f", WaiterConfig={"Delay": 0.05, "MaxAttempts": 100}
    )
    assert parts(call(client, ROOT)[0])["Sampled"] == "0"


@pytest.mark.parametrize("header", ["x", "Root=1-2-3;Sampled=7", "=;;=", "Root=" + "é" * 4])
def test_a_header_that_is_none_is_as_none(client: Any, header: str) -> None:
    create(client)
    assert FORM.match(call(client, header)[0])


@pytest.mark.fidelity("Execution", "boto3 in a function hands the trace to what it calls")
def test_a_function_hands_its_trace_to_the_next(client: Any) -> None:
    create(client)
    create(client, "g")
    first, second = call(client, f"{ROOT};Sampled=1", {"call": "g"})[0]
    assert parts(first)["Root"] == parts(second)["Root"] == ROOT.removeprefix("Root=")
    assert parts(first)["Parent"] != parts(second)["Parent"]
    assert parts(second)["Sampled"] == "1"


@pytest.mark.fidelity("Execution", "an asynchronous event's attempts are of one trace")
def test_an_asynchronous_event_keeps_its_trace(
    client: Any, pelton_emulator: RunningEmulator
) -> None:
    create(client)
    request = urllib.request.Request(
        f"{pelton_emulator.url}/2015-03-31/functions/f/invocations",
        data=b'{"fail": true}',
        headers={"X-Amz-Invocation-Type": "Event", "X-Amzn-Trace-Id": f"{ROOT};Sampled=1"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 202
    logs, end = pelton_emulator.client("logs"), time.monotonic() + 20
    lines: list[str] = []
    while not lines and time.monotonic() < end:
        try:
            events = logs.filter_log_events(logGroupName="/aws/lambda/f")["events"]
        except logs.exceptions.ResourceNotFoundException:
            events = []
        lines = [each["message"] for each in events if each["message"].startswith("trace ")]
        time.sleep(0.05)
    assert lines[0].startswith(f"trace {ROOT};Parent=")


@pytest.mark.fidelity("Function URLs", "a request's trace header is handed to the function")
def test_a_function_url_hands_the_trace_on(client: Any, pelton_emulator: RunningEmulator) -> None:
    create(client)
    url = open_url(client)
    request = urllib.request.Request(url, headers={"X-Amzn-Trace-Id": f"{ROOT};Sampled=1"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.read().decode().strip('"').startswith(ROOT)
