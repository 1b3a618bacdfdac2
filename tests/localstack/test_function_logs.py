"""What CloudWatch Logs and LogType=Tail say of a function: text and JSON, levels, times."""

import base64
import json
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator

from .support import Waiting, make_function, until

SOURCE = """
import json, logging, os, socket, sys, time
print("loading")
log = logging.getLogger()

def handler(event, context):
    log.setLevel(event.get("level", "INFO"))
    for do, what in event.get("do", []):
        if do == "print":
            print(what)
        elif do == "raw":
            os.write(1, bytes.fromhex(what))
        elif do in ("debug", "info", "warning"):
            getattr(log, do)(what)
        elif do == "raise":
            raise ValueError(what)
        elif do == "exit":
            os._exit(what)
        elif do == "sleep":
            time.sleep(what)
        elif do == "wait":
            socket.create_connection(("127.0.0.1", what)).recv(1)
        elif do == "large":
            print("x" * what)
"""

Invoke = Callable[..., dict[str, Any]]


class Logged:
    """One function and its log."""

    def __init__(self, emulator: RunningEmulator, **settings: Any) -> None:
        self.lambda_, self.logs = emulator.client("lambda"), emulator.client("logs")
        given = {"Timeout": 10, "MemorySize": 256} | settings
        self.group = given.get("LoggingConfig", {}).get("LogGroup", "/aws/lambda/f")
        created = make_function(
            self.lambda_, textwrap.dedent(SOURCE), Runtime="python3.11", **given
        )
        self.runtime = created["RuntimeVersionConfig"]["RuntimeVersionArn"]

    def run(self, *do: tuple[str, Any], **event: Any) -> str:
        """Invoke; the tail of the log."""
        payload = json.dumps({"do": do, **event})
        answer = self.lambda_.invoke(FunctionName="f", Payload=payload, LogType="Tail")
        self.request_id = answer["ResponseMetadata"]["RequestId"]
        return base64.b64decode(answer["LogResult"]).decode("utf-8", "replace")

    def events(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = self.logs.filter_log_events(logGroupName=self.group)[
            "events"
        ]
        return events

    def messages(self) -> list[str]:
        return [each["message"] for each in self.events()]

    def records(self) -> list[dict[str, Any]]:
        """The platform's records of the JSON format."""
        documents = [json.loads(each) for each in self.messages() if each.startswith("{")]
        return [each for each in documents if each.get("type", "").startswith("platform.")]


@pytest.fixture
def text(pelton_emulator: RunningEmulator) -> Iterator[Logged]:
    yield Logged(pelton_emulator)


def json_format(emulator: RunningEmulator, **levels: str) -> Logged:
    return Logged(emulator, LoggingConfig={"LogFormat": "JSON", **levels})


@pytest.mark.fidelity(
    "Logs", "INIT_START with runtime version and ARN, START, END, REPORT; one event each"
)
def test_a_cold_and_a_warm_invocation_in_text(text: Logged) -> None:
    text.run(("print", "one\ntwo"))
    first = text.request_id
    text.run()
    init, loading, start, one, two, end, report, *warm = text.messages()
    assert init.startswith("INIT_START Runtime Version: python:3.11.")
    assert init.endswith(f"\tRuntime Version ARN: {text.runtime}\n")
    assert (loading, one, two) == ("loading\n", "one\n", "two\n")
    assert (start, end) == (
        f"START RequestId: {first} Version: $LATEST\n",
        f"END RequestId: {first}\n",
    )
    assert report.startswith(f"REPORT RequestId: {first}\tDuration: ")
    assert report.endswith(" ms\t\n") and "\tInit Duration: " in report
    assert "Init Duration" not in warm[-1] and warm[-1].endswith(" MB\t\n")
    assert [each.split()[0] for each in warm] == ["START", "END", "REPORT"]


@pytest.mark.fidelity("Logs", "a logger's message and a trace of several lines are one event")
def test_a_message_of_several_lines_is_one_event(text: Logged) -> None:
    text.run(("print", "before"), ("info", "a\nb"), ("print", "after"), ("raise", "boom"))
    *_, before, logged, after, trace, _, _ = text.messages()
    assert (before, after) == ("before\n", "after\n")
    assert logged.startswith("[INFO]\t") and logged.endswith(f"Z\t{text.request_id}\ta\nb\n")
    head, _, frames = trace.partition("\n")
    assert head == "[ERROR] ValueError: boom"
    assert frames.startswith("Traceback (most recent call last):\n\u00a0\u00a0File ")
    assert frames.endswith("raise ValueError(what)")


@pytest.mark.fidelity(
    "Logs", "invalid UTF-8 and a line above 256 KB: replaced, and cut in two events"
)
def test_bytes_that_are_no_text_and_lines_that_are_too_long(text: Logged) -> None:
    text.run(("raw", "61ff620a"), ("large", 300_000))
    *_, odd, first, second, _, _ = text.messages()
    assert odd == "a\ufffdb\n"
    assert (first + second).strip() == "x" * 300_000


@pytest.mark.fidelity("Logs", "LogType=Tail: the last 4 KB")
def test_the_tail_is_four_kilobytes(text: Logged) -> None:
    tail = text.run(("print", "first"), ("large", 5000))
    assert len(tail) == 4096 and "first" not in tail
    assert tail.rstrip("\n").rpartition("\n")[2].startswith("REPORT ")
    assert text.run(("print", "second")).startswith("START "), "only this invocation's"


@pytest.mark.fidelity("Logs", "lines are there while the function still runs, at their own times")
def test_lines_come_while_the_function_runs(text: Logged) -> None:
    text.run()
    with Waiting() as waiting:
        do = ("info", "early"), ("wait", waiting.port), ("sleep", 0.1), ("info", "late")
        call = threading.Thread(target=text.run, args=do)
        call.start()
        until(lambda: any(each.endswith("early\n") for each in text.messages()))
        waiting.let_on()
        call.join()
    times = {each["message"].rpartition("\t")[2]: each["timestamp"] for each in text.events()}
    assert times["late\n"] - times["early\n"] >= 100


@pytest.mark.fidelity("Logs", "a timed-out and an ended process: Status and Error Type in REPORT")
def test_how_a_failure_is_reported(pelton_emulator: RunningEmulator) -> None:
    function = Logged(pelton_emulator, Timeout=1)
    tail = function.run(("print", "slow"), ("sleep", 5))
    words, _, report = tail.rpartition("END RequestId: ")
    assert words.endswith(f"Z {function.request_id} Task timed out after 1.00 seconds\n\n")
    assert "\tDuration: 1000.00 ms\t" in report and report.endswith("\tStatus: timeout\n")
    tail = function.run(("exit", 3))
    assert f"RequestId: {function.request_id} Error: Runtime exited with error: " in tail
    assert tail.endswith("\tStatus: error\tError Type: Runtime.ExitError\n")


@pytest.mark.fidelity("Logs", "JSON format: platform.* records with the documented members")
def test_the_records_of_the_json_format(pelton_emulator: RunningEmulator) -> None:
    function = json_format(pelton_emulator)
    tail = function.run(("print", "plain"), ("info", "logged"), ("debug", "not this"))
    init, start, report = function.records()
    assert init["type"] == "platform.initStart"
    assert init["record"]["initializationType"] == "on-demand"
    assert (init["record"]["phase"], init["record"]["functionName"]) == ("init", "f")
    assert init["record"]["runtimeVersionArn"] == function.runtime
    assert init["record"]["instanceMaxMemory"] == 256 << 20
    assert start["type"] == "platform.start"
    assert start["record"]["requestId"] == function.request_id
    assert start["record"]["version"] == "$LATEST"
    assert report["type"] == "platform.report"
    assert report["record"]["status"] == "success"
    assert set(report["record"]["metrics"]) == {
        "durationMs",
        "billedDurationMs",
        "memorySizeMB",
        "maxMemoryUsedMB",
        "initDurationMs",
    }
    assert init["time"] <= start["time"] <= report["time"] and len(report["time"]) == 24
    assert "plain\n" in function.messages()
    lines = [json.loads(each) for each in tail.splitlines() if each.startswith("{")]
    (logged,) = [each for each in lines if each.get("message") == "logged"]
    assert (logged["level"], logged["requestId"]) == ("INFO", function.request_id)
    assert "not this" not in tail


@pytest.mark.fidelity("Logs", "JSON format: the system level filters the platform's records")
def test_the_system_level(pelton_emulator: RunningEmulator) -> None:
    function = json_format(pelton_emulator, SystemLogLevel="DEBUG")
    function.run()
    assert [each["type"].removeprefix("platform.") for each in function.records()] == [
        "initStart",
        "initRuntimeDone",
        "initReport",
        "start",
        "runtimeDone",
        "report",
    ]
    config = {"LogFormat": "JSON", "SystemLogLevel": "WARN"}
    function.lambda_.update_function_configuration(FunctionName="f", LoggingConfig=config)
    function.lambda_.get_waiter("function_updated_v2").wait(FunctionName="f")
    known = len(function.records())
    function.run()
    function.run(("exit", 1))
    late = function.records()[known:]
    assert [each["type"] for each in late] == ["platform.runtimeDone", "platform.report"]
    assert late[1]["record"]["status"] == "error"
    assert late[1]["record"]["errorType"] == "Runtime.ExitError"


@pytest.mark.fidelity(
    "Logs",
    "JSON format: the application level filters loggers and printed objects with a level",
    different="plain text that is printed passes every level",
)
def test_the_application_level(pelton_emulator: RunningEmulator) -> None:
    function = json_format(pelton_emulator, ApplicationLogLevel="WARN")
    function.run(
        ("info", "hidden"),
        ("warning", "logged"),
        ("print", '{"level": "info", "message": "hidden"}'),
        ("print", '{"message": "hidden"}'),
        ("print", '{"level": "error", "message": "printed"}'),
        ("print", "plain"),
    )
    said = "".join(each for each in function.messages() if "platform." not in each)
    assert "hidden" not in said
    assert all(word in said for word in ("logged", "printed", "plain"))


@pytest.mark.fidelity("Logs", "a log group of one's own; its streams name the function")
def test_a_log_group_of_ones_own(pelton_emulator: RunningEmulator) -> None:
    function = Logged(pelton_emulator, LoggingConfig={"LogGroup": "shared"})
    function.run()
    (stream,) = {each["logStreamName"] for each in function.events()}
    assert "/f[$LATEST]" in stream


@pytest.mark.fidelity(
    "Logs", "REPORT has an XRAY line where the trace is sampled; JSON, a tracing member"
)
@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_the_trace_of_a_report(pelton_emulator: RunningEmulator, log_format: str) -> None:
    config = {"LogFormat": log_format}
    function = Logged(pelton_emulator, TracingConfig={"Mode": "Active"}, LoggingConfig=config)
    function.run()
    tail = function.run()
    span = function.request_id.replace("-", "")[:16]
    if log_format == "Text":
        line = tail.splitlines()[-1].split("\t")
        assert line[0].startswith("XRAY TraceId: 1-")
        assert line[1:] == [f"SegmentId: {span}", "Sampled: true", ""]
        assert tail.endswith("\t\n") and "MB\t\nXRAY" in tail
        assert any("MB\t\nXRAY" in each for each in function.messages()), "it is one event"
    else:
        tracing = json.loads(tail.splitlines()[-1])["record"]["tracing"]
        assert tracing["value"].endswith(f"Parent={span};Sampled=1")
        assert (tracing["type"], tracing["spanId"]) == ("X-Amzn-Trace-Id", span)


def test_times_never_go_back(text: Logged) -> None:
    for _ in range(5):
        text.run(("info", "a"), ("print", "b"), ("info", "c"), ("print", "d"))
    times = [each["timestamp"] for each in text.events()]
    assert times == sorted(times)
    assert abs(times[-1] / 1000 - time.time()) < 60
