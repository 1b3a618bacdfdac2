"""Annotations become decoders and encoders, chosen and checked once, at import."""

from __future__ import annotations

import json
import typing
from collections.abc import Callable, Mapping
from typing import Any

from ..context import Context
from ..errors import InvalidInput, InvalidOutput, MalformedBody, WrongUse
from ..event import Event, Result
from .faults import Fault
from .plain import ATOMS, to_json
from .signature import Signature, read_signature
from .types import Converter, Unknown, converter, type_name

__all__ = ["Codec", "codec_for", "compile_codec", "read_signature", "type_name"]

Decode = Callable[[Event, Context], tuple[Any, ...]]


class Codec:
    """How events become arguments and answers become bodies, for one function.

    mode:     "value" (one decoded body), "batch" (a `list[T]` of a batching trigger), "event"
              (the untouched `Event`), "none" (no body parameter), "native" (the platform's own)
    decode:   (event, context) -> positional arguments; raises InvalidInput, MalformedBody
    encode:   the function's answer -> JSON-ready value, bytes, str or Result; raises InvalidOutput
    text_body: the function wants the body as it came (`str`, `bytes`), never parsed
    item:     of a batch: one message's event -> one `T`; raises as `decode` does
    streams:  the answer is, or may be, an iterator; `encode_item` is then for each of its items
    arrange:  of a batch: (the list of them, context) -> positional arguments
    answer:   of a function that answers with events: (event, the encoded) -> what is sent
    """

    __slots__ = (
        "answer",
        "arrange",
        "decode",
        "encode",
        "encode_item",
        "input_type",
        "is_async",
        "item",
        "mode",
        "output_type",
        "streams",
        "takes_context",
        "text_body",
    )

    def __init__(
        self,
        signature: Signature,
        mode: str,
        decode: Decode,
        encode: Any,
        item: Any = None,
        encode_item: Any = None,
    ) -> None:
        self.mode, self.decode, self.encode = mode, decode, encode
        self.encode_item = encode_item
        self.item, self.arrange = item, _arguments(signature.order, _same) if item else None
        self.input_type, self.output_type = signature.input_type, signature.output_type
        self.is_async, self.streams = signature.is_async, signature.streams
        self.takes_context = "context" in signature.order
        self.text_body = signature.input_type in (str, bytes)
        self.answer: Callable[[Event, Any], Any] | None = None


def compile_codec(
    fn: Callable[..., Any],
    *,
    name: str,
    batches: bool = False,
    where: tuple[str, int] = ("", 0),
    local_names: Mapping[str, Any] | None = None,
) -> Codec:
    """The codec of a plain function; raises `WrongUse` with file and line."""
    return codec_for(
        read_signature(fn, where, local_names or {}), name=name, batches=batches, where=where
    )


def codec_for(
    signature: Signature, *, name: str, batches: bool = False, where: tuple[str, int] = ("", 0)
) -> Codec:
    """The codec of a known signature (a graph's)."""
    kind = signature.input_type
    if "body" not in signature.order:
        mode = "none"
    elif kind is Event:
        mode = "event"
    elif batches and (kind is list or typing.get_origin(kind) is list):
        mode = "batch"
    else:
        mode = "value"
    decode = _decoder(signature, mode, name, where)
    item = _item(kind, name, where) if mode == "batch" else None
    whole, encode_item = signature.output_type, None
    if signature.streams:
        from .streams import parts

        part, whole = parts(whole)
        whole = Any if whole is None else whole
        encode_item = _encoder(part, name, where)
    encode = _encoder(whole, name, where)
    return Codec(signature, mode, decode, encode, item, encode_item)


def _known(annotation: Any, name: str, role: str, where: tuple[str, int]) -> Converter:
    try:
        return converter(annotation)
    except (Unknown, NameError) as error:
        raise WrongUse(
            f"function {name}: {role} annotation {_unknown(annotation, error)}",
            file=where[0],
            line=where[1],
            advice="use a pydantic model, dataclass, TypedDict, builtin, Enum, datetime, UUID, "
            "Decimal, bytes, str, numpy array, data frame, a list or dict of these, or "
            "pelton.Event; or leave it out",
        ) from None


def _unknown(annotation: Any, error: Unknown | NameError) -> str:
    if isinstance(error, NameError):
        return f"{type_name(annotation)} names {error.name!r}, which is not defined"
    if error.path:
        return f"{error.path}: {type_name(error.annotation)} is unknown to the codec"
    return f"{type_name(error.annotation)} is unknown to the codec"


def _decoder(signature: Signature, mode: str, name: str, where: tuple[str, int]) -> Decode:
    if mode == "none":
        body: Callable[[Event], Any] | None = None
    elif mode == "event":
        body = _same
    elif mode == "batch" and typing.get_args(signature.input_type) == (Event,):
        body = _one_event
    else:
        kind = signature.input_type
        body = _body_decoder(kind, _known(kind, name, "input", where))
    return _arguments(signature.order, body)


