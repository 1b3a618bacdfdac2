"""One external extension's process: started beside the runtime, its output in the same log."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Awaitable, Callable

from ..drivers.started import OnExit, Started
from ..processes import Pipe, status_words
from ..telemetry.journal import Journal
from ..telemetry.lines import Lines

# (where it prints to, where the errno goes when it cannot be run, what is told its end) starts it
Begin = Callable[[int, int, OnExit], Awaitable[Started]]


class Program:
    """The process of the extension `name`; `on_exit` is called once, with this, at its end."""

    def __init__(self, name: str, journal: Journal, on_exit: Callable[[Program], None]) -> None:
        self.name = name
        self.alive = False
        self.code = 0
        self.launch_error = 0  # the errno with which its file could not be run
        self._journal, self._on_exit = journal, on_exit
        self._lines = Lines(journal.extension_line)
        self._started: Started | None = None
        self._output = Pipe(self._take)
        self._fault = -1

    async def start(self, begin: Begin) -> None:
        """Run it; what cannot be run ends at once.  Raises ForkServerGone."""
        output = self._output.open()
        self._fault, fault = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._fault, False)
        try:
            self._started = await begin(output, fault, self._exited)
            self.alive = True
        finally:
            os.close(output)
            os.close(fault)

    @property
    def words(self) -> str:
        """How AWS words its end."""
        if self.launch_error:
            reason = os.strerror(self.launch_error).lower()
            return f"fork/exec /opt/extensions/{self.name}: {reason}"
        return status_words(self.code) if self.code else "exit code 0"

    @property
    def launch_error_type(self) -> str:
        return "PermissionDenied" if self.launch_error == errno.EACCES else "UnknownError"

    def kill(self) -> None:
        if self.alive and self._started is not None:
            self._started.kill()

    def close(self) -> None:
        """Let go of its pipes, when it is not to be heard of any more."""
        self._output.close()
        if self._fault >= 0:
            os.close(self._fault)
            self._fault = -1

    def _take(self, data: bytes) -> None:
        self._lines.add(data, self._journal.now())

    def _exited(self, code: int, peak: int) -> None:
        self.alive, self.code = False, code
        self._output.read()
        self._lines.end(self._journal.now())
        if self._fault >= 0:
            with contextlib.suppress(BlockingIOError):  # a child of it holds the pipe: it was run
                self.launch_error = int(os.read(self._fault, 16) or b"0")
        if self._started is not None:
            self._started.kill()  # what it has started
        self.close()
        self._on_exit(self)
