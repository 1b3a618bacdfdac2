"""FIFO queues by random failures: every message is done, each group in its order."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ...tries import tries
from .conftest import Raised

FIFO = "arn:aws:sqs:us-east-1:000000000000:q.fifo"


class Unsteady:
    """A function that raises, or reports items, until it has seen them often enough."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.done: list[Any] = []

    def __call__(self, event: Any) -> Any:
        if self.random.random() < 0.25:
            raise Raised("now and then")
        failed: list[str] = []
        groups: set[str] = set()
        for record in event["Records"]:
            body = json.loads(record["body"])
            # As AWS asks of FIFO handlers: stop a group at its first failure.
            if body["group"] in groups or self.random.random() < 0.25:
                groups.add(body["group"])
                failed.append(record["messageId"])
            else:
                self.done.append(body)
        return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


@pytest.mark.fidelity(
    "Event source mappings", "SQS FIFO: whatever fails, every message is done, each group in order"
)
@settings(
    max_examples=tries(12),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    groups=st.lists(st.sampled_from("abc"), min_size=1, max_size=14),
    size=st.sampled_from([1, 3, 10]),
    seed=st.integers(0, 1000),
)
def test_every_message_is_done_in_its_groups_order(
    world: Any, groups: list[str], size: int, seed: int
) -> None:
    world.reset()
    act = Unsteady(seed)
    url = world.queue(
        "q.fifo", FifoQueue="true", ContentBasedDeduplication="true", VisibilityTimeout="5"
    )
    entries = [
        {
            "Id": str(n),
            "MessageBody": json.dumps({"group": group, "n": n}),
            "MessageGroupId": group,
        }
        for n, group in enumerate(groups)
    ]
    for start in range(0, len(entries), 10):
        world.client("sqs").send_message_batch(QueueUrl=url, Entries=entries[start : start + 10])
    world.function(act)
    world.map(FIFO, BatchSize=size, FunctionResponseTypes=["ReportBatchItemFailures"])
    for _ in range(40):
        if world.left(url) == (0, 0):
            break
        world.advance(30)
    assert sorted(each["n"] for each in act.done) == list(range(len(groups)))
    for group in set(groups):
        order = [each["n"] for each in act.done if each["group"] == group]
        assert order == sorted(order)
