"""One graph, the same answers: plain, waiting, half of each, and spread over queues."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pelton import Context, Graph, steps
from pelton.handlers.delivery import Delivery
from pelton.serving_graph.brokers.memory import MemoryBroker
from pelton.serving_graph.clock import ManualClock
from pelton.serving_graph.cut import split
from pelton.testing import make_context

from ..tries import tries
from .random_graphs import Recipe, graphs

EVENTS = count()


def outcome(call: Callable[[], Any]) -> Any:
    """What a graph answers, or the error that it raises, and in which step."""
    try:
        return call()
    except Exception as error:
        return type(error), str(error), getattr(error, "step", "")


def spread(graph: Graph[Any, Any], value: int) -> Any:
    """The answer that arrives at the last queue, by way of a function for each part."""
    broker = MemoryBroker(ManualClock())
    segments = split(graph >> steps.queue("told"))
    for each in segments:
        each.connect(broker)
        broker.prepare([each.address_of(each.target)])
    key = f"event {next(EVENTS)}"  # `once` knows an event by its key
    first = segments[0](value, Context(delivery=Delivery(key, key)))
    if segments[0].is_async:
        asyncio.run(_await(first))
    for each in segments[1:]:
        batch = broker.receive(each.address_of(each.source), 10, 0)
        each.work(make_context()).batch(batch)
    arrived = [json.loads(each.text)["value"] for each in broker.queues["told"]]
    return arrived[0] if arrived else None


async def _await(answer: Any) -> Any:
    return await answer


@settings(max_examples=tries(80), deadline=None)
@given(recipe=graphs(queues=True), value=st.integers(-5, 5))
def test_plain_waiting_and_spread_answer_alike(recipe: Recipe, value: int) -> None:
    plain = outcome(lambda: recipe.graph()(value))
    for waits in ("some", "all"):
        graph = recipe.graph(waits)
        assert outcome(lambda graph=graph: asyncio.run(graph.acall(value))) == plain  # type: ignore[misc]
    if not isinstance(plain, tuple):
        assert outcome(lambda: spread(recipe.graph(), value)) == plain
