"""Extensions in real sandboxes: a program that a layer brings, a thread of the function's own."""

import base64
import http.server
import io
import json
import os
import signal
import textwrap
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator

from .support import Waiting, until

PROGRAM = Path(__file__).with_name("extension_program.py").read_text()
SOURCE = """
import os, time
print("loading")
def handler(event, context):
    print("handling")
    if event == "exit":
        os._exit(9)
    if event == "sleep":
        time.sleep(30)
    if event == "raise":
        raise ValueError("boom")
    return {"event": event, "pid": os.getpid()}
"""
WAIT = 20


class Seen:
    """What extensions post: a server of the test's, and what came to it."""

    def __init__(self) -> None:
        self._all: list[dict[str, Any]] = []
        self._more = threading.Condition()
        seen = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with seen._more:
                    seen._all.append(json.loads(body))
                    seen._more.notify_all()
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def all(self, kind: str) -> list[Any]:
        with self._more:
            return [each["what"] for each in self._all if each["kind"] == kind]

    def first(self, kind: str, fits: Callable[[Any], bool] = lambda _: True) -> Any:
        """The first of this kind that fits; waits for it."""
        end = time.monotonic() + WAIT
        with self._more:
            while True:
                for each in self._all:
                    if each["kind"] == kind and fits(each["what"]):
                        return each["what"]
                left = end - time.monotonic()
                assert left > 0 and self._more.wait(left), f"no such {kind}: {self._all}"

    def types(self) -> list[str]:
        """Those of the telemetry; without the extension's own lines, whose pipe is another one."""
        types: list[str] = [event["type"] for event in self.all("telemetry")]
        return [each for each in types if each != "extension"]


@pytest.fixture
def seen() -> Iterator[Seen]:
    seen = Seen()
    thread = threading.Thread(target=seen.server.serve_forever, args=(0.05,))
    thread.start()
    yield seen
    seen.server.shutdown()
    seen.server.server_close()
    thread.join()


def archive(name: str, text: str, mode: int = 0o755) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as out:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = (0o100000 | mode) << 16
        out.writestr(entry, textwrap.dedent(text))
    return memory.getvalue()


class Extended:
    """A function, with an extension where a program is given."""

    def __init__(self, emulator: RunningEmulator, seen: Seen, **given: Any) -> None:
        self.lambda_, self.logs = emulator.client("lambda"), emulator.client("logs")
        programs = given.pop("programs", {"watcher": PROGRAM})
        mode = given.pop("mode", 0o755)
        variables = {"SEEN": seen.url} | given.pop("variables", {})
        layers = [
            self.lambda_.publish_layer_version(
                LayerName=name,
                Content={"ZipFile": archive(f"extensions/{name}", text, mode)},
            )["LayerVersionArn"]
            for name, text in programs.items()
        ]
        self.lambda_.create_function(
            FunctionName="f",
            Runtime=given.pop("Runtime", "python3.11"),
            Role="arn:aws:iam::000000000000:role/r",
            Handler="main.handler",
            Code={"ZipFile": archive("main.py", given.pop("source", SOURCE))},
            Layers=layers,
            Environment={"Variables": variables},
            **({"Timeout": 10, "MemorySize": 256} | given),
        )
        self.lambda_.get_waiter("function_active_v2").wait(
            FunctionName="f", WaiterConfig={"Delay": 0.05, "MaxAttempts": 100}
        )

    def run(self, event: Any = None) -> Any:
        answer = self.lambda_.invoke(FunctionName="f", Payload=json.dumps(event), LogType="Tail")
        self.request_id = answer["ResponseMetadata"]["RequestId"]
        self.tail = base64.b64decode(answer["LogResult"]).decode()
        return json.loads(answer["Payload"].read())

    def messages(self) -> list[str]:
        events = self.logs.filter_log_events(logGroupName="/aws/lambda/f")["events"]
        return [each["message"] for each in events]

    def log_has(self, words: str) -> str:
        """The first message with `words`; waits for it."""
        return until(lambda: next((each for each in self.messages() if words in each), ""), WAIT)

    def end(self) -> None:
        self.lambda_.delete_function(FunctionName="f")


