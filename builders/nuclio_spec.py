"""A function's settings as Nuclio's function configuration: an archive with build commands."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from ..handlers.function import Function
from ..handlers.platforms import Nuclio
from ..handlers.triggers import (
    Cron,
    DynamoDb,
    FromBroker,
    Http,
    Kafka,
    Kinesis,
    Mqtt,
    Nats,
    RabbitMQ,
    Sqs,
)
from ..handlers.triggers.broker_handoff import CONSUMER, BrokerHandoff, KafkaHandoff, group_of
from .errors import BuildError
from .nuclio_secrets import variable


def build_commands(pins: Sequence[str]) -> list[str]:
    """The requirements, as Nuclio installs them: by build commands, in the versions that were
    locked."""
    return [f"pip install {' '.join(map(shlex.quote, pins))}"] if pins else []


def function_config(
    function: Function[..., Any], handler: str, runtime: str, pins: Sequence[str] = ()
) -> dict[str, Any]:
    """The function configuration; `spec.build.path` is filled by whoever uploads the archive.

    Raises `BuildError` for a trigger or a secret that Nuclio has not.
    """
    settings = function.settings
    least, most = settings.nuclio.replicas
    if any(isinstance(each, BrokerHandoff) for each in function.triggers):
        least, most = max(1, least), max(1, most)  # no message wakes a function that sleeps
    return {
        "apiVersion": "nuclio.io/v1",
        "kind": "Function",
        "metadata": {"name": function.name, "namespace": settings.nuclio.namespace},
        "spec": {
            "description": settings.description,
            "handler": handler,
            "runtime": runtime,
            "env": [
                variable(function.name, name, value)
                for name, value in sorted(settings.environment.items())
            ],
            "minReplicas": least,
            "maxReplicas": most,
            **_event_timeout(function),
            "resources": _resources(function),
            **_scheduling(settings.nuclio),
            "triggers": _triggers(function),
            "build": {"codeEntryType": "archive", "commands": build_commands(pins)},
        },
    }


def _event_timeout(function: Function[..., Any]) -> dict[str, str]:
    """How long a call may take: the function's timeout, or all tries of an event of a graph's
    queue, which are one call here; without a limit for Kafka's, whose trigger forgets an event
    that takes too long."""
    queues = [each for each in function.triggers if isinstance(each, BrokerHandoff)]
    if any(isinstance(each, KafkaHandoff) for each in queues):
        return {}
    longest = max([function.settings.timeout, *(each.seconds for each in queues)])
    return {"eventTimeout": f"{longest:g}s"}


def workers_of(function: Function[..., Any]) -> int:
    """How many workers a trigger of the function has in a replica."""
    return int(function.settings.concurrency or function.settings.nuclio.workers)


def _resources(function: Function[..., Any]) -> dict[str, dict[str, str]]:
    settings, nuclio = function.settings, function.settings.nuclio
    gpu = {"nvidia.com/gpu": str(nuclio.gpu)} if nuclio.gpu else {}
    limits = {"memory": f"{settings.memory}Mi", **gpu, **nuclio.limits}
    requests = {"requests": dict(nuclio.requests)} if nuclio.requests else {}
    return {"limits": limits, **requests}


def _scheduling(nuclio: Nuclio) -> dict[str, Any]:
    """Where its pods may be, and how they get their image; nothing for what is not said."""
    said = {
        "nodeSelector": dict(nuclio.node_selector),
        "tolerations": [dict(each) for each in nuclio.tolerations],
        "imagePullSecrets": nuclio.image_pull_secret,
    }
    return {name: value for name, value in said.items() if value}


def broker_trigger(trigger: FromBroker, function: str) -> dict[str, Any] | None:
    """A broker's trigger in Nuclio's own words; None where Nuclio has no such trigger, or none
    that keeps what ours promises: a bridge reads the broker then, and calls the function."""
    if isinstance(trigger, Nats) and trigger.plain:
        # Replicas share the messages: without a queue, each would have them all.
        attributes = {"topic": trigger.subject, "queueName": trigger.queue or function}
        return {"kind": "nats", "url": trigger.url, "attributes": attributes}
    if isinstance(trigger, Kafka) and trigger.native:
        return {"kind": "kafka-cluster", "attributes": _kafka(trigger)}
    if isinstance(trigger, Mqtt) and trigger.native:
        return {"kind": "mqtt", **_mqtt(trigger)}
    if isinstance(trigger, RabbitMQ) and trigger.native:
        who = {"username": trigger.user, "password": trigger.password}
        said = {name: value for name, value in who.items() if value}
        return {"kind": "rabbit-mq", "url": trigger.url, **said, "attributes": _rabbitmq(trigger)}
    return None


def _rabbitmq(trigger: RabbitMQ) -> dict[str, Any]:
    """As Nuclio's docs/reference/triggers/rabbitmq.md has them: what no worker could take comes
    again."""
    bound = {
        "exchangeName": trigger.exchange,
        "topics": trigger.bindings,
        "durableExchange": True,
    }
    return {
        "queueName": trigger.queue,
        "durableQueue": True,
        "prefetchCount": trigger.prefetch,
        "onError": "nack",
        "requeueOnError": True,
        **(bound if trigger.exchange else {}),
    }


def _mqtt(trigger: Mqtt) -> dict[str, Any]:
    """As Nuclio's pkg/processor/trigger/mqtt reads them; the address as its client, paho for Go,
    takes it."""
    told = urlsplit(trigger.url)
    secure = told.scheme == "mqtts"
    where = f"{told.hostname}:{told.port or (8883 if secure else 1883)}"
    topic = f"$share/{trigger.group}/{trigger.topic}" if trigger.group else trigger.topic
    said = {
        "username": trigger.user or unquote(told.username or ""),
        "password": trigger.password or unquote(told.password or ""),
    }
    attributes: dict[str, Any] = {"subscriptions": [{"topic": topic, "qos": trigger.qos}]}
    if trigger.client_id:
        attributes["clientID"] = trigger.client_id
    return {
        "url": f"ssl://{where}" if secure else where,
        **{name: value for name, value in said.items() if value},
        "attributes": attributes,
    }


def _kafka(trigger: Kafka) -> dict[str, Any]:
    """As Nuclio's pkg/processor/trigger/kafka/types.go reads them."""
    sasl = {
        "enable": True,
        "user": trigger.user,
        "password": trigger.password,
        "mechanism": trigger.mechanism,
    }
    return {
        "brokers": [each.strip() for each in trigger.brokers.split(",")],
        "topics": trigger.topics,
        "consumerGroup": trigger.group,
        "initialOffset": "earliest" if trigger.start == "all" else "latest",
        **({"sasl": sasl} if trigger.user else {}),
        **({"tls": {"enable": True}} if trigger.tls else {}),
    }


