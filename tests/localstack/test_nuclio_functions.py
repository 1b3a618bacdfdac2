"""Nuclio functions in worker processes: their ends, their answers, their dashboard."""

import base64
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from pelton.pytest_plugin import RunningEmulator

from .. import plain
from .support import until

SOURCE = """
import os, sys, time

def init_context(context):
    context.user_data.made = "made once"

def handler(context, event):
    path = event.path.decode() if isinstance(event.path, bytes) else event.path
    if path == "/raise":
        raise ValueError("boom")
    if path == "/exit":
        sys.exit(3)
    if path == "/os-exit":
        os._exit(3)
    if path == "/hang":
        time.sleep(60)
    if path == "/set":
        return {1}
    if path == "/tuple":
        return 202, "accepted"
    if path == "/dict":
        return {"body": event.body.decode(), "made": context.user_data.made}
    if path == "/cookies":
        headers = {"Set-Cookie": "a=1", "set-cookie": "b=2", "x-a": "old", "X-A": "new"}
        return context.Response(body="", headers=headers)
    if path == "/import":
        import click
    if path == "/type":
        return type(event.method).__name__
    context.logger.info_with("asked", path=path)
    return context.Response(body="hello", headers={"x-a": "b"}, status_code=203)
"""

Ask = Callable[..., httpx.Response]


def deploy(emulator: RunningEmulator, source: str, name: str = "f", **spec: Any) -> dict[str, Any]:
    wanted = {
        "metadata": {"name": name},
        "spec": {
            "handler": "main:handler",
            "runtime": "python",
            "build": {"functionSourceCode": base64.b64encode(source.encode()).decode()},
            **spec,
        },
    }
    answer = plain.post(
        f"{emulator.nuclio_url}/api/functions",
        json=wanted,
        headers={"x-nuclio-wait-function-action": "true"},
        timeout=60,
    )
    assert answer.status_code == 202, answer.text
    status: dict[str, Any] = plain.get(f"{emulator.nuclio_url}/api/functions/{name}").json()[
        "status"
    ]
    return status


@pytest.fixture
def name() -> str:
    """A function's that no other test has."""
    return f"f-{uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def ask(module_emulator: RunningEmulator) -> Ask:
    """Asks one and the same function, whose worker some of the tests end."""
    status = deploy(module_emulator, SOURCE, "asked", eventTimeout="1s")
    assert status["state"] == "ready", status
    address = f"http://{status['externalInvocationUrls'][0]}"
    return lambda path, **more: plain.post(f"{address}{path}", timeout=30, **more)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/raise", 500, 'Exception caught in handler - "boom"'),
        ("/exit", 500, "Exception caught in handler"),
        ("/set", 200, "{1}"),
        ("/hang", 408, "handler timed out"),
        ("/import", 500, "No module named 'click'"),
        ("/tuple", 202, "accepted"),
        ("/dict", 200, "made once"),
        ("/type", 200, "bytes"),
        ("/", 203, "hello"),
    ],
)
@pytest.mark.fidelity("Nuclio", "every return form and failure has Nuclio's status and body")
def test_each_end_has_its_answer(ask: Ask, path: str, status: int, words: str) -> None:
    answer = ask(path, content=b"body")
    assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert ask("/").status_code == 203, "the next event is served"


@pytest.mark.fidelity("Nuclio", "cookies under names of other case are headers of their own")
def test_cookies_are_added_where_other_headers_are_replaced(ask: Ask) -> None:
    """As fasthttp does, which Nuclio's HTTP trigger sets headers with."""
    headers = ask("/cookies").headers
    assert headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert headers.get_list("x-a") == ["new"]


@pytest.mark.fidelity(
    "Nuclio",
    "a worker that dies: 500, and another takes its place",
    different="the body says how it ended; in Nuclio it is `Client disconnected`, or the function "
    "starts again as a whole",
)
def test_a_worker_that_dies_is_replaced(ask: Ask) -> None:
    answer = ask("/os-exit", headers={"x-nuclio-log-level": "debug"})
    assert (answer.status_code, "ended with code 3" in answer.text) == (500, True)
    assert answer.headers["x-nuclio-logs"].startswith("[")
    assert ask("/").status_code == 203


@pytest.mark.fidelity("Nuclio", "a body over maxRequestBodySize is refused, in fasthttp's words")
def test_a_body_over_four_megabytes_is_refused(ask: Ask) -> None:
    """Nuclio's own default of maxRequestBodySize."""
    answer = ask("/", content=b"x" * 7 * 1024 * 1024)
    assert (answer.status_code, answer.text) == (400, "Error when parsing request")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert ask("/", content=b"body").status_code == 203


@pytest.mark.fidelity("Nuclio", "x-nuclio-log-level brings the logs back in X-Nuclio-Logs")
def test_logs_come_back_when_asked_for(ask: Ask) -> None:
    answer = ask("/", headers={"x-nuclio-log-level": "debug"})
    assert '"asked"' in answer.headers["x-nuclio-logs"]


