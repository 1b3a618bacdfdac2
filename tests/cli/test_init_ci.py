"""`pelton init --ci`: files that the services take, whose steps do what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from pelton.cli import command
from pelton.cli.pipelines import PIPELINES
from pelton.pytest_plugin import RunningEmulator


def init(folder: Path, service: str) -> Any:
    done = CliRunner().invoke(command, ["init", str(folder), "--ci", service])
    assert done.exit_code == 0, done.output
    return yaml.safe_load((folder / PIPELINES[service][0]).read_text())


def scripts(service: str, pipeline: Any) -> Iterator[tuple[str, str]]:
    """(job, what it runs) of what can be run anywhere: neither installs nor the service's own."""
    if service == "github":
        for name, job in pipeline["jobs"].items():
            yield from (
                (name, each["run"]) for each in job["steps"] if each.get("name") in DONE_HERE
            )
    else:
        for name in ("plan", "staging", "production"):
            yield from ((name, each) for each in pipeline[name]["script"])


DONE_HERE = ("Plan", "Deploy")


@pytest.mark.parametrize("service", list(PIPELINES))
def test_every_step_runs_in_a_new_folder(
    service: str, tmp_path: Path, pelton_emulator: RunningEmulator
) -> None:
    pipeline = init(tmp_path, service)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    where = f"--to local --endpoint {pelton_emulator.url}"
    said: dict[str, str] = {}
    for job, script in scripts(service, pipeline):
        done = subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=tmp_path,
            env=os.environ | {"PATH": path, "PELTON_WHERE": where},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{job}: {done.stdout}{done.stderr}"
        said[job] = said.get(job, "") + done.stdout
    assert list(said) == ["plan", "staging", "production"]
    assert "hello" in (tmp_path / "plan.txt").read_text() and "hello" in said["plan"]
    assert "changes applied" in said["staging"]
    assert "nothing to do" in said["production"]


def test_github_asks_before_production_and_plans_requests_only() -> None:
    jobs = yaml.safe_load(PIPELINES["github"][1])["jobs"]
    assert jobs["plan"]["if"].startswith("github.event.pull_request.head.repo.full_name ==")
    assert jobs["production"]["environment"] == "production"
    assert jobs["production"]["needs"] == "staging"
    assert jobs["staging"]["steps"] == jobs["production"]["steps"]
    assert yaml.safe_load(PIPELINES["github"][1])["permissions"]["id-token"] == "write"


def test_gitlab_waits_for_a_hand_before_production() -> None:
    pipeline = yaml.safe_load(PIPELINES["gitlab"][1])
    (rule,) = pipeline["production"]["rules"]
    assert rule["when"] == "manual" and "when" not in pipeline["staging"]["rules"][0]
    for name in ("plan", "staging", "production"):
        assert pipeline[name]["extends"] == ".pelton" and pipeline[name]["stage"] == name


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("mine\n")
    init(tmp_path, "gitlab")
    assert (tmp_path / "app.py").read_text() == "mine\n"
    again = CliRunner().invoke(command, ["init", str(tmp_path), "--ci", "gitlab"])
    assert again.exit_code == 1 and "is there already; nothing was written" in again.output