@pytest.mark.fidelity("Extensions", "an external extension registers, gets INVOKE and SHUTDOWN")
def test_an_extension_of_a_layer(pelton_emulator: RunningEmulator, seen: Seen) -> None:
    function = Extended(pelton_emulator, seen)
    assert function.run("first")["event"] == "first"
    status, told, variables = seen.first("registered")
    assert (status, told) == (
        200,
        {
            "functionName": "f",
            "functionVersion": "$LATEST",
            "handler": "main.handler",
            "accountId": "000000000000",
        },
    )
    assert "SEEN" in variables and "AWS_REGION" in variables
    assert {"_HANDLER", "LAMBDA_TASK_ROOT", "AWS_EXECUTION_ENV"}.isdisjoint(variables)
    event = seen.first("event")
    assert event["eventType"] == "INVOKE"
    assert event["requestId"] == function.request_id
    assert event["invokedFunctionArn"].endswith(":function:f")
    assert abs(event["deadlineMs"] / 1000 - 10 - time.time()) < 10
    function.log_has("REPORT")
    said = function.messages()
    assert "EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE,SHUTDOWN]\n" in said
    assert said.index("watcher is here\n") < said.index("loading\n"), "it starts first"
    function.end()
    last = seen.first("event", lambda event: event["eventType"] == "SHUTDOWN")
    assert last["shutdownReason"] == "spindown"
    assert last["deadlineMs"] / 1000 - time.time() < 2


@pytest.mark.fidelity(
    "Extensions", "Telemetry API: every event of an init and an invocation, in order, over HTTP"
)
def test_telemetry(pelton_emulator: RunningEmulator, seen: Seen) -> None:
    function = Extended(pelton_emulator, seen, variables={"SCHEMA": "2022-12-13"})
    function.run()
    assert seen.first("subscribed") == [200, "OK"]
    report = seen.first("telemetry", lambda event: event["type"] == "platform.report")
    # A function's lines come by another pipe than what is told of it: their place may differ.
    told = [name.removeprefix("platform.") for name in seen.types() if name != "function"]
    assert told == [
        "initStart",
        "telemetrySubscription",
        "initRuntimeDone",
        "extension",
        "initReport",
        "start",
        "runtimeDone",
        "report",
    ]
    done = seen.first("telemetry", lambda event: event["type"] == "platform.runtimeDone")
    assert done["record"]["status"] == "success"
    assert done["record"]["requestId"] == function.request_id
    assert set(done["record"]["metrics"]) == {"durationMs", "producedBytes"}
    assert report["record"]["metrics"]["initDurationMs"] > 0
    lines = [each["record"] for each in seen.all("telemetry") if each["type"] == "function"]
    assert lines == ["loading\n", "handling\n"]
    times = [each["time"] for each in seen.all("telemetry")]
    assert times == sorted(times)


@pytest.mark.fidelity("Extensions", "who subscribes during an init gets what was printed before")
def test_telemetry_of_what_was_printed_before(pelton_emulator: RunningEmulator, seen: Seen) -> None:
    source = SOURCE.replace(
        'print("loading")', 'print("loading", flush=True); open("/tmp/loaded", "w")'
    )
    variables = {"SCHEMA": "2022-12-13", "MISBEHAVE": "subscribe late"}
    Extended(pelton_emulator, seen, source=source, variables=variables).run()
    seen.first("telemetry", lambda event: event["type"] == "platform.report")
    lines = [each["record"] for each in seen.all("telemetry") if each["type"] == "function"]
    assert lines == ["loading\n", "handling\n"]


