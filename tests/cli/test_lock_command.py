"""`pelton lock` and `pelton cache`, and the options that builds have about requirements."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pelton.cli import command

APP = """
import pelton

app = pelton.App("shop", requirements="requirements.txt")

@app.function
def one(n: int) -> int:
    return n

@app.function(requirements=[])
def two(n: int) -> int:
    return n
"""
names = iter(f"lock_app_{number}" for number in range(1000))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"{next(names)}.py"
    path.write_text(APP)
    (tmp_path / "requirements.txt").write_text("tiny\n")
    (tmp_path / "wheels").mkdir()
    wheel(tmp_path, "tiny", "1.0")
    return path


def wheel(folder: Path, name: str, version: str) -> None:
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / "wheels" / f"{name}-{version}-py3-none-any.whl", "w") as out:
        out.writestr(f"{name}.py", f"v = '{version}'\n")
        out.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        out.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nTag: py3-none-any\n")
        out.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n")


def run(*words: str) -> Result:
    return CliRunner().invoke(command, list(words))


def lock(file: Path, *more: str) -> Result:
    return run("lock", str(file), "--offline", "--find-links", "wheels", *more)


def test_a_lock_is_written_kept_upgraded_and_checked(file: Path, tmp_path: Path) -> None:
    assert lock(file, "--check").exit_code == 1
    assert lock(file).output == "+ tiny 1.0\npelton.lock is written (1 distributions); commit it\n"
    wheel(tmp_path, "tiny", "2.0")
    assert lock(file).output == "pelton.lock is as it should be (1 distributions)\n"
    assert lock(file, "--check").exit_code == 0
    said = json.loads(lock(file, "--upgrade", "tiny", "--json").output)
    assert (said["removed"], said["added"]) == ([["tiny", "1.0"]], [["tiny", "2.0"]])
    assert lock(file, "--check", "--upgrade-all").exit_code == 2
    absent = lock(file, "--upgrade", "no_such")
    assert absent.exit_code == 1 and "--upgrade no_such: nothing that" in absent.output


def test_a_build_writes_the_lock_and_holds_to_it(file: Path, tmp_path: Path) -> None:
    options = ["--offline", "--find-links", "wheels"]
    refused = run("build", str(file), *options, "--locked")
    assert "there is no" in refused.output
    assert run("build", str(file), *options).exit_code == 0
    assert 'name = "tiny"' in (tmp_path / "pelton.lock").read_text()
    assert run("build", str(file), *options, "--locked").exit_code == 0
    (tmp_path / "requirements.txt").write_text("tiny>=1\n")
    changed = run("build", str(file), *options, "--locked")
    assert "pelton.lock would have to change" in changed.output
    assert "(+tiny>=1, -tiny)" in changed.output


def test_the_cache_is_shown_pruned_and_cleaned(file: Path) -> None:
    lock(file)
    shown = json.loads(run("cache", "--json").output)
    assert shown["bytes"]["installed"] > 0
    assert run("cache", "prune", "--days", "1").output.startswith("0.0 KB freed")
    assert json.loads(run("cache", "clean", "--json").output)["bytes"] == {}
    assert lock(file).exit_code == 0  # and is made anew


def test_an_app_that_requires_nothing_has_nothing_to_lock(file: Path) -> None:
    file.write_text(APP.replace(', requirements="requirements.txt"', ""))
    assert "there is nothing to lock" in lock(file).output
