"""Events as each source delivers them, for tests: `pelton.testing` has all of them by name."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlencode

from .runtime.nuclio_shapes import Event, make_event
from .runtime.payload_2 import payload_2


def _text(body: Any) -> tuple[str | None, bool]:
    if body is None:
        return None, False
    if isinstance(body, bytes):
        return base64.b64encode(body).decode(), True
    return (body if isinstance(body, str) else json.dumps(body)), False


def http_v2(
    body: Any = None,
    *,
    method: str = "POST",
    path: str = "/",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A request as a function URL or an HTTP API delivers it (payload format 2.0).

    body: bytes come in base64, whatever their type

    >>> http_v2({"a": 1})["body"]
    '{"a": 1}'
    """
    given = {"content-type": "application/json", **(headers or {})}
    query_string = urlencode(query or {})
    event = payload_2(
        method,
        f"{path}?{query_string}" if query_string else path,
        {name.lower(): value for name, value in given.items()},
        b"",
        request_id=str(uuid.uuid4()),
        api="test",
    )
    text, encoded = _text(body)
    return event if text is None else {**event, "body": text, "isBase64Encoded": encoded}


def http_v1(
    body: Any = None,
    *,
    method: str = "POST",
    path: str = "/",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A request as a REST API delivers it (payload format 1.0).

    >>> http_v1({"a": 1})["httpMethod"]
    'POST'
    """
    text, encoded = _text(body)
    given = {"Content-Type": "application/json", **(headers or {})}
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": given,
        "multiValueHeaders": {name: [value] for name, value in given.items()},
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": None,
        "requestContext": {"requestId": str(uuid.uuid4()), "httpMethod": method, "stage": "test"},
        "body": text,
        "isBase64Encoded": encoded,
    }


def alb(
    body: Any = None,
    *,
    method: str = "POST",
    path: str = "/",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A request as an Application Load Balancer delivers it (names and values of the query as they
    stand in the URL: a balancer decodes nothing).

    >>> "elb" in alb()["requestContext"]
    True
    """
    text, encoded = _text(body)
    return {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:test"}},
        "httpMethod": method,
        "path": path,
        "queryStringParameters": {quote(k): quote(v) for k, v in (query or {}).items()},
        "headers": {"content-type": "application/json", **(headers or {})},
        "body": text or "",
        "isBase64Encoded": encoded,
    }


def _md5(body: Any) -> str:
    text = body if isinstance(body, str) else json.dumps(body)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def sqs(*bodies: Any, queue: str = "queue") -> dict[str, Any]:
    """A batch of messages as an SQS event source mapping delivers it, ids "0", "1", …

    >>> [each["messageId"] for each in sqs({"a": 1}, "text")["Records"]]
    ['0', '1']
    """
    return {
        "Records": [
            {
                "messageId": str(number),
                "receiptHandle": f"receipt-{number}",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "0",
                    "SenderId": "AIDATEST",
                    "ApproximateFirstReceiveTimestamp": "0",
                },
                "messageAttributes": {},
                "md5OfBody": _md5(body),
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{queue}",
                "awsRegion": "us-east-1",
            }
            for number, body in enumerate(bodies)
        ]
    }


def bridged_sqs(*bodies: Any, queue: str = "queue") -> dict[str, Any]:
    """The same messages as `pelton bridge` delivers them, where a platform reads no queues.

    >>> (made,) = bridged_sqs({"a": 1}, queue="orders")["Records"]
    >>> made["kind"], made["source"], made["messageId"]
    ('sqs', 'orders', '0')
    """
    from .runtime.bridged import record

    def of(each: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(each).encode()
        return record("sqs", queue, each["messageId"], body, topic=queue)

    return {"Records": [of(each) for each in sqs(*bodies, queue=queue)["Records"]]}


def kinesis(*bodies: Any, stream: str = "stream", key: str = "key") -> dict[str, Any]:
    """A batch of one shard's records as a Kinesis event source mapping delivers it, sequence
    numbers "0", "1", … and all with the partition key `key`; bytes as they are.

    >>> [each["kinesis"]["data"] for each in kinesis({"a": 1}, b"raw")["Records"]]
    ['eyJhIjogMX0=', 'cmF3']
    """
    shard = "shardId-000000000000"
    return {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": key,
                    "sequenceNumber": str(number),
                    "data": _base64(body),
                    "approximateArrivalTimestamp": 1545084650.987,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"{shard}:{number}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": "arn:aws:iam::000000000000:role/test",
                "awsRegion": "us-east-1",
                "eventSourceARN": f"arn:aws:kinesis:us-east-1:000000000000:stream/{stream}",
            }
            for number, body in enumerate(bodies)
        ]
    }


