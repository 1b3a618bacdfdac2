"""An emulator in a process of its own, and the leanest HTTP caller there is."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

COMMAND = [sys.executable, "-m", "pelton", "emulator", "--port", "0", "--nuclio-port", "0"]


@contextmanager
def emulator(*options: str) -> Iterator[dict[str, Any]]:
    """The ready line of a running emulator, and `ready_s`: seconds from spawn to that line."""
    began, command = perf_counter(), [*COMMAND, "--json", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        ready = json.loads(line) | {"ready_s": perf_counter() - began}
        try:
            yield ready
        finally:
            process.terminate()


def client(url: str) -> Any:
    import boto3

    return boto3.client(
        "lambda",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )


def create(lambda_: Any, name: str, files: dict[str, str], handler: str) -> None:
    """A function of small sources, ready to be invoked."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for place, text in files.items():
            info = zipfile.ZipInfo(place)
            info.external_attr = 0o644 << 16  # as functions need it: readable for all
            archive.writestr(info, text)
    lambda_.create_function(
        FunctionName=name,
        Runtime=f"python3.{sys.version_info.minor}",
        Role="arn:aws:iam::000000000000:role/r",
        Handler=handler,
        Code={"ZipFile": data.getvalue()},
    )
    lambda_.get_waiter("function_active_v2").wait(FunctionName=name)


class RawCaller:
    """Invokes over one keep-alive connection, with a request made beforehand."""

    def __init__(self, url: str, function: str, payload: bytes) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = (
            f"POST /2015-03-31/functions/{function}/invocations HTTP/1.1\r\n"
            f"Host: {parts.netloc}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n\r\n"
        ).encode() + payload

    def call(self) -> float:
        """Seconds of one invocation.  Raises RuntimeError when it is not answered 200."""
        began = perf_counter()
        self._socket.sendall(self._request)
        answer = self._socket.recv(65536)
        while not _whole(answer):
            answer += self._socket.recv(65536)
        seconds = perf_counter() - began
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(answer.decode())
        return seconds

    def close(self) -> None:
        self._socket.close()


def _whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    _, _, length = head.lower().partition(b"content-length: ")
    return bool(end) and len(body) >= int(length.partition(b"\r\n")[0])
