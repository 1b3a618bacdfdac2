"""Concurrency that is provisioned, reserved or neither: what is asked for, and what then runs."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pelton.pytest_plugin import RunningEmulator

from ...ports import free_port
from ..support import archive, emulator_process, make_function, raw_client, refusal, until

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function"
HERE = f"python{sys.version_info.major}.{sys.version_info.minor}"
SOURCE = """
import os, socket, time
initialised = time.time()
TYPE = os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
count = 0

def handler(event, context):
    global count
    count += 1
    if event.get("do") == "exit":
        os._exit(3)
    if event.get("do") == "wait":
        with socket.create_connection(("127.0.0.1", event["port"])) as gate:
            gate.recv(1)
    return {"pid": os.getpid(), "type": TYPE, "count": count, "initialised": initialised}
"""


class Gate:
    """Where running functions wait for one another."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._server.settimeout(30)
        self._waiting: list[socket.socket] = []
        self.event: dict[str, Any] = {"do": "wait", "port": self._server.getsockname()[1]}

    def expect(self, count: int) -> None:
        """Come back when so many wait."""
        self._waiting += [self._server.accept()[0] for _ in range(count)]

    def open(self) -> None:
        """Let those who wait go on."""
        for each in self._waiting:
            with each:
                each.sendall(b"!")
        self._waiting.clear()

    def close(self) -> None:
        self.open()
        self._server.close()


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.close()


@pytest.fixture
def client(pelton_emulator: RunningEmulator) -> Any:
    return raw_client(pelton_emulator.url, max_pool_connections=120)


def create(client: Any, source: str = SOURCE, name: str = "f") -> None:
    """A function with version 1."""
    make_function(client, source, name, Runtime=HERE, Timeout=20, MemorySize=256)
    client.publish_version(FunctionName=name)


def put(client: Any, qualifier: str, count: int, name: str = "f") -> Any:
    return client.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier=qualifier, ProvisionedConcurrentExecutions=count
    )


def config(client: Any, qualifier: str = "1", name: str = "f") -> Any:
    return client.get_provisioned_concurrency_config(FunctionName=name, Qualifier=qualifier)


def wait(client: Any, fits: Callable[[Any], bool], qualifier: str = "1") -> Any:
    """The configuration, as soon as it fits."""
    for _ in range(2000):
        found = config(client, qualifier)
        if fits(found):
            return found
        time.sleep(0.01)
    raise AssertionError(found)


def provisioned(client: Any) -> Any:
    """What a call is told in a sandbox that was started ahead; None where it had another."""
    found = run(client)
    return found if found.get("type") == "provisioned-concurrency" else None


def ready(client: Any, qualifier: str = "1") -> Any:
    return wait(client, lambda found: found["Status"] != "IN_PROGRESS", qualifier)


def together(client: Any, gate: Gate, count: int) -> list[Any]:
    """What so many calls at one time are told."""
    with ThreadPoolExecutor(count) as pool:
        calls = [pool.submit(run, client, **gate.event) for _ in range(count)]
        gate.expect(count)
        gate.open()
        return [each.result() for each in calls]


def run(client: Any, qualifier: str = "1", /, **event: Any) -> Any:
    answer = client.invoke(FunctionName="f", Qualifier=qualifier, Payload=json.dumps(event))
    return json.loads(answer["Payload"].read())


# -- the API


