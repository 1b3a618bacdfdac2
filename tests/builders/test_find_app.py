"""Which app a folder is of, and what `pelton build` says and writes there."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from pelton.builders import BuildError
from pelton.builders.find_app import find_app

from ..deploy.commands import run_command

APP = """
import pelton
app = pelton.App("shop")

@app.function
def double(n: int) -> int:
    return 2 * n
"""


def test_the_one_module_with_an_app(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APP)
    (tmp_path / "helper.py").write_text("import pelton\nx = pelton.Event()\n")
    (tmp_path / "broken.py").write_text("import pelton.App(")
    found = find_app(tmp_path)
    assert found == (str(tmp_path / "shop.py"), "shop.py, the one module here with a pelton.App")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pelton.toml", 'app = "other.py:shop"'),
        ("pyproject.toml", '[project]\nname = "x"\n[tool.pelton]\napp = "other.py:shop"'),
    ],
)
def test_settings_name_it(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / "shop.py").write_text(APP)
    (tmp_path / file).write_text(text)
    assert find_app(tmp_path) == (str(tmp_path / "other.py:shop"), f"other.py:shop, by {file}")
    (tmp_path / file).write_text(text.replace("other.py:shop", "package.web:app"))
    assert find_app(tmp_path).where == "package.web:app"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "no module in .* makes a pelton.App"),
        ({"a.py": APP, "b.py": f"{APP}\nsecond = pelton.App('b')"}, r"a\.py:app, b\.py:app, b"),
        ({"pelton.toml": "app = 7"}, "app = 7 names no app"),
        ({"pelton.toml": "app = "}, "pelton.toml cannot be read"),
    ],
)
def test_what_names_no_app_is_refused(tmp_path: Path, files: dict[str, str], said: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(BuildError, match=said):
        find_app(tmp_path)


def pelton(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run_command(["build", *words], folder)


def test_a_build_writes_a_manifest_of_every_file(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APP)
    done = pelton(tmp_path, "--to", "aws", "--to", "nuclio", "--out", "made")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "app: shop.py, the one module here with a pelton.App\n"
    lines = done.stdout.splitlines()
    assert lines[-1] == "made/manifest.json  2 artifacts"
    manifest = json.loads((tmp_path / "made" / "manifest.json").read_text())
    kinds = [(each["platform"], each["package"]) for each in manifest["artifacts"]]
    assert kinds == [("lambda", "zip"), ("nuclio", "archive")]
    written = {each.name for each in (tmp_path / "made").iterdir()} - {"manifest.json"}
    assert set(manifest["files"]) == written
    for name, told in manifest["files"].items():
        data = (tmp_path / "made" / name).read_bytes()
        assert told == {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def test_a_build_that_fails_says_what_it_has_left(tmp_path: Path) -> None:
    bad = '\n\n@app.function(include=["none.txt"])\ndef worse(n: int) -> int:\n    return n\n'
    (tmp_path / "shop.py").write_text(f"{APP}{bad}")
    done = pelton(tmp_path)
    assert done.returncode == 1 and "none.txt" in done.stderr
    assert "build has 1 of 2 artifacts and no manifest.json" in done.stderr
    assert not (tmp_path / "build" / "manifest.json").exists()


def test_images_are_refused_by_name_where_nothing_builds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop.py").write_text(APP)
    monkeypatch.setenv("PATH", str(tmp_path))
    done = pelton(tmp_path, "--image", "--json")
    assert done.returncode == 1
    assert "no tool here builds images" in json.loads(done.stdout)["error"]["message"]
    for words in (["--image", "--package", "zip"], ["--base", "no/such"]):
        assert pelton(tmp_path, *words).returncode == 2
    assert not (tmp_path / "build").exists()
