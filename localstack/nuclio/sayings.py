"""What a worker process says: lines on its sockets, and what its function prints.

It knows descriptors and lines; what they mean is `worker`'s.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable

KEEP, LINE = 1 << 20, 4096  # bytes of output that are kept, characters of a line that is told


class Lines(asyncio.Protocol):
    """A socket from a worker: every line that comes is told; so is its end."""

    def __init__(self, told: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        self._told, self._lost = told, lost
        self._parts: list[bytes] = []

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost()

    def data_received(self, data: bytes) -> None:
        if b"\n" not in data:
            self._parts.append(data)
            return
        if self._parts:
            data = b"".join([*self._parts, data])
            self._parts = []
        *lines, rest = data.split(b"\n")
        if rest:
            self._parts.append(rest)
        for line in lines:
            self._told(line)


class Output:
    """The end of a pipe that a worker prints to: lines are told; never waits.

    The descriptor is read and closed here: uvloop's own pipe transport closes it twice, and the
    second time it may be somebody else's.
    """

    def __init__(self, end: int, told: Callable[[str], None]) -> None:
        self._end, self._told = end, told
        self._said = bytearray()
        os.set_blocking(end, False)
        asyncio.get_running_loop().add_reader(end, self.read)

    def read(self) -> None:
        """Tell what is there by now."""
        while self._end >= 0:
            try:
                data = os.read(self._end, 1 << 16)
            except BlockingIOError:
                return
            if not data:
                return self.close()
            self._printed(data)

    def close(self) -> None:
        """Give the descriptor back."""
        if self._end >= 0:
            asyncio.get_running_loop().remove_reader(self._end)
            os.close(self._end)
            self._end = -1

    def clear(self) -> None:
        """Forget what was said until now: last words are of what comes."""
        self._said.clear()

    @property
    def last_words(self) -> str:
        """What was said since, as text."""
        return self._said.decode("utf-8", "replace").strip()

    def _printed(self, data: bytes) -> None:
        self._said += data
        del self._said[: max(0, len(self._said) - KEEP)]
        for line in data.decode("utf-8", "replace").splitlines():
            if line:
                self._told(line[:LINE])


def listener_at(path: str) -> socket.socket:
    """A socket at a path, for one worker to connect to."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(1)
    listener.setblocking(False)
    return listener
