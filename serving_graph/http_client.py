"""Calls to one HTTP service over connections that are kept: what the step `http` sends by.

The standard library's client, with what it lacks: a bound on the time of a whole exchange, and on
the size of an answer.  Redirects are not followed, proxies of the environment not asked.
"""

from __future__ import annotations

import io
import select
from _thread import allocate_lock
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPSConnection,
    IncompleteRead,
    RemoteDisconnected,
)
from time import monotonic
from typing import Any, NamedTuple

AGAIN = ("GET", "HEAD", "PUT", "DELETE", "OPTIONS")  # may be sent twice: RFC 9110, 9.2.2
_GONE = (RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class Answer(NamedTuple):
    """What came back; `whole` is False where the body was longer than may be read."""

    status: int
    headers: Any
    body: bytes
    whole: bool


class Client:
    """Calls one host; any thread may.  keep: connections that are kept while nobody uses them."""

    def __init__(self, scheme: str, host: str, port: int | None, *, keep: int, most: int) -> None:
        self._secure, self._host, self._port = scheme == "https", host, port
        self._keep, self._most = keep, most
        self._idle: list[HTTPConnection] = []
        self._lock, self._closed = allocate_lock(), False

    def send(
        self, method: str, target: str, body: bytes | None, headers: dict[str, str], seconds: float
    ) -> Answer:
        """One exchange.  Raises TimeoutError when it takes longer than `seconds` in all, OSError
        and HTTPException for what becomes of the connection."""
        ends = monotonic() + seconds
        connection = self._taken()
        reused = connection is not None
        try:
            return self._exchange(
                connection or self._new(ends), method, target, body, headers, ends
            )
        except _GONE:
            if not reused or method not in AGAIN:
                raise
        # It was kept, and closed by the other side in the very moment: once more on a new one.
        return self._exchange(self._new(ends), method, target, body, headers, ends)

    def _exchange(
        self,
        connection: HTTPConnection,
        method: str,
        target: str,
        body: bytes | None,
        headers: dict[str, str],
        ends: float,
    ) -> Answer:
        done = False
        try:
            sock: Any = connection.sock  # a `_Bounded`
            sock.ends = ends
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            read = response.read(self._most + 1)
            whole = len(read) <= self._most
            if whole and response.length:
                raise IncompleteRead(read, response.length)
            done = whole and not response.will_close and response.isclosed()
            return Answer(response.status, response.headers, read[: self._most], whole)
        finally:
            if done:
                self._give_back(connection)
            else:
                connection.close()

    def _new(self, ends: float) -> HTTPConnection:
        left = max(0.001, ends - monotonic())
        made = (HTTPSConnection if self._secure else HTTPConnection)(
            self._host, self._port, timeout=left
        )
        made.connect()
        made.sock = _Bounded(made.sock, ends)
        return made

    def _taken(self) -> HTTPConnection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if not _closed_by_other(connection.sock.fileno()):
                return connection
            connection.close()

    def _give_back(self, connection: HTTPConnection) -> None:
        with self._lock:
            if len(self._idle) < self._keep and not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        with self._lock:
            idle, self._idle, self._closed = self._idle, [], True
        for each in idle:
            each.close()


def _closed_by_other(descriptor: int) -> bool:
    """Whether there is something to read on a connection that owes nothing: its end."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


class _Bounded:
    """A socket for `HTTPConnection` whose every wait ends when the exchange's time does."""

    def __init__(self, sock: Any, ends: float) -> None:
        self._sock, self.ends, self._users = sock, ends, 1

    def fileno(self) -> int:
        return int(self._sock.fileno())

    def in_time(self) -> Any:
        """The socket, with what is left of the time.  Raises TimeoutError when nothing is."""
        left = self.ends - monotonic()
        if left <= 0:
            raise TimeoutError("the time of the exchange is over")
        self._sock.settimeout(left)
        return self._sock

    def sendall(self, data: Any) -> None:
        self.in_time().sendall(data)

    def makefile(self, mode: str, *_: Any) -> io.BufferedReader:
        self._users += 1
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """The connection lets go of it, or a response does: the last one closes it."""
        self._users -= 1
        if not self._users:
            self._sock.close()


class _Reader(io.RawIOBase):
    def __init__(self, bounded: _Bounded) -> None:
        self._bounded = bounded

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return int(self._bounded.in_time().recv_into(buffer))

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._bounded.close()


__all__ = ["AGAIN", "Answer", "Client", "HTTPException"]
