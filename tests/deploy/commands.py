"""`pelton` commands as a shell runs them: each in a process of its own, with its own folder and
output, but forked from one that has imported what they need, which is most of a command's time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

from pelton.pytest_plugin import RunningEmulator

Run = Callable[..., subprocess.CompletedProcess[str]]

NEEDED = ["tests.deploy.preloaded"]
LONGEST = 110  # seconds: less than a test may take


def commands_at(emulator: RunningEmulator, folder: Path) -> Run:
    """`run_command` in `folder` for what is deployed to an emulator, on both of its platforms."""
    where = ["--endpoint", emulator.url, "--nuclio-endpoint", emulator.nuclio_url]
    return lambda *words: run_command([*words, *where], folder)


def run_command(words: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """`pelton WORDS...` in `cwd`: its exit code and what it wrote."""
    starter = get_context("forkserver")
    starter.set_forkserver_preload(NEEDED)
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = starter.Process(target=_command, args=(words, cwd, out, err))
        process.start()
        process.join(LONGEST)
        if process.exitcode is None:
            process.kill()
            process.join()
        code = process.exitcode
        process.close()
        assert code is not None
        return subprocess.CompletedProcess(words, code, out.read_text(), err.read_text())


def _command(words: list[str], cwd: Path, out: Path, err: Path) -> None:
    """In the new process: be what `python -m pelton` is in a shell."""
    os.chdir(cwd)
    for path, number in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND), number)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    sys.path.insert(0, "")
    sys.argv = ["pelton", *words]
    from pelton.cli import main

    try:
        main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