@pytest.mark.fidelity("Extensions", "Telemetry API over TCP, one event a line")
def test_telemetry_over_tcp(pelton_emulator: RunningEmulator, seen: Seen) -> None:
    given = {"SCHEMA": "2022-07-01", "PROTOCOL": "TCP"}
    Extended(pelton_emulator, seen, variables=given).run()
    seen.first("telemetry", lambda event: event["type"] == "platform.report")
    assert seen.types()[0] == "platform.initStart"


@pytest.mark.fidelity("Extensions", "Logs API: its events, its end and subscription records")
def test_the_logs_api(pelton_emulator: RunningEmulator, seen: Seen) -> None:
    given = {"API": "logs", "SCHEMA": "2020-08-15"}
    function = Extended(pelton_emulator, seen, variables=given)
    function.run()
    seen.first("telemetry", lambda event: event["type"] == "platform.report")
    assert seen.types() == [
        "platform.logsSubscription",
        "function",
        "platform.extension",
        "platform.start",
        "function",
        "platform.end",
        "platform.report",
    ]
    function.log_has(
        "LOGS\tName: watcher\tState: Subscribed\tTypes: [platform,function,extension]\n"
    )
    assert function.run("exit")["errorType"] == "Runtime.ExitError"
    fault = seen.first("telemetry", lambda event: event["type"] == "platform.fault")
    assert "Runtime exited with error: exit status 9" in fault["record"]


@pytest.mark.fidelity(
    "Extensions", "lines of an extension are telemetry of their own type, and logged"
)
def test_the_lines_of_an_extension(pelton_emulator: RunningEmulator, seen: Seen) -> None:
    source = PROGRAM.replace(
        'post("event", event)', 'post("event", event); print("seen", flush=True)'
    )
    function = Extended(
        pelton_emulator, seen, programs={"watcher": source}, variables={"SCHEMA": "2022-12-13"}
    )
    function.run()
    line = seen.first("telemetry", lambda event: event["type"] == "extension")
    assert line["record"] in ("watcher is here\n", "seen\n")
    function.log_has("seen")


@pytest.mark.fidelity(
    "Extensions",
    "the caller is answered before extensions rest; the sandbox is theirs until then",
    different="the REPORT in its LogResult is that of the moment of the answer",
)
def test_work_after_the_answer(pelton_emulator: RunningEmulator, seen: Seen) -> None:
    function = Extended(pelton_emulator, seen, variables={"MISBEHAVE": "work 1.5"})
    first = function.run()
    assert not seen.all("worked"), "the answer comes before"
    assert "REPORT RequestId" in function.tail
    second = function.run()
    assert second["pid"] != first["pid"], "its sandbox is not free"
    seen.first("worked")
    report = function.log_has(f"REPORT RequestId: {function.request_id}")
    assert float(report.partition("Duration: ")[2].split()[0]) >= 1500


@pytest.mark.fidelity(
    "Extensions",
    "each sandbox has its extension, listening on one and the same port",
    different="by a loopback address for each; a listener on 0.0.0.0 finds the port taken",
)
def test_two_sandboxes_listen_on_one_port(pelton_emulator: RunningEmulator, seen: Seen) -> None:
    with Waiting() as waiting, ThreadPoolExecutor(2) as pool:
        waits = f"__import__('socket').create_connection(('127.0.0.1', {waiting.port})).recv(1)"
        source = SOURCE.replace('print("handling")', waits)
        variables = {"SCHEMA": "2022-12-13"}
        function = Extended(pelton_emulator, seen, variables=variables, source=source)
        calls = [pool.submit(function.run, each) for each in ("one", "two")]
        waiting.let_on(2)
        first, second = [each.result() for each in calls]
    assert first["pid"] != second["pid"]
    assert len(seen.all("subscribed")) == 2


