"""What a function asks for and a platform does not have: refused by name, with what to do instead.

What can be read by a bridge is not refused (`bridges`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ...handlers.function import Function
from ...handlers.triggers import CloudEvents, RabbitMQ
from ...handlers.triggers.base import Trigger
from ..errors import CannotPlan

TRIGGERS = {
    "lambda": (
        "http",
        "cloudevents",
        "sqs",
        "kinesis",
        "dynamodb",
        "cron",
        "s3",
        "sns",
        "eventbridge",
        "websocket_api",
    ),
    "nuclio": ("http", "cloudevents", "cron", "natsjetstream", "kafka-cluster"),
}
# Sources that push to functions of Lambda, and to queues as well: what each is called.
SENDS_TO_SQS = {"sns": "topic", "s3": "bucket", "eventbridge": "bus"}
_NUCLIO_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def refuse_missing_triggers(function: Function[..., Any], platform: str) -> None:
    """Raise `CannotPlan` when `function` has a trigger that `platform` lacks, or a name it
    does not take."""
    for trigger in function.triggers:
        if trigger.kind not in TRIGGERS[platform] and not trigger.bridged:
            if platform == "nuclio" and trigger.kind in SENDS_TO_SQS:
                raise CannotPlan(_by_a_queue(function, trigger))
            where = [other for other, kinds in TRIGGERS.items() if trigger.kind in kinds]
            raise CannotPlan(
                f"function {function.name!r} has the trigger {trigger.kind}, which {platform} "
                f"does not have; deploy it with --on {' or '.join(where) or 'nothing yet'}, "
                "or choose functions with --only"
            )
    _refuse_sends(function, platform)
    if platform == "nuclio":
        _refuse_on_nuclio(function)


def _by_a_queue(function: Function[..., Any], trigger: Trigger) -> str:
    """What to do with a source that calls functions of Lambda, and sends to queues."""
    return (
        f"function {function.name!r} has the trigger {trigger.kind}, which nuclio does not have: "
        f"let the {SENDS_TO_SQS[trigger.kind]} send to a queue of SQS and give the function "
        'pelton.sqs("QUEUE") instead, which `pelton bridge` reads; or deploy it with --on lambda, '
        "or choose functions with --only"
    )


def _refuse_sends(function: Function[..., Any], platform: str) -> None:
    """Raise for a part of a graph whose queue nobody takes from on that platform."""
    for each in function.sends:
        if each.kind not in TRIGGERS[platform]:
            there = "--on lambda" if platform == "nuclio" else "--on nuclio"
            other = (
                'give the graph\'s queues broker="nats://HOST:4222", which Nuclio reads'
                if platform == "nuclio"
                else "give its queues no broker="
            )
            raise CannotPlan(
                f"function {function.name!r} sends to the queue {each.queue!r}, and on {platform} "
                f"no function takes from one of kind {each.kind}; deploy the graph with {there}, "
                f"or {other}"
            )


def _refuse_on_nuclio(function: Function[..., Any]) -> None:
    if not _NUCLIO_NAME.fullmatch(function.name):
        raise CannotPlan(
            f"function name {function.name!r} does not work on nuclio: lower-case letters, "
            "digits and '-' only, at most 63; give it one with name="
        )
    for trigger in function.triggers:
        if isinstance(trigger, RabbitMQ) and not trigger.url:
            raise CannotPlan(
                f"function {function.name!r} reads the queue {trigger.queue!r} of a broker of "
                "Amazon MQ, and nuclio does not know its address: give rabbitmq() its url= as well"
            )


def cloud_events(
    functions: Iterable[Function[..., Any]], platforms: Iterable[str]
) -> Iterator[str]:
    """A sentence for each function whose CloudEvents Nuclio's processor would take apart."""
    if "nuclio" not in set(platforms):
        return
    for function in functions:
        if any(isinstance(each, CloudEvents) for each in function.triggers):
            yield (
                f"nuclio's processor takes a structured CloudEvent for one of version 0.1, and "
                f"forgets its id and type: {function.name} refuses it there; send in binary mode"
            )
