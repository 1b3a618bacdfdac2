"""What a function finds around it: variables, wrapper scripts, what its caller says of itself."""

import base64
import io
import json
import socket
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pelton.localstack.lambda_.environment import can_mount
from pelton.localstack.lambda_.interpreters import own
from pelton.pytest_plugin import RunningEmulator

from ... import plain

ROLE = "arn:aws:iam::000000000000:role/r"
SOURCE = """
import os, sys, time

def handler(event, context):
    if "log" in event:
        import logging
        logging.getLogger().warning(event["log"])
    try:
        import found_by_path
    except ImportError:
        found_by_path = None
    told = context.client_context
    return {"variables": {name: os.environ.get(name) for name in event.get("names", ())},
            "path": sys.path, "found": found_by_path and found_by_path.__file__,
            "zone": time.tzname[0], "flags": sys.flags.dont_write_bytecode,
            "hidden": sorted(name for name in os.environ if "PELTON" in name),
            "context": told and {"client": told.client and told.client.app_title,
                                 "custom": told.custom, "env": told.env}}
"""
WRAPPER = """#!/bin/bash
arguments=("$@")
export WRAPPED="$*"
exec "${arguments[@]:0:$#-1}" -B "${arguments[@]: -1}"
"""


def archive(*executables: str, **files: str) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as out:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o755 if name in executables else 0o644) << 16
            out.writestr(info, content)
    return memory.getvalue()


@pytest.fixture
def client(pelton_emulator: RunningEmulator) -> Any:
    return pelton_emulator.client("lambda")


def create(client: Any, code: bytes = b"", source: str = SOURCE, **settings: Any) -> None:
    variables = settings.pop("variables", {})
    client.create_function(
        **{
            "FunctionName": "f",
            "Runtime": own().runtime,
            "Role": ROLE,
            "Handler": "main.handler",
            "Code": {"ZipFile": code or archive(**{"main.py": source})},
            "Environment": {"Variables": variables},
            "Timeout": 10,
            **settings,
        }
    )


def layer(client: Any, content: bytes) -> str:
    made = client.publish_layer_version(LayerName="l", Content={"ZipFile": content})
    arn: str = made["LayerVersionArn"]
    return arn


def call(client: Any, context: str | bytes = "", **event: Any) -> Any:
    answer = client.invoke(FunctionName="f", Payload=json.dumps(event), **told(context))
    return json.loads(answer["Payload"].read())


def told(context: str | bytes) -> dict[str, str]:
    given = context.encode() if isinstance(context, str) else context
    return {"ClientContext": base64.b64encode(given).decode()} if given else {}


@pytest.mark.fidelity(
    "Execution", "a variable that is not reserved is the user's: PATH, TZ, LANG, AWS_ENDPOINT_URL …"
)
def test_variables_that_are_not_reserved_are_the_users(client: Any) -> None:
    given = {
        "PATH": "/opt/mine:/usr/bin",
        "LANG": "C",
        "LD_LIBRARY_PATH": "/opt/mine/lib",
        "AWS_XRAY_CONTEXT_MISSING": "IGNORE_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "10.0.0.1:2000",
        "NODE_PATH": "/opt/node",
        "TZ": "Asia/Tokyo",
        "PYTHONPATH": "/opt/mine",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_ENDPOINT_URL": "http://elsewhere:1",
    }
    create(client, variables=given)
    seen = call(client, names=[*given, "AWS_LAMBDA_FUNCTION_NAME"])
    assert seen["variables"] == {**given, "AWS_LAMBDA_FUNCTION_NAME": "f"}
    assert (seen["zone"], seen["hidden"]) == ("JST", [])
    assert seen["flags"] == 1, "what an interpreter looks at when it starts has its effect"


