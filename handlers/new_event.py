"""Answers that are CloudEvents: in binary mode, or in the mode that the request asks for.

Source: the CloudEvents HTTP protocol binding 1.0.2 and the JSON format.  How a caller asks is left
to applications there: here by `Accept`.  Loaded where a function's annotation says that it answers
so (`-> pelton.NewEvent[T]`, `-> pelton.CloudEvent`).
"""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from .cloud_events import BATCHED, BY_NAME, PREFIX, STRUCTURED, is_json
from .codec import Codec
from .codec.types import Converter, converter
from .errors import InvalidOutput, PeltonError
from .event import Event, Result

T = TypeVar("T")
UTF8 = "; charset=utf-8"
DATA = ("data", "data_base64")
# What a header's value has as it is; all else is percent-encoded, as the binding says.
PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


class NotAcceptable(PeltonError):
    """The function answers in a form that the request does not take (406)."""

    status = 406


class NewEvent(dict[str, Any], Generic[T]):
    """An event that a function answers with: `def take(order: Order) -> pelton.NewEvent[Receipt]`.

    data:   of the type that the annotation says
    source: "": the function's own name, as "/NAME"
    id:     "": that of the event that is answered, so that one that comes again is answered with
            the same
    time:   RFC 3339
    datacontenttype: "": JSON; of a `str` plain text, of `bytes` any
    extensions: further attributes, each of a-z and 0-9

    >>> NewEvent("order.taken", {"total": 5}, source="/shop", subject="7")["subject"]
    '7'
    """

    def __init__(
        self,
        type: str,
        data: T | None = None,
        *,
        source: str = "",
        id: str = "",
        subject: str = "",
        time: str = "",
        datacontenttype: str = "",
        dataschema: str = "",
        **extensions: str,
    ) -> None:
        said = {"type": type, "source": source, "id": id, "subject": subject, "time": time}
        if not datacontenttype and isinstance(data, (str, bytes)):
            kind = "text/plain" + UTF8 if isinstance(data, str) else "application/octet-stream"
            datacontenttype = kind
        said |= {"datacontenttype": datacontenttype, "dataschema": dataschema, **extensions}
        super().__init__({name: value for name, value in said.items() if value != ""})
        if isinstance(data, bytes):
            self["data_base64"] = _base64(data)
        elif data is not None:
            self["data"] = data

    @classmethod
    def converter_of(cls, args: tuple[Any, ...]) -> Converter:
        """How one leaves a function: its data as the annotation has it."""
        from .codec.faults import wrong
        from .codec.plain import to_json

        kind = args[0] if args else Any
        data = converter(Any if isinstance(kind, TypeVar) else kind).encode or to_json

        def encode(value: Any) -> Any:
            if not isinstance(value, NewEvent):
                raise TypeError("no NewEvent")
            return {name: data(each) if name == "data" else each for name, each in value.items()}

        def decode(value: Any) -> Any:
            raise wrong("nothing: a NewEvent is an answer, an event that comes a CloudEvent", value)

        return Converter(decode, encode)


def answers_events(annotation: Any) -> bool:
    """Whether what a function answers is an event, some, or nothing."""
    from .triggers.cloudevents import CloudEvent

    inner = typing.get_args(annotation)
    origin = typing.get_origin(annotation) or annotation
    return origin in (NewEvent, CloudEvent) or any(map(answers_events, inner))


def answering(codec: Codec, name: str) -> None:
    """Let a function's codec answer with events."""
    many, decode = _is_list(codec.output_type), codec.decode

    def accept_and_decode(event: Event, context: Any) -> Any:
        if many and _is_request(event) and not _takes_batch(event):
            raise NotAcceptable(f"function {name} answers with events: say Accept: {BATCHED}")
        return decode(event, context)

    def answer(event: Event, value: Any) -> Any:
        if value.__class__ is Result:
            return value
        found = [_whole(each, event, name, n) for n, each in enumerate(_listed(value), 1)]
        if not _is_request(event):
            return found if isinstance(value, list) else next(iter(found), None)
        return _response(event, found, many=isinstance(value, list))

    codec.decode, codec.answer = accept_and_decode, answer


