"""Which triggers a platform does not read by itself, and what a plan says of each of them.

What a platform reads, and keeps less of than we do, is `weaker`'s matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ...builders.nuclio_spec import broker_trigger, workers_of
from ...handlers.function import Function
from ...handlers.triggers import Cron, DynamoDb, FromBroker, Kinesis, RabbitMQ, Sqs
from ...handlers.triggers.base import Trigger
from ...handlers.triggers.changes import OfShards, changes, stream_records
from ...handlers.triggers.queued import Queued, queued
from ...handlers.triggers.ticks import Ticks, ticks


def bridged(function: Function[..., Any], platform: str) -> list[FromBroker]:
    """The triggers whose broker `platform` does not read, or not with what they promise."""
    found = [each for each in function.triggers if isinstance(each, FromBroker)]
    if platform == "nuclio":
        found = [each for each in found if broker_trigger(each, function.name) is None]
    else:
        found = [each for each in found if not is_mapped(each)]
    crons = [each for each in function.triggers if isinstance(each, Cron)]
    asked = [each for each in crons if each.store or (each.bridged and platform == "nuclio")]
    found += [ticks(each, function.name) for each in asked]
    return found + _of_aws(function) if platform == "nuclio" else found


def _of_aws(function: Function[..., Any]) -> list[FromBroker]:
    """What Lambda reads by mappings of its own, and nobody else."""
    made: list[FromBroker] = []
    for each in function.triggers:
        if isinstance(each, DynamoDb):
            made.append(changes(each, function.name))
        elif isinstance(each, Kinesis) and each.bridged:
            made.append(stream_records(each, function.name, workers_of(function)))
        elif isinstance(each, Sqs) and each.bridged:
            made.append(queued(each, workers_of(function)))
    return made


def is_mapped(trigger: Trigger) -> bool:
    """Whether a mapping of Lambda's own reads the broker."""
    return isinstance(trigger, RabbitMQ) and bool(trigger.broker)


def bridges(functions: Iterable[Function[..., Any]], platforms: Iterable[str]) -> Iterator[str]:
    """A sentence for each trigger that needs a bridge."""
    for platform in platforms:
        for function in functions:
            for trigger in bridged(function, platform):
                yield (
                    f"{platform} does not read {trigger.kind} {trigger.name!r} for {function.name} "
                    f"as it is asked for: run `pelton bridge --on {platform}`, which reads it and "
                    f"calls the function{_why(trigger, platform)}"
                )


def _why(trigger: FromBroker, platform: str) -> str:
    """What of a schedule the platform's own clock cannot keep, and what the bridge does not."""
    if isinstance(trigger, Queued):
        return _who_gives_up(trigger)
    if isinstance(trigger, OfShards):
        return "; its --store keeps how far the stream was read"
    if not isinstance(trigger, Ticks):
        return ""
    if trigger.cron.store:
        own = "EventBridge" if platform == "lambda" else "a cron trigger"
        return f" ({own} may call twice, and makes up for no tick that was missed)"
    return " (a cron trigger counts in UTC); without store=, run one bridge alone"


def _who_gives_up(trigger: Queued) -> str:
    if not trigger.dead_letter:
        return "; what never works goes where the queue's own redrive policy says, if it has one"
    return (
        "; what never works goes where the queue's own redrive policy says, and if it has none, to "
        f"{trigger.dead_letter!r} after {trigger.attempts} tries"
    )
