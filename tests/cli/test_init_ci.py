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
from pelton.cli.pipelines_env import with_environments
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


def test_both_services_run_the_same() -> None:
    """Beside the comment that GitHub alone is given."""
    read = {service: yaml.safe_load(text) for service, (_, text) in PIPELINES.items()}
    github, gitlab = (list(scripts(service, read[service])) for service in ("github", "gitlab"))
    (name, plan), *rest = github
    without = [line for line in plan.splitlines() if not line.startswith("{ echo")]
    assert len(without) == len(plan.splitlines()) - 1
    (job, run), *others = gitlab
    assert (job, run.splitlines(), others) == (name, without, rest)


def test_every_step_runs_in_a_new_folder(tmp_path: Path, pelton_emulator: RunningEmulator) -> None:
    """On one service; the other's scripts are the same."""
    service = "github"
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


SETTINGS = """
memory = 256
[env.dev]
prefix = "dev-"
[env.staging]
prefix = "staging-"
[env.prod]
memory = 512
"""


@pytest.fixture
def pipelines(tmp_path: Path) -> dict[str, Any]:
    """Of a folder with environments, by service."""
    (tmp_path / "pelton.toml").write_text(SETTINGS)
    return {service: init(tmp_path, service) for service in PIPELINES}


def test_what_jobs_of_environments_run(
    pipelines: dict[str, Any], tmp_path: Path, pelton_emulator: RunningEmulator
) -> None:
    """On one service; the other's scripts are the same."""
    jobs, gitlab = pipelines["github"]["jobs"], pipelines["gitlab"]
    (plan,) = [each["run"] for each in jobs["plan"]["steps"] if each.get("name") == "Plan"]
    (deploy,) = [each["run"] for each in jobs["staging"]["steps"] if each.get("name") == "Deploy"]
    assert [plan, deploy] == [*gitlab[".plan"]["script"], *gitlab["deploy-staging"]["script"]]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    given = {"PATH": path, "PELTON_WHERE": f"--to local --endpoint {pelton_emulator.url}"}
    said = _run(plan, tmp_path, given | {"ENVIRONMENT": "dev"})
    assert "dev-hello on lambda" in said and "memory: 256" in said
    assert (tmp_path / "plan-dev.txt").read_text() in said
    assert deploy == "pelton deploy app.py $PELTON_WHERE --env staging"


def test_each_environment_is_planned_and_two_are_deployed(
    pipelines: dict[str, Any], tmp_path: Path
) -> None:
    jobs, gitlab = pipelines["github"]["jobs"], pipelines["gitlab"]
    assert list(jobs) == ["plan", "comment", "staging", "prod"]
    assert jobs["prod"]["needs"] == "staging" and jobs["prod"]["environment"] == "prod"
    assert jobs["prod"]["steps"][-1]["run"] == "pelton deploy app.py $PELTON_WHERE --env prod"
    assert jobs["plan"]["strategy"]["matrix"]["include"] == [
        {"environment": name, "role": f"AWS_ROLE_{name.upper()}"}
        for name in ("dev", "staging", "prod")
    ]
    assert [name for name in gitlab if name.startswith(("plan-", "deploy-"))] == [
        "plan-dev", "plan-staging", "plan-prod", "deploy-staging", "deploy-prod",
    ]  # fmt: skip
    for name in ("dev", "staging", "prod"):
        assert gitlab[f"plan-{name}"]["variables"] == {"ENVIRONMENT": name}
        assert gitlab[f"plan-{name}"]["artifacts"]["paths"] == [f"plan-{name}.txt"]
    assert gitlab["deploy-prod"]["rules"][0]["when"] == "manual"
    assert "when" not in gitlab["deploy-staging"]["rules"][0]
    for service in PIPELINES:
        head = (tmp_path / PIPELINES[service][0]).read_text().partition("\n#\n")[0]
        assert "deploy staging on merge, prod" in head and "Not deployed from here: dev." in head


def _run(script: str, folder: Path, given: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-e", "-c", script], cwd=folder, env=os.environ | given, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_plans_of_all_environments_are_one_comment(tmp_path: Path) -> None:
    text = with_environments("github", ["a", "prod"], "app.py")
    steps = yaml.safe_load(text)["jobs"]["comment"]["steps"]
    (script,) = [each["run"] for each in steps if each.get("name") == "Put the plans together"]
    for name in ("a", "prod"):
        (tmp_path / f"plan-{name}.txt").write_text(f"of {name}\n")
    _run(script, tmp_path, {})
    assert (tmp_path / "plan.md").read_text() == (
        "### pelton plan --env a\n```\nof a\n```\n### pelton plan --env prod\n```\nof prod\n```\n"
    )


def test_an_app_that_the_settings_name_is_the_pipeline_s(tmp_path: Path) -> None:
    (tmp_path / "pelton.toml").write_text('app = "shop.py:shop"\n[env.live]\n')
    pipeline = init(tmp_path, "gitlab")
    assert not (tmp_path / "app.py").exists()
    (script,) = pipeline["deploy-live"]["script"]
    assert script == "pelton deploy shop.py:shop $PELTON_WHERE --env live"
    assert pipeline["deploy-live"]["rules"][0]["when"] == "manual", "one alone is production"


def test_a_name_that_no_pipeline_takes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pelton.toml").write_text('[env."a b"]\nmemory = 256\n')
    done = CliRunner().invoke(command, ["init", str(tmp_path), "--ci", "github"])
    assert done.exit_code == 1
    assert "environment 'a b': a pipeline takes letters" in done.output
    assert not (tmp_path / "app.py").exists()
