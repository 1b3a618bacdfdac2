"""KServe's own clients, from an environment of their own, against `pelton serve`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import serving
from .test_clients import APP

HERE = Path(__file__).parent / "kserve"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with kserve, as its requirements file pins it."""
    place = tmp_path_factory.mktemp("kserve") / "venv"
    uv = [sys.executable, "-m", "uv"]
    made = [*uv, "venv", "--quiet", "--python", sys.executable, str(place)]
    subprocess.run(made, check=True)
    python = place / "bin" / "python"
    packages = ["--python", str(python), "-r", str(HERE / "requirements.txt")]
    subprocess.run([*uv, "pip", "install", "--quiet", "--no-deps", *packages], check=True)
    return python


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kserve_s_clients(python: Path, tmp_path: Path) -> None:
    (tmp_path / "flights_app.py").write_text(APP)
    with serving(tmp_path / "flights_app.py", "--grpc-port", "0") as said:
        done = subprocess.run(
            [str(python), str(HERE / "program.py"), said["url"], said["grpc"]],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    answer = ["7", "delay", 3.5, "UA is late"]
    error = answers["rest"].pop("error")
    assert "there is no model 'nope'; there are delay, '404 Not Found'" in error
    ready = {"live": True, "ready": True, "model": True}
    assert answers["rest"] == {**ready, "nope": False, "json": answer, "binary": answer}
    assert answers["grpc"] == {**ready, "raw": answer, "contents": answer}
