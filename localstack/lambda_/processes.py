"""What a sandbox sees of a process of its own: what it writes, and how it ended."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

READ = 1 << 16


class Pipe:
    """The reading end of a process's output; `take` is given what comes, as it comes.

    taken: how many bytes that was
    """

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self.taken = 0
        self._end = -1

    def open(self) -> int:
        """Begin; the writing end, for the process.  Whoever has passed it on closes it."""
        self._end, writing = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._end, False)
        asyncio.get_running_loop().add_reader(self._end, self.read)
        return writing

    def read(self) -> None:
        """Take what has been written so far; never waits."""
        while self._end >= 0:
            try:
                data = os.read(self._end, READ)
            except BlockingIOError:
                return
            if not data:
                self.close()
                return
            self.taken += len(data)
            self._take(data)
            if len(data) < READ:
                return

    def close(self) -> None:
        if self._end >= 0:
            asyncio.get_running_loop().remove_reader(self._end)
            os.close(self._end)
            self._end = -1


_NAMES = {
    signal.SIGSEGV: "segmentation fault",
    signal.SIGKILL: "killed",
    signal.SIGABRT: "aborted",
    signal.SIGTERM: "terminated",
    signal.SIGINT: "interrupt",
}


def status_words(code: int) -> str:
    """How the platform words an exit code (negative for a signal).

    >>> status_words(3), status_words(-11)
    ('exit status 3', 'signal: segmentation fault')
    """
    if code >= 0:
        return f"exit status {code}"
    try:
        number = signal.Signals(-code)
    except ValueError:
        return f"signal: {-code}"
    return f"signal: {_NAMES.get(number, number.name.lower())}"


def runtime_words(code: int) -> str:
    """How AWS words the end of a runtime.

    >>> runtime_words(3)
    'Runtime exited with error: exit status 3'
    """
    if code == 0:
        return "Runtime exited without providing a reason"
    return f"Runtime exited with error: {status_words(code)}"