def bridged_kinesis(*bodies: Any, stream: str = "stream", key: str = "key") -> dict[str, Any]:
    """The same records as `pelton bridge` delivers them, where a platform reads no such streams.

    >>> (made,) = bridged_kinesis({"a": 1}, stream="clicks")["Records"]
    >>> made["kind"], made["source"], made["lane"]
    ('kinesis', 'clicks', 'shardId-000000000000')
    """
    from .runtime.bridged import record

    def of(each: dict[str, Any]) -> dict[str, Any]:
        shard, _, number = each["eventID"].partition(":")
        body = json.dumps(each).encode()
        return record("kinesis", stream, number, body, topic=stream, key=key, lane=shard)

    return {"Records": [of(each) for each in kinesis(*bodies, stream=stream, key=key)["Records"]]}


def dynamodb(
    *changes: Any, table: str = "table", key: str = "id", event: str = ""
) -> dict[str, Any]:
    """A batch of changes as the event source mapping of a table's stream delivers it, sequence
    numbers "0", "1", …

    changes: items as they are now, or (old, new) of which one may be None
    key:     the name of the items' key;  event: "INSERT", "MODIFY" or "REMOVE"; by default what
             the images say

    >>> made = dynamodb({"id": 1}, ({"id": 1}, {"id": 1, "n": 2}), ({"id": 1}, None))
    >>> [each["eventName"] for each in made["Records"]]
    ['INSERT', 'MODIFY', 'REMOVE']
    """
    return {"Records": [_change(n, each, table, key, event) for n, each in enumerate(changes)]}


def bridged_dynamodb(
    *changes: Any, table: str = "table", key: str = "id", event: str = ""
) -> dict[str, Any]:
    """The same changes as `pelton bridge` delivers them, where a platform reads no such streams.

    >>> (made,) = bridged_dynamodb({"id": 1}, table="orders")["Records"]
    >>> made["kind"], made["source"], made["lane"]
    ('dynamodb', 'orders', '{"id": {"N": "1"}}')
    """
    from .runtime.bridged import record

    def of(each: dict[str, Any]) -> dict[str, Any]:
        told = each["dynamodb"]
        lane, number = json.dumps(told["Keys"], sort_keys=True), told["SequenceNumber"]
        body = json.dumps(each).encode()
        return record("dynamodb", table, number, body, topic=table, key=lane, lane=lane)

    made = dynamodb(*changes, table=table, key=key, event=event)
    return {"Records": [of(each) for each in made["Records"]]}


def _change(number: int, change: Any, table: str, key: str, event: str) -> dict[str, Any]:
    old, new = change if isinstance(change, tuple) else (None, change)
    images = {"OldImage": old, "NewImage": new}
    told = {name: typed_item(item) for name, item in images.items() if item is not None}
    known = {True: "MODIFY", False: "INSERT" if old is None else "REMOVE"}
    return {
        "eventID": f"{number:032x}",
        "eventName": event or known[old is not None and new is not None],
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1545084650.0,
            "Keys": typed_item({key: (new or old)[key]}),
            **told,
            "SequenceNumber": str(number),
            "SizeBytes": len(json.dumps(told)),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": f"arn:aws:dynamodb:us-east-1:000000000000:table/{table}"
        "/stream/2026-01-01T00:00:00.000",
    }


def typed_item(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _typed(value) for name, value in item.items()}


def _typed(value: Any) -> dict[str, Any]:
    """A plain value in DynamoDB's own JSON."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case bytes():
            return {"B": base64.b64encode(value).decode()}
        case Mapping():
            return {"M": typed_item(value)}
        case list() | tuple():
            return {"L": [_typed(each) for each in value]}
        case _:
            return {"N": str(value)}


def nats(
    *bodies: Any, subject: str = "subject", key: str = "", headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A batch of messages of a NATS subject as `pelton bridge` delivers it, ids "0", "1", …

    >>> nats({"a": 1}, subject="orders.new")["Records"][0]["topic"]
    'orders.new'
    """
    return _bridged("nats", subject, bodies, key, headers)


