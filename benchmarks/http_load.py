"""Many connections to one HTTP server, each in a closed loop: a process of its own.

    python -m benchmarks.http_load HOST PORT CONNECTIONS REQUESTS

sends a document of one kilobyte as JSON and prints one JSON document: the rate of answers, p50 and
p99 in milliseconds.
"""

from __future__ import annotations

import json
import sys

from .load_client import hammer

DOCUMENT = json.dumps({"id": "UA1545", "rows": list(range(90)), "text": "x" * 620}).encode()


async def load(host: str, port: int, connections: int, requests: int) -> dict[str, float]:
    request = (
        f"POST / HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(DOCUMENT)}\r\n\r\n"
    ).encode() + DOCUMENT
    return await hammer(host, port, request, connections, requests)


def main() -> None:
    import uvloop

    host, port, connections, requests = sys.argv[1:]
    print(json.dumps(uvloop.run(load(host, int(port), int(connections), int(requests)))))


if __name__ == "__main__":
    main()
