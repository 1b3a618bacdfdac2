"""What Lambda delivers, as `Event`s, and `Result`s as what each source wants back.

Sources: AWS's documents of the payload formats of function URLs and HTTP APIs (2.0), REST APIs
(1.0), Application Load Balancer targets, event source mappings of SQS and Kinesis, and scheduled
events.
"""

from __future__ import annotations

import json
from typing import Any

from ..handlers.event import Event, Result

# The sources that deliver records, by their own word for themselves.
RECORDS = {
    "aws:sqs": "sqs",
    "aws:kinesis": "kinesis",
    "aws:dynamodb": "dynamodb",
    "aws:s3": "s3",
    "aws:sns": "sns",
}
# What a bridge of ours delivers: messages of a broker that the platform does not read.
BRIDGE = "pelton:bridge"
# Those that are taken apart only for a function that has their trigger.
ASKED = frozenset(
    {"kinesis", "dynamodb", "s3", "sns", "eventbridge", "bridge", "websocket_api", "rabbitmq"}
)


def source_of(event: Any) -> str:
    """Which source made this payload: "http2", "http1", "alb", "sqs", "kinesis", "dynamodb",
    "s3", "sns", "cron", "eventbridge", "bridge", "websocket_api", "rabbitmq" or "direct".

    >>> source_of({"Records": [{"eventSource": "aws:sqs"}]}), source_of({"a": 1})
    ('sqs', 'direct')
    """
    if event.__class__ is not dict:
        return "direct"
    context = event.get("requestContext")
    if context.__class__ is dict:
        if "elb" in context:
            return "alb"
        if event.get("version") == "2.0" and "http" in context:
            return "http2"
        if "httpMethod" in event:
            return "http1"
        if "connectionId" in context:
            return "websocket_api"
    records = event.get("Records")
    if records.__class__ is list and records and records[0].__class__ is dict:
        first = records[0]
        if (made := first.get("eventSource") or first.get("EventSource")) in RECORDS:
            return RECORDS[made]
        if made == BRIDGE:
            return "bridge"
    if event.get("eventSource") == "aws:rmq":
        return "rabbitmq"
    if "detail-type" in event and "source" in event:
        return "cron" if event["detail-type"] == "Scheduled Event" else "eventbridge"
    return "direct"


def http_event(source: str, payload: dict[str, Any], request_id: str) -> Event:
    """The request of any HTTP source."""
    headers = _headers(payload)
    if source == "http2":
        http = payload["requestContext"]["http"]
        method, path = http["method"], _path(payload, payload.get("rawPath") or http["path"])
        fields = payload.get("queryStringParameters") or {}
    else:
        method, path = payload["httpMethod"], payload["path"]
        many = payload.get("multiValueQueryStringParameters") or {}
        fields = payload.get("queryStringParameters") or {k: ",".join(v) for k, v in many.items()}
    return Event(
        body=_body(payload),
        id=payload["requestContext"].get("requestId", request_id),
        trigger="http",
        headers=headers,
        method=method,
        path=_decoded(path),
        fields={_decoded(k): _decoded(v) for k, v in fields.items()} if source == "alb" else fields,
        content_type=headers.get("content-type", ""),
        raw=payload,
    )


def _path(payload: dict[str, Any], path: str) -> str:
    """The path without the stage, which an HTTP API of format 2.0 puts before it, and decoded,
    which a function URL does not do."""
    context = payload["requestContext"]
    if "%" in path and ".lambda-url." in context.get("domainName", ""):
        from urllib.parse import unquote  # few paths need it: it is not in every cold start

        return unquote(path)
    stage = f"/{context.get('stage') or '$default'}"
    return (path[len(stage) :] or "/") if f"{path}/".startswith(f"{stage}/") else path


def _decoded(text: str) -> str:
    """A path, or a balancer's query, without percent encoding: sources differ in what they decode.

    Sources: AWS's page on balancers' targets ("You must decode them"); function URLs and REST APIs
    pass the path as it was asked for.
    """
    if "%" not in text:
        return text
    from urllib.parse import unquote

    return unquote(text)