@pytest.mark.fidelity("Extensions", "one that works longer than the function's timeout ends it")
def test_work_beyond_the_timeout(pelton_emulator: RunningEmulator, seen: Seen) -> None:
    function = Extended(pelton_emulator, seen, Timeout=1, variables={"MISBEHAVE": "work 1.5"})
    assert function.run("ok")["event"] == "ok"
    function.log_has("Task timed out after 1.00 seconds\n\n")
    assert function.log_has("REPORT").endswith("Status: timeout\n")
    last = seen.first("event", lambda event: event["eventType"] == "SHUTDOWN")
    assert last["shutdownReason"] == "timeout"


@pytest.mark.parametrize(
    ("event", "kind", "reason"),
    [("sleep", "Sandbox.Timedout", "timeout"), ("exit", "Runtime.ExitError", "failure")],
)
@pytest.mark.fidelity("Extensions", "SHUTDOWN says timeout and failure when the function ended so")
def test_the_reason_of_a_shutdown(
    pelton_emulator: RunningEmulator, seen: Seen, event: str, kind: str, reason: str
) -> None:
    function = Extended(pelton_emulator, seen, Timeout=1)
    assert function.run(event)["errorType"] == kind
    last = seen.first("event", lambda event: event["eventType"] == "SHUTDOWN")
    assert last["shutdownReason"] == reason
    assert function.run("again")["event"] == "again", "the next one is served"


@pytest.mark.parametrize(
    ("misbehaves", "kind", "words", "state"),
    [
        ("exit at once", "Extension.Crash", "exit status 7", "Exited"),
        ("init/error", "Extension.InitError", "exit status 1", "InitError"),
        ("exit/error", "Extension.ExitError", "exit status 1", "ExitError"),
    ],
)
@pytest.mark.fidelity("Extensions", "a failed init: Extension.Crash, .InitError, .ExitError")
def test_an_extension_that_fails_the_init(
    pelton_emulator: RunningEmulator, seen: Seen, misbehaves: str, kind: str, words: str, state: str
) -> None:
    function = Extended(pelton_emulator, seen, variables={"MISBEHAVE": misbehaves})
    assert function.run() == {
        "errorType": kind,
        "errorMessage": f"RequestId: {function.request_id} Error: {words}",
    }
    said = function.log_has("INIT_REPORT")
    assert said.endswith(f"\tPhase: init\tStatus: error\tError Type: {kind}\n")
    assert f"\tState: {state}\t" in function.log_has("EXTENSION\tName: watcher")


@pytest.mark.fidelity("Extensions", "one that ends during an invocation: Extension.Crash")
def test_an_extension_that_crashes(pelton_emulator: RunningEmulator, seen: Seen) -> None:
    function = Extended(pelton_emulator, seen, variables={"MISBEHAVE": "crash"})
    assert function.run("sleep") == {
        "errorType": "Extension.Crash",
        "errorMessage": f"RequestId: {function.request_id} Error: exit status 3",
    }
    assert function.log_has("REPORT").endswith("Status: error\tError Type: Extension.Crash\n")


@pytest.mark.parametrize(
    ("program", "mode", "words", "error_type"),
    [
        (PROGRAM, 0o644, "permission denied", "PermissionDenied"),
        ("#!/nowhere/python\n", 0o755, "no such file or directory", "UnknownError"),
        ("no program", 0o755, "exec format error", "UnknownError"),
    ],
)
@pytest.mark.fidelity(
    "Extensions", "a file that cannot be run: Extension.LaunchError, in its words"
)
def test_a_file_that_cannot_be_run(
    pelton_emulator: RunningEmulator,
    seen: Seen,
    program: str,
    mode: int,
    words: str,
    error_type: str,
) -> None:
    function = Extended(pelton_emulator, seen, programs={"watcher": program}, mode=mode)
    answer = function.run()
    assert answer["errorType"] == "Extension.LaunchError"
    assert answer["errorMessage"].endswith(f"Error: fork/exec /opt/extensions/watcher: {words}")
    said = function.log_has("EXTENSION\tName: watcher")
    assert (
        said
        == f"EXTENSION\tName: watcher\tState: LaunchError\tEvents: []\tError Type: {error_type}\n"
    )


