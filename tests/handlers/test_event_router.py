"""One function for several kinds of event: told apart by their types, the rest refused or not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import pytest
from pydantic import BaseModel

import pelton
from pelton import App, EventRouter, WrongUse, testing
from pelton.handlers.function import Function
from pelton.handlers.triggers.base import Trigger
from pelton.runtime.openapi import document


class Placed(BaseModel):
    kind: Literal["placed"]
    n: int


@dataclass
class Cancelled:
    kind: Literal["cancelled"]


class Moved(TypedDict):
    kind: Literal["moved"]
    to: str


class Loose(TypedDict):
    any: int


def orders(rest: bool = False) -> EventRouter:
    router = EventRouter("orders")

    @router.on
    def place(event: Placed) -> str:
        return f"{event.n} placed"

    @router.on
    async def cancel(context: pelton.Context, event: Cancelled) -> str:
        await asyncio.sleep(0)
        return f"cancelled by {context.function_name}"

    @router.on
    def move(event: Moved) -> str:
        return f"to {event['to']}"

    if rest:

        @router.default
        def other(event: Any) -> str:
            return f"rest: {event}"

    return router


def served(router: EventRouter, *triggers: Trigger) -> Function[..., Any]:
    return App("shop").serve(router, triggers=list(triggers))


EVENTS = {
    '{"kind": "placed", "n": 2}': "2 placed",
    '{"kind": "cancelled"}': "cancelled by orders",
    '{"kind": "moved", "to": "there"}': "to there",
}


@pytest.mark.parametrize("body", EVENTS)
def test_each_event_goes_to_the_handler_of_its_type(body: str) -> None:
    function = served(orders(), pelton.http())
    answer = testing.on_lambda(function, testing.http_v2(body))
    assert (answer["statusCode"], answer["body"]) == (200, EVENTS[body])


@pytest.mark.parametrize(
    ("event", "path", "message"),
    [
        ({"kind": "eaten"}, ["kind"], "expected 'placed' or 'cancelled' or 'moved', got"),
        ({"kind": ["placed"]}, ["kind"], "expected 'placed' or"),
        ({}, ["kind"], "expected 'placed' or"),
        ([], [], "expected an object, got"),
        ({"kind": "placed", "n": "two"}, ["n"], "integer"),
        ({"kind": "moved"}, ["to"], ""),
    ],
)
def test_the_rest_is_refused_with_what_is_wrong(event: Any, path: list[str], message: str) -> None:
    with pytest.raises(pelton.InvalidInput) as caught:
        testing.invoke(served(orders()), event)
    (detail,) = caught.value.details
    assert detail["path"] == path and message in detail["message"]


def test_the_rest_goes_to_the_default_but_not_what_is_wrong() -> None:
    function = served(orders(rest=True))
    assert testing.invoke(function, {"kind": "eaten"}) == "rest: {'kind': 'eaten'}"
    assert testing.invoke(function, 3) == "rest: 3"
    with pytest.raises(pelton.InvalidInput):
        testing.invoke(function, {"kind": "placed", "n": "two"})


def test_messages_of_a_queue_are_answered_one_by_one() -> None:
    function = served(orders(), pelton.sqs("orders"))
    event = testing.sqs({"kind": "placed", "n": 1}, {"kind": "eaten"}, {"kind": "cancelled"})
    assert testing.on_lambda(function, event) == {"batchItemFailures": [{"itemIdentifier": "1"}]}


@dataclass
class Square:
    side: float


@dataclass
class Circle:
    radius: float


def test_types_without_a_tag_are_tried_in_order() -> None:
    router = EventRouter("areas")
    router.on(lambda_of(Square, "square"))
    router.on(lambda_of(Circle, "circle"))
    function = served(router)
    assert testing.invoke(function, {"radius": 1}) == "circle"
    with pytest.raises(pelton.InvalidInput, match="expected Square or Circle"):
        testing.invoke(function, {"width": 1})


def lambda_of(kind: type, answer: str) -> Any:
    def handle(event: Any) -> str:
        return answer

    handle.__annotations__ = {"event": kind, "return": str}
    handle.__name__ = answer
    return handle


def test_its_document_has_every_type() -> None:
    function = served(orders(), pelton.http("POST", "/orders"))
    made = document("shop", [(pelton.http("POST", "/orders"), function)])
    schema = made["paths"]["/orders"]["post"]["requestBody"]["content"]["application/json"]
    assert [each["$ref"].rpartition("/")[2] for each in schema["schema"]["anyOf"]] == [
        "Placed", "Cancelled", "Moved"
    ]  # fmt: skip


def test_wrong_use_is_said_with_the_place() -> None:
    router = EventRouter("wrong")
    with pytest.raises(WrongUse, match=r"test_event_router.py:\d+: event router wrong has no hand"):
        served(router)

    def untyped(event):  # type: ignore[no-untyped-def]
        return event

    with pytest.raises(WrongUse, match="handler untyped has no type of event; annotate"):
        router.on(untyped)
    router.on(lambda_of(Square, "square"))
    with pytest.raises(WrongUse, match="handler again takes Square, as square does"):
        router.on(lambda_of(Square, "again"))
    with pytest.raises(WrongUse, match="handler none takes no event"):
        router.on(none)
    router.default(lambda_of(Circle, "rest"))
    with pytest.raises(WrongUse, match="is a second default"):
        router.default(lambda_of(Circle, "rest"))
    router.on(lambda_of(Loose, "loose"))
    with pytest.raises(WrongUse, match=r"events of Loose cannot be told from .* a Literal of its"):
        served(router)


def none() -> None: ...


def test_a_union_that_a_field_tells_apart_says_what_is_wrong_with_its_own() -> None:
    app = App("union")

    @app.function
    def take(event: Placed | Cancelled | None) -> str:
        return type(event).__name__

    assert testing.invoke(take, None) == "NoneType"
    assert testing.invoke(take, {"kind": "cancelled"}) == "Cancelled"
    with pytest.raises(pelton.InvalidInput) as caught:
        testing.invoke(take, {"kind": "placed"})
    assert caught.value.details[0]["path"] == ["n"]
