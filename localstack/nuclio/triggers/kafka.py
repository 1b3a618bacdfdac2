"""The `kafka-cluster` trigger: a member of a consumer group, one message of a partition at a time.

Nuclio marks a message as done when a worker has taken its event to its end, an error of the
function included.  What took too long, or found no worker, is not marked, but the next of its
partition is, and so passes it: here it is passed at once.  A worker that dies ends the replica, and
the next replica begins with what is not marked: so here it comes again, before what is behind it.
With `explicitAckMode` the function says itself what is done (`explicit_ack`).
Source: Nuclio's public pkg/processor/trigger/kafka (types, trigger, event) and runtime/rpc.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....event_sources import Failed, Message, Rules
from ....event_sources.sources.kafka import Kafka
from .. import wire
from ..pool import Pool
from ..worker import WorkerFailed
from .base import Around
from .broker import WAITING, BrokerTrigger
from .explicit_ack import marks_of

KIND = "kafka-cluster"
IN_FLIGHT = 1000  # messages in hand at the most
MOST_KEPT = 10_000  # messages that a function may keep back before no more are taken
STARTS = {"earliest": "all", "latest": "new", "": "new"}
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
# What changes which messages are done, or how brokers are spoken to, and is not here.
MISSING = ("ackWindowSize", "caCert", "accessKey", "accessCertificate")


def kafka_trigger(name: str, settings: dict[str, Any], pool: Pool, around: Around) -> BrokerTrigger:
    """`url` or `attributes.brokers`, `attributes.topics`, `consumerGroup`, `initialOffset`, `sasl`,
    `tls`."""
    given = {key: value for key, value in (settings.get("attributes") or {}).items() if value}
    for missing in MISSING:
        if missing in given:
            raise ValueError(f"trigger {name!r}: {missing} is not on the emulator")
    marks = marks_of(name, settings)
    source = Kafka(
        ",".join(_brokers(name, settings, given)),
        topic=_names(name, given, "topics"),
        group=_said(name, given, "consumerGroup"),
        start=_start(name, given),
        order="partition",
        **_security(name, given),
    )

    return BrokerTrigger(
        name,
        KIND,
        source,
        pool,
        around,
        event=_event_of(name),
        failing=_failed,
        rules=Rules(
            workers=WAITING + pool.size, in_flight=IN_FLIGHT if marks is None else MOST_KEPT
        ),
        marks=marks,
    )


def _event_of(name: str) -> Callable[[Message, float], dict[str, Any]]:
    def event(message: Message, now: float) -> dict[str, Any]:
        return wire.event(
            kind=KIND,
            name=name,
            body=message.body,
            headers=dict(message.headers),
            path=message.topic,
            topic=message.topic,
            shard_id=message.partition,
            offset=int(message.position),
            now=now,
        )

    return event


def _failed(reason: str, error: Exception) -> Failed | None:
    return Failed(reason, after=0) if isinstance(error, WorkerFailed) else None


def _brokers(name: str, settings: dict[str, Any], given: dict[str, Any]) -> list[str]:
    if "brokers" in given:
        return _names(name, given, "brokers")
    url = settings.get("url")
    if not url or not isinstance(url, str):
        raise ValueError(f"trigger {name!r}: brokers must be in url or in attributes.brokers")
    return [url]


def _names(name: str, given: dict[str, Any], word: str) -> list[str]:
    found = given.get(word)
    if not isinstance(found, list) or not found or not all(isinstance(each, str) for each in found):
        raise ValueError(f"trigger {name!r} has no attributes.{word}, a list of names")
    return found


def _said(name: str, given: dict[str, Any], word: str) -> str:
    found = given.get(word)
    if not isinstance(found, str):
        raise ValueError(f"trigger {name!r} has no attributes.{word}")
    return found


def _start(name: str, given: dict[str, Any]) -> str:
    said = str(given.get("initialOffset", "")).lower()
    if said not in STARTS:
        raise ValueError(
            f"trigger {name!r}: initialOffset must be 'earliest' or 'latest', not {said!r}"
        )
    return STARTS[said]


def _security(name: str, given: dict[str, Any]) -> dict[str, Any]:
    tls: dict[str, Any] = given.get("tls") or {}
    sasl: dict[str, Any] = given.get("sasl") or {}
    found: dict[str, Any] = {"tls": bool(tls.get("enable"))}
    if tls.get("insecureSkipVerify"):
        found["options"] = {"enable.ssl.certificate.verification": False}
    if not sasl.get("enable"):
        return found
    mechanism = str(sasl.get("mechanism") or "PLAIN")
    if mechanism not in MECHANISMS:
        raise ValueError(f"trigger {name!r}: SASL {mechanism!r} is not on the emulator")
    user, password = str(sasl.get("user", "")), str(sasl.get("password", ""))
    return {**found, "user": user, "password": password, "mechanism": mechanism}
