"""An ASGI application beside functions in one process: what `pelton serve` serves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from pelton import App, WrongUse, http
from pelton.cli.served import Found, described
from pelton.runtime.asgi import Application

from .. import plain

Sent = list[dict[str, Any]]


def with_application(application: Any, most_body: int = 1 << 20, **settings: Any) -> Application:
    """It, and a function `double` at a route of its own."""
    app = App("shop")
    app.asgi(application, name="web", **settings)

    @app.function(triggers=[http("POST", "/double")])
    def double(n: int) -> int:
        return 2 * n

    return Application(app.functions.values(), most_body=most_body)


def lived(application: Application, work: Callable[[httpx.AsyncClient], Awaitable[Any]]) -> Any:
    """What `work` gives with a client, between the application's beginning and its end."""

    served: Any = application  # httpx asks for mutable messages

    async def all_of_it() -> Any:
        await application.begin()
        transport = httpx.ASGITransport(served)
        async with plain.AsyncClient(transport=transport, base_url="http://here") as client:
            given = await work(client)
        assert await application.end()
        return given

    return asyncio.run(all_of_it())


async def ask(application: Application, *pieces: bytes, headers: Any = ()) -> Sent:
    """What is sent to a client whose body comes in these pieces."""
    messages = [{"type": "http.request", "body": each, "more_body": True} for each in pieces]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    sent: Sent = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/any", "query_string": b""}
    await application({**scope, "headers": list(headers)}, receive, send)
    return sent


def fast() -> FastAPI:
    api = FastAPI()

    @api.get("/orders/{number}")
    def order(number: int, request: Request) -> dict[str, Any]:
        return {"number": number, "url": str(request.url)}

    return api


def test_each_path_is_a_functions_or_the_applications() -> None:
    async def work(client: httpx.AsyncClient) -> None:
        order = (await client.get("/orders/7?q=1")).json()
        assert order == {"number": 7, "url": "http://here/orders/7?q=1"}
        assert (await client.post("/double", json=21)).json() == 42
        assert "swagger" in (await client.get("/docs")).text, "its own page goes before ours"
        absent = await client.get("/absent")
        assert (absent.status_code, absent.json()) == (404, {"detail": "Not Found"})

    lived(with_application(fast()), work)


def test_where_its_triggers_say_so_the_rest_is_the_servers() -> None:
    async def work(client: httpx.AsyncClient) -> None:
        assert (await client.get("/orders/7")).json()["number"] == 7
        assert (await client.get("/elsewhere")).json()["error"] == "nothing at /elsewhere"

    application = with_application(fast(), triggers=[http("GET", "/orders/{number}")])
    lived(application, work)
    document = described(application, Found(App("shop"), None))
    assert list(document["paths"]) == ["/double"], "the application documents its own"


def test_pieces_go_out_as_they_come() -> None:
    async def scene() -> None:
        read = asyncio.Event()

        async def pieces(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"a", "more_body": True})
            await read.wait()
            await send({"type": "http.response.body", "body": b"b"})

        async def send(message: dict[str, Any]) -> None:
            sent.append(message.get("body"))
            if message.get("body") == b"a":
                read.set()  # its reader has it, while the answer is not whole

        sent: list[Any] = []
        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
        async with asyncio.timeout(60):
            await with_application(pieces)(scope, asyncio.Event().wait, send)  # type: ignore[arg-type]
        assert sent == [None, b"a", b"b"]

    asyncio.run(scene())


class Lasting:
    """An application with a lifespan, which may fail where it is told to."""

    def __init__(self, fails: str = "") -> None:
        self.fails, self.heard = fails, list[str]()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.heard.append(scope["state"]["pool"])
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})
            return
        for word in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{word}"
            self.heard.append(word)
            scope["state"]["pool"] = "open"
            end = "failed" if word == self.fails else "complete"
            await send({"type": f"lifespan.{word}.{end}", "message": "no database"})


def test_its_lifespan_is_that_of_the_server() -> None:
    made = Lasting()

    async def work(client: httpx.AsyncClient) -> int:
        return (await client.get("/")).status_code

    assert lived(with_application(made), work) == 204
    assert made.heard == ["startup", "open", "shutdown"]


def test_a_lifespan_that_fails_is_said() -> None:
    with pytest.raises(WrongUse, match="did not start: no database"):
        asyncio.run(with_application(Lasting("startup")).begin())

    async def both(application: Application) -> None:
        await application.begin()
        await application.end()

    with pytest.raises(WrongUse, match="did not stop as it should: no database"):
        asyncio.run(both(with_application(Lasting("shutdown"))))


@pytest.mark.parametrize("begun", [False, True])
def test_what_it_raises_is_a_500_or_an_answer_without_its_end(
    begun: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ValueError("no such tail number")

    sent = asyncio.run(ask(with_application(broken)))
    assert sent[0]["status"] == (200 if begun else 500)
    assert (len(sent), sent[-1].get("more_body", False)) == (2, begun)
    assert "ValueError: no such tail number" in capsys.readouterr().err


def test_a_body_that_is_too_large_is_refused() -> None:
    async def takes(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    application = with_application(takes, most_body=10)
    assert asyncio.run(ask(application, b"12345", b"67890"))[0]["status"] == 200
    assert asyncio.run(ask(application, b"12345", b"678901"))[0]["status"] == 413
    said = [(b"content-length", b"11")]
    assert asyncio.run(ask(application, b"1", headers=said))[0]["status"] == 413
