"""Answers that are CloudEvents, as their own SDK reads them: on both platforms the same."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import httpx
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

import pelton
from pelton import App
from pelton.runner.payload import make_response
from pelton.runtime.asgi import Application
from pelton.testing import (
    cloudevent,
    http_v1,
    http_v2,
    invoke,
    nuclio_cloudevent,
    nuclio_http,
    on_lambda,
    on_nuclio,
)

from .. import plain

app = App("shop")
STRUCTURED, BATCHED = "application/cloudevents+json", "application/cloudevents-batch+json"


class Order(BaseModel):
    total: int


@app.function(triggers=[pelton.cloudevents("/orders"), pelton.http("POST", "/plain")])
def taken(order: Order) -> pelton.NewEvent[Order] | None:
    if order.total == 0:
        return None
    if order.total == 1:
        return pelton.NewEvent("", order)
    return pelton.NewEvent("order.taken", order, source="/shop ü", subject='"7" 100%', more="x")


@app.function(triggers=[pelton.cloudevents("/relay")])
def relay(event: pelton.CloudEvent) -> pelton.CloudEvent:
    return {**event, "type": "relayed"}


@app.function(triggers=[pelton.cloudevents("/each")])
async def each(orders: list[Order]) -> list[pelton.NewEvent[str]]:
    return [pelton.NewEvent("seen", str(order.total)) for order in orders]


@app.function(triggers=[pelton.cloudevents("/bytes")])
def as_bytes(body: bytes) -> pelton.NewEvent[bytes]:
    return pelton.NewEvent("copied", body, datacontenttype="image/png")


@app.function(triggers=[pelton.cloudevents("/wrong")])
def wrong(kind: str) -> pelton.NewEvent[Any]:
    made: Any = {
        "data": lambda: pelton.NewEvent("t", object()),
        "name": lambda: pelton.NewEvent("t", Some="x"),
        "value": lambda: pelton.NewEvent("t", more=[1]),  # type: ignore[arg-type]
        "none": lambda: "an event",
    }
    return made[kind]()  # type: ignore[no-any-return]


def lambda_answer(function: Any, request: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """(status, headers, body) as a function URL gives a function's answer on."""
    found = make_response(on_lambda(function, request))
    return found.status, {name.lower(): value for name, value in found.headers}, found.body


def nuclio_answer(function: Any, event: Any) -> tuple[int, dict[str, str], bytes]:
    found = on_nuclio(function, event)
    body = found.body if isinstance(found.body, bytes) else found.body.encode()
    headers = {name.lower(): value for name, value in found.headers.items()}
    return found.status_code, {"content-type": found.content_type, **headers}, body


def both(function: Any, data: Any, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """What both platforms answer to a binary event, which is the same."""
    request = cloudevent(data, mode="binary", path=path, id="9")
    request["headers"] |= headers
    event = nuclio_cloudevent(data, path=path, id="9")
    event.headers |= {name.title().encode(): value.encode() for name, value in headers.items()}
    here, there = lambda_answer(function, request), nuclio_answer(function, event)
    assert here == there
    return here


def read(answer: tuple[int, dict[str, str], bytes]) -> Any:
    status, headers, body = answer
    assert status == 200
    return from_http_event(HTTPMessage(headers, body))


@pytest.mark.parametrize("accept", ["", "*/*", STRUCTURED, f"text/html, {STRUCTURED}; q=0.9"])
def test_an_event_that_the_sdk_reads(accept: str) -> None:
    answer = both(taken, {"total": 5}, "/orders", accept=accept)
    kind = f"{STRUCTURED}; charset=utf-8" if STRUCTURED in accept else "application/json"
    assert answer[1]["content-type"] == kind
    event = read(answer)
    assert (event.get_type(), event.get_source(), event.get_id()) == ("order.taken", "/shop ü", "9")
    assert (event.get_subject(), event.get_extension("more")) == ('"7" 100%', "x")
    assert event.get_data() == {"total": 5}


def test_a_form_that_is_not_taken_is_not_sent() -> None:
    answer = both(taken, {"total": 5}, "/orders", accept=f"{STRUCTURED};q=0")
    assert answer[1]["ce-type"] == "order.taken"


def test_the_headers_are_as_the_binding_writes_them() -> None:
    _, headers, body = both(taken, {"total": 5}, "/orders")
    assert body == b'{"total": 5}'
    assert headers == {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "9",
        "ce-type": "order.taken",
        "ce-source": "/shop%20%C3%BC",
        "ce-subject": "%227%22%20100%25",
        "ce-more": "x",
    }


def test_nothing_is_answered_with_nothing() -> None:
    assert both(taken, {"total": 0}, "/orders")[::2] == (204, b"")


def test_a_rest_api_and_a_plain_request_have_it_too() -> None:
    for make in (http_v1, http_v2):
        answer = on_lambda(taken, make({"total": 5}, path="/plain"))
        assert (answer["headers"]["ce-type"], answer["statusCode"]) == ("order.taken", 200)
    assert nuclio_answer(taken, nuclio_http({"total": 5}, path="/plain"))[2] == b'{"total": 5}'


def test_a_call_by_name_is_answered_in_the_json_format() -> None:
    said = {"specversion": "1.0", "type": "seen", "source": "/each", "id": "", "data": "5"}
    said["datacontenttype"] = "text/plain; charset=utf-8"
    found = on_lambda(each, [{"total": 5}])
    assert [{**one, "id": ""} for one in found] == [said]
    found = invoke(taken, {"total": 5})
    assert (found["data"], found["type"]) == ({"total": 5}, "order.taken")
    assert invoke(taken, {"total": 0}) is None
    event = nuclio_http({"total": 5}, path="/plain", headers={"x-pelton-invoke": "1"})
    by_name = json.loads(on_nuclio(taken, event).body)
    assert (by_name["data"], by_name["type"]) == ({"total": 5}, "order.taken")


def test_a_whole_event_is_relayed() -> None:
    event = read(both(relay, {"a": [1]}, "/relay"))
    assert (event.get_type(), event.get_id(), event.get_data()) == ("relayed", "9", {"a": [1]})


@given(st.binary())
def test_bytes_are_sent_and_relayed_as_they_are(data: bytes) -> None:
    kind = {"content-type": "image/png"}
    for function, path in ((as_bytes, "/bytes"), (relay, "/relay")):
        request = cloudevent(data, mode="binary", path=path, datacontenttype="image/png")
        status, headers, body = lambda_answer(function, request)
        assert (status, body) == (200, data)
        assert headers["content-type"] == kind["content-type"]
    request = cloudevent(data, mode="binary", path="/bytes")
    request["headers"]["accept"] = STRUCTURED
    told = json.loads(lambda_answer(as_bytes, request)[2])
    assert base64.b64decode(told["data_base64"]) == data


SAYS: list[pelton.NewEvent[Any]] = []


@app.function(triggers=[pelton.cloudevents("/says")])
def say(body: bytes) -> pelton.NewEvent[Any]:
    return SAYS[0]


TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1)


