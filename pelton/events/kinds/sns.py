"""A message of a topic, as SNS pushes it to a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...testing_events import sns
from .base import Asked, CannotMake, Kind, as_text, many


def _make(asked: Asked) -> dict[str, Any]:
    subject = asked.members.get("subject")
    return sns(asked.body, topic=asked.source or "topic", subject=subject)


def _send(client: Callable[[str], Any], asked: Asked) -> str:
    topics = client("sns")
    pages = topics.get_paginator("list_topics").paginate()
    arns = {
        each["TopicArn"].rpartition(":")[2]: each["TopicArn"] for p in pages for each in p["Topics"]
    }
    arn = asked.source if asked.source.startswith("arn:") else arns.get(asked.source)
    if arn is None:
        raise CannotMake(
            f"there is no topic {asked.source!r}; there are {', '.join(arns) or 'none'}"
        )
    subject = {"Subject": asked.members["subject"]} if "subject" in asked.members else {}
    for body in asked.bodies:
        topics.publish(TopicArn=arn, Message=as_text(body), **subject)
    return f"{many(len(asked.bodies), 'message')} to topic {asked.source}"


KIND = Kind(
    "sns",
    "a message of a topic",
    _make,
    takes=frozenset({"source"}),
    members={"subject": "the message's subject"},
    send=_send,
)