@pytest.mark.fidelity("Extensions", "one that ignores SHUTDOWN is killed after 2 s")
def test_an_extension_that_stays(pelton_emulator: RunningEmulator, seen: Seen) -> None:
    function = Extended(pelton_emulator, seen, variables={"MISBEHAVE": "stay"})
    pid = function.run()["pid"]
    assert Path(f"/proc/{pid}").exists()
    function.end()
    seen.first("event", lambda event: event["eventType"] == "SHUTDOWN")
    assert not Path(f"/proc/{pid}").exists(), "the runtime is gone before"
    assert running(seen)
    end = time.monotonic() + WAIT
    while running(seen):
        assert time.monotonic() < end
        time.sleep(0.05)


def running(seen: Seen) -> list[int]:
    """Processes that run this test's extensions."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            runs = b"/opt/extensions/" in (each / "cmdline").read_bytes()
            if runs and f"SEEN={seen.url}".encode() in (each / "environ").read_bytes():
                found.append(int(each.name))
        except OSError:
            pass  # it has ended
    return found


def test_a_shell_script_and_a_second_extension(
    pelton_emulator: RunningEmulator, seen: Seen
) -> None:
    """Two programs, one of them for SHUTDOWN only: it is not waited for."""
    script = """\
        #!/bin/bash
        api="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
        id=$(curl -s -D - -o /dev/null -X POST "$api/register" \\
            -H "Lambda-Extension-Name: shell" -d '{"events": ["SHUTDOWN"]}' \\
            | grep -i lambda-extension-identifier | tr -d '\\r' | cut -d' ' -f2)
        curl -s "$api/event/next" -H "Lambda-Extension-Identifier: $id" \\
            | curl -s "$SEEN" -d "{\\"kind\\": \\"shell\\", \\"what\\": $(cat)}"
    """
    function = Extended(
        pelton_emulator, seen, programs={"shell": textwrap.dedent(script), "watcher": PROGRAM}
    )
    first = function.run("one")
    function.log_has("REPORT")
    assert function.run("two")["pid"] == first["pid"]
    seen.first("event", lambda event: event["requestId"] == function.request_id)
    function.end()
    assert seen.first("shell")["eventType"] == "SHUTDOWN"


@pytest.mark.fidelity(
    "Extensions", "SnapStart: their init is in the snapshot; restores are telemetry"
)
def test_an_extension_of_a_snapshot(pelton_emulator: RunningEmulator, seen: Seen) -> None:
    function = Extended(
        pelton_emulator,
        seen,
        variables={"SCHEMA": "2022-12-13"},
        SnapStart={"ApplyOn": "PublishedVersions"},
        Runtime="python3.12",
    )
    version = function.lambda_.publish_version(FunctionName="f")["Version"]
    function.lambda_.get_waiter("published_version_active").wait(
        FunctionName="f", Qualifier=version, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200}
    )
    function.lambda_.invoke(FunctionName="f", Qualifier=version, Payload="{}")
    report = seen.first("telemetry", lambda event: event["type"] == "platform.report")
    assert report["record"]["metrics"]["restoreDurationMs"] > 0
    types = seen.types()
    restore = types.index("platform.restoreStart")
    assert types[restore : restore + 4] == [
        "platform.restoreStart",
        "platform.restoreRuntimeDone",
        "platform.restoreReport",
        "platform.start",
    ]
    event = seen.first("event", lambda event: event["eventType"] == "INVOKE")
    assert event["invokedFunctionArn"].endswith(f":f:{version}")


GRACEFUL = """
import json, os, signal, sys, urllib.request

def stop(*_):
    body = json.dumps({"kind": "stopped", "what": "in time"}).encode()
    urllib.request.urlopen(os.environ["SEEN"], body).read()
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)

