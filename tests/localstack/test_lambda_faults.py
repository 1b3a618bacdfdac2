"""Functions that misbehave: each ends as on AWS, and the emulator goes on serving."""

import json
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator

from .support import make_function

SOURCE = """
import os, sys, time
count = 0
CHILD = '''
import boto3, sys
for name in sys.argv[1:]:
    try:
        __import__(name)
    except ImportError as error:
        print(error, file=sys.stderr)
'''

def handler(event, context):
    global count
    count += 1
    what = event.get("do")
    if what == "raise":
        raise ValueError("boom")
    if what == "exit":
        os._exit(3)
    if what == "sys.exit":
        sys.exit(0)
    if what == "segfault":
        import ctypes
        ctypes.string_at(0)
    if what == "hang":
        time.sleep(60)
    if what == "set":
        return {1}
    if what == "print":
        print("x" * 10_000_000)
    if what == "large":
        return "x" * (7 * 1024 * 1024)
    if what == "import":
        __import__(event["name"])
    if what == "child":
        import subprocess
        command = [sys.executable, "-c", CHILD, *event["names"]]
        return subprocess.run(command, capture_output=True, text=True).stderr
    if what == "slow":
        time.sleep(0.5)
    return {"count": count, "pid": os.getpid(), "file": __file__}
"""

Send = Callable[..., tuple[Any, str]]


def create(client: Any, source: str, name: str = "f", **settings: Any) -> None:
    given = {"Timeout": 2, "MemorySize": 256} | settings
    make_function(client, source, name, **given)


@pytest.fixture
def send(pelton_emulator: RunningEmulator) -> Send:
    client = pelton_emulator.client("lambda")
    create(client, SOURCE)

    def invoke(do: str = "", **more: Any) -> tuple[Any, str]:
        answer = client.invoke(FunctionName="f", Payload=json.dumps({"do": do, **more}))
        return json.loads(answer["Payload"].read()), answer.get("FunctionError", "")

    return invoke


@pytest.mark.parametrize(
    ("do", "kind", "words"),
    [
        ("raise", "ValueError", "boom"),
        ("exit", "Runtime.ExitError", "Runtime exited with error: exit status 3"),
        ("sys.exit", "Runtime.ExitError", "Runtime exited without providing a reason"),
        ("segfault", "Runtime.ExitError", "signal: segmentation fault"),
        ("hang", "Sandbox.Timedout", "Task timed out after 2.00 seconds"),
        ("set", "Runtime.MarshalError", "set is not JSON serializable"),
        ("large", "Function.ResponseSizeTooLarge", "(6291556 bytes)"),
    ],
)
@pytest.mark.fidelity(
    "Execution",
    "raise, exit, crash, hang, unserialisable and oversize answers end in Lambda's words",
)
def test_an_end_has_the_platforms_words(send: Send, do: str, kind: str, words: str) -> None:
    payload, error = send(do)
    assert (error, payload["errorType"]) == ("Unhandled", kind)
    assert words in payload["errorMessage"]
    assert send()[1] == "", "the next event is served"


@pytest.mark.fidelity("Execution", "stack traces name /var/task, no frame of ours")
def test_a_trace_names_the_users_file(send: Send) -> None:
    payload, _ = send("raise")
    assert len(payload["stackTrace"]) == 1
    assert "main.py" in payload["stackTrace"][0]


@pytest.mark.fidelity("Execution", "globals live as long as their sandbox")
def test_globals_live_as_long_as_the_sandbox(send: Send) -> None:
    assert [send()[0]["count"] for _ in range(3)] == [1, 2, 3]
    send("exit")
    assert send()[0]["count"] == 1


@pytest.mark.fidelity("Execution", "a second event at once gets a second sandbox")
def test_a_second_event_at_once_gets_a_second_sandbox(send: Send) -> None:
    with ThreadPoolExecutor(2) as pool:
        pids = {answer[0]["pid"] for answer in pool.map(send, ["slow", "slow"])}
    assert len(pids) == 2


@pytest.mark.fidelity("Logs", "ten megabytes of prints in one invocation")
def test_ten_megabytes_of_prints_do_no_harm(send: Send) -> None:
    assert send("print")[1] == ""


@pytest.mark.fidelity("Execution", "a function's own child processes see what the function sees")
def test_a_child_process_is_as_alone(pelton_emulator: RunningEmulator, send: Send) -> None:
    client = pelton_emulator.client("lambda")
    client.update_function_configuration(FunctionName="f", Timeout=30)
    client.get_waiter("function_updated_v2").wait(FunctionName="f", WaiterConfig={"Delay": 1})
    names = ["pelton", "numpy", "ministack"]
    said = send("child", names=names)[0].splitlines()
    assert said == [f"No module named '{name}'" for name in names]