@pytest.mark.fidelity("Nuclio", "the dashboard invokes, lists and deletes")
def test_the_dashboard_invokes_lists_and_deletes(
    module_emulator: RunningEmulator, name: str
) -> None:
    deploy(module_emulator, SOURCE, name)
    api = f"{module_emulator.nuclio_url}/api"
    headers = {"x-nuclio-function-name": name, "x-nuclio-path": "/tuple"}
    assert plain.post(f"{api}/function_invocations", headers=headers).status_code == 202
    listed = plain.get(f"{api}/functions").json()
    assert listed[name]["metadata"]["name"] == name
    body = {"metadata": {"name": name}}
    assert plain.post(f"{api}/functions", json=body).status_code == 409
    assert plain.request("DELETE", f"{api}/functions", json=body).status_code == 204
    assert plain.get(f"{api}/functions/{name}").status_code == 404
    assert plain.get(f"{api}/functions").json().keys() == listed.keys() - {name}


@pytest.mark.parametrize(
    ("source", "spec", "words"),
    [
        ("import nothing_here", {}, "nothing_here"),
        ("x = 1", {}, "no attribute 'handler'"),
        ("def init_context(c): raise OSError('no')\nhandler = 1", {}, "no"),
        ("x = 1", {"build": {"codeEntryType": "github"}}, "github"),
        ("x = 1", {"runtime": "golang"}, "golang"),
        ("handler = print", {"triggers": {"k": {"kind": "eventhub"}}}, "eventhub"),
    ],
)
@pytest.mark.fidelity("Nuclio", "a deploy that fails says why in status.message")
def test_a_deploy_that_fails_says_why(
    module_emulator: RunningEmulator, name: str, source: str, spec: dict[str, Any], words: str
) -> None:
    status = deploy(module_emulator, source, name, **spec)
    assert status["state"] == "error"
    assert words in status["message"]


@pytest.mark.fidelity("Nuclio", "names that are no Kubernetes names are a 400")
def test_a_bad_name_is_refused(module_emulator: RunningEmulator) -> None:
    body = {"metadata": {"name": "Not_Good"}, "spec": {}}
    answer = plain.post(f"{module_emulator.nuclio_url}/api/functions", json=body)
    assert answer.status_code == 400
    assert "Not_Good" in answer.json()["error"]


@pytest.mark.parametrize("handler", ["/escaped:handler", "../escaped:handler", "a/b:c", "main", ""])
def test_a_handler_cannot_name_a_place_outside_its_folder(
    module_emulator: RunningEmulator, name: str, handler: str
) -> None:
    """The handler's module part becomes a file's path: Nuclio's own rule is held before."""
    status = deploy(module_emulator, SOURCE, name, handler=handler)
    assert status["state"] == "error"
    assert status["message"].startswith(f"malformed handler - {handler!r}")
    assert not Path("/escaped.py").exists()


@pytest.mark.parametrize("place", ["../..", "/../../", "nowhere"])
def test_an_archive_s_work_folder_is_inside_the_archive(
    module_emulator: RunningEmulator, name: str, tmp_path: Path, place: str
) -> None:
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr("main.py", SOURCE)
    build = {
        "codeEntryType": "archive",
        "path": f"file://{tmp_path}/code.zip",
        "codeEntryAttributes": {"workDir": place},
    }
    status = deploy(module_emulator, SOURCE, name, build=build)
    assert (status["state"], status["message"]) == (
        "error",
        f"the archive has no folder {place!r}",
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"metadata": "x"}, 'metadata must be an object, not "x"'),
        ({"metadata": {"name": 5}}, "metadata.name must be a string, not 5"),
        ({"metadata": {"name": "f", "labels": "x"}}, "metadata.labels must be an object"),
        ({"spec": 3}, "spec must be an object, not 3"),
        ({"spec": {"build": "x"}}, 'spec.build must be an object, not "x"'),
        ({"spec": {"env": "x"}}, 'spec.env must be a list, not "x"'),
        ({"spec": {"build": {"commands": "pip"}}}, "spec.build.commands must be a list"),
        ({"spec": {"build": {"functionSourceCode": 5}}}, "functionSourceCode must be a string"),
        ({"spec": {"triggers": {"a": 5}}}, "spec.triggers.a must be an object, not 5"),
        (
            {"spec": {"triggers": {"h": {"numWorkers": -1}}}},
            "spec.triggers.h.numWorkers must be 1 to 1000, not -1",
        ),
        (
            {"spec": {"triggers": {"h": {"attributes": {"port": 99999}}}}},
            "spec.triggers.h.attributes.port must be 0 to 65535, not 99999",
        ),
        (
            {"spec": {"resources": {"limits": "1Gi"}}},
            'spec.resources.limits must be an object, not "1Gi"',
        ),
        (
            {"spec": {"tolerations": {"key": "gpu"}}},
            'spec.tolerations must be a list, not {"key": "gpu"}',
        ),
        ({"spec": {"replicas": "²"}}, "spec.replicas must be a whole number"),
        ({"spec": {"replicas": "9" * 5000}}, "spec.replicas must be a whole number"),
        ({"spec": {"env": [{"value": "x"}]}}, "spec.env[0].name must be given"),
        ({"spec": {"loggerSinks": "x"}}, 'spec.loggerSinks must be a list, not "x"'),
        ({"spec": {"scaleToZero": 5}}, "spec.scaleToZero must be an object, not 5"),
        (
            {"spec": {"triggers": {"h": {"batch": {"batchSize": "x"}}}}},
            'spec.triggers.h.batch.batchSize must be a whole number, not "x"',
        ),
        (
            {"spec": {"triggers": {"h": {"attributes": {"cors": {"allowOrigins": 5}}}}}},
            "spec.triggers.h.attributes.cors.allowOrigins must be a list, not 5",
        ),
    ],
)
@pytest.mark.fidelity("Nuclio", "a configuration of the wrong shape is a 400 that names the member")
def test_a_wrong_shape_is_named(
    module_emulator: RunningEmulator, given: dict[str, Any], words: str
) -> None:
    wanted = {"metadata": {"name": "shape"}, "spec": {}} | given
    for method, path in (("POST", "functions"), ("PUT", "functions/shape")):
        answer = plain.request(
            method, f"{module_emulator.nuclio_url}/api/{path}", json=wanted, trust_env=False
        )
        assert answer.status_code == 400 and words in answer.json()["error"]
    assert "shape" not in plain.get(f"{module_emulator.nuclio_url}/api/functions").json()


