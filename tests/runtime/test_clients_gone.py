"""Clients that go away before they have their answer: what was begun for them ends."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from pelton import App, Context, Graph, http, parallel, steps
from pelton.runtime.asgi import Application

HEARD: list[str] = []


async def wait(n: int) -> int:
    try:
        await asyncio.sleep(3600 if n else 0)
    finally:
        HEARD.append("ended")
    return n


def fail(n: int) -> float:
    return 1 / n


def application(graph: Graph[Any, Any]) -> Application:
    HEARD.clear()
    app = App("demo")
    app.serve(graph, triggers=[http("POST", "/it")])
    return Application(app.functions.values())


class Client:
    """A client's side of ASGI; it goes away when the test says so."""

    def __init__(self, body: Any) -> None:
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.messages.put_nowait({"type": "http.request", "body": json.dumps(body).encode()})
        self.sent: list[dict[str, Any]] = []

    def go(self) -> None:
        self.messages.put_nowait({"type": "http.disconnect"})

    async def ask(self, application: Application) -> None:
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/it",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        }
        await application(scope, self.messages.get, self._take)

    async def _take(self, message: dict[str, Any]) -> None:
        self.sent.append(message)


async def settled() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "graph",
    [
        Graph("g", int) >> wait,
        Graph("g", int) >> parallel(a=wait, b=wait),
        Graph("g", int) >> steps.timeout(steps.retry(wait), 7200),
        Graph("g", int) >> steps.hedge(wait, after=3000),
        Graph("g", int) >> steps.limit(wait),
    ],
)
def test_steps_that_wait_are_cancelled(graph: Any) -> None:
    async def main() -> None:
        client, served = Client(1), application(graph)
        await served.begin()
        asked = asyncio.ensure_future(client.ask(served))
        await settled()
        assert HEARD == []
        client.go()
        await asked
        assert set(HEARD) == {"ended"}
        assert client.sent == []
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert left == set()
        await served.end()

    asyncio.run(main())


def test_a_plain_step_on_a_thread_hears_it() -> None:
    begun, heard = threading.Event(), threading.Event()

    def work(n: int, context: Context) -> int:
        begun.set()
        while not context.cancelled:
            pass
        heard.set()
        return n

    async def main() -> None:
        client, served = Client(1), application(Graph("g", int) >> work)
        await served.begin()
        asked = asyncio.ensure_future(client.ask(served))
        while not begun.is_set():
            await asyncio.sleep(0)
        client.go()
        await asked
        await served.end()
        assert heard.is_set()

    asyncio.run(main())


def test_one_that_stays_has_its_answer_and_hears_what_failed() -> None:
    async def main() -> None:
        client = Client(0)
        served = application(Graph("g", int) >> parallel(a=wait, b=steps.optional(fail)))
        await served.begin()
        await client.ask(served)
        await served.end()
        start, body = client.sent
        assert dict(start["headers"])[b"pelton-failed"] == b"g/parallel/b/optional(fail)/fail"
        assert json.loads(body["body"])["a"] == 0

    asyncio.run(main())
