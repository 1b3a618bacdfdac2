"""What leaves a function: the same JSON at every door, or one refusal that names the place."""

import collections
import datetime as dt
import enum
import json
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

import pelton
from pelton import App, InvalidOutput, Response, testing


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Model(BaseModel):
    at: dt.date


@dataclass
class Leg:
    colour: Colour


Pair = collections.namedtuple("Pair", "a b")
AT = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
ID = uuid.UUID(int=1)


def at_every_door(value: Any, returns: Any = None) -> list[Any]:
    """What callers get of a function that returns the value: directly, over HTTP, on Nuclio."""

    def give(n: int):  # type: ignore[no-untyped-def]
        return value

    if returns is not None:
        give.__annotations__["return"] = returns
    function = App("doors").function(triggers=[pelton.http("POST", "/")])(give)
    direct = testing.on_lambda(function, 1)
    url = testing.on_lambda(function, testing.http_v2(1))
    nuclio = testing.on_nuclio(function, testing.nuclio_http(1))
    assert (url["statusCode"], nuclio.status_code) == (200, 200)
    return [direct, json.loads(url["body"]), json.loads(nuclio.body)]


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"at": AT}, {"at": "2026-01-02T00:00:00+00:00"}),
        ({"cost": Decimal("1.10"), "id": ID}, {"cost": "1.10", "id": str(ID)}),
        ([Model(at=AT.date())], [{"at": "2026-01-02"}]),
        ([Leg(Colour.RED)], [{"colour": "red"}]),
        ({"tags": {"a"}, "level": Level.HIGH}, {"tags": ["a"], "level": 3}),
        ({"pair": Pair(1, 2), "raw": b"\x00"}, {"pair": [1, 2], "raw": "AA=="}),
        ({"n": np.int64(3), "x": np.float32(0.5)}, {"n": 3, "x": 0.5}),
        ([np.arange(2)], [[0, 1]]),
        (collections.OrderedDict(at=[dt.timedelta(seconds=2)]), {"at": [2.0]}),
        ({ID: 1, Colour.RED: 2}, {str(ID): 1, "red": 2}),
        ({"at": pd.Timestamp("2026-01-02")}, {"at": "2026-01-02T00:00:00"}),
    ],
)  # fmt: skip
def test_a_rich_value_is_the_same_json_at_every_door(value: Any, plain: Any) -> None:
    for returns in (None, type(value) if type(value) in (dict, list) else Any):
        assert at_every_door(value, returns) == [plain] * 3


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"score": [0.5, float("nan")]}, "returned the float nan at score.1"),
        (float("inf"), "returned the float inf, which"),
        ({"a": {"b": object()}}, "returned a object at a.b"),
        (object(), "returned a object, which"),
        ({("a", 1): 2}, "returned the key ('a', 1)"),
        ([lambda: 1], "returned a function at 0"),
        ([np.array([float("nan")])], "returned the float nan at 0.0"),
    ],
)
@pytest.mark.parametrize("body", [testing.http_v2(1), testing.http_v1(1), 1, testing.cron()])
def test_what_json_has_no_form_for_is_refused_with_its_place(
    value: Any, words: str, body: Any
) -> None:
    def give(n):  # type: ignore[no-untyped-def]
        return value

    function = App("doors").function(triggers=[pelton.http("POST", "/")])(give)
    with pytest.raises(InvalidOutput) as caught:
        testing.on_lambda(function, body)
    assert f"function give {words}" in str(caught.value)
    answer = testing.on_nuclio(function, testing.nuclio_http(1))
    assert (answer.status_code, words in str(answer.body)) == (500, True)


def test_a_response_holds_rich_values_too() -> None:
    def give(n: int) -> Response:
        return Response([AT], status=201)

    assert testing.invoke(give, 1).body == ["2026-01-02T00:00:00+00:00"]


def test_what_holds_itself_is_refused() -> None:
    ring: list[Any] = []
    ring.append(ring)

    def give(n: int) -> list[Any]:
        return ring

    with pytest.raises(InvalidOutput, match="holds itself"):
        testing.invoke(give, 1)


@pytest.mark.parametrize("returns", [float, list[float], dict[str, float]])
def test_an_annotation_does_not_let_nan_through(returns: Any) -> None:
    value = {float: float("nan"), list[float]: [float("nan")]}.get(returns, {"x": float("nan")})

    def give(n: int):  # type: ignore[no-untyped-def]
        return value

    give.__annotations__["return"] = returns
    with pytest.raises(InvalidOutput, match="the float nan"):
        testing.invoke(give, 1)


plain_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)  # fmt: skip


@given(plain_json)
def test_json_leaves_as_it_is(value: Any) -> None:
    def give(n: int):  # type: ignore[no-untyped-def]
        return value

    assert testing.invoke(give, 1) == value