def _headers(payload: dict[str, Any]) -> dict[str, str]:
    single = payload.get("headers") or {}
    found = {name.lower(): value for name, value in single.items()}
    if many := payload.get("multiValueHeaders"):
        found = {name.lower(): ",".join(values) for name, values in many.items()} | found
    if cookies := payload.get("cookies"):
        found["cookie"] = "; ".join(cookies)
    return found


def _body(payload: dict[str, Any]) -> bytes:
    body = payload.get("body")
    if body is None:
        return b""
    if payload.get("isBase64Encoded"):
        return _unbase64(body)
    encoded: bytes = body.encode()
    return encoded


def _unbase64(text: str) -> bytes:
    import binascii  # a shared library, which few events need

    return binascii.a2b_base64(text)


def sqs_event(record: dict[str, Any]) -> Event:
    """One record of a queue; its body is text until the codec reads it."""
    attributes = record.get("attributes") or {}
    sent = attributes.get("SentTimestamp")
    headers = {
        name.lower(): str(value.get("stringValue", ""))
        for name, value in (record.get("messageAttributes") or {}).items()
    }
    return Event(
        body=record.get("body", ""),
        id=record["messageId"],
        trigger="sqs",
        source=record.get("eventSourceARN", ""),
        headers=headers,
        timestamp=int(sent) / 1000 if sent else None,
        position=record.get("receiptHandle"),
        raw=record,
    )


def kinesis_event(record: dict[str, Any]) -> Event:
    """One record of a stream; its body is the bytes that were put there."""
    inner = record["kinesis"]
    return Event(
        body=_unbase64(inner["data"]),
        id=record["eventID"],
        trigger="kinesis",
        source=record.get("eventSourceARN", ""),
        timestamp=inner.get("approximateArrivalTimestamp"),
        position=inner["sequenceNumber"],
        raw=record,
        key=inner.get("partitionKey", ""),
    )


def cron_event(payload: dict[str, Any]) -> Event:
    """A scheduled event; its body is the `detail` the rule carries."""
    return Event(
        body=_detail(payload.get("detail")),
        id=payload.get("id", ""),
        trigger="cron",
        source=(payload.get("resources") or [""])[0],
        position=payload.get("time"),
        raw=payload,
    )


def _detail(detail: Any) -> Any:
    """EventBridge Scheduler's own payload has the detail as a text: "{}"."""
    return json.loads(detail) if detail.__class__ is str and detail else detail or {}


def http_reply(source: str, payload: dict[str, Any], result: Result) -> dict[str, Any]:
    """A `Result` in the form that the HTTP source of `payload` wants."""
    body, encoded, content_type = _wire(result)
    headers = {"content-type": content_type, **result.headers}
    reply: dict[str, Any] = {
        "statusCode": result.status,
        "headers": headers,
        "body": body,
        "isBase64Encoded": encoded,
    }
    if source == "http2":
        if result.cookies:
            reply["cookies"] = list(result.cookies)
        return reply
    if source == "alb":
        reply["statusDescription"] = f"{result.status} {_reason(result.status)}"
    if result.cookies or "multiValueHeaders" in payload:
        many = {name: [str(value)] for name, value in headers.items()}
        if result.cookies:
            many["set-cookie"] = list(result.cookies)
        reply["multiValueHeaders"] = many
        if source == "alb":
            del reply["headers"]
    return reply


def _wire(result: Result) -> tuple[str, bool, str]:
    """(body text, is base64, content type)."""
    body = result.body
    if isinstance(body, bytes):
        import binascii

        return (
            binascii.b2a_base64(body, newline=False).decode(),
            True,
            result.content_type or "application/octet-stream",
        )
    if isinstance(body, str):
        return body, False, result.content_type or "text/plain; charset=utf-8"
    return json.dumps(body), False, result.content_type or "application/json"


def _reason(status: int) -> str:
    from http import HTTPStatus

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
