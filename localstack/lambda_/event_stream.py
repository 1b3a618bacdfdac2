"""Frames of `application/vnd.amazon.eventstream`, as InvokeWithResponseStream answers in them.

    total length 4 | headers length 4 | CRC-32 of both 4 | headers | payload | CRC-32 of all 4

Source: AWS's event stream encoding (Smithy's specification of it); what an event holds is in the
service model.
"""

from __future__ import annotations

import json
import struct
import zlib

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_STRING = 7  # the type of a header's value


def payload_chunk(piece: bytes) -> bytes:
    """A piece of the function's response."""
    return _event("PayloadChunk", "application/octet-stream", piece)


def invoke_complete(error_code: str = "", error_details: str = "", log_result: str = "") -> bytes:
    """The end of the response; members that are empty are absent."""
    members = {
        "ErrorCode": error_code,
        "ErrorDetails": error_details,
        "LogResult": log_result,
    }
    told = {name: text for name, text in members.items() if text}
    return _event("InvokeComplete", "application/json", json.dumps(told).encode())


def _event(kind: str, content_type: str, payload: bytes) -> bytes:
    headers = b"".join(
        _header(name, value)
        for name, value in (
            (":event-type", kind),
            (":content-type", content_type),
            (":message-type", "event"),
        )
    )
    prelude = struct.pack("!II", len(headers) + len(payload) + 16, len(headers))
    frame = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + payload
    return frame + struct.pack("!I", zlib.crc32(frame))


def _header(name: str, value: str) -> bytes:
    """
    >>> _header("a", "bc")
    b'\\x01a\\x07\\x00\\x02bc'
    """
    text, raw = name.encode(), value.encode()
    return bytes((len(text),)) + text + bytes((_STRING,)) + struct.pack("!H", len(raw)) + raw