def _item(batch: Any, name: str, where: tuple[str, int]) -> Callable[[Event], Any]:
    """The decoder of one message of a `list[T]`: as a function of one `T` would get it."""
    kind = (typing.get_args(batch) or (Any,))[0]
    return _same if kind is Event else _body_decoder(kind, _known(kind, name, "input", where))


def _same(value: Any) -> Any:
    return value


def _one_event(event: Event) -> list[Event]:
    """What no queue delivered is a batch of one."""
    return [event]


def _arguments(order: tuple[str, ...], body: Callable[[Any], Any] | None) -> Decode:
    """The arguments in the order the function takes them, with no loop per event."""
    if body is None:
        return (lambda event, context: (context,)) if order else (lambda event, context: ())
    take = body
    if order == ("body",):
        return lambda event, context: (take(event),)
    if order == ("body", "context"):
        return lambda event, context: (take(event), context)
    return lambda event, context: (context, take(event))


def _body_decoder(kind: Any, part: Converter) -> Callable[[Event], Any]:
    decode = part.decode
    if kind is str:
        return _text
    if kind is bytes:
        return _raw

    def take(event: Event) -> Any:
        body = event.body
        if body.__class__ is bytes or (body.__class__ is str and event.trigger != "direct"):
            body = parse(body, event.content_type)
        try:
            return decode(body)
        except Fault as fault:
            raise InvalidInput(fault.details()) from None

    if kind is Any:
        return lambda event: _anything(event)
    return take


def _anything(event: Event) -> Any:
    """Unannotated: JSON where it is JSON, else the body as it came."""
    body = event.body
    if body.__class__ is bytes or (body.__class__ is str and event.trigger != "direct"):
        if "json" in event.content_type:
            return parse(body, event.content_type)
        try:
            return json.loads(body)
        except ValueError:
            return body
    return body


def parse(body: bytes | str, content_type: str) -> Any:
    """A JSON body; raises `MalformedBody` that says where it stops being JSON.

    >>> parse(b'{"a": 1}', "")
    {'a': 1}
    """
    try:
        return json.loads(body)
    except UnicodeDecodeError:  # the encoding in it is json's guess
        raise MalformedBody("the body is not JSON: it is not UTF-8 text") from None
    except ValueError as error:
        said = f" of content type {content_type}" if content_type else ""
        raise MalformedBody(f"the body{said} is not JSON: {error}") from None


def _text(event: Event) -> str:
    body = event.body
    if isinstance(body, bytes):
        try:
            return body.decode()
        except UnicodeDecodeError as error:
            raise MalformedBody(f"the body is not UTF-8 text: {error}") from None
    return body if isinstance(body, str) else json.dumps(body)


def _raw(event: Event) -> bytes:
    body = event.body
    return body if isinstance(body, bytes) else _text(event).encode()


def _encoder(output: Any, name: str, where: tuple[str, int]) -> Callable[[Any], Any]:
    body = _body_encoder(name)

    def encode(value: Any) -> Any:
        if value.__class__ in ATOMS:
            return value
        if value.__class__ is Result:
            value.body = body(value.body)
            return value
        return body(value)

    untyped = output is Any or output is Result or output is bytes or output is str
    annotated = None if untyped else _known(output, name, "return", where).encode
    if annotated is None:
        return encode

    def encode_annotated(value: Any) -> Any:
        if value.__class__ is Result:
            return encode(value)
        try:
            plain = annotated(value)
        except Fault as fault:
            raise _unencodable(name, fault) from None
        except (AttributeError, TypeError, KeyError, ValueError):
            promised = f"where its annotation says {type_name(output)}"
            raise _unencodable(name, Fault(f"a {type(value).__name__}", ""), promised) from None
        return body(plain)

    return encode_annotated


def _body_encoder(name: str) -> Callable[[Any], Any]:
    """To JSON-ready values, whatever the function's annotation says."""

    def body(value: Any) -> Any:
        if value.__class__ in ATOMS or isinstance(value, bytes):
            return value
        try:
            return to_json(value)
        except Fault as fault:
            raise _unencodable(name, fault) from None
        except RecursionError:
            raise InvalidOutput(
                f"function {name} returned a {type(value).__name__} that holds itself, "
                "or holds more levels than JSON can be written with"
            ) from None

    return body


def _unencodable(name: str, fault: Fault, promised: str = "") -> InvalidOutput:
    place = "at " + ".".join(map(str, fault.path)) if fault.path else ""
    what = " ".join(filter(None, (fault.message, place, promised)))
    return InvalidOutput(f"function {name} returned {what}, which is no JSON value")
