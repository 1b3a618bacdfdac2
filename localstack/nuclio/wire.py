"""What processor and worker say to each other, without a socket.

To the worker: 4 bytes of length (big-endian) and a msgpack map, one an event; a list of them for a
batch.  From the worker, lines with a letter in front: `s` started, `l` a log record (JSON), `m` a
measurement (JSON), `r` the response (JSON: body, body_encoding, content_type, status_code, headers,
event_id; a list of them for a batch), `c`, `b` and `e` a response that comes piece by piece
(`streams`).  On the control socket, lines of JSON: `kind`, `attributes`.
Source: Nuclio's public processor (pkg/processor/runtime/rpc) and wrapper.
"""

from __future__ import annotations

import base64
import json
import random
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_DECODE = json.JSONDecoder().raw_decode
_CHANCE = random.Random()  # of its own: nobody's seed makes ids come again
NO_ACK = "x-nuclio-stream-no-ack"
# A response as Go has it: the type of each member here, and what Go calls it.
_CANNOT, _NO_RESULT = "json: cannot unmarshal", "Go value of type result.Result"
_FIELDS: dict[str, tuple[type, str]] = {
    "body": (str, "string"),
    "body_encoding": (str, "string"),
    "content_type": (str, "string"),
    "event_id": (str, "string"),
    "headers": (dict, "map[string]interface {}"),
    "status_code": (int, "int"),
}
_GO_KINDS = {str: "string", bool: "bool", list: "array", dict: "object"}


class WrongType(ValueError):
    """A response, or a member of one, that is of another type than the processor reads."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A worker's response; `body` is decoded.

    event_id: of a batch, the event that it is for
    """

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, Any]
    event_id: str = ""

    @property
    def acknowledges(self) -> bool:
        """Whether a stream may go on behind this event (`Response.ensure_no_ack` says not).

        >>> Reply(200, b"", "text/plain", {"x-nuclio-stream-no-ack": True}).acknowledges
        False
        >>> Reply(200, b"", "text/plain", {"x-nuclio-stream-no-ack": "true"}).acknowledges
        True
        """
        return self.headers.get(NO_ACK) is not True


@dataclass(frozen=True, slots=True)
class Ack:
    """What a function acknowledges by itself: `context.platform.explicit_ack`."""

    topic: str
    partition: int
    offset: int


def event(
    *,
    kind: str,
    name: str,
    body: Any,
    content_type: str = "",
    headers: Mapping[str, Any] | None = None,
    fields: Mapping[str, Any] | None = None,
    method: str = "",
    path: str = "",
    url: str = "",
    now: float,
    size: int | None = None,
    shard_id: int = -1,
    num_shards: int = 0,
    offset: int = 0,
    topic: str = "",
    id: str = "",
    type: str = "",
    type_version: str = "",
    version: str = "",
) -> dict[str, Any]:
    """An event's map, every key present as the wrapper expects; it has an id of its own unless one
    is given."""
    return {
        "body": body,
        "content_type": content_type,
        "trigger": {"kind": kind, "name": name},
        "fields": fields or {},
        "headers": headers or {},
        "id": id or new_id(),
        "method": method,
        "path": path,
        "size": len(body) if size is None else size,
        "timestamp": int(now),
        "url": url,
        "shard_id": shard_id,
        "num_shards": num_shards,
        "type": type,
        "type_version": type_version,
        "version": version,
        "offset": offset,
        "topic": topic,
    }


def new_id() -> str:
    """A random id in the form of a UUID of version 4; one is made for every event.

    >>> import uuid
    >>> uuid.UUID(new_id()).version
    4
    """
    text = f"{_CHANCE.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def frame(packed: bytes) -> bytes:
    """A packed event with its length in front.

    >>> frame(b"abc")
    b'\\x00\\x00\\x00\\x03abc'
    """
    return struct.pack("!I", len(packed)) + packed