def _queue(trigger: BrokerHandoff, workers: int) -> dict[str, Any]:
    """A graph's queue; Kafka keeps the order of keys with several workers, too."""
    if isinstance(trigger, KafkaHandoff):
        attributes = {
            "brokers": trigger.servers,
            "topics": [trigger.queue],
            "consumerGroup": group_of(trigger.queue),
            "initialOffset": "earliest",  # what was sent before the function was there, too
        }
        return {"numWorkers": workers, "attributes": attributes}
    return {
        "numWorkers": 1 if trigger.ordered else workers,
        "url": trigger.broker,
        "attributes": {"stream": trigger.queue, "consumer": CONSUMER},
    }


def schedule_of(line: str) -> str:
    """A five-field line as each Nuclio reads it: the second in front, Sunday as 0, and a `*` among
    other days written out, for Nuclio would have it stand for any day of both fields.

    Its parser takes the second for optional now; older ones took the first of five fields for it,
    or refused five.  Its CronJobs on Kubernetes leave a sixth field away.  None knows a weekday 7.
    Sources: `parseEncodedSchedule` of its pkg/processor/trigger/cron/trigger.go (robfig/cron v3;
    issue 1146), and `normalizeCronTriggerScheduleInput` of its pkg/platform/kube.

    >>> schedule_of("30 4 * * *"), schedule_of("0 6 * * 5-7,1/3")
    ('0 30 4 * * *', '0 0 6 * * 0,1,4,5,6')
    """
    minute, hour, day, month, weekday = line.split()
    if day != "*" and {"*", "*/1"} & set(day.split(",")):
        day = "1-31"
    if weekday != "*":
        weekday = ",".join(map(str, sorted({each % 7 for each in _weekdays(weekday)})))
    return f"0 {minute} {hour} {day} {month} {weekday}"


def _weekdays(field: str) -> Iterator[int]:
    """The days that a field names: numbers, ranges and steps, as `pelton.cron` has checked them."""
    for part in field.replace("*", "0-7").split(","):
        span, _, step = part.partition("/")
        low, _, high = span.partition("-")
        yield from range(int(low), int(high or (7 if step else low)) + 1, int(step or 1))


def _triggers(function: Function[..., Any]) -> dict[str, Any]:
    workers = workers_of(function)
    found: dict[str, Any] = {
        "http": {"kind": "http", "name": "http", "numWorkers": workers, "attributes": {}}
    }
    for index, trigger in enumerate(function.triggers):
        if isinstance(trigger, Cron | DynamoDb | Kinesis | Sqs) and trigger.bridged:
            continue
        if isinstance(trigger, Cron):
            when = (
                {"interval": f"{trigger.every_s}s"}
                if trigger.every_s
                else {"schedule": schedule_of(trigger.schedule)}
            )
            name = f"cron-{index}"
            found[name] = {"kind": "cron", "name": name, "numWorkers": 1, "attributes": when}
        elif isinstance(trigger, FromBroker):
            if (native := broker_trigger(trigger, function.name)) is not None:
                name = f"{trigger.kind}-{index}"
                found[name] = {"name": name, "numWorkers": trigger.workers, **native}
        elif isinstance(trigger, BrokerHandoff):
            name = f"{trigger.kind}-{index}"
            found[name] = {"name": name, "kind": trigger.kind, **_queue(trigger, workers)}
        elif not isinstance(trigger, Http):
            raise BuildError(
                f"function {function.name}: Nuclio has no trigger {trigger.kind!r}; "
                "leave the function out of this target, or give it another trigger"
            )
    return found
