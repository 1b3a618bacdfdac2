"""Which pages, and which names, a server of ours answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pelton.runtime.asgi_gate import WebGate


async def page(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"here"})


def asked(gate: WebGate, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """(status, headers, body) of a request with those headers, "_" standing for "-"."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    given = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    scope = {"type": "http", "method": method, "path": "/", "headers": given, "query_string": b""}
    asyncio.run(gate(scope, None, send))  # type: ignore[arg-type]
    told = {name.decode(): text.decode() for name, text in sent[0]["headers"]}
    return sent[0]["status"], told, sent[1]["body"]


@pytest.mark.parametrize(
    ("bound", "host", "status"),
    [
        ("127.0.0.1", "localhost:8000", 200),
        ("127.0.0.1", "127.0.0.1", 200),
        ("127.0.0.1", "app.localhost:8000", 200),
        ("::1", "[::1]:8000", 200),
        ("127.0.0.1", "rebound.evil.test:8000", 403),
        ("127.0.0.1", "10.0.0.1", 403),
        ("localhost", "evil.test.", 403),
        ("0.0.0.0", "api.shop.example", 200),
    ],
)
def test_on_a_loopback_address_other_names_are_refused(bound: str, host: str, status: int) -> None:
    assert asked(WebGate(page, bound), host=host)[0] == status


@pytest.mark.parametrize("bound", ["127.0.0.1", "0.0.0.0"])
def test_pages_of_elsewhere_are_refused_and_those_of_here_and_programs_are_not(bound: str) -> None:
    gate = WebGate(page, bound)
    status, _, body = asked(gate, "POST", host="localhost:8000", origin="https://evil.test")
    assert status == 403
    assert b"a web page of https://evil.test may not call this server" in body
    assert b"--allow-origin" in body
    assert asked(gate, "POST", host="localhost:8000", origin="null")[0] == 403
    assert asked(gate, host="localhost:8000", origin="http://localhost:8000")[0] == 200
    assert asked(gate, host="localhost:8000")[0] == 200
    assert asked(gate)[0] == 200


def test_a_link_or_a_picture_of_elsewhere_counts_on_a_loopback_address() -> None:
    here, there = WebGate(page, "127.0.0.1"), WebGate(page, "0.0.0.0")
    assert asked(here, host="localhost", sec_fetch_site="cross-site")[0] == 403
    assert asked(here, host="localhost", sec_fetch_site="same-origin")[0] == 200
    assert asked(there, host="shop.example", sec_fetch_site="cross-site")[0] == 200


def test_an_allowed_origin_may_call_and_read() -> None:
    gate = WebGate(page, "127.0.0.1", origins=["http://localhost:3000/"])
    given = {"host": "localhost:8000", "origin": "http://localhost:3000"}
    status, headers, body = asked(gate, "POST", **given)
    assert (status, headers["access-control-allow-origin"]) == (200, "http://localhost:3000")
    assert body == b"here"
    status, headers, body = asked(gate, "OPTIONS", access_control_request_method="PUT", **given)
    assert (status, headers["access-control-allow-methods"], body) == (204, "PUT", b"")
    assert asked(WebGate(page, "127.0.0.1", origins=["*"]), **{**given, "origin": "null"})[0] == 200


def test_an_allowed_host_is_one_of_this_server_s() -> None:
    gate = WebGate(page, "127.0.0.1", hosts=["*.shop.example"])
    assert asked(gate, host="a.shop.example:8000")[0] == 200
    assert asked(gate, host="shop.example")[0] == 403


def test_what_is_no_request_goes_on() -> None:
    seen: list[str] = []

    async def life(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(WebGate(life, "127.0.0.1")({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]