def replies(text: bytes) -> list[Reply]:
    """The responses that an `r` line carries: one, or those of a batch.  Raises ValueError for what
    is none, and `WrongType` in the words of Go, whose types they are.

    >>> [each.status for each in replies(b'{"body": "a", "body_encoding": "text"}')]
    [200]
    """
    decoded = text.decode()
    said: Any
    said, end = _DECODE(decoded) if decoded[:1] in "{[" else (None, -1)
    if end != len(decoded):
        said = json.loads(decoded)  # spaces around it; or none, and why
    if not isinstance(said, list):
        return [_reply(said)]
    try:
        return [_reply(each) for each in said]
    except WrongType:  # Go takes it for one response then, and says of what kind it is instead
        raise WrongType(f"{_CANNOT} array into {_NO_RESULT}") from None


def _reply(said: Any) -> Reply:
    if not isinstance(said, dict):
        raise WrongType(f"{_CANNOT} {_go_kind(said)} into {_NO_RESULT}")
    get = said.get
    status, body, headers = get("status_code"), get("body"), get("headers")
    kind, event_id, encoding = get("content_type"), get("event_id"), get("body_encoding", "text")
    if not (
        type(status) is int
        and type(body) is type(kind) is type(encoding) is str
        and type(headers) is dict
        and (event_id is None or type(event_id) is str)
    ):
        _refuse_misfits(said)  # there may be none: what is null, or absent, is as Go begins it
    if encoding == "base64":
        raw = base64.b64decode(body or "")
    elif encoding == "text":
        raw = encoded(body or "")
    else:
        raise ValueError(f'Unknown body encoding - "{encoding or ""}"')
    return Reply(status or 200, raw, kind or "", headers or {}, event_id or "")


def _refuse_misfits(said: Mapping[str, Any]) -> None:
    """Raises `WrongType` for the first member that is of a wrong type."""
    for name, value in said.items():
        wanted, in_go = _FIELDS.get(name, (type(value), ""))
        if value is None or type(value) is wanted:
            continue
        kind = _go_kind(value)
        if kind == "number" and wanted is int:
            kind = f"number {value}"
        raise WrongType(f"{_CANNOT} {kind} into Go struct field Result.{name} of type {in_go}")


def _go_kind(value: Any) -> str:
    return _GO_KINDS.get(type(value), "number")


def by_event(found: Sequence[Reply]) -> tuple[dict[str, Reply], int]:
    """A batch's responses by the event they are for, and how many name none.

    >>> by_event([Reply(200, b"", "", {}, "a"), Reply(200, b"", "", {})])[1]
    1
    """
    named = {each.event_id: each for each in found if each.event_id}
    return named, sum(not each.event_id for each in found)


def ack_of(message: Mapping[str, Any]) -> Ack | None:
    """The acknowledgement in a control message, if it is one.

    >>> ack_of({"kind": "streamMessageAck",
    ...         "attributes": {"topic": "t", "partition": 1, "offset": 7}})
    Ack(topic='t', partition=1, offset=7)
    """
    if message.get("kind") != "streamMessageAck":
        return None
    said = message.get("attributes") or {}
    topic = said.get("topic", "")
    return Ack(str(topic), int(said.get("partition", 0)), int(said.get("offset", 0)))


def encoded(text: str) -> bytes:
    r"""The UTF-8 of what JSON said; half a surrogate pair is what Go makes of it, U+FFFD.

    >>> encoded("a\udcff").decode()
    'a\ufffd'
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def as_sent(text: str) -> str:
    r"""Text that was taken byte by byte, as the UTF-8 that it mostly is; a byte that is none is a
    lone surrogate, which a frame writes as the byte that came.

    >>> as_sent("\xc3\xbc"), as_sent("\xfc")
    ('ü', '\udcfc')
    """
    return text if text.isascii() else text.encode("latin-1").decode("utf-8", "surrogateescape")


def on_the_wire(text: str) -> str:
    """A header's value as Go writes it, its UTF-8 byte by byte.

    >>> on_the_wire("ü")
    'Ã¼'
    """
    return text if text.isascii() else encoded(text).decode("latin-1")


@lru_cache(4096)
def canonical(name: str) -> str:
    """A header's name as Go writes it.

    >>> canonical("x-my-header")
    'X-My-Header'
    """
    return "-".join(part.capitalize() for part in name.split("-"))
