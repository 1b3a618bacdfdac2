"""`pelton.websocket_api`: what may be said, and what is wrong with the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import pelton
from pelton.handlers.errors import WrongUse
from pelton.handlers.triggers import WebSocketApi


def test_what_it_says() -> None:
    assert pelton.websocket_api().to_dict() == {
        "kind": "websocket_api",
        "routes": ("$default",),
        "answers": True,
        "select": "$request.body.action",
    }
    assert pelton.websocket_api("a", "b") != pelton.websocket_api("a", "b", answers=False)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: pelton.websocket_api(""), "route '' is none"),
        (lambda: pelton.websocket_api("$ping"), r"route '\$ping' is none"),
        (lambda: pelton.websocket_api("a" * 129), "at most 128 characters"),
        (lambda: pelton.websocket_api(3), "route=3 is no string|3 is no string"),  # type: ignore[arg-type]
        (lambda: pelton.websocket_api(select="action"), "names no member of a message"),
        (lambda: pelton.websocket_api(select="$request.header.a"), "names no member"),
        (lambda: pelton.websocket_api(answers="no"), "neither True nor False"),  # type: ignore[arg-type]
        (lambda: WebSocketApi(()), "needs a route"),
    ],
)
def test_what_is_refused(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(WrongUse, match=said):
        make()


def took(event: pelton.Event) -> None: ...


def typed(text: str) -> None: ...


@pytest.mark.parametrize(
    ("first", "second", "function", "said"),
    [
        (
            ["a"],
            ["b", "a"],
            took,
            "function f has the route 'a', which function g has already, at ",
        ),
        (["$connect"], ["b"], typed, ""),
        (["a"], ["$connect"], typed, "events without a body, and an input that is made of one"),
    ],
)
def test_a_route_calls_one_function_that_can_take_it(
    first: list[str], second: list[str], function: Any, said: str
) -> None:
    app = pelton.App("chat")
    app.function(name="g", triggers=[pelton.websocket_api(*first)])(took)
    trigger = pelton.websocket_api(*second)
    if not said:
        app.function(name="f", triggers=[trigger])(function)
        return
    with pytest.raises(WrongUse, match=said):
        app.function(name="f", triggers=[trigger])(function)


def test_an_app_says_the_route_in_one_place() -> None:
    app = pelton.App("chat")
    app.function(name="g", triggers=[pelton.websocket_api("a")])(took)
    other = pelton.websocket_api("b", select="$request.body.do")
    with pytest.raises(WrongUse, match=r"by '\$request.body.do', which function g does by '\$req"):
        app.function(name="f", triggers=[other])(took)


def test_of_one_function_a_route_comes_once() -> None:
    triggers = [pelton.websocket_api("a"), pelton.websocket_api("b", "a")]
    with pytest.raises(WrongUse, match="comes twice"):
        pelton.App("chat").function(name="f", triggers=triggers)(took)