@pytest.mark.parametrize("name", ["pelton", "click", "ministack", "pydantic"])
@pytest.mark.fidelity(
    "Execution", "a function sees its artifact, the runtime client and boto3, nothing else"
)
def test_nothing_of_the_emulator_is_visible(send: Send, name: str) -> None:
    assert send("import", name=name)[0]["errorType"] == "ModuleNotFoundError"


@pytest.mark.parametrize("name", ["boto3", "json", "sqlite3"])
def test_what_the_platform_has_is_visible(send: Send, name: str) -> None:
    assert send("import", name=name)[1] == ""


@pytest.mark.parametrize(
    ("source", "handler", "kind"),
    [
        ("import nothing_here", "main.handler", "Runtime.ImportModuleError"),
        ("def handler(:", "main.handler", "Runtime.UserCodeSyntaxError"),
        ("x = 1", "main.missing", "Runtime.HandlerNotFound"),
        ("raise SystemExit(3)", "main.handler", "Runtime.ExitError"),
    ],
)
@pytest.mark.fidelity(
    "Execution", "import errors, syntax errors, missing handlers end in Lambda's words"
)
def test_a_failed_init_is_answered(
    pelton_emulator: RunningEmulator, source: str, handler: str, kind: str
) -> None:
    client = pelton_emulator.client("lambda")
    create(client, source, Handler=handler)
    answer = client.invoke(FunctionName="f", Payload="{}")
    assert json.loads(answer["Payload"].read())["errorType"] == kind


def test_what_the_api_refuses(pelton_emulator: RunningEmulator) -> None:
    client = pelton_emulator.client("lambda")
    error = client.exceptions
    create(client, SOURCE)
    with pytest.raises(error.ResourceConflictException, match="Function already exist: f"):
        create(client, SOURCE)
    with pytest.raises(error.InvalidRequestContentException, match="Could not parse request body"):
        client.invoke(FunctionName="f", Payload="{not json")
    with pytest.raises(error.ClientError, match="RequestEntityTooLargeException"):
        client.invoke(FunctionName="f", Payload=json.dumps("x" * 7_000_000))
    with pytest.raises(error.ResourceNotFoundException, match="Function not found"):
        client.invoke(FunctionName="nobody")
    with pytest.raises(error.InvalidParameterValueException, match="unzip"):
        client.update_function_code(FunctionName="f", ZipFile=b"no zip")
    with pytest.raises(error.ClientError, match="ListCapacityProviders"):
        client.list_capacity_providers()


@pytest.mark.fidelity("Concurrency", "reserved concurrency of zero throttles with its Reason")
def test_reserved_concurrency_of_zero_throttles(pelton_emulator: RunningEmulator) -> None:
    client = pelton_emulator.client("lambda", retries={"max_attempts": 0})
    create(client, SOURCE)
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    with pytest.raises(client.exceptions.TooManyRequestsException) as caught:
        client.invoke(FunctionName="f", Payload="{}")
    reason = caught.value.response["Reason"]
    assert reason == "ReservedFunctionConcurrentInvocationLimitExceeded"


@pytest.mark.fidelity("Logs", "LogType=Tail: START, prints, END, REPORT")
def test_the_log_tail_has_start_print_end_and_report(pelton_emulator: RunningEmulator) -> None:
    import base64

    client = pelton_emulator.client("lambda")
    create(client, "def handler(event, context):\n    print('here')")
    answer = client.invoke(FunctionName="f", Payload="{}", LogType="Tail")
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    assert [line.split(" ")[0] for line in lines if line] == ["START", "here", "END", "REPORT"]
    assert "Init Duration" in lines[-1]


@pytest.mark.fidelity("Execution", "a failed init runs again inside its invocation")
def test_a_failed_init_is_run_again_inside_the_invocation(
    pelton_emulator: RunningEmulator,
) -> None:
    """/tmp is kept between the two; both are reported in the function's log."""
    client, logs = pelton_emulator.client("lambda"), pelton_emulator.client("logs")
    source = """
        import os
        if not os.path.exists("/tmp/tried"):
            open("/tmp/tried", "w").close()
            raise RuntimeError("not at once")
        def handler(event, context):
            return "at last"
    """
    create(client, textwrap.dedent(source))
    answer = client.invoke(FunctionName="f", Payload="{}")
    assert json.loads(answer["Payload"].read()) == "at last"
    events = logs.filter_log_events(logGroupName="/aws/lambda/f")["events"]
    (report,) = [each["message"] for each in events if "INIT_REPORT" in each["message"]]
    assert report.endswith("Phase: init\tStatus: error\tError Type: Runtime.Unknown\n")
