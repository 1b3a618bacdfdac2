"""Nuclio functions in worker processes: their ends, their answers, their dashboard."""

import base64
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from pelton.pytest_plugin import RunningEmulator

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
    if path == "/import":
        import click
    if path == "/type":
        return type(event.method).__name__
    context.logger.info_with("asked", path=path)
    return context.Response(body="hello", headers={"x-a": "b"}, status_code=203)
"""

Ask = Callable[..., httpx.Response]


def deploy(emulator: RunningEmulator, source: str, **spec: Any) -> dict[str, Any]:
    wanted = {
        "metadata": {"name": "f"},
        "spec": {
            "handler": "main:handler",
            "runtime": "python",
            "build": {"functionSourceCode": base64.b64encode(source.encode()).decode()},
            **spec,
        },
    }
    answer = httpx.post(
        f"{emulator.nuclio_url}/api/functions",
        json=wanted,
        headers={"x-nuclio-wait-function-action": "true"},
        timeout=60,
    )
    assert answer.status_code == 202, answer.text
    status: dict[str, Any] = httpx.get(f"{emulator.nuclio_url}/api/functions/f").json()["status"]
    return status


@pytest.fixture
def ask(pelton_emulator: RunningEmulator) -> Ask:
    status = deploy(pelton_emulator, SOURCE, eventTimeout="1s")
    assert status["state"] == "ready", status
    address = f"http://{status['externalInvocationUrls'][0]}"
    return lambda path, **more: httpx.post(f"{address}{path}", timeout=30, **more)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/raise", 500, 'Exception caught in handler - "boom"'),
        ("/exit", 500, "Exception caught in handler"),
        ("/os-exit", 500, "ended with code 3"),
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


@pytest.mark.fidelity("Nuclio", "a body over maxRequestBodySize is refused")
def test_a_body_over_four_megabytes_is_refused(ask: Ask) -> None:
    """Nuclio's own default of maxRequestBodySize."""
    assert ask("/", content=b"x" * 7 * 1024 * 1024).status_code == 413
    assert ask("/", content=b"body").status_code == 203


@pytest.mark.fidelity("Nuclio", "x-nuclio-log-level brings the logs back in X-Nuclio-Logs")
def test_logs_come_back_when_asked_for(ask: Ask) -> None:
    answer = ask("/", headers={"x-nuclio-log-level": "debug"})
    assert '"asked"' in answer.headers["x-nuclio-logs"]


@pytest.mark.fidelity("Nuclio", "the dashboard invokes, lists and deletes")
def test_the_dashboard_invokes_lists_and_deletes(
    pelton_emulator: RunningEmulator, ask: Ask
) -> None:
    api = f"{pelton_emulator.nuclio_url}/api"
    headers = {"x-nuclio-function-name": "f", "x-nuclio-path": "/tuple"}
    assert httpx.post(f"{api}/function_invocations", headers=headers).status_code == 202
    assert list(httpx.get(f"{api}/functions").json()) == ["f"]
    body = {"metadata": {"name": "f"}}
    assert httpx.post(f"{api}/functions", json=body).status_code == 409
    assert httpx.request("DELETE", f"{api}/functions", json=body).status_code == 204
    assert httpx.get(f"{api}/functions/f").status_code == 404


@pytest.mark.parametrize(
    ("source", "spec", "words"),
    [
        ("import nothing_here", {}, "nothing_here"),
        ("x = 1", {}, "no handler 'handler'"),
        ("def init_context(c): raise OSError('no')\nhandler = 1", {}, "no"),
        ("x = 1", {"build": {"codeEntryType": "github"}}, "github"),
        ("x = 1", {"runtime": "golang"}, "golang"),
        ("handler = print", {"triggers": {"k": {"kind": "kafka-cluster"}}}, "kafka-cluster"),
    ],
)
@pytest.mark.fidelity("Nuclio", "a deploy that fails says why in status.message")
def test_a_deploy_that_fails_says_why(
    pelton_emulator: RunningEmulator, source: str, spec: dict[str, Any], words: str
) -> None:
    status = deploy(pelton_emulator, source, **spec)
    assert status["state"] == "error"
    assert words in status["message"]


@pytest.mark.fidelity("Nuclio", "names that are no Kubernetes names are a 400")
def test_a_bad_name_is_refused(pelton_emulator: RunningEmulator) -> None:
    body = {"metadata": {"name": "Not_Good"}, "spec": {}}
    answer = httpx.post(f"{pelton_emulator.nuclio_url}/api/functions", json=body)
    assert answer.status_code == 400
    assert "Not_Good" in answer.json()["error"]


@pytest.mark.parametrize("handler", ["/escaped:handler", "../escaped:handler", "a/b:c", "main", ""])
def test_a_handler_cannot_name_a_place_outside_its_folder(
    pelton_emulator: RunningEmulator, tmp_path: Path, handler: str
) -> None:
    """The handler's module part becomes a file's path: Nuclio's own rule is held before."""
    status = deploy(pelton_emulator, SOURCE, handler=handler)
    assert status["state"] == "error"
    assert status["message"].startswith(f"malformed handler - {handler!r}")
    assert not Path("/escaped.py").exists()


@pytest.mark.parametrize("place", ["../..", "/../../", "nowhere"])
def test_an_archive_s_work_folder_is_inside_the_archive(
    pelton_emulator: RunningEmulator, tmp_path: Path, place: str
) -> None:
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr("main.py", SOURCE)
    build = {
        "codeEntryType": "archive",
        "path": f"file://{tmp_path}/code.zip",
        "codeEntryAttributes": {"workDir": place},
    }
    status = deploy(pelton_emulator, SOURCE, build=build)
    assert (status["state"], status["message"]) == (
        "error",
        f"the archive has no folder {place!r}",
    )