def handler(event, context):
    return "ok"
"""


@pytest.mark.fidelity("Extensions", "with an extension, the runtime is told of its end by SIGTERM")
def test_a_function_may_end_in_good_order(pelton_emulator: RunningEmulator, seen: Seen) -> None:
    """Python handles the signal while it waits on runtimes from 3.12 on, as on AWS."""
    for count in range(1, 6):
        function = Extended(pelton_emulator, seen, source=GRACEFUL, Runtime="python3.12")
        assert function.run() == "ok"
        function.end()
        seen.first("event", told_of_ends(seen, count))
        if seen.all("stopped"):
            return
    # Once it may have been too slow for the 300 ms that it has, on a machine that is busy.
    raise AssertionError("five functions were not told")


def told_of_ends(seen: Seen, count: int) -> Callable[[Any], bool]:
    return lambda _: sum(each["eventType"] == "SHUTDOWN" for each in seen.all("event")) == count


def kill_and_run(function: Extended, seen: Seen) -> Any:
    """What an event ends with whose extension was killed before it."""
    for pid in running(seen):
        os.kill(pid, signal.SIGKILL)
    while running(seen):
        time.sleep(0.01)
    return function.run()


@pytest.mark.fidelity(
    "Extensions", "one that has died between two events: the next is Extension.Crash"
)
def test_an_extension_that_is_killed(pelton_emulator: RunningEmulator, seen: Seen) -> None:
    function = Extended(pelton_emulator, seen)
    function.run()
    function.log_has("REPORT")
    failed = kill_and_run(function, seen)
    while "pid" in failed:  # the emulator had not heard of its end yet: that is another race
        failed = kill_and_run(function, seen)
    assert failed["errorType"] == "Extension.Crash"
    assert failed["errorMessage"].endswith("Error: signal: killed")
    assert function.run("again")["event"] == "again"


INTERNAL = """
import http.client, json, os, threading

connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
seen, rested = [], threading.Event()

def call(method, path, body=None, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, "/2020-01-01/extension/" + path, body, named)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read()), answer.headers

refused = call("POST", "register", '{"events": ["SHUTDOWN"]}', Lambda_Extension_Name="inside")[:2]
status, told, headers = call(
    "POST", "register", '{"events": ["INVOKE"]}', Lambda_Extension_Name="inside"
)
identifier = headers["Lambda-Extension-Identifier"]

def follow():
    while True:
        _, event, _ = call("GET", "event/next", Lambda_Extension_Identifier=identifier)
        seen.append(event)
        rested.wait()

threading.Thread(target=follow, daemon=True).start()

def handler(event, context):
    rested.set()
    while not seen or seen[-1]["requestId"] != context.aws_request_id:
        pass
    return {"refused": refused, "status": status, "told": told, "event": seen[-1]}
"""


@pytest.mark.fidelity("Extensions", "an internal extension: INVOKE only, no layer needed")
def test_an_internal_extension(pelton_emulator: RunningEmulator, seen: Seen) -> None:
    function = Extended(pelton_emulator, seen, programs={}, source=INTERNAL)
    for _ in range(2):
        answer = function.run()
        assert answer["refused"][0] == 403
        assert answer["refused"][1]["errorType"] == "Extension.InvalidEventType"
        assert (answer["status"], answer["told"]["handler"]) == (200, "main.handler")
        assert answer["event"]["requestId"] == function.request_id
    assert (
        function.log_has("EXTENSION") == "EXTENSION\tName: inside\tState: Ready\tEvents: [INVOKE]\n"
    )


NOISE = """
import json, os, socket

host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
REGISTER = b"POST /2020-01-01/extension/register HTTP/1.1\\r\\nLambda-Extension-Name: x\\r\\n"
CHUNKED = b"Transfer-Encoding: chunked\\r\\n\\r\\n"

