"""Run the tests on every other supported Python that this machine has, and say which it lacks.

The main run covers one interpreter; what ships inside functions, and one whole way through
the emulator, must hold on the others too.  mypy and ruff check the rest by target version.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import uv

ROOT = Path(__file__).parent.parent
SUPPORTED = ("3.11", "3.12", "3.13")
TESTS = ("tests/handlers", "tests/runtime", "tests/serving_graph", "tests/test_first_light.py")


def candidates(version: str) -> Iterator[Path]:
    """Where a Python of that version usually is: the search path, then pyenv's folder."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        yield Path(folder) / f"python{version}"
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(root.glob(f"versions/{version}.*/bin/python{version}"), reverse=True)


def interpreter(version: str) -> str | None:
    """The path of a Python that answers with that version (a pyenv shim may not)."""
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    for path in candidates(version):
        if path.exists():
            asked = subprocess.run(
                [path, "-c", question], capture_output=True, text=True, check=False
            )
            if asked.stdout.strip() == version:
                return str(path)
    return None


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