@given(TEXTS, st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()))
def test_what_an_event_says_is_what_the_sdk_reads(subject: str, data: Any) -> None:
    SAYS[:] = [pelton.NewEvent("t", data, subject=subject, datacontenttype="application/json")]
    for accept in ("", STRUCTURED):
        request = cloudevent(b"", mode="binary", path="/says")
        request["headers"]["accept"] = accept
        status, headers, body = lambda_answer(say, request)
        if data is None and not accept:
            assert body == b""
            continue
        event = from_http_event(HTTPMessage(headers, body))
        assert (status, event.get_subject(), event.get_data()) == (200, subject, data)


def test_a_batch_is_answered_with_a_batch() -> None:
    batch = cloudevent({"total": 1}, {"total": 2}, mode="batched", path="/each")
    status, headers, body = lambda_answer(each, batch)
    assert (status, headers["content-type"]) == (200, f"{BATCHED}; charset=utf-8")
    told = json.loads(body)
    assert [one["data"] for one in told] == ["1", "2"]
    assert len({one["id"] for one in told}) == 2
    alone = json.loads(both(each, {"total": 4}, "/each", accept=BATCHED)[2])
    assert [(one["data"], one["id"]) for one in alone] == [("4", "9")]
    refused = both(each, {"total": 4}, "/each")
    assert refused[0] == 406
    assert b"say Accept: application/cloudevents-batch+json" in refused[2]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("data", "which is no JSON value"),
        ("name", "the attribute 'Some': a-z and 0-9 alone"),
        ("value", "more='[1]', which is no attribute"),
        ("none", "where its annotation says"),
    ],
)
def test_what_is_no_event_fails_the_function(kind: str, said: str) -> None:
    with pytest.raises(pelton.InvalidOutput, match="function wrong") as raised:
        on_lambda(wrong, cloudevent(kind, mode="binary", path="/wrong"))
    assert said in str(raised.value)
    with pytest.raises(pelton.InvalidOutput, match="has no type"):
        on_lambda(taken, cloudevent({"total": 1}, path="/orders"))


def test_a_new_event_comes_in_nowhere() -> None:
    @app.function
    def take(event: pelton.NewEvent[Order]) -> None: ...

    with pytest.raises(pelton.InvalidInput):
        invoke(take, {"type": "t"})


def test_an_event_loop_answers_them_too() -> None:
    async def run() -> list[Any]:
        transport = httpx.ASGITransport(app=Application([taken, each]))  # type: ignore[arg-type]
        async with plain.AsyncClient(transport=transport, base_url="http://shop") as client:
            request = cloudevent({"total": 5}, mode="binary", path="/orders", id="9")
            told = await client.post("/orders", content=request["body"], headers=request["headers"])
            batch = cloudevent({"total": 5}, mode="batched", path="/each")
            many = await client.post("/each", content=batch["body"], headers=batch["headers"])
            return [told.headers["ce-id"], told.json(), many.json()[0]["data"]]

    assert asyncio.run(run()) == ["9", {"total": 5}, "5"]
