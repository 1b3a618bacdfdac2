"""The method and path of an HTTP trigger are held to at every door."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pelton
from pelton import App, Event, WrongUse, testing
from pelton.runtime.routes import BY_NAME

app = App("routes")


@app.function(
    triggers=[
        pelton.http("POST", "/orders"),
        pelton.http("GET", "/orders/{id}"),
        pelton.http("ANY", "/files/{rest+}"),
        pelton.http("GET", "/orders/newest"),
    ]
)
def orders(event: Event) -> dict[str, Any]:
    return dict(event.parameters)


@app.function
def anything(event: Event) -> str:
    return event.path


def at_every_door(function: Any, **request: Any) -> set[tuple[int, str, str]]:
    """(status, body, Allow) at each door; all doors must agree."""
    seen = set()
    for factory in (testing.http_v2, testing.http_v1, testing.alb):
        reply = testing.on_lambda(function, factory(1, **request))
        headers = reply.get("headers") or {k: v[0] for k, v in reply["multiValueHeaders"].items()}
        seen.add((reply["statusCode"], reply["body"], headers.get("allow", "")))
    answer = testing.on_nuclio(function, testing.nuclio_http(1, **request))
    seen.add((answer.status_code, str(answer.body), answer.headers.get("allow", "")))
    return seen


@pytest.mark.parametrize(
    ("method", "path", "parameters"),
    [
        ("POST", "/orders", {}),
        ("POST", "/orders/", {}),
        ("GET", "/orders/7", {"id": "7"}),
        ("HEAD", "/orders/7", {"id": "7"}),
        ("GET", "/orders/newest", {}),
        ("GET", "/orders/a%20b", {"id": "a b"}),
        ("DELETE", "/files/a/b.txt", {"rest": "a/b.txt"}),
    ],
)
def test_what_a_trigger_names_is_served(method: str, path: str, parameters: Any) -> None:
    found = at_every_door(orders, method=method, path=path)
    assert found == {(200, json.dumps(parameters), "")}


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("DELETE", "/nowhere", 404, ""),
        ("POST", "/", 404, ""),
        ("GET", "/files", 404, ""),
        ("GET", "/orders/7/lines", 404, ""),
        ("DELETE", "/orders", 405, "POST"),
        ("PUT", "/orders/7", 405, "GET"),
    ],
)
def test_what_none_names_is_refused(method: str, path: str, status: int, allow: str) -> None:
    ((found, body, allowed),) = at_every_door(orders, method=method, path=path)
    assert (found, allowed) == (status, allow)
    assert path in json.loads(body)["error"]


def test_a_function_without_http_triggers_takes_what_comes() -> None:
    ((status, body, _),) = at_every_door(anything, method="PUT", path="/any/where")
    assert (status, body) == (200, "/any/where")


def test_a_call_by_name_knows_no_route() -> None:
    assert testing.on_lambda(orders, {}) == {}
    called = testing.nuclio_http(1, path="/", headers={BY_NAME: "1"})
    assert testing.on_nuclio(orders, called).status_code == 200


def test_the_stage_of_an_http_api_is_no_part_of_the_path() -> None:
    event = testing.http_v2(1, path="/live/orders")
    event["requestContext"]["stage"] = "live"
    assert testing.on_lambda(orders, event)["statusCode"] == 200
    assert testing.on_lambda(anything, event)["body"] == "/orders"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("POST", "/a"), ("POST", "/a/")),
        (("GET", "/a/{x}"), ("GET", "/a/{y}")),
        (("ANY", "/{x+}"), ("ANY", "/{y+}")),
    ],
)
def test_a_route_leads_to_one_function_of_an_app(first: Any, second: Any) -> None:
    two = App("two")

    @two.function(triggers=[pelton.http(*first)])
    def one(n: int) -> int:
        return n

    with pytest.raises(WrongUse, match=r"which function one has already, at .*test_routes\.py:"):

        @two.function(triggers=[pelton.http(*second)])
        def other(n: int) -> int:
            return n

    @two.function(triggers=[pelton.http("DELETE", "/a")])
    def third(n: int) -> int:
        return n


@pytest.mark.parametrize("path", ["/a/{}", "/a/{b", "/{b+}/c", "/x{b}", "/{a}/{a}", "/{no-name}"])
def test_a_path_that_cannot_be_read_is_wrong_use(path: str) -> None:
    with pytest.raises(WrongUse, match="http path"):
        pelton.http("GET", path)


segment = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1)


@given(st.lists(st.tuples(segment, st.booleans()), max_size=5))
def test_a_path_made_of_a_trigger_is_matched_by_it(parts: list[tuple[str, bool]]) -> None:
    template = "/".join(f"{{p{n}}}" if free else word for n, (word, free) in enumerate(parts))
    trigger = pelton.http("GET", f"/{template}")
    wanted = {f"p{n}": word for n, (word, free) in enumerate(parts) if free}
    assert trigger.match("/" + "/".join(word for word, _ in parts)) == wanted
    assert trigger.match("/" + "/".join([*(word for word, _ in parts), "more"])) is None
