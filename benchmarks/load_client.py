"""Many callers at once, each in a closed loop over its own connection: a process of its own.

    python -m benchmarks.load_client HOST PORT FUNCTION CALLERS CALLS

prints one JSON document: the rate of answered calls, p50 and p99 in milliseconds, and how many
calls were throttled (429) and sent again twenty milliseconds later.
"""

from __future__ import annotations

import asyncio
import json
import sys
from time import perf_counter

PAYLOAD = b'{"a":1}'
PAUSE = 0.02


class Caller(asyncio.Protocol):
    """One connection; `times` fills until the shared budget of calls is spent."""

    def __init__(self, request: bytes, budget: list[int], finished: asyncio.Future[None]) -> None:
        self._request, self._budget, self._finished = request, budget, finished
        self.times: list[float] = []
        self.throttled = 0
        self._answer = b""
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        _, _, length = head.lower().partition(b"content-length: ")
        if not end or len(body) < int(length.partition(b"\r\n")[0]):
            return
        self._answer = b""
        self._judge(head)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._finished.done():
            self._finished.set_exception(RuntimeError(f"the emulator hung up: {exc}"))

    def _judge(self, head: bytes) -> None:
        if head.startswith(b"HTTP/1.1 200"):
            self.times.append(perf_counter() - self._began)
            self._next()
        elif head.startswith(b"HTTP/1.1 429"):
            self.throttled += 1
            asyncio.get_running_loop().call_later(PAUSE, self._send)
        elif not self._finished.done():
            self._finished.set_exception(RuntimeError(head.decode()))

    def _next(self) -> None:
        if not self._budget[0]:
            if not self._finished.done():
                self._finished.set_result(None)
            return
        self._budget[0] -= 1
        self._began = perf_counter()
        self._send()

    def _send(self) -> None:
        self._transport.write(self._request)  # type: ignore[attr-defined]


async def load(host: str, port: int, function: str, callers: int, calls: int) -> dict[str, float]:
    request = (
        f"POST /2015-03-31/functions/{function}/invocations HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(PAYLOAD)}\r\n\r\n"
    ).encode() + PAYLOAD
    return await hammer(host, port, request, callers, calls)


async def hammer(
    host: str, port: int, request: bytes, callers: int, calls: int
) -> dict[str, float]:
    """The same request so many times over, from so many connections."""
    loop = asyncio.get_running_loop()
    budget = [calls]
    finished = [loop.create_future() for _ in range(callers)]
    began = perf_counter()
    made = [
        (await loop.create_connection(lambda f=each: Caller(request, budget, f), host, port))[1]
        for each in finished
    ]
    await asyncio.gather(*finished)
    seconds = perf_counter() - began
    times = sorted(time for each in made for time in each.times)
    return {
        "rate": len(times) / seconds,
        "p50_ms": times[len(times) // 2] * 1e3,
        "p99_ms": times[len(times) * 99 // 100] * 1e3,
        "throttled": sum(each.throttled for each in made),
    }


def main() -> None:
    import uvloop

    host, port, function, callers, calls = sys.argv[1:]
    print(json.dumps(uvloop.run(load(host, int(port), function, int(callers), int(calls)))))


if __name__ == "__main__":
    main()
