"""Messages of a queue, as its event source mapping delivers them: in one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

from ...testing_events import sqs
from .base import Asked, CannotMake, Kind, as_text, many

MOST = 10  # messages of one SendMessageBatch (SQS's "SendMessageBatch" page)


def _send(client: Callable[[str], Any], asked: Asked) -> str:
    queues = client("sqs")
    url = queues.get_queue_url(QueueName=asked.source)["QueueUrl"]
    fifo = {"MessageGroupId": asked.key or "pelton"} if url.endswith(".fifo") else {}
    for entries in _entries(asked, fifo):
        answer = queues.send_message_batch(QueueUrl=url, Entries=entries)
        if failed := answer.get("Failed"):
            raise CannotMake(f"queue {asked.source!r} did not take a message: {failed[0]}")
    return f"{many(len(asked.bodies), 'message')} to queue {asked.source}"


def _entries(asked: Asked, more: dict[str, str]) -> Iterator[list[dict[str, str]]]:
    for begin in range(0, len(asked.bodies), MOST):
        yield [
            {"Id": str(number), "MessageBody": as_text(body)}
            | (more | {"MessageDeduplicationId": str(uuid4())} if more else {})
            for number, body in enumerate(asked.bodies[begin : begin + MOST])
        ]


KIND = Kind(
    "sqs",
    "messages of a queue, in one batch",
    lambda asked: sqs(*asked.bodies, queue=asked.source or "queue"),
    takes=frozenset({"source", "key"}),
    batches=True,
    send=_send,
)
