"""The handshake of webhooks, by the examples of its specification, on both platforms alike."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

import pelton
from pelton import App
from pelton.handlers.event import Result
from pelton.localstack.front import Request
from pelton.runner.routes import Route, find, make_routes
from pelton.runner.server import call
from pelton.runtime.asgi import Application
from pelton.testing import cloudevent, http_v1, http_v2, nuclio_http, on_lambda, on_nuclio

from .. import plain

app = App("hooks")
ORIGIN = "eventemitter.example.com"


@app.function(triggers=[pelton.cloudevents("/some", origins=[ORIGIN, "*.example.org"], rate=100)])
def some(data: int) -> int:
    return data


@app.function(triggers=[pelton.cloudevents("/all", origins="*")])
def everybody(data: int) -> int:
    return data


@app.function(triggers=[pelton.cloudevents("/none")])
def nobody(data: int) -> int:
    return data


def ask(function: Any, path: str, **headers: str) -> tuple[int, dict[str, str]]:
    """What is told to who asks, by each way of a request, which is the same."""
    said = {f"WebHook-Request-{name.title()}": value for name, value in headers.items()}
    found = []
    for make in (http_v1, http_v2):
        answer = on_lambda(function, make(None, method="OPTIONS", path=path, headers=said))
        found.append((answer["statusCode"], hooks(answer["headers"])))
    there = on_nuclio(function, nuclio_http(None, method="OPTIONS", path=path, headers=said))
    found.append((there.status_code, hooks(there.headers)))
    assert found[1:] == found[:1] * 2
    return found[0]


def hooks(headers: Any) -> dict[str, str]:
    return {name: text for name, text in headers.items() if name[:3] in ("web", "all")}


@pytest.mark.parametrize(
    ("function", "path", "asked", "origin", "rate"),
    [
        (some, "/some", {"origin": ORIGIN, "rate": "120"}, ORIGIN, "100"),
        (some, "/some", {"origin": ORIGIN, "rate": "12"}, ORIGIN, "12"),
        (some, "/some", {"origin": ORIGIN}, ORIGIN, "100"),
        (some, "/some", {"origin": "A.Example.ORG"}, "A.Example.ORG", "100"),
        (everybody, "/all", {"origin": "x", "rate": "120"}, "*", "*"),
        (everybody, "/all", {"origin": "x", "callback": "https://x.test/?key=7"}, "*", "*"),
    ],
)
def test_who_may_send_is_told_so(
    function: Any, path: str, asked: dict[str, str], origin: str, rate: str
) -> None:
    allowed = {"webhook-allowed-origin": origin, "webhook-allowed-rate": rate}
    assert ask(function, path, **asked) == (200, {"allow": "OPTIONS, POST", **allowed})


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"origin": "example.org"}, 403),
        ({"origin": "eventemitter.example.com.evil.test"}, 403),
        ({"origin": "notexample.org"}, 403),
        ({"origin": ORIGIN, "rate": "0"}, 400),
        ({"origin": ORIGIN, "rate": "-1"}, 400),
        ({"origin": ORIGIN, "rate": "\u0663"}, 400),
        ({"rate": "1"}, 400),
        ({}, 400),
    ],
)
def test_nobody_else_is(asked: dict[str, str], status: int) -> None:
    assert ask(some, "/some", **asked) == (status, {"allow": "OPTIONS, POST"})


def test_a_function_without_it_serves_no_options() -> None:
    assert ask(nobody, "/none", origin=ORIGIN) == (405, {"allow": "POST"})
    answer = on_lambda(some, http_v2(None, method="PUT", path="/some"))
    assert (answer["statusCode"], answer["headers"]["allow"]) == (405, "OPTIONS, POST")


@pytest.mark.parametrize(("origin", "status"), [(ORIGIN, 200), ("evil.test", 403), ("", 200)])
def test_an_event_of_who_may_not_send_is_refused(origin: str, status: int) -> None:
    request = cloudevent(7, path="/some")
    request["headers"]["webhook-request-origin"] = origin
    assert on_lambda(some, request)["statusCode"] == status


def test_pelton_run_and_an_event_loop_answer_it() -> None:
    headers = {"webhook-request-origin": ORIGIN}

    async def run() -> Any:
        transport = httpx.ASGITransport(app=Application([some]))  # type: ignore[arg-type]
        async with plain.AsyncClient(transport=transport, base_url="http://hooks") as client:
            return await client.options("/some", headers=headers)

    on_a_loop, routes = asyncio.run(run()), make_routes(app)
    route = find(routes, "OPTIONS", "/some")
    assert isinstance(route, Route)
    told = call(route, Request("OPTIONS", "/some", headers, b""))
    assert (told.status, on_a_loop.status_code) == (200, 200)
    assert hooks(dict(told.headers)) == hooks(on_a_loop.headers)
    assert isinstance(find(routes, "OPTIONS", "/none"), Result)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"origins": "a b"}, "no name of a sender"),
        ({"origins": "https://a.test"}, "no name of a sender"),
        ({"origins": [7]}, "no name of a sender"),
        ({"origins": ""}, "no name of a sender"),
        ({"origins": "*", "rate": 0}, "rate=0 is outside"),
        ({"origins": "*", "rate": True}, "no whole number"),
        ({"rate": 5}, "is for nobody"),
    ],
)
def test_words_that_cannot_be_meant_are_refused_where_they_are(given: Any, said: str) -> None:
    with pytest.raises(pelton.WrongUse, match=said) as raised:
        pelton.cloudevents("/", **given)
    assert raised.value.file == __file__
