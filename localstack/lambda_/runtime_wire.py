"""The Runtime API as bytes: whole requests off a connection, and replies onto one.

Bodies that are taken piece by piece are `response_body`'s.  It knows no socket, and of the API
only what tells its requests apart on the wire.
"""

from __future__ import annotations

from .response_body import MODE
from .runtime_api import NEXT_PATH, Reply

NEXT, END = f"GET {NEXT_PATH} ".encode(), b"\r\n\r\n"
Request = tuple[str, str, bytes, bytes]  # method, path, body, head


def is_next(data: bytes) -> bool:
    """Whether this is the runtime client's own poll, whole in one piece: half of all requests."""
    return data.startswith(NEXT) and data.find(END) == len(data) - 4


def take_request(buffer: bytearray) -> Request | None:
    """Cut one whole request (method, path, body, head) off the buffer; None until it is whole, and
    for those whose body is taken piece by piece (`take_head`)."""
    end = buffer.find(END)
    if end < 0:
        return None
    head = bytes(buffer[:end])
    length = body_length(head)
    whole = end + 4 + length
    if length < 0 or len(buffer) < whole:
        return None
    body = bytes(buffer[end + 4 : whole])
    del buffer[:whole]
    return *first_line(head), body, head


def whole_request(data: bytes) -> Request | None:
    """As `take_request`, of data that is one request and nothing else: nearly all are."""
    end = data.find(END)
    head = data[:end]
    if end < 0 or len(data) != end + 4 + body_length(head):
        return None
    return *first_line(head), data[end + 4 :], head


def body_length(head: bytes) -> int:
    """Bytes of the body that belongs to `head`; -1 when it is taken piece by piece."""
    lower = head.lower()
    if b"\r\ntransfer-encoding:" in lower or MODE in lower:
        return -1
    _, found, value = lower.partition(b"\r\ncontent-length:")
    length = int(value.partition(b"\r\n")[0]) if found else 0
    if length < 0:
        raise ValueError("a length below zero")
    return length


def first_line(head: bytes) -> tuple[str, str]:
    """Method and path."""
    method, path, _ = head.partition(b"\r\n")[0].decode("latin-1").split(" ", 2)
    return method, path


def encode(reply: Reply) -> bytes:
    """The reply as bytes, in one piece, so that no half of it waits for an acknowledgement."""
    status, body, headers, content_type = reply
    more = "".join([f"{name}: {value}\r\n" for name, value in headers])
    head = (
        f"HTTP/1.1 {status} {'OK' if status < 300 else 'Refused'}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    )
    return head.encode("latin-1") + body
