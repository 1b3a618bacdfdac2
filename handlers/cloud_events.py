"""CloudEvents in requests: opened before the codec sees them, so that functions take their data.

Source: the CloudEvents specification 1.0.2, its HTTP protocol binding and its JSON format.  Loaded
where a function has the trigger.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .codec import Codec
from .context import Context
from .errors import MalformedBody
from .event import Event
from .triggers.cloudevents import CloudEvent, CloudEvents
from .webhooks import welcome

STRUCTURED, BATCHED = "application/cloudevents+json", "application/cloudevents-batch+json"
PREFIX = "ce-"
BY_NAME = "x-pelton-invoke"  # as `runtime.routes` has it
REQUIRED = ("specversion", "id", "source", "type")
OPTIONAL = ("subject", "time", "datacontenttype", "dataschema")
Attributes = Mapping[str, str]


class NotTaken(MalformedBody):
    """An event in a form that the function does not take (415)."""

    status = 415


def opened(codec: Codec, triggers: Sequence[Any]) -> None:
    """Let a function's codec open the events that its triggers bring."""
    ours = [each for each in triggers if isinstance(each, CloudEvents)]
    decode, item = codec.decode, codec.item
    arrange: Any = codec.arrange
    whole = codec.input_type is CloudEvent or codec.input_type == list[CloudEvent]

    def one(event: Event, trigger: CloudEvents, attributes: Attributes, data: Any) -> None:
        _describe(event, attributes)
        event.body = data
        if whole or trigger.whole:
            event.body, event.content_type = _whole(event, attributes), "application/json"

    def batch(event: Event, trigger: CloudEvents, context: Context) -> Any:
        if item is None or arrange is None:
            raise NotTaken("this function takes no batch of events: send them one by one")
        values = []
        for each in _batch(event.body):
            single = Event(headers=event.headers, path=event.path, raw=each)
            one(single, trigger, *_read(each))
            values.append(item(single))
        return arrange(values, context)

    def open_and_decode(event: Event, context: Context) -> Any:
        trigger = _trigger(event, ours)
        if trigger is None:
            return decode(event, context)
        welcome(event, trigger.origins)
        if event.content_type.startswith(BATCHED):
            return batch(event, trigger, context)
        one(event, trigger, *_single(event))
        if item is not None and arrange is not None:
            return arrange([item(event)], context)
        return decode(event, context)

    codec.decode = open_and_decode


def _trigger(event: Event, ours: Sequence[CloudEvents]) -> CloudEvents | None:
    """The trigger that an event came by; None where it is another's, or a plain call."""
    if event.trigger == "http" and BY_NAME not in event.headers:
        return next((each for each in ours if each.match(event.path) is not None), None)
    by_name = event.trigger in ("http", "direct")
    return ours[0] if by_name and _says_its_version(event.body) else None


def _says_its_version(body: Any) -> bool:
    return isinstance(body, dict) and "specversion" in body


def _single(event: Event) -> tuple[Attributes, Any]:
    """Attributes and data of an event that comes alone.  Raises `MalformedBody`."""
    kind = event.content_type
    if kind.startswith(STRUCTURED) or _is_call(event):
        return _read(_json(event.body))
    if kind.startswith("application/cloudevents"):
        raise NotTaken(f"a CloudEvent of content type {kind} is not read: send it as {STRUCTURED}")
    said = {
        name[len(PREFIX) :]: _header(value)
        for name, value in event.headers.items()
        if name.startswith(PREFIX)
    }
    if not said:
        raise NotTaken(
            f"the request is no CloudEvent: it has neither ce- headers nor the content type "
            f"{STRUCTURED} (which Nuclio's processor takes away: send in binary mode there)"
        )
    return _checked(said | {"datacontenttype": kind}), event.body


def _is_call(event: Event) -> bool:
    """A call of the function by its name, with an event in the JSON format."""
    called = event.trigger == "direct" or BY_NAME in event.headers
    return called and _says_its_version(event.body)


