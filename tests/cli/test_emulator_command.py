"""`pelton emulator`: its ready line, what it refuses, and that nothing is left of it."""

import base64
import io
import json
import signal
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner

from pelton.cli import command
from pelton.deploy.targets.aws import Account, Aws
from pelton.pytest_plugin import RunningEmulator

from .. import plain

SOURCE = "def handler(event, context):\n    return 1\n"
NUCLIO = "def handler(context, event):\n    return 'n'\n"


def ready(running: Any) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(running.line('"ready"'))
    return said


def deploy_both(said: dict[str, Any]) -> None:
    """A Lambda sandbox and a Nuclio worker that live."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as out:
        out.writestr("main.py", SOURCE)
    client = boto3.client(
        "lambda",
        endpoint_url=said["url"],
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    client.create_function(
        FunctionName="f",
        Runtime=f"python3.{sys.version_info.minor}",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="main.handler",
        Code={"ZipFile": memory.getvalue()},
    )
    assert client.invoke(FunctionName="f")["Payload"].read() == b"1"
    build = {"functionSourceCode": base64.b64encode(NUCLIO.encode()).decode()}
    spec = {"handler": "main:handler", "runtime": "python", "build": build}
    answer = plain.post(
        f"{said['nuclio_url']}/api/functions",
        json={"metadata": {"name": "n"}, "spec": spec},
        headers={"x-nuclio-wait-function-action": "true"},
        timeout=60,
        trust_env=False,
    )
    assert answer.status_code == 202, answer.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left(start: Callable[..., Any], number: int) -> None:
    """Also of a killed emulator: its sandboxes and workers end with their parent."""
    running = start("emulator", "--port", "0", "--nuclio-port", "0", "--json")
    deploy_both(ready(running))
    assert len(running.tree()) == 4  # the emulator, its fork server, a sandbox, a Nuclio worker
    assert running.end(number) == (0 if number != signal.SIGKILL else -9, [])


def test_the_ready_line_says_where(start: Callable[..., Any]) -> None:
    running = start("emulator", "--port", "0", "--nuclio-port", "0")
    line = running.line("ready")
    assert "AWS at http://127.0.0.1:" in line
    assert "Nuclio at http://127.0.0.1:" in line
    assert running.said == [line]


@pytest.mark.parametrize("option", ["--port", "--nuclio-port"])
def test_a_port_in_use_is_named(start: Callable[..., Any], option: str) -> None:
    first = ready(start("emulator", "--port", "0", "--nuclio-port", "0", "--json"))
    url = first["url"] if option == "--port" else first["nuclio_url"]
    port = url.rpartition(":")[2]
    other = "--nuclio-port" if option == "--port" else "--port"
    second = start("emulator", option, port, other, "0")
    assert f"port {port} of 127.0.0.1 is in use" in second.line("error: ")
    assert option in second.said[-1]
    assert second.process.wait(30) == 1


def test_a_corrupt_data_folder_is_named(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "registry.sqlite").write_bytes(b"not a database" * 100)
    running = start("emulator", "--port", "0", "--nuclio-port", "0", "--data-dir", "data")
    assert "registry.sqlite" in running.line("error: ")
    assert running.process.wait(30) == 1
    assert not any("Traceback" in line for line in running.said)


def test_a_data_folder_that_is_a_file_is_named(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    running = start("emulator", "--port", "0", "--nuclio-port", "0", "--data-dir", "data")
    assert "data" in running.line("rror: ")
    assert running.process.wait(30) != 0
    assert not any("Traceback" in line for line in running.said)


def test_another_address_is_warned_of(start: Callable[..., Any]) -> None:
    running = start("emulator", "--host", "0.0.0.0", "--port", "0", "--nuclio-port", "0")
    assert "whoever reaches this machine can run code on it" in running.line("warning: ")
    assert "http://127.0.0.1:" in running.line("ready")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("emulater",), "did you mean 'emulator'?"),
        (("emulator", "--prot", "1"), "No such option '--prot'"),
        (("emulator", "--port", "many"), "'many' is not a valid integer"),
        (("emulator", "--retry-delay", "-1"), "-1.0 is not in the range x>=0"),
        (("emulator", "--clock", "sundial"), "'sundial' is neither 'real' nor 'manual'"),
        (("emulator", "--clock", "manual@noon"), "'noon' is not a time like 2026-01-01T00:00:00"),
    ],
)
def test_an_unknown_word_is_refused(
    start: Callable[..., Any], words: tuple[str, ...], said: str
) -> None:
    running = start(*words)
    assert said in running.line("Error: ")
    assert running.process.wait(30) == 2


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--port", "99999", "99999 is not in the range 0<=x<=65535"),
        ("--nuclio-port", "-1", "-1 is not in the range"),
        ("--account", "12", "'12' is not like 000000000000, twelve digits"),
        ("--region", "nowhere", "'nowhere' is not like us-east-1"),
        ("--retry-delay", "-5", "-5.0 is not in the range x>=0"),
    ],
)
def test_an_option_that_cannot_be_is_named(option: str, value: str, words: str) -> None:
    done = CliRunner().invoke(command, ["emulator", option, value])
    assert done.exit_code == 2
    assert option in done.output and words in done.output


def test_a_proxy_of_the_environment_is_passed_by(
    pelton_emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    account = Account(pelton_emulator.url, "us-east-1", "a", "b")
    assert Aws(account).client("lambda").list_functions()["Functions"] == []
    assert pelton_emulator.client("sqs").list_queues().get("QueueUrls", []) == []
    assert pelton_emulator.time() > 0


@pytest.mark.parametrize(
    ("option", "begins"),
    [("manual@2026-01-01T00:00:00", 1767225600.0), ("manual@2026-01-01T02:00+02:00", 1767225600.0)],
)
def test_a_manual_clock_begins_when_told(
    start: Callable[..., Any], option: str, begins: float
) -> None:
    said = ready(
        start("emulator", "--port", "0", "--nuclio-port", "0", "--json", "--clock", option)
    )
    told = plain.get(f"{said['url']}/_pelton/clock", trust_env=False).json()
    assert told == {"time": begins, "mode": "manual"}


@pytest.mark.fidelity("Safety", "a killed emulator's temporary folders are removed by the next one")
def test_a_killed_emulator_s_folders_are_swept(
    start: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    words = ("emulator", "--port", "0", "--nuclio-port", "0", "--json")
    killed = start(*words)
    deploy_both(ready(killed))
    assert killed.end(signal.SIGKILL) == (-9, [])
    (left,) = scratch.glob("pelton-*")
    following = start(*words)
    deploy_both(ready(following))
    assert not left.exists()
    assert following.end(signal.SIGTERM) == (0, [])
    assert list(scratch.iterdir()) == []