@pytest.mark.fidelity("Concurrency", "provisioned concurrency: put, get, list, delete; its states")
def test_a_configurations_life(client: Any) -> None:
    create(client)
    found = put(client, "1", 2)
    assert found.pop("ResponseMetadata")["HTTPStatusCode"] == 202
    modified = found.pop("LastModified")
    assert modified.endswith("+0000") and len(modified) == len("2026-01-01T00:00:00+0000")
    assert found == {
        "RequestedProvisionedConcurrentExecutions": 2,
        "AllocatedProvisionedConcurrentExecutions": 0,
        "AvailableProvisionedConcurrentExecutions": 0,
        "Status": "IN_PROGRESS",
    }
    found = ready(client)
    del found["ResponseMetadata"]
    told = {
        "RequestedProvisionedConcurrentExecutions": 2,
        "AllocatedProvisionedConcurrentExecutions": 2,
        "AvailableProvisionedConcurrentExecutions": 2,
        "Status": "READY",
        "LastModified": modified,
    }
    assert found == told
    listed = client.list_provisioned_concurrency_configs(FunctionName="f")
    assert listed["ProvisionedConcurrencyConfigs"] == [{"FunctionArn": f"{FUNCTION}:f:1", **told}]
    for _ in range(2):  # what is not there is deleted already
        answer = client.delete_provisioned_concurrency_config(FunctionName="f", Qualifier="1")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    missing = (
        404,
        "ProvisionedConcurrencyConfigNotFoundException",
        "No Provisioned Concurrency Config found for this function",
    )
    of_one = {"FunctionName": "f", "Qualifier": "1"}
    assert refusal(client.get_provisioned_concurrency_config, **of_one) == missing
    listed = client.list_provisioned_concurrency_configs(FunctionName="f")
    assert listed["ProvisionedConcurrencyConfigs"] == []


@pytest.mark.fidelity("Errors", "provisioned concurrency: what cannot be, in the recorded words")
def test_what_is_refused(client: Any) -> None:
    create(client)
    get = client.get_provisioned_concurrency_config
    delete = client.delete_provisioned_concurrency_config

    def set_to(**given: Any) -> Any:
        given = {"ProvisionedConcurrentExecutions": 1, **given}
        return client.put_provisioned_concurrency_config(**given)

    for call in (get, delete, set_to):
        assert refusal(call, FunctionName="f", Qualifier="noalias") == (
            404,
            "ResourceNotFoundException",
            f"Cannot find alias arn: {FUNCTION}:f:noalias",
        )
        assert refusal(call, FunctionName="doesnotexist", Qualifier="noalias") == (
            404,
            "ResourceNotFoundException",
            f"Cannot find alias arn: {FUNCTION}:doesnotexist:noalias",
        )
        for name, number in (("f", "10"), ("doesnotexist", "1")):
            assert refusal(call, FunctionName=name, Qualifier=number) == (
                404,
                "ResourceNotFoundException",
                f"Function not found: {FUNCTION}:{name}:{number}",
            )
    latest = {"FunctionName": "f", "Qualifier": "$LATEST"}
    for call in (get, delete):
        assert refusal(call, **latest) == (
            400,
            "InvalidParameterValueException",
            "The function resource provided must be an alias or a published version.",
        )
    assert refusal(set_to, **latest) == (
        400,
        "InvalidParameterValueException",
        "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
    )
    of_one = {"FunctionName": "f", "Qualifier": "1"}
    assert refusal(set_to, **of_one, ProvisionedConcurrentExecutions=0) == (
        400,
        "ValidationException",
        "1 validation error detected: Value '0' at 'provisionedConcurrentExecutions' failed to "
        "satisfy constraint: Member must have value greater than or equal to 1",
    )
    listed = client.list_provisioned_concurrency_configs
    assert refusal(listed, FunctionName="doesnotexist") == (
        404,
        "ResourceNotFoundException",
        f"Function not found: {FUNCTION}:doesnotexist",
    )


@pytest.mark.fidelity("Concurrency", "a version is provisioned once: by itself or by an alias")
def test_a_version_is_provisioned_once(client: Any) -> None:
    create(client)
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    put(client, "1", 1)
    put(client, "1", 1)  # its own is only changed
    of = {"FunctionName": "f", "ProvisionedConcurrentExecutions": 1}
    call = client.put_provisioned_concurrency_config
    assert refusal(call, **of, Qualifier="live") == (
        409,
        "ResourceConflictException",
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned "
        "version",
    )
    client.delete_provisioned_concurrency_config(FunctionName="f", Qualifier="1")
    put(client, "live", 1)
    assert refusal(call, **of, Qualifier="1") == (
        409,
        "ResourceConflictException",
        "Version is pointed by a Provisioned Concurrency alias",
    )
    client.delete_alias(FunctionName="f", Name="live")
    listed = client.list_provisioned_concurrency_configs(FunctionName="f")
    assert listed["ProvisionedConcurrencyConfigs"] == []
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    code = refusal(client.get_provisioned_concurrency_config, FunctionName="f", Qualifier="live")
    assert code[1] == "ProvisionedConcurrencyConfigNotFoundException"


