"""CloudEvents in requests, as their own SDK writes them: to typed functions, in every form."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any, Literal

import httpx
import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent as SdkEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

import pelton
from pelton import App
from pelton.deploy.wants.missing import cloud_events
from pelton.runtime.asgi import Application
from pelton.testing import cloudevent, http_v2, nuclio_cloudevent, nuclio_http, on_lambda, on_nuclio

from .. import plain

app = App("shop")
GOT: list[Any] = []


class Order(BaseModel):
    total: int


class Placed(BaseModel):
    type: Literal["order.placed"]
    data: Order


class Cancelled(BaseModel):
    type: Literal["order.cancelled"]
    subject: str


@app.function(triggers=[pelton.cloudevents("/orders"), pelton.http("POST", "/plain")])
def order(order: Order, context: pelton.Context) -> int:
    GOT.append((order.total, context.event))
    if order.total < 0:
        raise pelton.Reject("no order is below nothing")
    return order.total


@app.function(triggers=[pelton.cloudevents("/all")])
def all_of(orders: list[Order]) -> int:
    return sum(each.total for each in orders)


@app.function(triggers=[pelton.cloudevents("/whole")])
def whole(event: pelton.CloudEvent) -> None:
    GOT.append(event)


router = pelton.EventRouter("by_type")


@router.on
def placed(event: Placed) -> str:
    return f"placed {event.data.total}"


@router.on
def cancelled(event: Cancelled) -> str:
    return f"cancelled {event.subject}"


by_type = app.serve(router, triggers=[pelton.cloudevents("/types", whole=True)])


def sdk_event(data: Any, **more: Any) -> SdkEvent:
    said = {"id": "7", "source": "/shop", "type": "order.placed", "subject": "A ü%", **more}
    when = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    kind = {"datacontenttype": "application/json"}
    return SdkEvent({"specversion": "1.0", "time": when, **kind, **said}, data)


def posted(message: HTTPMessage, path: str) -> dict[str, Any]:
    """A message of the SDK as Lambda hands the request on."""
    return http_v2(message.body, path=path, headers=message.headers)


@pytest.mark.parametrize("write", [to_binary_event, to_structured_event])
def test_what_the_sdk_writes_arrives_with_all_that_it_says(write: Any) -> None:
    GOT.clear()
    message = write(sdk_event({"total": 5}, partitionkey="k"))
    answer = on_lambda(order, posted(message, "/orders"))
    assert (answer["statusCode"], answer["body"]) == (200, "5")
    ((total, event),) = GOT
    assert (total, event.trigger, event.id, event.source) == (5, "cloudevents", "7", "/shop")
    assert (event.topic, event.key, event.timestamp) == ("A ü%", "k", 1_774_747_800.0)
    assert (event.headers["ce-type"], event.headers["ce-specversion"]) == ("order.placed", "1.0")


def test_in_binary_mode_nuclio_brings_the_same() -> None:
    GOT.clear()
    message = to_binary_event(sdk_event({"total": 5}))
    headers = dict(message.headers)
    on_nuclio(order, nuclio_http(message.body, path="/orders", headers=headers))
    on_lambda(order, posted(message, "/orders"))
    here, there = (event for _, event in GOT)
    for name in ("trigger", "id", "source", "topic", "timestamp", "content_type"):
        assert getattr(here, name) == getattr(there, name)
    assert on_nuclio(order, nuclio_cloudevent({"total": 3}, path="/orders")).body == "3"


def test_a_batch_is_one_call_of_a_function_of_a_list() -> None:
    batch = cloudevent({"total": 1}, {"total": 2}, mode="batched", path="/all")
    assert on_lambda(all_of, batch)["body"] == "3"
    assert on_lambda(all_of, cloudevent({"total": 4}, path="/all"))["body"] == "4"
    assert on_lambda(all_of, cloudevent(mode="batched", path="/all"))["body"] == "0"
    refused = on_lambda(order, cloudevent({"total": 1}, mode="batched", path="/orders"))
    assert refused["statusCode"] == 415
    assert "takes no batch of events" in refused["body"]


def test_a_whole_event_and_models_told_apart_by_their_type() -> None:
    GOT.clear()
    on_lambda(whole, posted(to_structured_event(sdk_event({"a": [1]}, more="x")), "/whole"))
    assert GOT == [
        {
            "specversion": "1.0",
            "id": "7",
            "source": "/shop",
            "type": "order.placed",
            "subject": "A ü%",
            "time": "2026-03-29T01:30:00Z",
            "datacontenttype": "application/json",
            "dataschema": "",
            "data": {"a": [1]},
            "extensions": {"more": "x"},
        }
    ]
    made = cloudevent({"total": 2}, type="order.placed", path="/types")
    assert on_lambda(by_type, made)["body"] == "placed 2"
    made = cloudevent(type="order.cancelled", subject="9", mode="structured", path="/types")
    assert on_lambda(by_type, made)["body"] == "cancelled 9"
    assert on_lambda(by_type, cloudevent(type="other", path="/types"))["statusCode"] == 422


@pytest.mark.parametrize(
    ("body", "kind", "status", "said"),
    [
        ({"total": 1}, "application/json", 415, "is no CloudEvent"),
        ({"total": 1}, "application/cloudevents+avro", 415, "is not read"),
        ("{", "application/cloudevents+json", 400, "is not JSON"),
        ([1], "application/cloudevents+json", 400, "is a JSON object"),
        ({"specversion": "1.0", "id": "1", "source": "s"}, "", 400, "has no type"),
        ({"specversion": "0.3"}, "", 400, "specversion '0.3'"),
        ({"time": "noon"}, "", 400, "no time of RFC 3339"),
        ({"Some": "x"}, "", 400, "the attribute 'Some'"),
        ({"data_base64": "!"}, "", 400, "no base64"),
        ({"data": 1, "data_base64": ""}, "", 400, "not both"),
        ({"more": [1]}, "", 400, "is no attribute"),
        ({"data": {"total": "word"}}, "", 422, "total"),
        ({"data": {"total": -1}}, "", 422, "below nothing"),
    ],
)
def test_what_is_no_event_is_refused(body: Any, kind: str, status: int, said: str) -> None:
    if not kind:
        kind = "application/cloudevents+json; charset=utf-8"
        if "id" not in body:
            body = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"} | body
    answer = on_lambda(order, http_v2(body, path="/orders", headers={"content-type": kind}))
    assert answer["statusCode"] == status, answer
    assert said in answer["body"]


def test_another_route_of_the_function_takes_plain_requests() -> None:
    assert on_lambda(order, http_v2({"total": 2}, path="/plain"))["body"] == "2"
    assert on_lambda(order, {"total": 2}) == 2  # called by its name
    event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": {"total": 3}}
    assert on_lambda(order, event) == 3


def test_pelton_run_takes_them_too() -> None:
    async def run() -> list[tuple[int, str]]:
        transport = httpx.ASGITransport(app=Application([order, all_of]))  # type: ignore[arg-type]
        async with plain.AsyncClient(transport=transport, base_url="http://shop") as client:
            found = []
            for write in (to_binary_event, to_structured_event):
                message = write(sdk_event({"total": 5}))
                told = await client.post("/orders", content=message.body, headers=message.headers)
                found.append((told.status_code, told.text))
            return found

    assert asyncio.run(run()) == [(200, "5")] * 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(JSON)
def test_data_arrives_as_it_was_in_both_forms(data: Any) -> None:
    """The SDK writes scalars in binary mode as Python prints them: they are wrapped there."""
    GOT.clear()
    on_lambda(whole, posted(to_structured_event(sdk_event(data)), "/whole"))
    on_lambda(whole, posted(to_binary_event(sdk_event({"in": data})), "/whole"))
    assert [each["data"] for each in GOT] == [data, {"in": data}]


@given(st.binary())
def test_bytes_arrive_as_they_were(data: bytes) -> None:
    seen: list[bytes] = []

    def take(body: bytes) -> None:
        seen.append(body)

    function = App("bytes").function(triggers=[pelton.cloudevents("/")])(take)
    for mode in ("structured", "binary"):
        on_lambda(function, cloudevent(data, mode=mode, datacontenttype="image/png"))
    assert seen == [data, data]


def test_a_plan_for_nuclio_says_what_its_processor_forgets() -> None:
    (said,) = cloud_events([order], ["lambda", "nuclio"])
    assert said.endswith("order refuses it there; send in binary mode")
    assert not list(cloud_events([order], ["lambda"]))
    lost = nuclio_http({"total": 1}, path="/orders")  # as the processor hands such an event on
    assert json.loads(on_nuclio(order, lost).body)["error"].endswith("send in binary mode there)")


def test_an_event_of_nuclio_without_a_time_has_none() -> None:
    """Go's zero time, which its processor gives where a CloudEvent of its own has no time."""
    GOT.clear()
    event = nuclio_http({"total": 1}, path="/plain")
    event.timestamp = datetime(1, 1, 1)
    assert on_nuclio(order, event).body == "1"
    ((_, seen),) = GOT
    assert seen.timestamp is None
