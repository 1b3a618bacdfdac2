"""The states of an event source mapping as they pass, in a world that takes its time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import World
from .test_mapping_api import QUEUE, refusal


@pytest.fixture
def slow_world() -> Iterator[World]:
    """A world whose states take ten seconds of its clock to settle."""
    made = World(settle_delay=10.0)
    yield made
    made.reset()
    made.close()


@pytest.mark.fidelity(
    "Event source mappings",
    "states pass and settle: Creating, Updating, Disabling, Enabling, Deleting; in use meanwhile",
)
def test_the_states_of_a_mapping(slow_world: Any) -> None:
    world = slow_world
    world.queue()
    world.function()
    world.advance(60)
    api = world.api
    uuid = api.create_event_source_mapping(EventSourceArn=QUEUE, FunctionName="f")["UUID"]

    def state() -> str:
        return str(api.get_event_source_mapping(UUID=uuid)["State"])

    def passes(answer: Any, way: str, end: str) -> None:
        assert answer["State"] == way == state()
        for verb in ("update", "delete"):
            act = getattr(api, f"{verb}_event_source_mapping")
            assert refusal(act, UUID=uuid) == (
                400,
                "ResourceInUseException",
                f"Cannot {verb} the event source mapping because it is in use.",
            )
        world.advance(10)
        assert state() == end

    passes(api.get_event_source_mapping(UUID=uuid), "Creating", "Enabled")
    update = api.update_event_source_mapping
    passes(update(UUID=uuid, BatchSize=5), "Updating", "Enabled")
    passes(update(UUID=uuid, Enabled=False), "Disabling", "Disabled")
    passes(update(UUID=uuid, BatchSize=6), "Updating", "Disabled")
    passes(update(UUID=uuid, Enabled=True), "Enabling", "Enabled")
    assert api.get_event_source_mapping(UUID=uuid)["BatchSize"] == 6
    assert api.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting" == state()
    world.advance(10)
    assert refusal(api.get_event_source_mapping, UUID=uuid) == (
        404, "ResourceNotFoundException", "The resource you requested does not exist."
    )  # fmt: skip