def say(*pieces):
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").read().decode("latin-1")

def handler(event, context):
    return [
        say(b"\\x00\\xff" * 100),
        say(b"nonsense\\r\\n\\r\\n"),
        say(b"GET / HTTP/1.1\\r\\nContent-Length: many\\r\\n\\r\\n"),
        say(b"GET / HTTP/1.1\\r\\nContent-Length: -5\\r\\n\\r\\n"),
        say(REGISTER + CHUNKED, b"3\\r\\n{}", b" \\r\\n0\\r\\n\\r\\n"),
        say(REGISTER + CHUNKED + b"zz\\r\\n"),
        say(REGISTER + b"Content-Length: 1000\\r\\n\\r\\n{}"),
        say(REGISTER + b"\\r\\n", REGISTER + b"\\r\\n"),
    ]
"""


@pytest.mark.fidelity("Extensions", "noise at the Runtime API's port is refused and does no harm")
def test_noise_at_the_port(pelton_emulator: RunningEmulator, seen: Seen) -> None:
    function = Extended(pelton_emulator, seen, programs={}, source=NOISE)
    for _ in range(2):
        answers = function.run()
        assert isinstance(answers, list), answers
        assert [each.partition(" ")[2][:3] for each in answers] == [
            "",  # no end of its head ever came
            "400",
            "400",
            "400",
            "403",  # registration is closed
            "400",
            "",  # its body never came
            "403",
        ]


SEVERAL = {"AWS_LAMBDA_MAX_CONCURRENCY": "2", "EVENTS": '["SHUTDOWN"]'}


@pytest.mark.fidelity(
    "Extensions", "beside several workers: told of the end, subscribed to all, not told of events"
)
def test_an_extension_beside_several_workers(pelton_emulator: RunningEmulator, seen: Seen) -> None:
    variables = {**SEVERAL, "SCHEMA": "2022-12-13"}
    function = Extended(pelton_emulator, seen, variables=variables, MemorySize=512)
    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(function.run, ["one", "two"]))
    assert sorted(each["event"] for each in told) == ["one", "two"]
    assert seen.first("registered")[0] == 200
    for _ in told:
        seen.first("telemetry", lambda event: event["type"] == "platform.report")
    assert function.run("three")["event"] == "three", "nobody waits for the extension"
    assert "EXTENSION\tName: watcher\tState: Ready\tEvents: [SHUTDOWN]\n" in function.messages()
    function.end()
    last = seen.first("event")
    assert (last["eventType"], last["shutdownReason"]) == ("SHUTDOWN", "spindown")


@pytest.mark.parametrize(
    ("variables", "kind"),
    [
        ({"EVENTS": '["INVOKE", "SHUTDOWN"]'}, "Extension.Crash"),  # it is refused, and ends
        ({"MISBEHAVE": "exit at once"}, "Extension.Crash"),
        ({"MISBEHAVE": "init/error"}, "Extension.InitError"),
    ],
)
def test_an_extension_that_fails_beside_several_workers(
    pelton_emulator: RunningEmulator, seen: Seen, variables: dict[str, str], kind: str
) -> None:
    function = Extended(pelton_emulator, seen, variables={**SEVERAL, **variables}, MemorySize=512)
    assert function.run()["errorType"] == kind


def test_a_crash_beside_several_workers(pelton_emulator: RunningEmulator, seen: Seen) -> None:
    """Who has an event hears of it at once, and the next has another sandbox."""
    crash = PROGRAM.replace(
        'post("registered"', 'threading.Timer(2, os._exit, [3]).start()\n    post("registered"'
    )
    function = Extended(
        pelton_emulator, seen, variables=SEVERAL, programs={"watcher": crash}, MemorySize=512
    )
    first = function.run()
    assert function.run("sleep")["errorType"] == "Extension.Crash"
    again = function.run()
    assert again["pid"] != first["pid"]
