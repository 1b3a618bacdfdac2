"""The call path: what pelton adds to calling the function."""

from __future__ import annotations

import json
from collections.abc import Callable
from time import perf_counter
from typing import Any

from pydantic import BaseModel

import pelton
from pelton.runtime.aws import make_handler
from pelton.testing import lambda_context

from .row import Row

ROUNDS, CALLS = 30, 1000
EVENT: dict[str, Any] = {
    "id": "UA-1545",
    "legs": [{"from": "EWR", "to": "IAH", "miles": 1400 + i} for i in range(18)],
    "note": "x" * 160,
}
app = pelton.App("bench")


class Leg(BaseModel):
    miles: int


class Flight(BaseModel):
    id: str
    legs: list[Leg]
    note: str


@app.function
def plain(event: dict[str, Any]) -> int:
    return len(event["legs"])


@app.function
def typed(flight: Flight) -> int:
    return len(flight.legs)


def measure() -> list[Row]:
    """A 1 KB event that is parsed already, from the runtime client's call to the answer."""
    assert 900 < len(json.dumps(EVENT)) < 1100
    context = lambda_context()
    through, through_typed = make_handler(plain), make_handler(typed)
    bare, ours = _pair(
        lambda: plain.user_function(EVENT),
        lambda: through(EVENT, context),
    )
    by_hand, by_us = _pair(
        lambda: typed.user_function(Flight.model_validate(EVENT)),
        lambda: through_typed(EVENT, context),
    )
    return [
        Row("call path over the function", bare, ours, "µs", ours - bare, 15, "µs over"),
        Row("typed by pydantic, over model_validate", by_hand, by_us, "µs", by_us / by_hand, 1.3),
    ]


def _pair(first: Callable[[], object], second: Callable[[], object]) -> tuple[float, float]:
    """Microseconds a call of each, the best of many short rounds taken in turns."""
    best = [float("inf"), float("inf")]
    for _ in range(ROUNDS):
        for index, call in enumerate((first, second)):
            began = perf_counter()
            for _ in range(CALLS):
                call()
            best[index] = min(best[index], (perf_counter() - began) / CALLS * 1e6)
    return best[0], best[1]
