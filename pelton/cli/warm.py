"""Commands run again and again, each in a process of its own that has imported what it needs.

`pelton dev` deploys on every save, with the code read anew, and most of a deploy's second was
importing pelton and boto3.  So this process imports them, once and never the app, and each command
is a fork of it.  Where there is no fork that is safe (macOS, Windows) it is a new process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module

# What `pelton deploy` imports while it runs; one that is not installed is said by the command.
_NEEDED = (
    "boto3", "botocore.config", "botocore.endpoint", "botocore.handlers", "botocore.httpsession",
    "botocore.parsers", "botocore.paginate", "botocore.regions", "botocore.retries.standard",
    "botocore.waiter", "httpcore", "httpx", "pelton.builders", "pelton.builders.make",
    "pelton.cli.deploy", "pelton.deploy.apply", "pelton.deploy.session", "pydantic", "uv",
    "zipfile",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Done:
    """A command's end: its exit code and what it printed; its errors went to standard error."""

    code: int
    said: str


def prepare() -> None:
    """Import what commands will need, and find the Python that most functions are compiled for:
    a version manager's answer takes a quarter of a second."""
    for name in _NEEDED if can_fork() else ():
        with suppress(ImportError):
            import_module(name)
    from ..builders.interpreters import interpreter
    from ..handlers.platforms import Aws

    interpreter(Aws().runtime.removeprefix("python"))


def can_fork() -> bool:
    """Whether a fork of this process may go on as another."""
    return sys.platform == "linux"


def run(words: list[str]) -> Done:
    """A `pelton` command in a process of its own, to its end."""
    if not can_fork():
        command = [sys.executable, "-m", "pelton", *words]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        return Done(done.returncode, done.stdout)
    read_end, write_end = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        _become(words, write_end)
    os.close(write_end)
    with open(read_end, encoding="utf-8", errors="replace") as said:
        text = said.read()
    _, status = os.waitpid(pid, 0)
    return Done(os.waitstatus_to_exitcode(status), text)


def _become(words: list[str], output: int) -> None:
    """In the child: run the command, and end."""
    code = 1
    try:
        os.dup2(output, 1)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
        from . import command

        command.main(words, prog_name="pelton")
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
