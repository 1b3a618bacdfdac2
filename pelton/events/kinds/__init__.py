"""One kind of event a file: how its source delivers it, and how one is put into the source."""

from __future__ import annotations

from collections.abc import Mapping

from . import (
    alb,
    cloudevents,
    cron,
    dynamodb,
    eventbridge,
    http,
    http_v1,
    kinesis,
    mqtt,
    nuclio_http,
    postgres,
    rabbitmq,
    s3,
    sns,
    sqs,
    websocket,
)
from .base import Kind

_OF_SERVICES = (
    *(http, http_v1, alb, cloudevents),
    *(sqs, sns, s3, kinesis, dynamodb, eventbridge, cron),
)
_OF_BROKERS = (mqtt, postgres, rabbitmq, websocket)

KINDS: Mapping[str, Kind] = {
    module.KIND.name: module.KIND for module in (*_OF_SERVICES, *_OF_BROKERS, nuclio_http)
}