def kafka(
    *bodies: Any, topic: str = "topic", key: str = "", headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A batch of messages of a Kafka topic as `pelton bridge` delivers it, ids "0", "1", …

    >>> kafka({"a": 1}, topic="orders", key="k")["Records"][0]["topic"]
    'orders'
    """
    return _bridged("kafka", topic, bodies, key, headers)


def mqtt(
    *bodies: Any, topic: str = "topic", key: str = "", headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A batch of messages of an MQTT topic as `pelton bridge` delivers it, ids "0", "1", …

    >>> mqtt({"a": 1}, topic="orders/new")["Records"][0]["topic"]
    'orders/new'
    """
    return _bridged("mqtt", topic, bodies, key, headers)


def rabbitmq(
    *bodies: Any, queue: str = "queue", key: str = "", headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A batch of messages of a RabbitMQ queue as `pelton bridge` delivers it, ids "0", "1", …

    >>> rabbitmq({"a": 1}, queue="orders")["Records"][0]["topic"]
    'orders'
    """
    return _bridged("rabbitmq", queue, bodies, key, headers)


def amazon_mq(
    *bodies: Any,
    queue: str = "queue",
    virtual_host: str = "/",
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A batch of messages of a RabbitMQ queue as Lambda's own mapping of Amazon MQ delivers it.

    >>> made = amazon_mq({"a": 1}, queue="orders", headers={"k": "v"})
    >>> (message,) = made["rmqMessagesByQueue"]["orders::/"]
    >>> message["data"], message["basicProperties"]["headers"]
    ('eyJhIjogMX0=', {'k': {'bytes': [118]}})
    """
    given = {name: {"bytes": list(each.encode())} for name, each in (headers or {}).items()}
    return {
        "eventSource": "aws:rmq",
        "eventSourceArn": "arn:aws:mq:us-east-1:000000000000:broker:test:b-00000000",
        "rmqMessagesByQueue": {f"{queue}::{virtual_host}": [_of_mq(e, given) for e in bodies]},
    }


def _of_mq(body: Any, headers: Mapping[str, Any]) -> dict[str, Any]:
    data = _base64(body)
    nothing = ("contentEncoding", "correlationId", "replyTo", "expiration", "messageId", "type")
    return {
        "basicProperties": {
            "contentType": "application/octet-stream",
            "headers": dict(headers),
            "deliveryMode": 2,
            "priority": 0,
            "timestamp": "Jan 1, 1970, 12:33:41 AM",
            "bodySize": len(base64.b64decode(data)),
            **dict.fromkeys((*nothing, "userId", "appId", "clusterId")),
        },
        "redelivered": False,
        "data": data,
    }


def postgres(*bodies: Any, channel: str = "channel") -> dict[str, Any]:
    """A batch of notifications of a PostgreSQL channel as `pelton bridge` delivers it, ids "0",
    "1", …

    >>> postgres({"a": 1}, channel="orders")["Records"][0]["topic"]
    'orders'
    """
    return _bridged("postgres", channel, bodies, "")


def redis(
    *bodies: Any, stream: str = "stream", key: str = "", headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A batch of entries of a Redis stream as `pelton bridge` delivers it, ids "0", "1", …

    >>> redis("text", key="k")["Records"][0]["key"]
    'k'
    """
    return _bridged("redis", stream, bodies, key, headers)


def websocket(
    *bodies: Any, url: str = "wss://example.com/events", headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A batch of messages of a WebSocket server as `pelton bridge` delivers it, ids "0", "1", …

    >>> websocket({"a": 1}, url="wss://example.com/trades")["Records"][0]["topic"]
    'wss://example.com/trades'
    """
    return _bridged("websocket", url, bodies, "", headers)


def websocket_api(
    body: Any = None,
    *,
    route: str = "",
    event: str = "MESSAGE",
    connection: str = "",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What a client of a WebSocket API does, as API Gateway tells a function of it.

    route:      "" for that of the event: "$default", "$connect", "$disconnect"
    event:      "MESSAGE", "CONNECT" or "DISCONNECT"
    connection: the connection's id, "" for a new one
    headers, query: of the request that connects

    >>> websocket_api({"action": "join"}, route="join")["requestContext"]["eventType"]
    'MESSAGE'
    >>> websocket_api(event="CONNECT", query={"token": "a"})["queryStringParameters"]
    {'token': 'a'}
    """
    keys = {"MESSAGE": "$default", "CONNECT": "$connect", "DISCONNECT": "$disconnect"}
    context: dict[str, Any] = {
        "routeKey": route or keys[event],
        "eventType": event,
        "extendedRequestId": _gateway_id(),
        "requestTime": "01/Jan/2026:00:00:00 +0000",
        "messageDirection": "IN",
        "stage": "live",
        "connectedAt": 1767225600000,
        "requestTimeEpoch": 1767225600000,
        "identity": {"sourceIp": "127.0.0.1"},
        "requestId": _gateway_id(),
        "domainName": "0123abcd.execute-api.localhost",
        "connectionId": connection or _gateway_id(),
        "apiId": "0123abcd",
    }
    if event == "MESSAGE":
        context["messageId"] = _gateway_id()
        text, _ = _text(body)
        return {"requestContext": context, "body": text or "", "isBase64Encoded": False}
    if event == "DISCONNECT":
        context |= {"disconnectStatusCode": 1000, "disconnectReason": ""}
    given = {"Host": context["domainName"], **(headers or {})}
    return {
        "headers": given,
        "multiValueHeaders": {name: [value] for name, value in given.items()},
        **({"queryStringParameters": dict(query)} if query else {}),
        **(
            {"multiValueQueryStringParameters": {k: [v] for k, v in query.items()}} if query else {}
        ),
        "requestContext": context,
        "isBase64Encoded": False,
    }


def _gateway_id() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes[:11]).decode()


def directory(*bodies: Any, path: str = "inbox", name: str = "file") -> dict[str, Any]:
    """A batch of files as `pelton bridge` delivers it, ids "0", "1", … and all of one name.

    >>> directory(b"1,2", name="a.csv")["Records"][0]["body"]
    '1,2'
    """
    return _bridged("directory", path, bodies, name)


def source(
    *bodies: Any,
    place: str = "lines:Lines",
    key: str = "",
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A batch of messages of a source of your own as `pelton bridge` delivers it, ids "0", "1", …

    >>> source({"a": 1}, place="lines:Lines")["Records"][0]["kind"]
    'source'
    """
    return _bridged("source", place, bodies, key, headers)


def bridged_cron(*times: str, name: str = "schedule") -> dict[str, Any]:
    """Ticks that were due at these times, as `pelton bridge` delivers them.

    >>> bridged_cron("2026-01-01T06:00:00Z")["Records"][0]["position"]
    '2026-01-01T06:00:00Z'
    """
    found = _bridged("cron", name, tuple({} for _ in times), "")
    for record, time in zip(found["Records"], times, strict=True):
        due = datetime.fromisoformat(time).timestamp()
        record |= {"messageId": f"{name}@{time}", "position": time, "lane": name, "timestamp": due}
    return found


def _bridged(
    kind: str,
    source: str,
    bodies: tuple[Any, ...],
    key: str,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    from .runtime.bridged import record

    def content(body: Any) -> bytes:
        text = body if isinstance(body, (bytes, str)) else json.dumps(body)
        return text if isinstance(text, bytes) else text.encode()

    return {
        "Records": [
            record(
                kind,
                source,
                str(n),
                content(body),
                topic=source,
                key=key,
                lane=key,
                headers=headers,
            )
            for n, body in enumerate(bodies)
        ]
    }


def nuclio_bridged(batch: Mapping[str, Any]) -> Event:
    """A batch of a broker's messages (`kafka`, `mqtt` …) as `pelton bridge` brings it on Nuclio.

    >>> nuclio_bridged(redis("text")).body["Records"][0]["kind"]
    'redis'
    """
    return nuclio_http(batch, headers={"x-pelton-bridge": "1"})


def nuclio_nats(body: Any = b"", *, subject: str = "subject", jetstream: bool = False) -> Event:
    """A message as Nuclio's own NATS triggers deliver it: bytes, and the subject as its path.

    >>> nuclio_nats({"a": 1}, subject="orders").path
    b'orders'
    """
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = "natsjetstream" if jetstream else "nats"
    return make_event(kind=kind, name=kind, body=content, path=subject)


def nuclio_kafka(body: Any = b"", *, topic: str = "topic") -> Event:
    """A message as Nuclio's own Kafka trigger delivers it: bytes, and the topic as its path.

    >>> nuclio_kafka({"a": 1}, topic="orders").trigger.kind
    b'kafka-cluster'
    """
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return make_event(kind="kafka-cluster", name="kafka", body=content, path=topic)


def nuclio_mqtt(body: Any = b"", *, topic: str = "topic") -> Event:
    """A message as Nuclio's own MQTT trigger delivers it: bytes, and the topic as its path.

    >>> nuclio_mqtt({"a": 1}, topic="orders/new").path
    b'orders/new'
    """
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return make_event(kind="mqtt", name="mqtt", body=content, path=topic)


def nuclio_rabbitmq(body: Any = b"", *, routing_key: str = "key", exchange: str = "") -> Event:
    """A message as Nuclio's own RabbitMQ trigger delivers it: bytes, and as its path the exchange
    and the routing key.

    >>> nuclio_rabbitmq({"a": 1}, routing_key="new", exchange="orders").path
    b'orders/new'
    """
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return make_event(
        kind="rabbitMq", name="rabbitmq", body=content, path=f"{exchange}/{routing_key}"
    )


def _base64(body: Any) -> str:
    content = body if isinstance(body, (bytes, str)) else json.dumps(body)
    return base64.b64encode(content if isinstance(content, bytes) else content.encode()).decode()


def cloudevent(
    *data: Any,
    type: str = "test",
    source: str = "/test",
    id: str = "1",
    mode: str = "structured",
    path: str = "/",
    **attributes: str,
) -> dict[str, Any]:
    """A request with a CloudEvent, as a function URL or an HTTP API delivers it.

    mode: "structured", "binary", or "batched", which has one event for each of `data`, with the
          ids "1", "2", …;  attributes: further ones, as subject="7"

    >>> cloudevent({"n": 1}, mode="binary", subject="7")["headers"]["ce-subject"]
    '7'
    """
    body, headers = _cloudevent(data, mode, {"type": type, "source": source, "id": id} | attributes)
    return http_v2(body, path=path, headers=headers)


def nuclio_cloudevent(
    data: Any = None,
    *,
    type: str = "test",
    source: str = "/test",
    id: str = "1",
    path: str = "/",
    **attributes: str,
) -> Event:
    """A request with a CloudEvent in binary mode, as Nuclio's HTTP trigger delivers it.

    >>> nuclio_cloudevent({"n": 1}).headers[b"Ce-Type"]
    b'test'
    """
    said = {"type": type, "source": source, "id": id} | attributes
    body, headers = _cloudevent((data,), "binary", said)
    return nuclio_http(body, path=path, headers=headers)


def _cloudevent(
    data: tuple[Any, ...], mode: str, said: dict[str, str]
) -> tuple[Any, dict[str, str]]:
    if mode not in ("structured", "binary", "batched"):
        raise ValueError(f"mode={mode!r} is none of structured, binary, batched")
    if mode != "batched" and len(data) > 1:
        raise ValueError(f"{len(data)} events are a batch: say mode='batched'")
    said, data = {"specversion": "1.0", **said}, data or (None,) * (mode != "batched")
    if mode == "binary":
        kind = said.pop("datacontenttype", "application/json")
        return data[0], {f"ce-{name}": each for name, each in said.items()} | {"content-type": kind}
    made = [_json_event(each, said | {"id": str(n)}) for n, each in enumerate(data, 1)]
    if mode == "batched":
        return made, {"content-type": "application/cloudevents-batch+json"}
    return _json_event(data[0], said), {"content-type": "application/cloudevents+json"}


def _json_event(data: Any, said: dict[str, str]) -> dict[str, Any]:
    held = {"data_base64": _base64(data)} if isinstance(data, bytes) else {"data": data}
    return {**said, **held}


def cron(
    detail: Mapping[str, Any] | None = None, *, time: str = "2026-01-01T00:00:00Z"
) -> dict[str, Any]:
    """A scheduled event as EventBridge delivers it; `time` is when it was due.

    >>> cron()["detail-type"]
    'Scheduled Event'
    """
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": time,
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:000000000000:rule/test"],
        "detail": dict(detail or {}),
    }


def s3(
    key: str = "key",
    *,
    bucket: str = "bucket",
    event: str = "ObjectCreated:Put",
    size: int = 3,
    version: str = "",
) -> dict[str, Any]:
    """What S3 tells a function of one object.

    >>> s3("a b")["Records"][0]["s3"]["object"]["key"]
    'a+b'
    """
    thing: dict[str, Any] = {"key": quote_plus(key, safe="/"), "sequencer": "0A1B2C3D4E5F678901"}
    if not event.startswith("ObjectRemoved"):
        thing |= {"size": size, "eTag": "d41d8cd98f00b204e9800998ecf8427e"}
    if version:
        thing["versionId"] = version
    return {
        "Records": [
            {
                "eventVersion": "2.6",
                "eventSource": "aws:s3",
                "awsRegion": "us-east-1",
                "eventTime": "2026-01-01T00:00:00.000Z",
                "eventName": event,
                "userIdentity": {"principalId": "TEST"},
                "requestParameters": {"sourceIPAddress": "127.0.0.1"},
                "responseElements": {"x-amz-request-id": "0", "x-amz-id-2": "0"},
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "test",
                    "bucket": {
                        "name": bucket,
                        "ownerIdentity": {"principalId": "TEST"},
                        "arn": f"arn:aws:s3:::{bucket}",
                    },
                    "object": thing,
                },
            }
        ]
    }


def sns(
    body: Any,
    *,
    topic: str = "topic",
    subject: str | None = None,
    attributes: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A message as SNS pushes it to a function.

    >>> sns({"a": 1})["Records"][0]["Sns"]["Message"]
    '{"a": 1}'
    """
    arn = f"arn:aws:sns:us-east-1:000000000000:{topic}"
    told = {name: {"Type": "String", "Value": v} for name, v in (attributes or {}).items()}
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": f"{arn}:{uuid.UUID(int=0)}",
                "Sns": {
                    "Type": "Notification",
                    "MessageId": str(uuid.uuid4()),
                    "TopicArn": arn,
                    "Subject": subject,
                    "Message": body if isinstance(body, str) else json.dumps(body),
                    "Timestamp": "2026-01-01T00:00:00.000Z",
                    "MessageAttributes": told,
                },
            }
        ]
    }


def eventbridge(
    detail: Mapping[str, Any], *, source: str = "test", detail_type: str = "Test"
) -> dict[str, Any]:
    """An event of a bus as EventBridge pushes it to a function.

    >>> eventbridge({"a": 1}, detail_type="Ordered")["detail-type"]
    'Ordered'
    """
    return {**cron(detail), "detail-type": detail_type, "source": source, "resources": []}


def nuclio_http(
    body: Any = None,
    *,
    method: str = "POST",
    path: str = "/",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    decoded: bool = False,
) -> Event:
    """A request as Nuclio's wrapper hands it over: a JSON body parsed, the path without percent
    encoding, strings as bytes unless `decoded` (NUCLIO_PYTHON_DECODE_EVENT_STRINGS).

    >>> event = nuclio_http({"a": 1})
    >>> event.body, event.method
    ({'a': 1}, b'POST')
    """
    given = {"content-type": "application/json", **(headers or {})}
    content_type = next(v for name, v in given.items() if name.lower() == "content-type")
    raw = body if isinstance(body, bytes) else (_text(body)[0] or "").encode()
    return make_event(
        kind="http",
        name="http",
        id=str(uuid.uuid4()),
        body=raw,
        content_type=content_type,
        headers=given,
        fields=query,
        method=method,
        path=unquote(path),
        url=f"{path}?{urlencode(query)}" if query else path,
        decoded=decoded,
    )


def nuclio_cron(body: str = "", *, name: str = "cron", decoded: bool = False) -> Event:
    """A tick of a cron trigger of Nuclio, with the body that its configuration gives.

    >>> nuclio_cron().trigger.kind
    b'cron'
    """
    return make_event(
        kind="cron", name=name, id=str(uuid.uuid4()), body=body.encode(), decoded=decoded
    )
