"""Run the tests on every other supported Python that this machine has, and say which it lacks.

The main run covers one interpreter; what ships inside functions, and one whole way through
the emulator, must hold on the others too.  mypy and ruff check the rest by target version.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import uv

from pelton.builders.interpreters import interpreter

ROOT = Path(__file__).parent.parent
SUPPORTED = ("3.11", "3.12", "3.13")
TESTS = ("tests/handlers", "tests/runtime", "tests/serving_graph", "tests/test_first_light.py")


def check(version: str, python: str) -> None:
    tool, environment = uv.find_uv_bin(), ROOT / f".venv-{version}"
    inside = str(environment / "bin" / "python")
    if not environment.exists():
        subprocess.run([tool, "venv", "--quiet", "--python", python, environment], check=True)
    subprocess.run(
        [
            tool,
            "pip",
            "sync",
            "--quiet",
            "--python",
            inside,
            "--require-hashes",
            "requirements.lock",
        ],
        cwd=ROOT,
        check=True,
    )
    subprocess.run(
        [
            tool,
            "pip",
            "install",
            "--quiet",
            "--python",
            inside,
            "--no-deps",
            "--no-build-isolation",
            "--editable",
            ".",
        ],
        cwd=ROOT,
        check=True,
    )
    done = subprocess.run([inside, "-m", "pytest", "-q", "-n", "2", *TESTS], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(f"the tests fail on Python {version}")


def main() -> None:
    current = f"{sys.version_info.major}.{sys.version_info.minor}"
    for version in SUPPORTED:
        if version == current:
            print(f"python {version}: the main run", flush=True)
        elif python := interpreter(version):
            print(f"python {version}: tests of what ships, and first light", flush=True)
            check(version, python)
        else:
            print(f"python {version}: not on this machine; checked by mypy and ruff", flush=True)


if __name__ == "__main__":
    main()
