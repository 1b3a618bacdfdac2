"""AWS_LAMBDA_MAX_CONCURRENCY: one sandbox, several workers of the real runtime client."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pelton.localstack.lambda_.interpreters import own
from pelton.pytest_plugin import RunningEmulator

from ..support import Waiting, make_function, until

SOURCE = """
import os, socket, time
count = 0

def handler(event, context):
    global count
    count += 1
    if event.get("do") == "exit":
        os._exit(3)
    if event.get("do") == "raise":
        raise ValueError("boom")
    time.sleep(event.get("seconds", 0))
    if "wait" in event:
        socket.create_connection(("127.0.0.1", event["wait"])).recv(1)
    if "write" in event:
        open("/tmp/shared", "a").write("x")
    return {"pid": os.getpid(), "parent": os.getppid(), "count": count,
            "id": context.aws_request_id, "echo": event.get("echo"),
            "type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"],
            "written": os.path.exists("/tmp/shared")}
"""


@pytest.fixture
def client(pelton_emulator: RunningEmulator) -> Any:
    return pelton_emulator.client("lambda")


def create(client: Any, workers: str = "3", source: str = SOURCE, **given: Any) -> None:
    make_function(
        client,
        source,
        Runtime=own().runtime,
        Environment={"Variables": {"AWS_LAMBDA_MAX_CONCURRENCY": workers}},
        **{"Timeout": 10, "MemorySize": 512, **given},
    )


def call(client: Any, **event: Any) -> Any:
    answer = client.invoke(FunctionName="f", Payload=json.dumps(event))
    return json.loads(answer["Payload"].read())


def at_once(client: Any, events: list[dict[str, Any]]) -> list[Any]:
    """The answers to events that wait in the function until the last one is there."""
    with Waiting() as waiting, ThreadPoolExecutor(len(events)) as pool:
        answers = [pool.submit(call, client, wait=waiting.port, **event) for event in events]
        waiting.let_on(len(events))
        return [each.result() for each in answers]


def beside(client: Any, **event: Any) -> tuple[Any, Any]:
    """The answers to an event that another one waits beside, from before to after it."""
    with Waiting() as waiting, ThreadPoolExecutor(1) as pool:
        other = pool.submit(call, client, wait=waiting.port)
        waiting.come()
        answer = call(client, **event)
        waiting.let_on()
        return other.result(), answer


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.fidelity(
    "Concurrency",
    "AWS_LAMBDA_MAX_CONCURRENCY: so many events at once in one sandbox, a worker process each, as "
    "the runtime client has it on managed instances",
    different="set as a variable of the function; capacity providers are refused by name",
)
def test_events_at_once_share_a_sandbox(client: Any) -> None:
    create(client)
    told = at_once(client, [{"echo": n} for n in range(3)])
    assert [each["echo"] for each in told] == [0, 1, 2], "each caller has its own answer"
    assert len({each["pid"] for each in told}) == 3
    assert len({each["parent"] for each in told}) == 1
    assert {each["type"] for each in told} == {"lambda-managed-instances"}
    assert len({each["id"] for each in told}) == 3


def test_more_events_than_workers_have_another_sandbox(client: Any) -> None:
    create(client, "2")
    told = at_once(client, [{}] * 4)
    assert len({each["pid"] for each in told}) == 4
    assert len({each["parent"] for each in told}) == 2


@pytest.mark.fidelity("Concurrency", "workers share /tmp; each has globals of its own")
def test_workers_share_tmp(client: Any) -> None:
    create(client, "2")
    first = at_once(client, [{"write": 1}, {}])
    assert [each["count"] for each in first] == [1, 1]
    again = at_once(client, [{}] * 2)
    assert [each["count"] for each in again] == [2, 2]
    assert [each["written"] for each in again] == [True, True]


def test_an_error_is_its_callers_alone(client: Any) -> None:
    create(client)
    well, failed = beside(client, do="raise")
    assert failed["errorMessage"] == "boom"
    assert "errorType" not in well and well["count"] == 1


def test_a_worker_that_ends(client: Any) -> None:
    """Its event is answered at once, the others go on; then a new sandbox takes over."""
    create(client)
    first = call(client)
    well, ended = beside(client, do="exit")
    assert ended["errorType"] == "Runtime.ExitError"
    assert "errorType" not in well
    assert call(client)["parent"] != first["parent"]
    assert until(lambda: not is_there(first["parent"]))


def test_an_event_that_takes_too_long(client: Any) -> None:
    create(client, Timeout=1)
    with ThreadPoolExecutor(2) as pool:
        well, late = pool.map(lambda seconds: call(client, seconds=seconds), (0.1, 2))
    assert late["errorType"] == "Sandbox.Timedout"
    assert call(client)["parent"] == well["parent"], "its worker goes on, and so does the sandbox"


@pytest.mark.parametrize(
    ("source", "kind"),
    [("import nothing_here", "Runtime.ImportModuleError"), ("raise SystemExit(3)", "")],
)
def test_an_init_that_fails(client: Any, source: str, kind: str) -> None:
    create(client, source=source)
    for _ in range(2):
        assert call(client)["errorType"] == (kind or "Runtime.ExitError")


@pytest.mark.fidelity("Concurrency", "a sandbox of several workers ends as a whole")
def test_nothing_is_left_of_it(client: Any) -> None:
    create(client)
    told = at_once(client, [{}] * 3)
    pids = {each["pid"] for each in told} | {told[0]["parent"]}
    assert all(is_there(each) for each in pids)
    client.delete_function(FunctionName="f")
    assert until(lambda: not any(is_there(each) for each in pids))


def test_a_number_that_is_none(client: Any) -> None:
    create(client, "many")
    assert call(client)["errorType"] == "Runtime.ExitError", "the runtime client does not start"


def test_each_invocation_is_in_the_log(client: Any, pelton_emulator: RunningEmulator) -> None:
    create(client)
    ids = {each["id"] for each in at_once(client, [{}] * 3)}
    events = pelton_emulator.client("logs").filter_log_events(logGroupName="/aws/lambda/f")
    lines = [each["message"] for each in events["events"]]
    for word in ("START", "END", "REPORT"):
        found = {line.split()[2] for line in lines if line.startswith(f"{word} RequestId: ")}
        assert found == ids
