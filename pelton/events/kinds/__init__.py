"""One kind of event a file: how its source delivers it, and how one is put into the source."""

from __future__ import annotations

from collections.abc import Mapping

from . import (
    alb,
    amazon_mq,
    cloudevents,
    cron,
    directory,
    dynamodb,
    eventbridge,
    http,
    http_v1,
    kafka,
    kinesis,
    mqtt,
    nats,
    nuclio_http,
    own,
    postgres,
    rabbitmq,
    redis,
    s3,
    sns,
    sqs,
    websocket,
    websocket_api,
)
from .base import Kind

_OF_SERVICES = (
    *(http, http_v1, alb, websocket_api, cloudevents),
    *(sqs, sns, s3, kinesis, dynamodb, eventbridge, cron, amazon_mq),
)
_OF_BROKERS = (directory, kafka, mqtt, nats, own, postgres, rabbitmq, redis, websocket)

KINDS: Mapping[str, Kind] = {
    module.KIND.name: module.KIND for module in (*_OF_SERVICES, *_OF_BROKERS, nuclio_http)
}
