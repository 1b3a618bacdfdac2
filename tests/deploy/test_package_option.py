"""`--package` of a plan, a saved one too, and a plan made while somebody deploys."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pelton.cli import command
from pelton.deploy.state import FileStore
from pelton.pytest_plugin import RunningEmulator

APP = """
import pelton

app = pelton.App("forms")

@app.function
def form(n: int) -> int:
    return n
"""
Run = Callable[..., Result]


@pytest.fixture
def run(pelton_emulator: RunningEmulator, tmp_path: Path) -> Iterator[Run]:
    (tmp_path / "forms_app.py").write_text(APP)
    where = ["--endpoint", pelton_emulator.url, "--nuclio-endpoint", pelton_emulator.nuclio_url]
    file = str(tmp_path / "forms_app.py")
    yield lambda name, *words: CliRunner().invoke(command, [name, file, *where, *words])
    sys.modules.pop("forms_app", None)


def kinds(said: Result) -> list[str]:
    assert said.exit_code == 2, said.output
    return [each["kind"] for each in json.loads(said.output)["steps"]]


def test_a_plan_is_of_the_form_that_was_asked_for(run: Run, tmp_path: Path) -> None:
    both = kinds(run("plan", "--on", "both", "--json", "--package", "sourceCode"))
    assert {"function", "nuclio_function"} <= set(both) and "archive" not in both
    wrong = run("plan", "--on", "lambda", "--package", "archive")
    assert wrong.exit_code == 1 and "lambda has no package 'archive'" in wrong.output
    saved = str(tmp_path / "saved.json")
    kinds(run("plan", "--on", "nuclio", "--json", "--package", "sourceCode", "--out", saved))
    done = CliRunner().invoke(command, ["deploy", saved])
    assert done.exit_code == 0, done.output
    assert "archive" in kinds(run("plan", "--on", "nuclio", "--json")), "its settings' own form"


def test_a_plan_says_that_somebody_deploys(run: Run, tmp_path: Path) -> None:
    store = FileStore(tmp_path / ".pelton" / "state" / "local" / "forms.json")
    with store.lock("pelton deploy"):
        (note,) = json.loads(run("plan", "--json").output)["notes"]
    assert note.startswith("the state is locked by ") and "pelton deploy), since" in note
    assert "locked" not in run("plan").output


def test_a_plan_says_that_the_emulator_is_in_another_region(run: Run) -> None:
    (note,) = json.loads(run("plan", "--json", "--region", "eu-west-1").output)["notes"]
    assert note == (
        "the emulator is in us-east-1, not in eu-west-1: start it with "
        "`pelton emulator --region eu-west-1` for that"
    )
    assert json.loads(run("plan", "--json", "--region", "us-east-1").output)["notes"] == []
