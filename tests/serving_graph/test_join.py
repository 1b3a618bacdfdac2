"""Lookups that enrich a value: by what, into what, and what nothing found means."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, TypedDict

import pytest
from pydantic import BaseModel

from pelton import Context, Graph, InvalidInput, steps
from pelton.handlers.errors import GraphError

TABLE = {"JFK": "rain", "LGA": "sun"}


@dataclass
class Flight:
    origin: str
    weather: str | None = None


class Model(BaseModel):
    origin: str
    weather: str | None = None


class Leg(TypedDict):
    origin: str


def weather(airport: str) -> str | None:
    return TABLE.get(airport)


async def later_weather(airport: str) -> str | None:
    await asyncio.sleep(0)
    return TABLE.get(airport)


class Loaded:
    def __init__(self, more: str = "") -> None:
        self.more = more

    def load(self) -> None:
        self.table = TABLE | {"EWR": self.more}

    def __call__(self, airport: str) -> str | None:
        return self.table.get(airport)


def origin(flight: Flight) -> str:
    return flight.origin


def told(flight: Flight, found: str) -> str:
    return f"{flight.origin}: {found}"


async def later_told(flight: Flight, found: str) -> str:
    await asyncio.sleep(0)
    return f"{flight.origin}: {found}"


def number(n: int) -> int:
    return n


lookups = pytest.mark.parametrize("lookup", [weather, later_weather, Loaded])


@lookups
def test_what_is_found_goes_into_a_copy(lookup: Any) -> None:
    for given, kind in ((Flight("JFK"), Flight), (Model(origin="JFK"), Model)):
        graph = Graph("g", kind) >> steps.join(lookup, by="origin", into="weather")
        assert graph.output_type is kind
        answer: Any = asyncio.run(graph.acall(given))
        assert answer.weather == "rain" and given.weather is None
        again = Graph.from_spec(graph.spec.to_dict())
        assert again.spec == graph.spec and asyncio.run(again.acall(given)) == answer


@lookups
def test_a_typed_dict_s_type_grows(lookup: Any) -> None:
    graph = Graph("g", Leg) >> steps.join(lookup, by="origin", into="weather", missing="none")
    assert asyncio.run(graph.acall({"origin": "X"})) == {"origin": "X", "weather": None}
    assert graph.output_type.__annotations__ == {"origin": str, "weather": str | None}


@pytest.mark.parametrize("by", ["origin", origin])
@pytest.mark.parametrize("combine", [told, later_told])
def test_a_function_combines(by: Any, combine: Any) -> None:
    graph = Graph("g", Flight) >> steps.join(weather, by=by, combine=combine)
    assert asyncio.run(graph.acall(Flight("LGA"))) == "LGA: sun"
    again = Graph.from_spec(graph.spec.to_dict())
    assert again.spec == graph.spec and again.output_type is str


@lookups
def test_nothing_found_fails_or_drops(lookup: Any) -> None:
    graph = Graph("g", Flight) >> steps.join(lookup, by="origin", into="weather")
    with pytest.raises(InvalidInput, match=r"origin: .* has nothing for 'X'") as caught:
        asyncio.run(graph.acall(Flight("X")))
    assert caught.value.step == "g/join"  # type: ignore[attr-defined]
    graph = Graph("g", Flight) >> steps.join(lookup, by="origin", into="weather", missing="drop")
    assert asyncio.run(graph.acall(Flight("X"))) is None
    assert graph.output_type == Flight | None


def test_a_table_takes_arguments_and_lookups_the_context() -> None:
    made = steps.step(Loaded, more="snow")
    graph = Graph("g", Flight) >> steps.join(made, by="origin", combine=told)
    assert graph(Flight("EWR")) == "EWR: snow"
    assert Graph.from_spec(graph.spec.to_dict())(Flight("EWR")) == "EWR: snow"

    def mine(airport: str, context: Context) -> str:
        return context.request_id

    graph = Graph("g", Flight) >> steps.join(mine, by="origin", combine=told)
    assert graph(Flight("EWR"), Context(request_id="7")) == "EWR: 7"


def test_what_cannot_work_is_refused_at_build() -> None:
    with pytest.raises(GraphError, match="needs one of into= and combine="):
        steps.join(weather, by="origin")  # type: ignore[call-overload]
    with pytest.raises(GraphError, match=r"goes by 'orign', .*did you mean 'origin'\?") as error:
        Graph("g", Flight) >> steps.join(weather, by="orign", into="weather")
    assert error.value.file == __file__
    with pytest.raises(GraphError, match="puts what it finds into 'wether'"):
        Graph("g", Flight) >> steps.join(weather, by="origin", into="wether")
    with pytest.raises(GraphError, match="number takes int but is handed str"):
        Graph("g", Flight) >> steps.join(number, by="origin", into="weather")
    with pytest.raises(GraphError, match="told takes str but is handed str"):
        steps.join(weather, by=origin, combine=told, missing="none")
    with pytest.raises(GraphError, match="missing='maybe'"):
        steps.join(weather, by=origin, combine=told, missing="maybe")  # type: ignore[call-overload]
    with pytest.raises(GraphError, match="handed 2 values and has 1 parameters"):
        steps.join(weather, by=origin, combine=number)  # type: ignore[arg-type]
