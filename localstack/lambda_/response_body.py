"""Requests on the Runtime API whose body is taken piece by piece: chunked, streaming, or large.

A response streams when it says so (Lambda-Runtime-Function-Response-Mode: streaming); an error that
comes after its pieces is in the trailers Lambda-Runtime-Function-Error-Type and -Body (base64 of
JSON).  Source: AWS's page on custom runtimes.  No socket is here.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .chunked import ChunkedBody, SizedBody

if TYPE_CHECKING:
    from .runtime_api import Reply

MODE = b"lambda-runtime-function-response-mode"
KEPT = 6 * 1024 * 1024 + 101  # bytes of a body that are kept: one more than a response may have
_END = b"\r\n\r\n"


class Arriving:
    """A request whose head is there and whose body is arriving.

    refused: what it is answered with at its end, when it is not taken
    kept:    its body, as far as that is kept
    """

    def __init__(self, head: bytes) -> None:
        headers = headers_of(head)
        first = head.partition(b"\r\n")[0].decode("latin-1")
        self.method, self.path, _ = first.split(" ", 2)
        self.head, self.kept = head, bytearray()
        self.content_type = headers.get("content-type", "application/octet-stream")
        self.mode = headers.get(MODE.decode(), "").lower()
        self.refused: Reply | None = None
        chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        size = int(headers.get("content-length") or 0)
        self.body = ChunkedBody() if chunked else SizedBody(size)
        self.whole = not chunked and size < KEPT and not self.mode

    def keep(self, piece: bytes) -> None:
        if self.refused is None:
            self.kept += piece[: KEPT - len(self.kept)]


def take_head(buffer: bytearray) -> Arriving | None:
    """Cut a head off the buffer; None until it is there, and when its body may be waited for.

    >>> buffer = bytearray(b"POST /p HTTP/1.1\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0")
    >>> take_head(buffer).path, bytes(buffer)
    ('/p', b'0')
    """
    end = buffer.find(_END)
    if end < 0:
        return None
    arriving = Arriving(bytes(buffer[:end]))
    if arriving.whole:
        return None
    del buffer[: end + 4]
    return arriving


def headers_of(head: bytes) -> dict[str, str]:
    """The headers of a request, by lower-case name."""
    lines = head.decode("latin-1").split("\r\n")[1:]
    parts = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in parts}


def error_of(trailers: Mapping[str, str]) -> bytes:
    """The error that a stream ended with, as JSON; b"" for none.

    >>> error_of({"lambda-runtime-function-error-type": "Runtime.Oops"})
    b'{"errorType": "Runtime.Oops", "errorMessage": ""}'
    """
    kind = trailers.get("lambda-runtime-function-error-type", "")
    body = trailers.get("lambda-runtime-function-error-body", "")
    try:
        told = base64.b64decode(body, validate=True)
        json.loads(told)
    except (binascii.Error, ValueError):
        told = b""
    if told or not kind:
        return told
    return json.dumps({"errorType": kind, "errorMessage": ""}).encode()
