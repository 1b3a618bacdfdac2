"""The floor of an invocation: the real runtime client in a loop, fed by a Runtime API that does
nothing else.  No HTTP caller, no API, no logs: what no emulator can be faster than."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from types import TracebackType

HANDLER = "def handler(event, context):\n    return event\n"
EVENT = b'{"a":1}'


class BareLoop:
    """One worker under awslambdaric; `spawn` to its first answer is a cold start's floor."""

    def __init__(self, folder: Path) -> None:
        (folder / "bare.py").write_text(HANDLER)
        self._folder = folder
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._count = 0

    def __enter__(self) -> BareLoop:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._listener.close()

    def start(self) -> None:
        """Spawn the client and wait until it asks for an event."""
        host, port = self._listener.getsockname()
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": f"{host}:{port}",
            "_HANDLER": "bare.handler",
            "AWS_LAMBDA_FUNCTION_NAME": "bare",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_LOG_GROUP_NAME": "g",
            "AWS_LAMBDA_LOG_STREAM_NAME": "s",
            "LAMBDA_TASK_ROOT": str(self._folder),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", "bare.handler"],
            cwd=self._folder,
            env=environment,
        )
        self._connection, _ = self._listener.accept()
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._request()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._connection.close()

    def call(self) -> float:
        """Seconds from giving the event until the client, its answer given, asks for more."""
        self._count += 1
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(EVENT)}\r\n"
            f"Lambda-Runtime-Aws-Request-Id: {self._count}\r\n"
            "Lambda-Runtime-Deadline-Ms: 9999999999999\r\n"
            "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:0:function:bare\r\n\r\n"
        )
        began = perf_counter()
        self._connection.sendall(head.encode() + EVENT)
        self._request()
        self._connection.sendall(
            b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n"
            b'{"status":"OK"}\n'
        )
        self._request()
        return perf_counter() - began

    def cold(self) -> float:
        """Seconds from spawning the client to its first answer."""
        began = perf_counter()
        self.start()
        self.call()
        seconds = perf_counter() - began
        self.stop()
        return seconds

    def _request(self) -> None:
        """Read one whole request off the connection."""
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, _ = self._buffer.partition(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        whole = len(head) + 4 + length
        while len(self._buffer) < whole:
            self._more()
        self._buffer = self._buffer[whole:]

    def _more(self) -> None:
        data = self._connection.recv(65536)
        if not data:
            raise RuntimeError("the runtime client went away")
        self._buffer += data
