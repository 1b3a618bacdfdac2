"""What a deploy publishes, and where triggers go, by the command line on the emulator."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pelton.pytest_plugin import RunningEmulator

from .. import plain
from .commands import run_command

APP = """
import pelton

app = pelton.App("greet")

@app.function(VERSIONStriggers=[
    pelton.http("GET", "/hi"), pelton.sqs("jobs"), pelton.cron(every="1h")
])
def hello(event: pelton.Event) -> str:
    return "NUMBER"
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def pelton(pelton_emulator: RunningEmulator, tmp_path: Path) -> Run:
    pelton_emulator.client("sqs").create_queue(QueueName="jobs")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return run_command([*words, "--endpoint", pelton_emulator.url], tmp_path)

    return run


def _write(folder: Path, number: str, versions: str = "versions=2, ") -> None:
    text = APP.replace("NUMBER", number).replace("VERSIONS", versions)
    (folder / "greet_app.py").write_text(text)


def test_a_deploy_publishes_and_triggers_call_the_alias(
    pelton: Run, pelton_emulator: RunningEmulator, tmp_path: Path
) -> None:
    client = pelton_emulator.client("lambda")
    _write(tmp_path, "one", versions="")
    assert pelton("deploy", "greet_app.py").returncode == 0
    old_url = client.get_function_url_config(FunctionName="hello")["FunctionUrl"]
    (mapping,) = client.list_event_source_mappings(FunctionName="hello")["EventSourceMappings"]

    _write(tmp_path, "one")  # and now with versions
    first = pelton("deploy", "greet_app.py")
    assert first.returncode == 0, first.stderr
    assert "hello on lambda: create release (live)" in first.stdout
    url = client.get_function_url_config(FunctionName="hello", Qualifier="live")["FunctionUrl"]
    moved = client.get_event_source_mapping(UUID=mapping["UUID"])
    assert moved["FunctionArn"].endswith(":function:hello:live"), "the same one, where it stands"
    events = pelton_emulator.client("events")
    (target,) = events.list_targets_by_rule(Rule="hello.cron0")["Targets"]
    assert target["Arn"].endswith(":function:hello:live")
    assert plain.get(f"{old_url}hi").text == "one", "who knew the old address still gets an answer"

    _write(tmp_path, "two")
    held = pelton("deploy", "greet_app.py", "--hold")
    assert held.returncode == 0, held.stderr
    assert plain.get(f"{url}hi").text == "one"
    assert pelton("plan", "greet_app.py").returncode == 0, "held back is what the app asks for"
    promoted = pelton("promote", "hello", "--json")
    assert json.loads(promoted.stdout)["version"] == "2"
    assert plain.get(f"{url}hi").text == "two"
    assert json.loads(pelton("rollback", "hello", "--json").stdout)["version"] == "1"
    assert plain.get(f"{url}hi").text == "one"
    assert pelton("plan", "greet_app.py").returncode == 0, "no deploy undoes a rollback"
