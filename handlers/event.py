"""`Event` and `Result`: the only shapes between a platform's adapter and the call path.

An adapter makes an `Event` from what its platform delivers; the call path gives back a
`Result`; the adapter turns that into its platform's reply.  Neither knows a platform.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NOTHING: Mapping[str, str] = {}


class _Values:
    """Equality and repr of slots, as a dataclass has them (see `frozen` for why it is none)."""

    __slots__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({fields})"


class Event(_Values):
    """One event, whatever brought it.

    body:         what the source delivered: a parsed JSON value where the source delivers JSON
                  (or its content type says so), else `bytes` or `str`
    id:           the source's id of the event (request id, message id)
    trigger:      the kind: "direct", "http", "cloudevents", "sqs", "kinesis", "dynamodb", "s3",
                  "sns", "eventbridge", "cron", "kafka", "mqtt", "nats", "postgres", "rabbitmq",
                  "redis", "websocket", "directory", "websocket_api"
    source:       the source's own name (queue ARN, trigger name); "" where there is none
    topic:        of a broker: the subject, topic, stream or folder that it was sent to; of a
                  WebSocket API the route
    headers:      lower-cased names (HTTP headers, message attributes)
    method, path, fields: of an HTTP request; `fields` are the query's
    parameters:   of the path, by the names that the trigger's path gives them
    timestamp:    seconds since the epoch when the event was made, where the source says
    position:     place in the source (receipt handle, sequence number; of a tick its time, in ISO
                  8601), where it has one
    key:          what orders it: a stream's partition key, a message's key; of an object or a file
                  its name; of a WebSocket API the connection
    content_type: as delivered; "" where the source has none
    raw:          the platform's own object, untouched

    >>> Event(body={"a": 1}, id="1").body["a"]
    1
    """

    __slots__ = (
        "body",
        "content_type",
        "fields",
        "headers",
        "id",
        "key",
        "method",
        "parameters",
        "path",
        "position",
        "raw",
        "source",
        "timestamp",
        "topic",
        "trigger",
    )

    def __init__(
        self,
        body: Any = None,
        id: str = "",
        trigger: str = "direct",
        source: str = "",
        headers: Mapping[str, str] = _NOTHING,
        method: str = "",
        path: str = "",
        fields: Mapping[str, str] = _NOTHING,
        timestamp: float | None = None,
        position: str | None = None,
        content_type: str = "",
        raw: Any = None,
        parameters: Mapping[str, str] = _NOTHING,
        key: str = "",
        topic: str = "",
    ) -> None:
        self.body, self.id, self.trigger, self.source = body, id, trigger, source
        self.headers, self.method, self.path, self.fields = headers, method, path, fields
        self.timestamp, self.position, self.key = timestamp, position, key
        self.content_type, self.raw, self.parameters = content_type, raw, parameters
        self.topic = topic


class Result(_Values):
    """An answer.  Return one from a function to set status, headers or content type.

    body:         already encoded when it leaves the call path: a JSON-ready value, `bytes` or `str`
    status:       HTTP status; sources that have none ignore it
    content_type: "" lets the body decide: JSON values "application/json", `str` "text/plain",
                  `bytes` "application/octet-stream"

    >>> Result({"ok": True}, status=201).status
    201
    """

    __slots__ = ("body", "content_type", "cookies", "headers", "status")

    def __init__(
        self,
        body: Any = None,
        status: int = 200,
        headers: Mapping[str, str] = _NOTHING,
        content_type: str = "",
        cookies: tuple[str, ...] = (),
    ) -> None:
        self.body, self.status, self.headers = body, status, headers
        self.content_type, self.cookies = content_type, cookies


Response = Result
