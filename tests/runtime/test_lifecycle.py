"""A worker's ends: drain and stop hooks run when the platform says so, on either platform."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import nuclio_sdk
import pytest

from pelton import App, testing
from pelton.builders import Resolver, Target, build, load_app
from pelton.pytest_plugin import RunningEmulator
from pelton.runtime.aws import handler_for
from pelton.runtime.nuclio import make_entry

from .. import plain

SOURCE = """
import pelton

app = pelton.App("ends")


def say(text):
    with open({path!r}, "a") as file:
        print(text, file=file)


@app.function
async def f(n: int) -> int:
    return n


@f.init
def begin(context):
    context.state.n = 7


@f.drain
async def drain(context):
    say(f"drain {{context.state.n}}")
    {failure}


@f.stop
def stop(context):
    say(f"stop {{context.state.n}}")


def init_context(context):
    context.platform.set_drain_callback(lambda: say("drained"))

    async def terminated():
        say("terminated")

    context.platform.set_termination_callback(terminated)


@app.function(style="nuclio", triggers=[pelton.http()])
def g(context, event):
    return "1"
"""


class RuntimeApi(BaseHTTPRequestHandler):
    """Lambda's Runtime API with one event: the next one never comes."""

    protocol_version = "HTTP/1.1"
    served = threading.Event()
    answered = threading.Event()
    over = threading.Event()

    def do_GET(self) -> None:
        if self.served.is_set():
            self.over.wait(60)
            return
        self.served.set()
        self.send_response(200)
        for name, value in (
            ("Lambda-Runtime-Aws-Request-Id", "id"),
            ("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 60_000)),
            ("Lambda-Runtime-Invoked-Function-Arn", "arn"),
            ("Content-Type", "application/json"),
            ("Content-Length", "1"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"1")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.answered.set()
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def runtime_api() -> Iterator[str]:
    for each in (RuntimeApi.served, RuntimeApi.answered, RuntimeApi.over):
        each.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), RuntimeApi)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    RuntimeApi.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


