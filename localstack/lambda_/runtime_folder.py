"""The folder that stands for /var/runtime: the runtime client and boto3, and nothing else.

One a Python: what is pure is linked from the emulator's own environment; what has native modules
is there for the emulator's own Python only, so another one's comes, once and in the same version,
through `uv` from its cache or the package index.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from ..link_farm import RuntimeMissing, is_native, lend_python, link_farm
from ..link_farm import versions as versions_of
from .environment import LANG
from .interpreters import Interpreter, own

DISTRIBUTIONS = (
    "awslambdaric",
    "simplejson",
    "snapshot-restore-py",
    "boto3",
    "botocore",
    "s3transfer",
    "jmespath",
    "python-dateutil",
    "six",
    "urllib3",
)
FETCH_SECONDS = 60
FORM = 5  # another way of making it is another folder


def versions() -> dict[str, str]:
    """The distributions of the runtime folder with their versions."""
    return versions_of(DISTRIBUTIONS)


def runtime_folder(interpreter: Interpreter | None = None, cache: Path | None = None) -> Path:
    """The folder for a Python, made when it is not there yet.

    Raises `RuntimeMissing` when the runtime client cannot be had for it.
    """
    python = interpreter or own()
    fetched = [] if python == own() else [name for name in DISTRIBUTIONS if is_native(name)]
    return link_farm(
        [name for name in DISTRIBUTIONS if name not in fetched],
        f"runtime{FORM}",
        cache,
        tag=python.tag,
        also=fetched,
        fill=lambda folder: _fetch(python, folder) if fetched else None,
        finish=lambda folder: _finish(python, folder),
    )


def _finish(python: Interpreter, folder: Path) -> None:
    start = files(__package__) / "runtime_start.py"
    (folder / "bootstrap.py").write_bytes(start.read_bytes())
    _compile(python, folder)
    lend_python(folder, python.executable)
    (folder / "lang").mkdir()
    lend_python(folder / "lang", f"{LANG}/bin/{python.runtime}")


def _compile(python: Interpreter, folder: Path) -> None:
    """Bytecode for all of it: without, a cold start that imports boto3 takes twice as long."""
    # What a Python cannot compile it will say when it is imported.
    subprocess.run(
        [python.executable, "-I", "-S", "-m", "compileall", "-q", str(folder),
         "--invalidation-mode", "unchecked-hash"],
        stdout=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def _fetch(python: Interpreter, folder: Path) -> None:
    """Install the native distributions for another Python: from uv's cache, else from the index."""
    native = {n: v for n, v in versions().items() if is_native(n)}
    wanted = [f"{name}=={version}" for name, version in native.items()]
    refused = ""
    for more in (["--offline"], []):
        refused = _install(python, folder, [*wanted, *more])
        if not refused:
            shutil.rmtree(folder / "bin", ignore_errors=True)
            (folder / ".lock").unlink(missing_ok=True)
            return
    last = refused.strip().splitlines()[-1].strip(" │╰▶─") if refused.strip() else "no answer"
    raise RuntimeMissing(f"{' and '.join(wanted)} could not be had for it: {last}")


def _install(python: Interpreter, folder: Path, words: list[str]) -> str:
    """What uv said against it, "" when it is done."""
    import uv

    command = [
        uv.find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:",
        "--no-compile-bytecode", "--target", str(folder), "--python", sys.executable,
        "--python-version", python.version, *words,
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=FETCH_SECONDS,
            # No network is said at once, not after three tries.
            env={**os.environ, "UV_HTTP_RETRIES": "0"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stderr or f"exit status {done.returncode}") if done.returncode else ""
