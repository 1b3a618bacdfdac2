"""SnapStart: init when a version is published, hooks in their order, restore in the call."""

import base64
import json
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator

from ... import plain
from ..support import Waiting, make_function, refusal

SOURCE = """
import os, socket
from snapshot_restore_py import register_after_restore, register_before_snapshot
seen = ["init"]
register_before_snapshot(seen.append, "before 1")
register_before_snapshot(seen.append, "before 2")
register_after_restore(seen.append, "after 1")
register_after_restore(seen.append, "after 2")

def handler(event, context):
    seen.append("event")
    if "wait" in event:
        socket.create_connection(("127.0.0.1", event["wait"])).recv(1)
    return {"seen": seen, "pid": os.getpid(), "type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"],
            "group": os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")}
"""


@pytest.fixture
def client(pelton_emulator: RunningEmulator) -> Any:
    return pelton_emulator.client("lambda")


def publish(client: Any, source: str = SOURCE, *, wait: bool = True) -> dict[str, Any]:
    """Version 1 of a function with SnapStart, as it is told at last."""
    make_function(client, textwrap.dedent(source), SnapStart={"ApplyOn": "PublishedVersions"})
    told: dict[str, Any] = client.publish_version(FunctionName="f")
    assert told["State"] == "Pending"
    while wait and told["State"] == "Pending":
        time.sleep(0.02)
        told = client.get_function_configuration(FunctionName="f", Qualifier="1")
    return told


def call(client: Any, qualifier: str = "1", **event: Any) -> tuple[Any, str]:
    answer = client.invoke(
        FunctionName="f", Qualifier=qualifier, Payload=json.dumps(event), LogType="Tail"
    )
    return json.loads(answer["Payload"].read()), base64.b64decode(answer["LogResult"]).decode()


def messages(emulator: RunningEmulator) -> str:
    events = emulator.client("logs").filter_log_events(logGroupName="/aws/lambda/f")["events"]
    return "\n".join(each["message"] for each in events)


@pytest.mark.fidelity(
    "Execution",
    "SnapStart: init and before-snapshot hooks (last first) when a version is published, "
    "after-restore hooks (first first) in the call",
    different="no snapshot of memory is taken: each further sandbox runs its init and its "
    "before-snapshot hooks anew when it is needed",
)
def test_hooks_run_in_their_order(client: Any, pelton_emulator: RunningEmulator) -> None:
    told = publish(client)
    assert (told["State"], told["SnapStart"]["OptimizationStatus"]) == ("Active", "On")
    at_publication = messages(pelton_emulator)
    assert "INIT_START Runtime Version: python:3.12" in at_publication
    assert "INIT_REPORT Init Duration: " in at_publication
    first, log = call(client)
    assert first["seen"] == ["init", "before 2", "before 1", "after 1", "after 2", "event"]
    assert (first["type"], first["group"]) == ("snap-start", None)
    again, later = call(client)
    assert again["seen"] == [*first["seen"], "event"]
    assert "RESTORE" not in later
    assert "Restore Duration" not in later
    assert call(client, "$LATEST")[0]["seen"] == ["init", "event"]
    assert "Init Duration" not in log


@pytest.mark.fidelity(
    "Logs", "a restore is told: RESTORE_START, RESTORE_REPORT, Restore Duration in REPORT"
)
def test_a_restore_is_in_the_log(client: Any, pelton_emulator: RunningEmulator) -> None:
    publish(client)
    _, log = call(client)
    report = log.rstrip().splitlines()[-1]
    assert "\tRestore Duration: " in report
    assert "\tBilled Restore Duration: " in report
    lines = messages(pelton_emulator).splitlines()
    words = [line.split(" ")[0] for line in lines if line]
    assert words == [
        "INIT_START", "INIT_REPORT", "RESTORE_START", "RESTORE_REPORT", "START", "END", "REPORT",
    ]  # fmt: skip


def test_two_calls_at_once_have_a_sandbox_each(client: Any) -> None:
    publish(client)
    with Waiting() as waiting, ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(call, client, wait=waiting.port) for _ in range(2)]
        waiting.let_on(2)
        both = [each.result()[0] for each in calls]
    assert both[0]["pid"] != both[1]["pid"]
    assert both[0]["seen"] == both[1]["seen"]


def test_an_update_leaves_the_versions_sandboxes(client: Any) -> None:
    publish(client)
    first, _ = call(client)
    client.update_function_configuration(FunctionName="f", Timeout=9)
    assert call(client)[0]["pid"] == first["pid"]


