"""Many clients of one address, each in a closed loop over its own connection: a process of its own.

    python load_process.py URL CLIENTS REST

REST is what a client waits between an answer and its next request, in seconds.  Every request has
a body of its own, and an answer must be `VERSION BODY`, once: the first that is not ends it all.
One JSON document a line tells what was answered until now, by version, and when; after standard
input has ended, and with it the last request that was begun, the last one also tells the time that
answers took, in milliseconds.  It knows nothing of releases, and of HTTP what it needs: a client
library would be most of the load.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
from array import array
from collections import Counter, deque
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

TELL = 0.02  # seconds between two lines
KEPT = 500_000  # times of answers that the percentiles are made of


class Wrong(Exception):
    """An answer that is none, or another's."""


class Client:
    """One connection; `begin` sends a request, `read` takes what came of its answer."""

    def __init__(self, number: int, url: str) -> None:
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname or "", parts.port or 80))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = (
            f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            "Content-Type: text/plain\r\nContent-Length: "
        )
        self._number, self._count = number, 0
        self._came = b""
        self.began = 0.0

    def begin(self) -> None:
        self._count += 1
        self._body = f"{self._number}-{self._count}"
        request = f"{self._head}{len(self._body)}\r\n\r\n{self._body}"
        self.began = perf_counter()
        self.socket.sendall(request.encode())

    def read(self) -> str:
        """The version that has answered, "" while that is not all."""
        came = self.socket.recv(65536)
        if not came:
            raise Wrong(f"{self._body}: hung up after {self._came!r}")
        self._came += came
        head, end, body = self._came.partition(b"\r\n\r\n")
        if not end or len(body) < (length := _length(head)):
            return ""
        self._came = b""
        text = body.decode("latin-1")
        version, _, echo = text.partition(" ")
        if not head.startswith(b"HTTP/1.1 200") or echo != self._body or len(body) > length:
            raise Wrong(f"{self._body}: {head.decode('latin-1')}\n\n{text}")
        return version


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0])


class Loop:
    """All clients, and what was answered."""

    def __init__(self, url: str, clients: int, rest: float) -> None:
        self.versions: Counter[str] = Counter()
        self._rest, self._resting = rest, deque[tuple[float, Client]]()
        self._times = array("d")
        self._selector = selectors.DefaultSelector()
        self._selector.register(sys.stdin, selectors.EVENT_READ, None)
        self._goes_on, self._open = True, clients
        self._began = self._told = perf_counter()
        for number in range(clients):
            client = Client(number, url)
            self._selector.register(client.socket, selectors.EVENT_READ, client)
            client.begin()

    def run(self) -> None:
        while self._open:
            for key, _ in self._selector.select(min(TELL, self._rest or TELL)):
                if key.data is None:
                    self._goes_on = False
                    self._selector.unregister(sys.stdin)
                elif version := key.data.read():
                    self._answered(version, key.data)
            self._go_on()
            if perf_counter() - self._told > TELL:
                self._tell()
        self._tell(**self._summary())

    def _answered(self, version: str, client: Client) -> None:
        if len(self._times) < KEPT:
            self._times.append(perf_counter() - client.began)
        self.versions[version] += 1
        self._resting.append((perf_counter() + self._rest, client))

    def _go_on(self) -> None:
        """Those that have rested ask again; after the end they hang up."""
        while self._resting and (not self._goes_on or self._resting[0][0] <= perf_counter()):
            _, client = self._resting.popleft()
            if self._goes_on:
                client.begin()
                continue
            self._selector.unregister(client.socket)
            client.socket.close()
            self._open -= 1

    def _tell(self, **more: Any) -> None:
        self._told = perf_counter()
        print(json.dumps({"versions": self.versions, "at": self._told, **more}), flush=True)

    def _summary(self) -> dict[str, float]:
        times = sorted(self._times)
        return {
            "p50_ms": times[len(times) // 2] * 1e3,
            "p99_ms": times[len(times) * 99 // 100] * 1e3,
            "slowest_ms": times[-1] * 1e3,
        }


def main() -> None:
    url, clients, rest = sys.argv[1:]
    try:
        Loop(url, int(clients), float(rest)).run()
    except (Wrong, OSError) as error:
        print(json.dumps({"wrong": f"{type(error).__name__}: {error}"}), flush=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