def said(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize(
    ("name", "failure", "expected"),
    [
        ("f", "pass", ["drain 7", "stop 7"]),
        ("f", "raise OSError('gone')", ["drain 7", "stop 7"]),
        ("g", "pass", ["drained", "terminated"]),
    ],
)
def test_sigterm_on_lambda_runs_them_under_the_runtime_client(
    tmp_path: Path, runtime_api: str, name: str, failure: str, expected: list[str]
) -> None:
    out = tmp_path / "said"
    (tmp_path / "ends.py").write_text(SOURCE.format(path=str(out), failure=failure))
    (tmp_path / "entry.py").write_text(
        "from pelton.runtime.aws import handler_for\n"
        f"handler = handler_for('ends', {name!r}, 'app')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "awslambdaric", "entry.handler"],
        cwd=tmp_path,
        env={
            **os.environ,
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.12",
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    assert RuntimeApi.answered.wait(60)
    assert said(out) == []
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert (process.returncode, said(out)) == (0, expected)
    assert ("a hook failed at the end" in output) == (failure != "pass"), output


def test_what_never_began_is_not_ended(tmp_path: Path) -> None:
    out = tmp_path / "said"
    (tmp_path / "ends.py").write_text(SOURCE.format(path=str(out), failure="pass"))
    program = (
        "import os, signal; from pelton.runtime.aws import handler_for;"
        "handler_for('ends', 'f', 'app'); os.kill(os.getpid(), signal.SIGTERM)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False, timeout=60)
    assert (done.returncode, said(out)) == (-signal.SIGTERM, [])


def test_nuclios_callbacks_run_them_beside_the_users_own() -> None:
    app, seen = App("ends"), []

    @app.function
    def f(n: int) -> int:
        return n

    f.drain(lambda context: seen.append("drain"))
    f.stop(lambda context: seen.append("stop"))
    context = nuclio_sdk.Context(logger=nuclio_sdk.Logger(10, "ends"))
    context.platform.set_termination_callback(lambda: seen.append("theirs"))
    handler, init_context = make_entry(f)
    init_context(context)
    assert handler(context, testing.nuclio_http(1)).status_code == 200
    context.platform._on_signal("drain")
    context.platform._on_signal("termination")
    assert seen == ["drain", "theirs", "stop"]


def deploy(emulator: RunningEmulator, tmp_path: Path, function: Any, **trigger: Any) -> None:
    """The function's own artifact, over the dashboard."""
    target = Target("nuclio", f"3.{sys.version_info.minor}")
    resolver = Resolver(tmp_path / "cache", offline=True)
    artifact = build(function, target, root=tmp_path, out=tmp_path, resolver=resolver)
    assert artifact.spec is not None
    config = json.loads(json.dumps(artifact.spec))
    config["spec"]["build"]["path"] = f"file://{artifact.path}"
    config["spec"]["triggers"]["http"] |= trigger
    api = f"{emulator.nuclio_url}/api/functions"
    headers = {"x-nuclio-wait-function-action": "true"}
    assert plain.post(api, json=config, headers=headers, timeout=60).status_code == 202
    status = plain.get(f"{api}/{function.name}").json()["status"]
    assert status["state"] == "ready", status


def delete(emulator: RunningEmulator, name: str) -> None:
    api = f"{emulator.nuclio_url}/api/functions"
    answer = plain.request("DELETE", api, json={"metadata": {"name": name}}, timeout=60)
    assert answer.status_code == 204


@pytest.mark.fidelity(
    "Nuclio",
    "a worker is drained, then terminated, before it is killed (SIGUSR2, SIGUSR1)",
    different="a worker ends when its termination callback is done",
)
@pytest.mark.parametrize(
    ("name", "expected"), [("f", ["drain 7", "stop 7"]), ("g", ["drained", "terminated"])]
)
def test_a_function_that_is_deleted_is_drained_and_stopped(
    pelton_emulator: RunningEmulator, tmp_path: Path, name: str, expected: list[str]
) -> None:
    out = tmp_path / "said"
    module = tmp_path / f"ends_{name}.py"
    module.write_text(SOURCE.format(path=str(out), failure="pass"))
    app, _ = load_app(str(module))
    deploy(pelton_emulator, tmp_path, app.functions[name])
    delete(pelton_emulator, name)
    assert said(out) == expected


SLOW = """
import pelton, time
app = pelton.App("slow")

@app.function(timeout=30)
def f(n: int) -> int:
    open({began!r}, "w").close()
    time.sleep(1)
    return n

@f.stop
def stop(context):
    with open({path!r}, "a") as file:
        file.write("stop")
"""


@pytest.mark.fidelity("Nuclio", "an event in hand is finished and answered before its worker ends")
def test_the_event_in_hand_is_answered_first(
    pelton_emulator: RunningEmulator, tmp_path: Path
) -> None:
    began, out = tmp_path / "began", tmp_path / "said"
    module = tmp_path / "slow_app.py"
    module.write_text(SLOW.format(began=str(began), path=str(out)))
    app, _ = load_app(str(module))
    deploy(pelton_emulator, tmp_path, app.functions["f"])
    status = plain.get(f"{pelton_emulator.nuclio_url}/api/functions/f").json()["status"]
    with ThreadPoolExecutor(1) as pool:
        url = f"http://{status['externalInvocationUrls'][0]}"
        answer = pool.submit(httpx.post, url, json=7, timeout=60)
        while not began.exists():
            time.sleep(0.01)
        delete(pelton_emulator, "f")
        assert answer.result().text == "7"
    assert said(out) == ["stop"]


HANGS = """
import pelton, time
app = pelton.App("hangs")

@app.function
def f(n: int) -> int:
    return n

@f.stop
def stop(context):
    time.sleep(600)
"""


@pytest.mark.fidelity("Nuclio", "workerTerminationTimeout bounds how long a worker may take to end")
def test_a_hook_that_hangs_is_killed_in_time(
    pelton_emulator: RunningEmulator, tmp_path: Path
) -> None:
    module = tmp_path / "hangs.py"
    module.write_text(HANGS)
    app, _ = load_app(str(module))
    deploy(pelton_emulator, tmp_path, app.functions["f"], workerTerminationTimeout="200ms")
    delete(pelton_emulator, "f")


EXTENSION = """#!/usr/bin/env python3
import http.client, json, os

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])


def call(method, path, body=None, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    api.request(method, "/2020-01-01/extension/" + path, body, named)
    answer = api.getresponse()
    return json.loads(answer.read()), answer.headers


events = json.dumps({"events": ["SHUTDOWN"]})
_, headers = call("POST", "register", events, Lambda_Extension_Name="quiet")
call("GET", "event/next", Lambda_Extension_Identifier=headers["Lambda-Extension-Identifier"])
"""


def test_with_an_extension_they_run_at_the_end_of_a_sandbox(
    pelton_emulator: RunningEmulator, tmp_path: Path
) -> None:
    module = tmp_path / "ends_on_lambda.py"
    # /tmp is the sandbox's own, so the hooks print.
    module.write_text(SOURCE.format(path="/dev/stdout", failure="pass"))
    app, _ = load_app(str(module))
    resolver = Resolver(tmp_path / "cache", offline=True)
    artifact = build(
        app.functions["f"], Target("lambda", "3.12"), root=tmp_path, out=tmp_path, resolver=resolver
    )
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        program = zipfile.ZipInfo("extensions/quiet")
        program.external_attr = 0o100755 << 16
        out.writestr(program, EXTENSION)
    client, logs = pelton_emulator.client("lambda"), pelton_emulator.client("logs")
    layer = client.publish_layer_version(LayerName="quiet", Content={"ZipFile": archive.getvalue()})
    client.create_function(
        FunctionName="f",
        Runtime="python3.12",
        Role="arn:aws:iam::000000000000:role/any",
        Handler=artifact.handler,
        Timeout=30,
        Layers=[layer["LayerVersionArn"]],
        Code={"ZipFile": artifact.path.read_bytes()},
    )
    client.get_waiter("function_active_v2").wait(FunctionName="f")
    assert client.invoke(FunctionName="f", Payload="1")["Payload"].read() == b"1"
    client.update_function_configuration(FunctionName="f", Description="another sandbox")
    heard: list[str] = []
    while "stop 7" not in heard:  # the test's own timeout is the bound
        events = logs.filter_log_events(logGroupName="/aws/lambda/f")["events"]
        heard = [event["message"].strip() for event in events]
        time.sleep(0.05)
    assert "drain 7" in heard


SETTLES = """
import threading
import pelton
from pelton import steps

gate, seen = threading.Event(), []
app = pelton.App("aside")

def slow(n: int) -> None:
    assert gate.wait(20)
    seen.append(n)

app.serve(pelton.Graph("g", int) >> steps.tap(slow))
"""


def test_a_handler_on_lambda_answers_when_nothing_runs_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settles_app.py").write_text(SETTLES)
    monkeypatch.syspath_prepend(tmp_path)
    handler = handler_for("settles_app", "g")
    module: Any = sys.modules["settles_app"]
    threading.Timer(0.05, module.gate.set).start()
    ours = signal.getsignal(signal.SIGTERM)
    try:
        assert handler(4, testing.lambda_context(remaining_ms=20_000)) == 4
    finally:
        signal.signal(signal.SIGTERM, ours)
    assert module.seen == [4]
    module.app.functions["g"].user_function.stop()