@pytest.mark.fidelity("Errors", "SnapStart: an after-restore hook that fails is SnapStartException")
def test_an_after_restore_hook_that_fails(client: Any, pelton_emulator: RunningEmulator) -> None:
    source = """
        from snapshot_restore_py import register_after_restore
        @register_after_restore
        def fail():
            raise ValueError("no network")
        def handler(event, context):
            return 1
    """
    assert publish(client, source)["State"] == "Active"
    status, code, words = refusal(call, client=client)
    assert (status, code) == (400, "SnapStartException")
    assert "afterRestore() runtime hook encountered an error" in words
    log = messages(pelton_emulator)
    assert "ValueError: no network" in log
    assert "Status: error\tError Type: Runtime.AfterRestoreError" in log
    assert refusal(call, client=client)[1] == "SnapStartException", "each call restores anew"


BROKEN = """
    from snapshot_restore_py import register_after_restore
    register_after_restore(lambda: 1 / 0)
    def handler(event, context):
        return 1
"""


@pytest.mark.fidelity(
    "Function URLs", "SnapStart: a version that cannot be restored is 502 Internal Server Error"
)
@pytest.mark.parametrize("mode", ["BUFFERED", "RESPONSE_STREAM"])
def test_a_restore_that_fails_behind_a_url(client: Any, mode: str) -> None:
    publish(client, BROKEN)
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    place = {"FunctionName": "f", "Qualifier": "live"}
    url = client.create_function_url_config(AuthType="NONE", InvokeMode=mode, **place)
    for action in ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction"):
        more = {"FunctionUrlAuthType": "NONE"} if action.endswith("Url") else {}
        client.add_permission(StatementId=action[7:], Action=action, Principal="*", **place, **more)
    answer = plain.get(url["FunctionUrl"], trust_env=False, timeout=20)
    assert (answer.status_code, answer.text) == (502, "Internal Server Error")


@pytest.mark.fidelity(
    "Asynchronous events", "SnapStart: a restore that fails uses up an attempt, and its end is told"
)
def test_an_event_whose_restore_fails(client: Any, pelton_emulator: RunningEmulator) -> None:
    queues = pelton_emulator.client("sqs")
    url = queues.create_queue(QueueName="ends")["QueueUrl"]
    publish(client, BROKEN)
    client.put_function_event_invoke_config(
        FunctionName="f",
        Qualifier="1",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:ends"}},
    )
    client.invoke(FunctionName="f", Qualifier="1", InvocationType="Event")
    (message,) = queues.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["responseContext"] == {"statusCode": 400, "executedVersion": "1"}


def test_a_restore_that_fails_before_a_stream(client: Any) -> None:
    publish(client, BROKEN)
    with pytest.raises(client.exceptions.ClientError, match="SnapStartException"):
        client.invoke_with_response_stream(FunctionName="f", Qualifier="1")


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ("register_before_snapshot(lambda: 1 / 0)", "Runtime.BeforeSnapshotError"),
        ("import nothing_here", "Runtime.ImportModuleError"),
    ],
)
@pytest.mark.fidelity("Versions and aliases", "SnapStart: a version whose init fails is Failed")
def test_a_version_whose_init_fails(
    client: Any, pelton_emulator: RunningEmulator, failure: str, kind: str
) -> None:
    source = f"from snapshot_restore_py import register_before_snapshot\n{failure}\n"
    told = publish(client, f"{source}def handler(event, context):\n    return 1\n")
    assert (told["State"], told["StateReasonCode"]) == ("Failed", "FunctionError")
    assert told["StateReason"] == "An error occurred during function initialization."
    assert told["LastUpdateStatus"] == "Failed"
    assert f"Phase: init\tStatus: error\tError Type: {kind}" in messages(pelton_emulator)
    assert refusal(call, client=client)[:2] == (409, "ResourceConflictException")


@pytest.mark.fidelity("Errors", "SnapStart: a version that is not ready is SnapStartNotReady")
def test_a_version_that_is_not_ready(client: Any) -> None:
    with Waiting() as waiting:
        waits = f"import socket; socket.create_connection(('127.0.0.1', {waiting.port})).recv(1)"
        publish(client, f"{waits}\n{textwrap.dedent(SOURCE)}", wait=False)
        assert refusal(call, client=client)[:2] == (409, "SnapStartNotReadyException")
        waiting.let_on()
    client.get_waiter("published_version_active").wait(
        FunctionName="f", Qualifier="1", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
    )
    assert call(client)[0]["seen"][-1] == "event"


@pytest.mark.slow
@pytest.mark.fidelity("Errors", "SnapStart: a restore of more than 10 seconds is refused")
def test_a_restore_that_takes_too_long(client: Any) -> None:
    source = """
        import time
        from snapshot_restore_py import register_after_restore
        register_after_restore(time.sleep, 12)
        def handler(event, context):
            return 1
    """
    publish(client, source)
    assert refusal(call, client=client)[:2] == (408, "SnapStartTimeoutException")