@pytest.mark.fidelity(
    "Concurrency", "provisioned, reserved and the account's limit, against each other"
)
def test_the_limits_of_concurrency(client: Any) -> None:
    create(client)
    call, of = client.put_provisioned_concurrency_config, {"FunctionName": "f", "Qualifier": "1"}
    reserve = client.put_function_concurrency

    def words(wanted: Any, **given: Any) -> str:
        status, code, told = refusal(wanted, **given)
        assert (status, code) == (400, "InvalidParameterValueException")
        return told

    assert words(call, **of, ProvisionedConcurrentExecutions=1001) == (
        "Specified ConcurrentExecutions for function is greater than account's unreserved "
        "concurrency [1000]."
    )
    assert words(call, **of, ProvisionedConcurrentExecutions=901) == (
        "Specified ConcurrentExecutions for function decreases account's "
        "UnreservedConcurrentExecution below its minimum value of [100]."
    )
    assert words(reserve, FunctionName="f", ReservedConcurrentExecutions=901) == (
        "Specified ReservedConcurrentExecutions for function decreases account's "
        "UnreservedConcurrentExecution below its minimum value of [100]."
    )
    reserve(FunctionName="f", ReservedConcurrentExecutions=1)
    assert words(call, **of, ProvisionedConcurrentExecutions=2) == (
        "Requested Provisioned Concurrency should not be greater than the "
        "reservedConcurrentExecution for function"
    )
    client.delete_function_concurrency(FunctionName="f")
    put(client, "1", 2)
    limits = client.get_account_settings()["AccountLimit"]
    assert limits["UnreservedConcurrentExecutions"] == 998
    assert words(reserve, FunctionName="f", ReservedConcurrentExecutions=1) == (
        " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned "
        "concurrency [2]."
    )
    reserve(FunctionName="f", ReservedConcurrentExecutions=5)
    limits = client.get_account_settings()["AccountLimit"]
    assert limits["UnreservedConcurrentExecutions"] == 995, "the reserved ones hold the provisioned"


@pytest.mark.fidelity(
    "Concurrency", "SnapStart, and several events in a sandbox, exclude provisioned concurrency"
)
@pytest.mark.parametrize(
    ("setting", "word"),
    [
        ({"Runtime": "python3.12", "SnapStart": {"ApplyOn": "PublishedVersions"}}, "SnapStart"),
        (
            {"Environment": {"Variables": {"AWS_LAMBDA_MAX_CONCURRENCY": "2"}}},
            "AWS_LAMBDA_MAX_CONCURRENCY",
        ),
    ],
)
def test_what_excludes_provisioned_concurrency(client: Any, setting: Any, word: str) -> None:
    create(client)
    client.update_function_configuration(FunctionName="f", **setting)
    client.get_waiter("function_updated_v2").wait(
        FunctionName="f", WaiterConfig={"Delay": 0.02, "MaxAttempts": 500}
    )
    client.publish_version(FunctionName="f")
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="2")
    for qualifier in ("2", "live"):
        status, code, words = refusal(
            client.put_provisioned_concurrency_config,
            FunctionName="f",
            Qualifier=qualifier,
            ProvisionedConcurrentExecutions=1,
        )
        assert (status, code) == (400, "InvalidParameterValueException")
        assert word in words


# -- what runs


@pytest.mark.fidelity(
    "Concurrency",
    "provisioned sandboxes are initialised ahead and used first; more calls spill over to others",
)
def test_warm_sandboxes_are_used_first(client: Any, gate: Gate) -> None:
    create(client)
    put(client, "1", 2)
    ready(client)
    before = time.time()
    first = run(client)
    assert first["initialised"] < before, "its init was at allocation"
    assert (first["type"], first["count"]) == ("provisioned-concurrency", 1)
    told = together(client, gate, 3)
    types = sorted(each["type"] for each in told)
    assert types == ["on-demand", "provisioned-concurrency", "provisioned-concurrency"]
    (extra,) = [each["pid"] for each in told if each["type"] == "on-demand"]
    warm = {each["pid"] for each in told} - {extra}
    assert {run(client)["pid"] for _ in range(4)} <= warm, "idle warm ones come before others"
    answer = client.invoke(FunctionName="f", Payload="{}")
    assert json.loads(answer["Payload"].read())["type"] == "on-demand", "$LATEST has none"


