"""What S3, SNS and EventBridge push: records and events as `Event`s, one call each.

These sources call asynchronously, and nobody reads an answer: a function that fails is raised
again, so that Lambda tries the whole event anew and gives it to the destinations in the end.  Bad
input is raised just so.  Loaded where a function has such a trigger.

Sources: S3's user guide, "Event message structure"; Lambda's developer guide, "Using Lambda with
Amazon SNS"; EventBridge's user guide, "Events".
"""

from __future__ import annotations

from typing import Any

from ..handlers.context import Context
from ..handlers.event import Event
from ..handlers.function import Function
from .call import Call, compile_call


class Pushed:
    """Answers what one source pushes to a function."""

    def __init__(self, function: Function[..., Any], call: Call, source: str) -> None:
        self._call, self._event = call, _EVENTS[source]
        codec = function.codec
        self._item: Any = codec.item if codec else None
        self._whole: Any = compile_call(function, codec.arrange) if codec and codec.item else None

    def answer(self, records: list[dict[str, Any]], context: Context) -> None:
        """Call the function for each record, or once for all where it takes a list."""
        events = [self._event(each) for each in records]
        if self._item:
            self._whole([self._item(each) for each in events], context)
            return
        for event in events:
            self._call(event, context)


def s3_event(record: dict[str, Any]) -> Event:
    """What happened to one object; its body is an `S3Object`.

    >>> s3_event({"s3": {"bucket": {"name": "b"}, "object": {"key": "a+b%2F1"}}}).body["key"]
    'a b/1'
    """
    from urllib.parse import unquote_plus  # keys are encoded as in a form

    told = record["s3"]
    thing = told["object"]
    body = {
        "bucket": told["bucket"]["name"],
        "key": unquote_plus(thing["key"]),
        "event": record.get("eventName", ""),
        "size": thing.get("size", 0),
        "etag": thing.get("eTag", ""),
        "version": thing.get("versionId", ""),
        "time": record.get("eventTime", ""),
    }
    return Event(
        body=body,
        id=thing.get("sequencer", ""),
        trigger="s3",
        source=told["bucket"].get("arn", ""),
        position=thing.get("sequencer"),
        key=body["key"],
        raw=record,
    )


def sns_event(record: dict[str, Any]) -> Event:
    """One message; its body is text until the codec reads it."""
    told = record["Sns"]
    headers = {
        name.lower(): str(each.get("Value", ""))
        for name, each in (told.get("MessageAttributes") or {}).items()
    }
    if told.get("Subject"):
        headers["subject"] = told["Subject"]
    return Event(
        body=told["Message"],
        id=told["MessageId"],
        trigger="sns",
        source=told.get("TopicArn", ""),
        headers=headers,
        raw=record,
    )


def bus_event(payload: dict[str, Any]) -> Event:
    """An event of a bus; its body is the `detail`."""
    return Event(
        body=payload["detail"],
        id=payload.get("id", ""),
        trigger="eventbridge",
        source=payload["source"],
        headers={"source": payload["source"], "detail-type": payload["detail-type"]},
        raw=payload,
    )


_EVENTS = {"s3": s3_event, "sns": sns_event, "eventbridge": bus_event}