def _is_list(annotation: Any) -> bool:
    inner = (annotation, *typing.get_args(annotation))
    return annotation is list or any(typing.get_origin(each) is list for each in inner)


def _listed(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _is_request(event: Event) -> bool:
    """Whether the answer goes to who asked by HTTP, and not by the function's name."""
    return bool(event.method) and BY_NAME not in event.headers


def _takes_batch(event: Event) -> bool:
    return event.content_type.startswith(BATCHED) or _accepts(event, BATCHED)


def _accepts(event: Event, kind: str) -> bool:
    """
    >>> _accepts(Event(headers={"accept": "text/html, application/cloudevents+json;q=0.5"}),
    ...          "application/cloudevents+json")
    True
    """
    for each in event.headers.get("accept", "").lower().split(","):
        said, *parameters = (part.strip() for part in each.split(";"))
        if said == kind:
            return not any(part.replace(" ", "") in ("q=0", "q=0.0") for part in parameters)
    return False


def _whole(said: Any, event: Event, name: str, number: int) -> dict[str, Any]:
    """An answer in the JSON format, with what it left for us to say."""
    parts = {"extensions", *DATA}
    named = ((key, value) for key, value in said.items() if key not in parts)
    given = {key: value for key, value in named if value not in ("", None)}
    given |= said.get("extensions") or {}
    own = event.id if number == 1 else f"{event.id}-{number}"
    attributes = {"specversion": "1.0", "id": own, "source": f"/{name}"} | given
    for key, value in attributes.items():
        if not (key.isalnum() and key == key.lower() and key.isascii()):
            raise _wrong(name, f"the attribute {key!r}: a-z and 0-9 alone")
        if not isinstance(value, (str, int)):
            raise _wrong(name, f"{key}={str(value)[:100]!r}, which is no attribute")
    if not attributes.get("type"):
        raise _wrong(name, "no type")
    held = {key: said[key] for key in DATA if said.get(key) is not None}
    return attributes | held


def _wrong(name: str, what: str) -> InvalidOutput:
    return InvalidOutput(f"function {name} answered with a CloudEvent that has {what}")


def _response(event: Event, found: list[dict[str, Any]], *, many: bool) -> Result:
    if many:
        return Result(json.dumps(found), content_type=BATCHED + UTF8)
    if not found:
        return Result("", status=204, content_type="text/plain" + UTF8)
    if _accepts(event, STRUCTURED):
        return Result(json.dumps(found[0]), content_type=STRUCTURED + UTF8)
    return _binary(found[0])


def _binary(said: Mapping[str, Any]) -> Result:
    """An event whose data is the body, its attributes headers."""
    kind = str(said.get("datacontenttype") or "application/json")
    headers = {
        f"{PREFIX}{name}": _header(value)
        for name, value in said.items()
        if name not in (*DATA, "datacontenttype")
    }
    return Result(_data(said, kind), headers=headers, content_type=kind)


def _data(said: Mapping[str, Any], kind: str) -> bytes | str:
    """The body, text as text: a REST API that is told of no binary types decodes no base64."""
    if "data_base64" in said:
        return _unbase64(said["data_base64"]) or b""
    data = said.get("data")
    if data is None:
        return ""
    if is_json(kind) or not isinstance(data, str):
        return json.dumps(data)
    # What came as bytes is base64 in a whole event, as `CloudEvent` says.
    found = None if kind.startswith("text/") else _unbase64(data)
    return data if found is None else found


def _header(value: Any) -> str:
    """
    >>> _header("Euro \\u20ac \\U0001f600"), _header(7), _header(True)
    ('Euro%20%E2%82%AC%20%F0%9F%98%80', '7', 'true')
    """
    from urllib.parse import quote

    return quote(str(value).lower() if isinstance(value, bool) else str(value), safe=PLAIN)


def _base64(data: bytes) -> str:
    import binascii

    return binascii.b2a_base64(data, newline=False).decode()


def _unbase64(text: Any) -> bytes | None:
    import binascii

    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except (ValueError, TypeError):
        return None