@pytest.mark.fidelity("Concurrency", "a provisioned sandbox that ends is replaced")
def test_what_ends_is_replaced(client: Any) -> None:
    create(client)
    put(client, "1", 1)
    ready(client)
    pid = run(client)["pid"]
    os.kill(pid, signal.SIGKILL)  # idle
    assert until(lambda: provisioned(client))["pid"] != pid
    assert run(client, do="exit")["errorType"] == "Runtime.ExitError"  # busy
    wait(client, lambda found: found["AvailableProvisionedConcurrentExecutions"] == 1)
    again = run(client)
    assert (again["type"], again["count"]) == ("provisioned-concurrency", 1)
    assert config(client)["Status"] == "READY"


def test_all_come_back_when_the_fork_server_ends(client: Any) -> None:
    create(client)
    put(client, "1", 3)
    ready(client)
    pid = run(client)["pid"]
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(parent, signal.SIGKILL)
    until(lambda: not alive(pid))
    assert until(lambda: provisioned(client))["pid"] != pid
    wait(client, lambda found: found["AvailableProvisionedConcurrentExecutions"] == 3)


@pytest.mark.fidelity("Concurrency", "an allocation whose init fails is FAILED and says why")
def test_an_init_that_fails(client: Any) -> None:
    address = ("127.0.0.1", free_port())
    source = f"import socket\nsocket.create_connection({address!r}).close()\n"
    create(client, source + "def handler(event, context):\n    return {'type': 'fine'}\n")
    put(client, "1", 2)
    found = ready(client)
    assert (found["Status"], found["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")
    assert found["AllocatedProvisionedConcurrentExecutions"] == 0
    assert "errorType" in run(client), "it is called on demand, and fails there"
    with socket.create_server(address):
        assert put(client, "1", 2)["Status"] == "IN_PROGRESS"
        found = ready(client)
    assert (found["Status"], "StatusReason" in found) == ("READY", False)
    assert run(client) == {"type": "fine"}


@pytest.mark.fidelity("Concurrency", "what is provisioned for an alias follows it")
def test_an_alias_takes_its_sandboxes_along(client: Any) -> None:
    create(client)
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    put(client, "live", 2)
    assert ready(client, "live")["Status"] == "READY"
    assert run(client, "live")["type"] == "provisioned-concurrency"
    client.update_function_code(FunctionName="f", ZipFile=archive(SOURCE + "# two\n"))
    client.get_waiter("function_updated_v2").wait(
        FunctionName="f", WaiterConfig={"Delay": 0.02, "MaxAttempts": 500}
    )
    assert run(client, "live")["count"] == 2, "a version's sandboxes do not mind $LATEST"
    client.publish_version(FunctionName="f")
    client.update_alias(
        FunctionName="f",
        Name="live",
        FunctionVersion="2",
        RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}},
    )
    found = ready(client, "live")
    assert found["AllocatedProvisionedConcurrentExecutions"] == 2
    assert run(client, "1")["type"] == run(client, "2")["type"] == "provisioned-concurrency"
    client.update_alias(FunctionName="f", Name="live", RoutingConfig={})
    ready(client, "live")
    assert run(client, "1")["type"] == "on-demand"
    client.delete_alias(FunctionName="f", Name="live")
    assert run(client, "2")["type"] == "on-demand"


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_fewer_are_wanted_then_none(client: Any, gate: Gate) -> None:
    create(client)
    put(client, "1", 3)
    ready(client)
    pids = {each["pid"] for each in together(client, gate, 3)}
    assert len(pids) == 3
    found = put(client, "1", 1)
    assert (found["Status"], found["AllocatedProvisionedConcurrentExecutions"]) == ("READY", 1)
    client.delete_function(FunctionName="f", Qualifier="1")
    listed = client.list_provisioned_concurrency_configs(FunctionName="f")
    assert listed["ProvisionedConcurrencyConfigs"] == []
    client.delete_function(FunctionName="f")
    deadline = time.monotonic() + 30
    while any(map(alive, pids)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.fidelity("Concurrency", "after a kill of the emulator what was provisioned comes back")
def test_what_was_provisioned_survives_a_kill(tmp_path: Path) -> None:
    signers = {"SigningProfileVersionArns": ["arn:aws:signer:us-east-1::/profiles/a/b"]}
    with emulator_process("--data-dir", str(tmp_path)) as (emulator, process):
        client = emulator.client("lambda")
        create(client)
        modified = put(client, "1", 1)["LastModified"]
        made = client.create_code_signing_config(AllowedPublishers=signers)["CodeSigningConfig"]
        given = {"FunctionName": "f", "CodeSigningConfigArn": made["CodeSigningConfigArn"]}
        client.put_function_code_signing_config(**given)
        client.put_runtime_management_config(FunctionName="f", UpdateRuntimeOn="FunctionUpdate")
        process.kill()
    with emulator_process("--data-dir", str(tmp_path)) as (emulator, _):
        client = emulator.client("lambda")
        found = ready(client)
        assert (found["Status"], found["LastModified"]) == ("READY", modified)
        assert run(client)["type"] == "provisioned-concurrency"
        assert client.list_code_signing_configs()["CodeSigningConfigs"] == [made]
        kept = client.get_function_code_signing_config(FunctionName="f")
        assert kept["CodeSigningConfigArn"] == made["CodeSigningConfigArn"]
        kept = client.get_runtime_management_config(FunctionName="f")
        assert kept["UpdateRuntimeOn"] == "FunctionUpdate"


# -- reserved concurrency


@pytest.mark.fidelity("Concurrency", "reserved concurrency throttles with 429, Reason and words")
def test_reserved_concurrency_throttles(client: Any, gate: Gate) -> None:
    create(client)
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(run, client, **gate.event)
        gate.expect(1)
        with pytest.raises(ClientError) as caught:
            client.invoke(FunctionName="f", Payload="{}")
        gate.open()
        assert busy.result()["count"] == 1
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert answer["Error"]["Code"] == "TooManyRequestsException"
    assert answer["Error"]["Message"] == "Rate Exceeded."
    assert answer["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert answer["Type"] == "User"
    assert run(client, "1")["count"] == 2


@pytest.mark.fidelity("Concurrency", "a throttled asynchronous event waits and is run later")
def test_a_throttled_event_waits(client: Any, gate: Gate) -> None:
    create(client)
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(run, client, **gate.event)
        gate.expect(1)
        event = json.dumps(gate.event)
        answer = client.invoke(FunctionName="f", InvocationType="Event", Payload=event)
        assert answer["StatusCode"] == 202
        gate.open()
        assert busy.result()["count"] == 1
    gate.expect(1)


@pytest.mark.parametrize("provisioned", [False, True])
def test_a_reset_ends_what_is_under_way(
    pelton_emulator: RunningEmulator, client: Any, gate: Gate, provisioned: bool
) -> None:
    create(client)
    if provisioned:
        put(client, "1", 1)
        ready(client)
    pid = run(client)["pid"]
    event = json.dumps(gate.event)
    client.invoke(FunctionName="f", Qualifier="1", InvocationType="Event", Payload=event)
    gate.expect(1)
    assert alive(pid)
    pelton_emulator.reset()
    deadline = time.monotonic() + 30
    while alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.fidelity("Concurrency", "what a function reserves is taken from all the others")
def test_what_others_reserve_is_not_there(client: Any, gate: Gate) -> None:
    create(client)
    create(client, name="g")
    client.put_function_concurrency(FunctionName="g", ReservedConcurrentExecutions=900)

    def call(name: str) -> str:
        try:
            client.invoke(FunctionName=name, Payload=json.dumps(gate.event))["Payload"].read()
        except ClientError as error:
            reason: str = error.response["Reason"]
            return reason
        return ""

    with ThreadPoolExecutor(110) as pool:
        calls = [pool.submit(call, "f") for _ in range(103)]
        gate.expect(100)
        beside = pool.submit(call, "g")
        gate.expect(1)
        gate.open()
        assert beside.result() == ""
        reasons = sorted(each.result() for each in calls)
    assert reasons == [""] * 100 + ["ConcurrentInvocationLimitExceeded"] * 3