@pytest.mark.fidelity("Execution", "folders of the user's PYTHONPATH are on sys.path")
@pytest.mark.parametrize("more", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["forked", "started anew"])
def test_the_users_pythonpath(client: Any, more: dict[str, str]) -> None:
    code = archive(**{"main.py": SOURCE, "vendored/found_by_path.py": ""})
    create(client, code, variables={"PYTHONPATH": "vendored:/opt/no/such", **more})
    seen = call(client, names=["LAMBDA_TASK_ROOT", "PYTHONPATH"])
    root, path = seen["variables"]["LAMBDA_TASK_ROOT"], seen["path"]
    assert seen["found"] == f"{root}/vendored/found_by_path.py"
    assert seen["variables"]["PYTHONPATH"] == "vendored:/opt/no/such"
    library = next(each for each in path if each.endswith(f"/lib/{own().runtime}"))
    first, users = path.index(root), path.index(f"{root}/vendored")
    assert first == 0 < users < path.index("/opt/no/such") < path.index(library)
    assert not [each for each in path if each.endswith("-packages") and "/opt/" not in each]


@pytest.mark.fidelity(
    "Execution",
    "AWS_LAMBDA_EXEC_WRAPPER: a layer's script starts the runtime, by its command line",
    different="the interpreter's path is …/bin/python3 of an environment of its own, without what "
    "the host has installed beside its Python",
)
def test_a_wrapper_script(client: Any, pelton_emulator: RunningEmulator) -> None:
    arn = layer(client, archive("wrap", **{"wrap": WRAPPER, "python/found_by_path.py": ""}))
    create(client, Layers=[arn], variables={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrap"})
    seen = call(client, names=["WRAPPED", "LAMBDA_RUNTIME_DIR"], log="framed")
    runtime = seen["variables"]["LAMBDA_RUNTIME_DIR"]
    assert seen["variables"]["WRAPPED"].endswith(f"/bin/python3 {runtime}/bootstrap.py")
    assert seen["flags"] == 1, "what the script adds to the command line counts"
    assert seen["found"].endswith("/python/found_by_path.py")
    assert seen["hidden"] == []
    assert call(client)["flags"] == 1, "and the process stays warm"
    events = pelton_emulator.client("logs").filter_log_events(logGroupName="/aws/lambda/f")
    assert [each for each in events["events"] if each["message"].endswith("\tframed\n")]


@pytest.mark.parametrize(
    ("name", "status", "says"),
    [("gone", 127, "gone: does not exist"), ("plain", 126, "plain: is not an executable")],
)
@pytest.mark.fidelity(
    "Errors", "a wrapper script that is missing, or cannot be run: exit status 127, 126"
)
def test_a_wrapper_that_cannot_be_run(
    client: Any, pelton_emulator: RunningEmulator, name: str, status: int, says: str
) -> None:
    code = archive(**{"main.py": SOURCE, "plain": WRAPPER})
    create(client, code, variables={"AWS_LAMBDA_EXEC_WRAPPER": f"/var/task/{name}"})
    failed = call(client)
    assert failed["errorType"] == "Runtime.ExitError"
    assert failed["errorMessage"].endswith(
        f"Error: Runtime exited with error: exit status {status}"
    )
    events = pelton_emulator.client("logs").filter_log_events(logGroupName="/aws/lambda/f")
    assert [each for each in events["events"] if each["message"].endswith(f"/{says}\n")]


def test_a_wrapper_without_its_first_line_is_the_shells(client: Any) -> None:
    script = 'export WRAPPED=yes\nexec "$@"\n'
    code = archive("wrap", **{"main.py": SOURCE, "wrap": script})
    create(client, code, variables={"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"})
    assert call(client, names=["WRAPPED"])["variables"] == {"WRAPPED": "yes"}


FAILING = """
import json, subprocess, sys, traceback
def deep():
    json.loads("{")
if "fail" in __file__:
    deep()
def handler(event, context):
    child = subprocess.run([sys.executable, "-c", "import json; json.loads('{')"],
                           capture_output=True, text=True)
    try:
        deep()
    except ValueError:
        return {"prefix": sys.prefix, "path": sys.path, "here": traceback.format_exc(),
                "child": child.stderr, "client": [
                    sys.modules[name].__file__
                    for name in ("simplejson", "awslambdaric.bootstrap", "runtime_client")
                ]}
"""


@pytest.mark.skipif(not can_mount(own()), reason="mounts are not allowed here")
@pytest.mark.parametrize("more", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["forked", "started anew"])
@pytest.mark.fidelity(
    "Execution",
    "the runtime's Python is at /var/lang, also in stack traces",
    different="with mount namespaces (Linux, root); elsewhere where the host has it",
)
def test_the_interpreter_is_at_var_lang(
    client: Any, pelton_emulator: RunningEmulator, more: dict[str, str]
) -> None:
    library = f"/var/lang/lib/{own().runtime}"
    files = {"main.py": FAILING, "fail.py": FAILING}
    create(client, archive(**files), variables=more)
    seen = call(client)
    assert library in seen["path"]
    assert f'File "{library}/json/__init__.py"' in seen["here"]
    assert f'File "{library}/json/__init__.py"' in seen["child"]
    assert all(path.startswith("/var/runtime/") for path in seen["client"])
    assert own().prefix not in json.dumps(seen)
    client.update_function_configuration(FunctionName="f", Handler="fail.handler")
    client.get_waiter("function_updated_v2").wait(
        FunctionName="f", WaiterConfig={"Delay": 0.05, "MaxAttempts": 100}
    )
    failed = call(client)
    assert failed["errorType"] == "JSONDecodeError"
    assert f'File "{library}/importlib/__init__.py"' in failed["stackTrace"][0]
    events = pelton_emulator.client("logs").filter_log_events(logGroupName="/aws/lambda/f")
    said = "".join(each["message"] for each in events["events"])
    assert f'File "{library}/json/decoder.py"' in said
    assert own().prefix not in said + json.dumps(failed)


@pytest.mark.fidelity("Execution", "ClientContext reaches the function as context.client_context")
@pytest.mark.parametrize(
    "custom",
    [{"a": "1\r\nX-Injected: yes"}, {"é": "日本 \u2028 \ud800"}, {"deep": {"er": [1, None]}}, {}],
)
def test_the_client_context_is_handed_on(client: Any, custom: Any) -> None:
    create(client)
    given = {"custom": custom, "client": {"app_title": "t\n"}, "env": {"k": "v"}}
    for text in (json.dumps(given), json.dumps(given, indent=2)):
        assert call(client, text)["context"] == {
            "client": "t\n",
            "custom": custom,
            "env": {"k": "v"},
        }
    written = json.dumps({"custom": {"é": "ü"}}, ensure_ascii=False)
    assert call(client, written)["context"]["custom"] == {"é": "ü"}


@pytest.mark.parametrize(
    "context",
    ["[]", "1", "null", "{", "x\r\nInjected: yes", '{"a": NaN}', b"\xff\xfe{}", "[" * 2600],
)
@pytest.mark.fidelity("Errors", "a ClientContext that is no JSON object is refused")
def test_a_client_context_that_is_no_object(client: Any, context: str | bytes) -> None:
    create(client)
    with pytest.raises(client.exceptions.InvalidRequestContentException) as caught:
        call(client, context)
    message = caught.value.response["Error"]["Message"]
    assert message == "Client context must be a valid Base64-encoded JSON object."
    assert call(client)["context"] is None, "the function is as well as before"


@pytest.mark.fidelity("Errors", "a ClientContext of more than 3,583 bytes is refused")
def test_a_client_context_that_is_too_long(client: Any) -> None:
    create(client)
    most = json.dumps({"custom": {"a": "x" * 2664}})
    assert len(told(most)["ClientContext"]) == 3580
    assert call(client, most)["context"]["custom"] == {"a": "x" * 2664}
    with pytest.raises(ClientError, match="3583 bytes"):
        call(client, json.dumps({"custom": {"a": "x" * 2670}}))


@pytest.mark.fidelity("Asynchronous events", "ClientContext is not handed on with an event")
def test_an_event_has_no_client_context(client: Any, pelton_emulator: RunningEmulator) -> None:
    queues = pelton_emulator.client("sqs")
    url = queues.create_queue(QueueName="ends")["QueueUrl"]
    create(client)
    client.put_function_event_invoke_config(
        FunctionName="f",
        DestinationConfig={"OnSuccess": {"Destination": "arn:aws:sqs:us-east-1:000000000000:ends"}},
    )
    client.invoke(FunctionName="f", InvocationType="Event", **told('{"custom": {"a": "b"}}'))
    (message,) = queues.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    assert json.loads(message["Body"])["responsePayload"]["context"] is None


def test_no_trace_header_breaks_out_of_its_line(
    client: Any, pelton_emulator: RunningEmulator
) -> None:
    """A bare CR, or bytes that no runtime decodes, would do harm in the runtime's own request."""
    create(client)
    host, _, port = pelton_emulator.url.removeprefix("http://").partition(":")
    for odd in (b"a=b\xff\xe9;c=d", b"a=\x7f;c=\td", b"a=\x01b"):
        body = json.dumps({"names": ["_X_AMZN_TRACE_ID"]}).encode()
        request = (
            b"POST /2015-03-31/functions/f/invocations HTTP/1.1\r\nHost: localhost\r\n"
            b"Connection: close\r\nX-Amzn-Trace-Id: " + odd + b"\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(request)
            answer = connection.makefile("rb").read()
        assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400")), answer
    assert call(client)["context"] is None


@pytest.mark.parametrize("odd", [b"a/b", b"a b", "é".encode(), b"x" * 200, b""])
def test_a_pushed_request_id_is_one_or_is_made(
    client: Any, pelton_emulator: RunningEmulator, odd: bytes
) -> None:
    """It stands in a header of the Runtime API, and in the path of the runtime's answer."""
    create(client)
    answer = plain.post(
        f"{pelton_emulator.url}/_pelton/push/f",
        content=b'{"pushed": 1}',
        headers={b"X-Amzn-Lambda-Request-Id": odd},
        trust_env=False,
        timeout=20,
    )
    assert (answer.status_code, answer.json()["context"]) == (200, None)


@pytest.mark.fidelity("Errors", "an event that is too large is refused in AWS's words")
def test_payloads_that_are_too_large(client: Any) -> None:
    create(client)
    sentence = (
        "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)"
    )
    for kind, size, words in (
        ("Event", 1048577, sentence),
        ("RequestResponse", 6291457, "Request must be smaller than 6291456 bytes for the "
                                     "InvokeFunction operation"),
    ):  # fmt: skip
        with pytest.raises(ClientError) as caught:
            client.invoke(
                FunctionName="f", InvocationType=kind, Payload=json.dumps("x" * (size - 2))
            )
        error = caught.value.response["Error"]
        assert (error["Code"], error["Message"]) == ("RequestEntityTooLargeException", words)
    client.invoke(FunctionName="f", InvocationType="Event", Payload=json.dumps("x" * 1048574))


@pytest.mark.fidelity("Errors", "out of memory in the init: Runtime.OutOfMemory in its reports")
def test_out_of_memory_at_import(client: Any, pelton_emulator: RunningEmulator) -> None:
    source = "import time\nkept = b'x' * (300 << 20)\ntime.sleep(5)\n" + SOURCE
    create(client, source=source, MemorySize=128)
    answer = client.invoke(FunctionName="f", LogType="Tail")
    assert json.loads(answer["Payload"].read())["errorType"] == "Runtime.ExitError"
    tail = base64.b64decode(answer["LogResult"]).decode()
    assert "Status: error\tError Type: Runtime.OutOfMemory" in tail
    events = pelton_emulator.client("logs").filter_log_events(logGroupName="/aws/lambda/f")
    reports = [each["message"] for each in events["events"] if "INIT_REPORT" in each["message"]]
    assert reports
    assert all("Error Type: Runtime.OutOfMemory" in each for each in reports)
