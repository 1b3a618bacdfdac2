"""What makes a function run: one kind a file, all of one shape (frozen data and a short maker).

A kind is loaded when it is asked for: few functions have more than one, and each cold start counts.
"""

from typing import TYPE_CHECKING

from ..lazily import lazily

if TYPE_CHECKING:
    from .base import Trigger as Trigger
    from .cloudevents import CloudEvents as CloudEvents
    from .cron import Cron as Cron
    from .directory import Directory as Directory
    from .dynamodb import DynamoDb as DynamoDb
    from .eventbridge import EventBridge as EventBridge
    from .from_broker import FromBroker as FromBroker
    from .http import Http as Http
    from .kafka import Kafka as Kafka
    from .kinesis import Kinesis as Kinesis
    from .mqtt import Mqtt as Mqtt
    from .nats import Nats as Nats
    from .own import Own as Own
    from .postgres import Postgres as Postgres
    from .rabbitmq import RabbitMQ as RabbitMQ
    from .redis import Redis as Redis
    from .s3 import S3 as S3
    from .sns import Sns as Sns
    from .sqs import Sqs as Sqs
    from .websocket import WebSocket as WebSocket
    from .websocket_api import WebSocketApi as WebSocketApi

_HOMES = {
    "CloudEvents": ".cloudevents",
    "Cron": ".cron",
    "Directory": ".directory",
    "DynamoDb": ".dynamodb",
    "EventBridge": ".eventbridge",
    "FromBroker": ".from_broker",
    "Http": ".http",
    "Kafka": ".kafka",
    "Kinesis": ".kinesis",
    "Mqtt": ".mqtt",
    "Nats": ".nats",
    "Own": ".own",
    "RabbitMQ": ".rabbitmq",
    "Postgres": ".postgres",
    "Redis": ".redis",
    "S3": ".s3",
    "Sns": ".sns",
    "Sqs": ".sqs",
    "Trigger": ".base",
    "WebSocket": ".websocket",
    "WebSocketApi": ".websocket_api",
}

__all__ = sorted(_HOMES)
__getattr__ = lazily(__name__, _HOMES)