def _batch(body: Any) -> list[Any]:
    found = _json(body)
    if not isinstance(found, list):
        raise MalformedBody("a batch of CloudEvents is a JSON array")
    return found


def _json(body: Any) -> Any:
    if not isinstance(body, (bytes, str)):
        return body
    try:
        return json.loads(body)
    except ValueError as error:
        raise MalformedBody(f"the CloudEvent is not JSON: {error}") from None


def _read(said: Any) -> tuple[Attributes, Any]:
    """Attributes and data of an event in the JSON format."""
    if not isinstance(said, dict):
        raise MalformedBody(f"a CloudEvent is a JSON object, not {str(said)[:100]}")
    if "data" in said and "data_base64" in said:
        raise MalformedBody("a CloudEvent has data or data_base64, not both")
    known = {n: v for n, v in said.items() if n not in ("data", "data_base64") and v is not None}
    attributes = _checked({name: _text(name, value) for name, value in known.items()})
    if "data_base64" in said:
        return attributes, _bytes(said["data_base64"])
    data = said.get("data")
    if isinstance(data, str) and is_json(attributes.get("datacontenttype", "")):
        data = json.dumps(data).encode()  # a JSON string, not the text of a document
    return attributes, data


def _checked(said: Attributes) -> Attributes:
    for name in REQUIRED:
        if not said.get(name):
            raise MalformedBody(f"the CloudEvent has no {name}")
    if said["specversion"] != "1.0":
        raise MalformedBody(f"the CloudEvent has specversion {said['specversion']!r}, not '1.0'")
    for name in said:
        if not (name.isalnum() and name == name.lower() and name.isascii()):
            raise MalformedBody(f"the CloudEvent has the attribute {name!r}: a-z and 0-9 alone")
    if said.get("time"):
        _moment(said["time"])
    return said


def _describe(event: Event, said: Attributes) -> None:
    """Let the event say what it is, whichever way it came."""
    event.trigger, event.id, event.source = "cloudevents", said["id"], said["source"]
    event.topic, event.key = said.get("subject", ""), said.get("partitionkey", "")
    event.timestamp = _moment(said["time"]) if said.get("time") else None
    event.content_type = said.get("datacontenttype", "")
    event.headers = {
        **{name: value for name, value in event.headers.items() if not name.startswith(PREFIX)},
        **{f"{PREFIX}{name}": value for name, value in said.items()},
    }


def _whole(event: Event, said: Attributes) -> dict[str, Any]:
    names = (*REQUIRED, *OPTIONAL)
    more = {name: value for name, value in said.items() if name not in names}
    known = {name: said.get(name, "") for name in names}
    return {**more, **known, "data": _plain(event), "extensions": more}


def _plain(event: Event) -> Any:
    """The data as JSON has it."""
    body = event.body
    if not isinstance(body, (bytes, str)):
        return body
    if is_json(event.content_type):
        return None if body in (b"", "") else _json(body)
    if isinstance(body, str):
        return body
    try:
        return body.decode() if event.content_type.startswith("text/") else _base64(body)
    except UnicodeDecodeError:
        return _base64(body)


def is_json(kind: str) -> bool:
    """Whether data of that content type is JSON; where none is said it is."""
    plain = kind.partition(";")[0].strip().lower()
    return not plain or plain.endswith(("/json", "+json"))


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    raise MalformedBody(f"the CloudEvent's {name} is {str(value)[:100]}, which is no attribute")


def _header(value: str) -> str:
    from urllib.parse import unquote

    return unquote(value)


def _moment(time: str) -> float:
    from datetime import datetime  # few events are timed by their function

    try:
        found = datetime.fromisoformat(time)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise MalformedBody(f"the CloudEvent's time {time!r} is no time of RFC 3339")
    return found.timestamp()


def _bytes(text: Any) -> bytes:
    import binascii

    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except (ValueError, TypeError) as error:
        raise MalformedBody(f"the CloudEvent's data_base64 is no base64: {error}") from None


def _base64(data: bytes) -> str:
    import binascii

    return binascii.b2a_base64(data, newline=False).decode()
