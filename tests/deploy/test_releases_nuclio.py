"""Versions on Nuclio: a deploy that is held back, a canary behind an API gateway, and the way back,
under load, without a request that fails, is lost, or is answered twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pelton.deploy.targets.aws import Account, Aws
from pelton.deploy.targets.nuclio import Nuclio
from pelton.deploy.targets.target import Target
from pelton.deploy.versions import verbs
from pelton.deploy.versions.canary import Step
from pelton.deploy.versions.gates import parse
from pelton.deploy.versions.nuclio import NuclioVersions
from pelton.deploy.versions.release import Split
from pelton.pytest_plugin import RunningEmulator

from .. import plain
from .commands import run_command
from .load import Load
from .releases import release_all_ways, releases_at

APP = """
import time
import pelton

app = pelton.App("greet")

@app.function(
    versions=2,
    triggers=[pelton.http("POST", "/hi"), pelton.cron(every="1h")],
    nuclio=pelton.Nuclio(host="hello.localhost", workers=2),
)
def hello(event: pelton.Event) -> str:
    return "NUMBER " + event.body.decode()
"""
Deploy = Callable[..., None]


@pytest.fixture
def deploy(pelton_emulator: RunningEmulator, tmp_path: Path) -> Deploy:
    """Deploys a version that answers `number`."""
    where = ["--endpoint", pelton_emulator.url, "--nuclio-endpoint", pelton_emulator.nuclio_url]

    def run(number: str, *words: str) -> None:
        (tmp_path / "greet_app.py").write_text(APP.replace("NUMBER", number))
        command = ["deploy", "greet_app.py", "--on", "nuclio", *words, *where]
        done = run_command(command, tmp_path)
        assert done.returncode == 0, done.stderr

    return run


def test_releases_under_load(pelton_emulator: RunningEmulator, deploy: Deploy) -> None:
    aws = Aws(Account(pelton_emulator.url, "us-east-1", "test", "test"))
    nuclio = Nuclio(pelton_emulator.nuclio_url)
    versions = NuclioVersions(Target(aws, nuclio))
    deploy("first")
    with Load(f"{pelton_emulator.nuclio_url}/_gateway/hello/hi", 3, rest=0.01) as load:
        load.until("first")
        deploy("second", "--hold")
        assert versions.read("hello").split == Split("1"), "held back"
        gates = [parse("errors<50%"), parse("mean<60s")]
        verbs.start(versions, "hello", [Step(0.5)], gates, now=0.0, by="ana", least=1)
        load.until("second")
        both = set(nuclio.get("/api/functions", "functions") or {})
        assert both == {"hello", "hello-canary"}
        gateway = nuclio.get("/api/api_gateways/hello", "hello") or {}
        shares = [each["percentage"] for each in gateway["spec"]["upstreams"]]
        assert shares == [0, 50], "Nuclio takes whichever has a percentage for a canary"
        turn = verbs.look(versions, "hello", {}, now=1.0, by="ana")
        assert [each.verdict for each in turn.answers] == ["passes", "passes"]
        verbs.promote(versions, "hello", {}, now=2.0, by="ana")
        assert versions.read("hello").split == Split("2")
        assert set(nuclio.get("/api/functions", "functions") or {}) == {"hello"}
        verbs.roll_back(versions, "hello", now=3.0, by="ana")
    assert load.answers > 30
    released = versions.read("hello")
    assert released.split == Split("1") and released.numbers == ("1", "2")
    assert [each.kind for each in released.ledger.entries] == ["deploy", "promote", "rollback"]
    function = nuclio.get("/api/functions/hello", "hello") or {}
    assert "cron-1" in function["spec"]["triggers"], "what answers has all of its triggers"
    nuclio.close()
    answer = plain.post(f"{pelton_emulator.nuclio_url}/_gateway/hello/hi", content="x")
    assert answer.text == "first x"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_releases_under_much_load(pelton_emulator: RunningEmulator, tmp_path: Path) -> None:
    with releases_at(pelton_emulator, tmp_path) as releases:
        releases.deploy("first")
        with Load(releases.gateway(), 8) as load:
            load.until("first")
            release_all_ways(releases, load, range(5), 1000)
    assert load.answers > 5 * 4 * 1000
