"""What an emulator says of itself, by plain HTTP.  It knows no app, and no boto3.

Every plan begins with this one question, and to import a client library for it took longer than all
of the answer.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from .targets.aws import unreachable

_CONNECT, _READ = 10.0, 150.0  # seconds; to decide on a runtime takes a while the first time


def read_health(address: str, runtimes: Collection[str] = ()) -> dict[str, Any]:
    """What the emulator at an address says of itself; raises `Unreachable`.

    runtimes: those that it must have decided on, which can take a while the first time
    """
    asked = urlencode([("runtime", each) for each in sorted(runtimes)])
    try:
        status, body = _get(address, f"/_pelton/health?{asked}" if asked else "/_pelton/health")
        answer = json.loads(body) if status == 200 else None
    except (OSError, HTTPException, ValueError) as error:
        raise unreachable(address, str(error), "--endpoint") from None
    if not isinstance(answer, dict):
        said = f"status {status}, and not an emulator's answer"
        raise unreachable(address, said, "--endpoint")
    return answer


def _get(address: str, path: str) -> tuple[int, bytes]:
    """Status and body; no proxy leads to this machine, so none is asked.  Raises OSError,
    HTTPException and, for what is no address, ValueError."""
    parts = urlsplit(address)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    if not parts.hostname:
        raise ValueError(f"{address!r} is no address")
    connection = kind(parts.hostname, parts.port, timeout=_CONNECT)
    try:
        connection.connect()
        connection.sock.settimeout(_READ)
        connection.request("GET", parts.path.rstrip("/") + path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
