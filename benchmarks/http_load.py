"""Many connections to one HTTP server, each in a closed loop: a process of its own.

    python -m benchmarks.http_load HOST PORT CONNECTIONS REQUESTS

sends a document of one kilobyte as JSON and prints one JSON document: the rate of answers, p50 and
p99 in milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
from time import perf_counter

from .load_client import Caller

DOCUMENT = json.dumps({"id": "UA1545", "rows": list(range(90)), "text": "x" * 620}).encode()


async def load(host: str, port: int, connections: int, requests: int) -> dict[str, float]:
    request = (
        f"POST / HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(DOCUMENT)}\r\n\r\n"
    ).encode() + DOCUMENT
    loop = asyncio.get_running_loop()
    budget = [requests]
    finished = [loop.create_future() for _ in range(connections)]
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
    }


def main() -> None:
    import uvloop

    host, port, connections, requests = sys.argv[1:]
    print(json.dumps(uvloop.run(load(host, int(port), int(connections), int(requests)))))


if __name__ == "__main__":
    main()
