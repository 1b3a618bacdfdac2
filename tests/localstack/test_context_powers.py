"""What `Context` can do from inside a function: call another one, read a secret; and cron."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from pelton.pytest_plugin import RunningEmulator

from .. import plain
from ..deploy.commands import commands_at
from .support import until

APP = """
import pelton
app = pelton.App("powers")

@app.function(triggers=[pelton.http("POST", "/double")])
def double(n: int) -> int:
    if n < 0:
        raise ValueError("negative")
    return 2 * n

@app.function(
    timeout=10,
    environment={"PLAIN": "from the environment"},
    triggers=[pelton.http("POST", "/ask")],
)
def ask(what: dict[str, object], context: pelton.Context) -> object:
    if "secret" in what:
        return context.secret(what["secret"])
    return context.invoke("double", what["n"])
"""
TICKS = """
import pelton
app = pelton.App("ticks")

@app.function(triggers=[pelton.cron(every="1s")])
def tick(event: pelton.Event, context: pelton.Context) -> None:
    context.logger.info("ticked", trigger=event.trigger)
"""

Deploy = Callable[..., None]


@pytest.fixture
def deploy(pelton_emulator: RunningEmulator, tmp_path: Path) -> Deploy:
    def deploy(source: str, on: str) -> None:
        (tmp_path / "powers_app.py").write_text(source)
        run = commands_at(pelton_emulator, tmp_path)
        done = run("deploy", "powers_app.py", "--on", on)
        assert done.returncode == 0, done.stderr

    return deploy


def test_on_lambda(pelton_emulator: RunningEmulator, deploy: Deploy) -> None:
    deploy(APP, "lambda")
    client = pelton_emulator.client("lambda")

    def ask(**what: object) -> object:
        answer = client.invoke(FunctionName="ask", Payload=json.dumps(what))
        return json.loads(answer["Payload"].read())

    assert ask(n=21) == 42
    failed = ask(n=-1)
    assert isinstance(failed, dict)
    assert failed["errorMessage"] == "function double failed: ValueError: negative"
    assert ask(secret="PLAIN") == "from the environment"
    secrets = pelton_emulator.client("secretsmanager")
    secrets.create_secret(Name="kept", SecretString="well")
    assert ask(secret="kept") == "well"
    missing = ask(secret="nowhere")
    assert isinstance(missing, dict)
    assert missing["errorType"] == "KeyError"
    assert "'nowhere'" in missing["errorMessage"]


def test_on_nuclio(pelton_emulator: RunningEmulator, deploy: Deploy) -> None:
    deploy(APP, "nuclio")

    def ask(**what: object) -> httpx.Response:
        return plain.post(
            f"{pelton_emulator.nuclio_url}/api/function_invocations",
            json=what,
            headers={"x-nuclio-function-name": "ask", "x-nuclio-path": "/ask"},
            timeout=30,
            trust_env=False,
        )

    assert ask(n=21).json() == 42
    assert ask(n=-1).status_code == 500
    assert "negative" in ask(n=-1).text
    assert ask(secret="PLAIN").text == "from the environment"
    assert "'nowhere'" in ask(secret="nowhere").text


def test_a_nuclio_cron_trigger_fires(pelton_emulator: RunningEmulator, deploy: Deploy) -> None:
    deploy(TICKS, "nuclio")

    def ticks() -> int:
        answer = plain.get(
            f"{pelton_emulator.nuclio_url}/api/functions/tick", timeout=30, trust_env=False
        )
        return [each["message"] for each in answer.json()["status"]["logs"]].count("ticked")

    until(lambda: ticks() >= 2)
