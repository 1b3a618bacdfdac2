"""What is true of each function on Nuclio whose queue or stream a bridge reads: the plan says so,
its configuration has no trigger for it, and what does not fit goes where its trigger says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

import pelton
from pelton.bridge.bridge import Way, ways
from pelton.builders.nuclio_spec import function_config
from pelton.deploy.wants.bridges import bridges
from pelton.handlers.function import Function
from pelton.handlers.triggers import Trigger
from pelton.testing import nuclio_bridged, on_lambda, on_nuclio

on_invalid = pytest.mark.parametrize(
    ("action", "never"), [("dead_letter", [True]), ("retry", [None]), ("drop", [])]
)


def bridged(function: Function[..., Any], what: str) -> tuple[str, Way]:
    """How a plan for Nuclio ends that says it, and the bridge's way to the function."""
    (said,) = bridges([function], ["nuclio"])
    begun = f"nuclio does not read {what} for {function.name} as it is asked for: "
    assert said.startswith(begun)
    assert list(bridges([function], ["lambda"])) == []
    config = function_config(function, handler="main:handler", runtime="python:3.11")
    assert set(config["spec"]["triggers"]) == {"http"}
    (way,) = ways([function], "nuclio")
    return said.removeprefix(begun), way


def told_alike(
    told: list[Any],
    function: Function[..., Any],
    event: Mapping[str, Any],
    batch: Mapping[str, Any],
) -> tuple[list[Any], list[Any]]:
    """What comes back of Lambda's `event`, and of the same as a bridge brings it to Nuclio, where
    the function, which writes into `told`, is told the same by both."""
    told.clear()
    on_one = on_lambda(function, event)["batchItemFailures"]
    first = list(told)
    told.clear()
    answer = on_nuclio(function, nuclio_bridged(batch))
    assert told == first
    return on_one, json.loads(answer.body)["batchItemFailures"]


def never_again(trigger: Trigger, batch: Mapping[str, Any]) -> list[Any]:
    """Of each record that a function of whole numbers gives back: whether it is for ever."""

    def take(n: int) -> None: ...

    function = pelton.App("odd").function(triggers=[trigger])(take)
    answer = on_nuclio(function, nuclio_bridged(batch))
    return [each.get("never") for each in json.loads(answer.body)["batchItemFailures"]]
