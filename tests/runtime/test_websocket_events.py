"""A WebSocket API's events on Lambda: what handlers are given, what becomes of their answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

import pelton
from pelton import testing
from pelton.handlers.function import Function
from pelton.runtime.aws_websocket import endpoint_of


@dataclass
class Said:
    text: str


def serves(function: Any, *routes: str, answers: bool = True, style: Any = None) -> Any:
    trigger = pelton.websocket_api(*routes, answers=answers)
    return pelton.App("rooms").function(triggers=[trigger], style=style)(function)


def given(function: Function[..., Any], body: Any = None, **more: Any) -> Any:
    return testing.on_lambda(function, testing.websocket_api(body, **more))


def shout(said: Said) -> dict[str, str] | None:
    if said.text == "crash":
        raise ValueError("crash")
    return {"text": said.text.upper()} if said.text else None


def test_what_a_function_gives_is_sent_back() -> None:
    loud, quiet = serves(shout), serves(shout, answers=False)
    assert given(loud, {"text": "a"}) == {"statusCode": 200, "body": '{"text": "A"}'}
    assert given(loud, {"text": ""}) == {"statusCode": 200}
    assert given(quiet, {"text": "a"}) == {"statusCode": 200}
    wrong = given(loud, {"txt": "a"})
    assert wrong["statusCode"] == 422 and '"path": ["text"]' in wrong["body"]
    assert given(loud, "no JSON")["statusCode"] == 400
    with pytest.raises(ValueError, match="crash"):
        given(loud, {"text": "crash"})


def test_who_connects_is_let_in_or_refused() -> None:
    seen: list[pelton.Event] = []

    def door(event: pelton.Event) -> pelton.Response:
        seen.append(event)
        headers = {"Sec-WebSocket-Protocol": "chat"}
        return pelton.Response(status=200 if "name" in event.fields else 401, headers=headers)

    function = serves(door, "$connect", "$disconnect")
    answer = given(function, event="CONNECT", query={"name": "ana"}, connection="c")
    assert answer == {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "chat"}}
    assert given(function, event="CONNECT")["statusCode"] == 401
    assert given(function, event="DISCONNECT", connection="c")["statusCode"] == 401
    first, _, last = seen
    assert (first.trigger, first.topic, first.key) == ("websocket_api", "$connect", "c")
    assert first.headers["host"] == "0123abcd.execute-api.localhost"
    assert (last.topic, last.key, last.body) == ("$disconnect", "c", b"")
    assert first.source == "0123abcd/live" and first.timestamp == 1767225600


def test_a_graph_and_native_styles_take_them() -> None:
    graph = pelton.Graph("loud", Said) >> shout
    app = pelton.App("rooms")
    served = app.serve(graph, triggers=[pelton.websocket_api("say")])
    assert given(served, {"text": "a"}, route="say")["body"] == '{"text": "A"}'

    def native(event: Any, context: Any) -> Any:
        return {"statusCode": 200, "body": event["requestContext"]["routeKey"]}

    assert given(serves(native, style="lambda"), "x", route="r")["body"] == "r"

    def of_nuclio(context: Any, event: Any) -> Any:
        return f"{event.trigger.kind.decode()} {event.body.decode()}"

    found = given(serves(of_nuclio, style="nuclio"), "x")
    assert found == {"statusCode": 200, "body": "websocket_api x"}


def test_without_the_trigger_the_event_is_an_input_like_any_other() -> None:
    def keys(event: dict[str, Any]) -> list[str]:
        return sorted(event)

    function = pelton.App("rooms").function(keys)
    assert given(function, "x") == ["body", "isBase64Encoded", "requestContext"]


def test_connections_of_tests_and_where_there_are_none() -> None:
    sent: list[tuple[str, Any]] = []

    def tell(event: pelton.Event, context: pelton.Context) -> bool:
        context.connection().send("me")
        other = context.connection("other")
        return other.send("other") or other.is_open or other.close()

    context = testing.make_context(sent=sent, gone={"other"})
    assert testing.invoke(tell, pelton.Event(key="c"), context=context) is False
    assert sent == [("c", "me")]
    with pytest.raises(RuntimeError, match="nothing here reaches"):
        pelton.Context().connection()
    plain = pelton.App("rooms").function(triggers=[pelton.http()])(tell)
    with pytest.raises(RuntimeError, match="came over no connection"):
        testing.on_lambda(plain, testing.http_v2("x"))


@pytest.mark.parametrize(
    ("context", "endpoint"),
    [
        (
            {"domainName": "chat.example.com", "apiId": "a1", "stage": "live"},
            "https://a1.execute-api.cn-north-1.amazonaws.com.cn/live",
        ),
        (
            {"domainName": "a1.execute-api.eu-west-1.amazonaws.com", "stage": "live"},
            "https://a1.execute-api.eu-west-1.amazonaws.com/live",
        ),
    ],
)
def test_where_connections_are_written_to(
    monkeypatch: pytest.MonkeyPatch, context: dict[str, str], endpoint: str
) -> None:
    monkeypatch.setenv("AWS_REGION", "cn-north-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert endpoint_of(context) == endpoint
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    assert endpoint_of(context) == ""
