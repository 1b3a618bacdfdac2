"""A worker as the operating system has it: one process group, what it prints, how it ends.

What the program in it is asked and answers is not known here, but in `worker`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from importlib.resources import as_file, files

from ..clock import MACHINE, Timer
from .program import Program
from .sayings import Output

LAST = 4000  # characters of what it has said, in the words about its end
LINGERS = 1.0  # seconds in which one that has hung up may end by itself, and say its own last words


class WorkerProcess:
    """The process of one worker, and all that it starts.

    said: called with every line that it prints
    gone: called when it has ended, and what it has printed is read
    """

    def __init__(self, said: Callable[[str], None], gone: Callable[[], None]) -> None:
        self._said, self._gone = said, gone
        self._process: subprocess.Popen[bytes] | None = None
        self._exit = -1  # what becomes readable when the process has ended
        self._output: Output | None = None
        self._lingers: Timer | None = None

    @property
    def began(self) -> bool:
        return self._process is not None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def was_killed(self) -> bool:
        return self._process is not None and (self._process.poll() or 0) < 0

    def start(
        self, program: Program, options: list[str], environment: Mapping[str, str], cwd: str
    ) -> None:
        """options: what the program is told on its command line"""
        read_end, write_end = os.pipe()
        self._output = Output(read_end, self._said)
        try:
            self._process = _spawn(program, options, environment, cwd, write_end)
        except BaseException:
            self._output.close()
            raise
        finally:
            os.close(write_end)
        self._exit = os.pidfd_open(self._process.pid)
        asyncio.get_running_loop().add_reader(self._exit, self._exited)

    def forget(self) -> None:
        """Its last words are to be of what comes now."""
        if self._output is not None:
            self._output.clear()

    @property
    def last_words(self) -> str:
        said = self._output.last_words if self._output else ""
        code = self._process.poll() if self._process else None
        return f"the worker process ended with code {code}" + (f":\n{said[-LAST:]}" if said else "")

    def signal(self, number: int) -> None:
        if self._process is not None and self.alive:
            self._process.send_signal(number)

    def kill(self) -> None:
        """With everything that it has started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def lost(self) -> None:
        """It has hung up: it is ending, or else is of no use."""
        if self._exit >= 0 and self._lingers is None:
            self._lingers = MACHINE.call_later(LINGERS, self.kill)

    def _exited(self) -> None:
        if self._lingers is not None:
            self._lingers.cancel()
        if self._exit < 0 or self._process is None:
            return
        asyncio.get_running_loop().remove_reader(self._exit)
        os.close(self._exit)
        self._exit = -1
        self._process.wait()
        # What it has printed is there; a process of its own that lives on may hold the other end.
        if self._output is not None:
            self._output.read()
            self._output.close()
        self._gone()


def _spawn(
    program: Program, options: list[str], environment: Mapping[str, str], cwd: str, output: int
) -> subprocess.Popen[bytes]:
    folder = files(__package__)
    ours = folder / "worker_child.py"
    with as_file(folder / "worker_start.py") as start, as_file(ours) as child:
        wrapper = str(program.wrapper or child)
        given = {
            "path": program.python_path(wrapper),
            "python": program.python,
            "addresses": program.addresses,
            "wrapper": wrapper,
            "mounts": program.mounts,
            "options": options,
        }
        return subprocess.Popen(
            [program.runs_on, "-S", "-s", "-E", "-u", str(start), json.dumps(given)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(environment),
            cwd=cwd,
            start_new_session=True,
        )