@pytest.mark.fidelity(
    "Nuclio",
    "resources, nodeSelector, tolerations, imagePullSecrets",
    different="kept and told, and no worker is held to them: there is one node",
)
def test_what_is_said_of_pods_is_kept_and_told(module_emulator: RunningEmulator, name: str) -> None:
    said: dict[str, Any] = {
        "resources": {"limits": {"nvidia.com/gpu": "1"}, "requests": {"cpu": "64"}},
        "nodeSelector": {"pool": "gpu"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "imagePullSecrets": "registry",
    }
    deploy(module_emulator, "def handler(context, event):\n    return 'here'\n", name, **said)
    told = plain.get(f"{module_emulator.nuclio_url}/api/functions", trust_env=False).json()
    assert {each: told[name]["spec"][each] for each in said} == said


LONELY = """
import os, subprocess, sys, threading

def handler(context, event):
    if event.path in (b"/die-later", "/die-later"):
        threading.Timer(0.05, os._exit, [9]).start()
        return "soon"
    if event.path in (b"/child", "/child"):
        done = subprocess.run(
            [sys.executable, "-c", "import nuclio_sdk, click"], capture_output=True, text=True
        )
        return done.stderr
    return str(os.getpid())
"""


def test_a_worker_that_died_idle_costs_no_event(
    module_emulator: RunningEmulator, name: str
) -> None:
    status = deploy(module_emulator, LONELY, name)
    address = f"http://{status['externalInvocationUrls'][0]}"
    pid = int(plain.get(address, trust_env=False).text)
    assert plain.get(f"{address}/die-later", trust_env=False).text == "soon"
    until(lambda: not Path(f"/proc/{pid}").exists() or "zombie" in state(pid))
    answer = plain.get(address, trust_env=False)
    assert answer.status_code == 200 and int(answer.text) != pid


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text().partition("State:")[2].partition("\n")[0]
    except (FileNotFoundError, ProcessLookupError):
        return "zombie"


@pytest.mark.fidelity("Nuclio", "a function's own child processes see what the function sees")
def test_a_child_of_a_worker_is_as_alone(module_emulator: RunningEmulator, name: str) -> None:
    status = deploy(module_emulator, LONELY, name)
    said = plain.get(f"http://{status['externalInvocationUrls'][0]}/child", trust_env=False).text
    assert "No module named 'click'" in said


@pytest.mark.fidelity("Nuclio", "a function keeps its HTTP port when it is deployed again")
def test_the_port_stays_over_a_redeploy(module_emulator: RunningEmulator, name: str) -> None:
    first = deploy(module_emulator, SOURCE, name)
    with plain.Client(base_url=f"http://{first['externalInvocationUrls'][0]}") as client:
        assert client.get("/dict").status_code == 200
        wanted = plain.get(f"{module_emulator.nuclio_url}/api/functions/{name}").json()
        again = plain.put(
            f"{module_emulator.nuclio_url}/api/functions/{name}",
            json=wanted,
            headers={"x-nuclio-wait-function-action": "true"},
            timeout=60,
        )
        assert again.status_code == 202, again.text
        status = plain.get(f"{module_emulator.nuclio_url}/api/functions/{name}").json()["status"]
        assert status["httpPort"] == first["httpPort"]
        assert client.get("/dict").status_code == 200
