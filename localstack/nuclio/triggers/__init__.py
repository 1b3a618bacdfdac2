"""Nuclio triggers, one kind a file, all of one shape (`base`); the table says which there are."""

from __future__ import annotations

from .base import Make
from .cron import CronTrigger
from .http import HttpTrigger
from .kafka import kafka_trigger
from .mqtt import mqtt_trigger
from .nats import jetstream_trigger, nats_trigger
from .rabbitmq import rabbitmq_trigger

KINDS: dict[str, Make] = {
    "http": HttpTrigger,
    "cron": CronTrigger,
    "kafka-cluster": kafka_trigger,
    "mqtt": mqtt_trigger,
    "nats": nats_trigger,
    "natsjetstream": jetstream_trigger,
    "rabbit-mq": rabbitmq_trigger,
}
