"""A job on a real ray cluster, in an environment of its own: ray is no dependency of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .test_jobs import ANSWERS, MODULE, ROWS

ROOT = Path(__file__).parents[2]
SCRIPT = f"""
import flights_of_jobs as flights
from pelton import JobFailed

rows = {ROWS!r}
done = flights.graph.job(rows, executor="ray", workers=2, chunk=4)
assert done.answers == {ANSWERS!r}, done
failing = [*rows, {{"id": "bad", "distance": -1.0}}]
done = flights.graph.job(failing, executor="ray", workers=1, errors="collect")
assert done.errors[0].row == 25 and done.errors[0].step == "scaled/Scale", done
try:
    flights.deadly.job(rows, executor="ray", workers=1, chunk=4)
except JobFailed as error:
    print(str(error).partition(":")[0])
"""


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_ray_cluster_gives_the_same(tmp_path: Path) -> None:
    uv, home = Path(sys.executable).with_name("uv"), tmp_path / "env"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, home], check=True)
    python = home / "bin" / "python"
    # Compiled at once: ray starts many processes, and waits for them only so long.
    install = ["pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
    subprocess.run([uv, *install, "ray[default]", "pydantic", "httpx", "click"], check=True)
    (tmp_path / "flights_of_jobs.py").write_text(MODULE)
    (tmp_path / "main.py").write_text(SCRIPT)
    done = subprocess.run(
        [python, "main.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "RAY_AUTH_MODE": "disabled"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "ray's workers died over rows 12 to 15" in done.stdout
