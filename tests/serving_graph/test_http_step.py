"""Calls over HTTP, against real servers: what goes out, what comes back, what goes wrong."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pelton import (
    CallFailed,
    Context,
    DeadlineExceeded,
    Graph,
    InvalidInput,
    NotReady,
    Overloaded,
    UnknownModel,
    steps,
)
from pelton.handlers.errors import GraphError
from pelton.testing import make_context

from ..localstack.support import until


@dataclass
class Query:
    text: str
    page: int = 1


@dataclass
class Found:
    size: int


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    heard: list[dict[str, Any]]
    gate: threading.Event

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        self.heard.append(
            {
                "method": self.command,
                "path": self.path,
                "headers": {name.lower(): text for name, text in self.headers.items()},
                "body": json.loads(body) if body else None,
                "port": self.client_address[1],
            }
        )
        word = self.path.partition("?")[0].strip("/")
        if word == "slow":
            self.gate.wait(20)
        if word == "bye":
            self.close_connection = True
        said = {"text": b"no JSON", "odd": b'{"size": "x"}', "none": b""}.get(word, b'{"size": 3}')
        status = int(word) if word.isdigit() else 200
        if status != 200:
            said = b"why it is so"
        self.send_response(status)
        if status in (429, 503):
            self.send_header("retry-after", "7")
        if status == 302:
            self.send_header("location", "/elsewhere")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_POST = do_GET = do_PUT = do_DELETE = answer


@pytest.fixture
def service() -> Iterator[Any]:
    handler: Any = type("Handler", (Service,), {"heard": [], "gate": threading.Event()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        server.url = f"http://127.0.0.1:{server.server_address[1]}"  # type: ignore[attr-defined]
        server.heard = handler.heard  # type: ignore[attr-defined]
        yield server
        handler.gate.set()
        server.shutdown()


async def later(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


def call(step: Any, value: Any, context: Any = None, *, waits: bool = False, times: int = 1) -> Any:
    graph: Graph[Any, Any] = Graph("g")
    run = (graph >> later >> step if waits else graph >> step).compile()
    assert run.is_async == waits

    async def main() -> Any:
        for _ in range(times):
            answer = await run(value, context) if waits else run(value, context)
        return answer

    try:
        return asyncio.run(main())
    finally:
        run.stop()


both = pytest.mark.parametrize("waits", [False, True])


@both
def test_the_value_goes_out_as_json_and_the_answer_has_its_type(service: Any, waits: bool) -> None:
    step = steps.http(f"{service.url}/score?v=1", input_type=Query, output_type=Found)
    context = make_context(secrets={"TOKEN": "s3"})
    assert call(step, Query("a"), context, waits=waits) == Found(3)
    (heard,) = service.heard
    assert heard["method"] == "POST" and heard["path"] == "/score?v=1"
    assert heard["body"] == {"text": "a", "page": 1}
    assert heard["headers"]["content-type"] == "application/json"
    assert heard["headers"]["x-request-id"] == context.request_id


@both
def test_connections_are_kept(service: Any, waits: bool) -> None:
    call(steps.http(service.url), {}, waits=waits, times=4)
    assert len({each["port"] for each in service.heard}) == 1 and len(service.heard) == 4


def test_a_connection_that_the_other_side_closed_is_not_used(service: Any) -> None:
    """Seen before it is used, or, what may be sent twice, when it is."""
    assert call(steps.http(f"{service.url}/bye", "GET"), {}, times=3) == {"size": 3}
    assert len({each["port"] for each in service.heard}) == 3


def test_a_query_says_the_fields(service: Any) -> None:
    call(steps.http(f"{service.url}/find?a=b", "get"), {"text": "x y", "page": 2, "all": True})
    (heard,) = service.heard
    assert heard["path"] == "/find?a=b&text=x+y&page=2&all=true" and heard["body"] is None


def test_secrets_are_asked_of_the_context_and_stand_in_no_spec(service: Any) -> None:
    step = steps.http(
        service.url,
        headers={"X-Kind": "test"},
        secrets={"Authorization": "Bearer {TOKEN}", "x-key": "{A}-{B}"},
    )
    call(step, {}, make_context(secrets={"TOKEN": "s3", "A": "1", "B": "2"}))
    said = service.heard[0]["headers"]
    assert (said["authorization"], said["x-key"], said["x-kind"]) == ("Bearer s3", "1-2", "test")
    graph = Graph("g") >> step
    assert Graph.from_spec(graph.spec.to_dict()).spec == graph.spec
    assert "s3" not in json.dumps(graph.spec.to_dict())
    with pytest.raises(KeyError, match="TOKEN"):
        call(step, {}, make_context(secrets={}))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, UnknownModel),
        (422, InvalidInput),
        (429, Overloaded),
        (503, NotReady),
        (504, DeadlineExceeded),
        (302, CallFailed),
        (400, CallFailed),
        (500, CallFailed),
    ],
)
def test_a_status_is_an_error_of_its_kind(service: Any, status: int, kind: type[Any]) -> None:
    with pytest.raises(kind) as caught:
        call(steps.http(f"{service.url}/{status}"), {})
    error: Any = caught.value
    assert type(error).__mro__.index(kind) <= 1 and error.step == "g/http"
    assert "why it is so" not in str(error) and "127.0.0.1" in str(error)
    assert "it said: why it is so" in error.__notes__
    if status in (429, 503):
        assert error.after == 7.0
    if kind is CallFailed:
        assert error.status == 502 and error.answered == status
    if status == 302:
        assert "a redirect to '/elsewhere', which is not followed" in str(error)
    assert len(service.heard) == 1


def test_an_answer_that_is_none_fails_with_its_start(service: Any) -> None:
    with pytest.raises(CallFailed, match="what is no JSON") as caught:
        call(steps.http(f"{service.url}/text"), {})
    assert caught.value.body == "no JSON"
    with pytest.raises(CallFailed, match=r"what does not fit \(size: expected an integer"):
        call(steps.http(f"{service.url}/odd", output_type=Found), {})
    with pytest.raises(CallFailed, match="more than the 4 bytes that are read"):
        call(steps.http(service.url, most=4), {})
    assert call(steps.http(f"{service.url}/none"), {}) is None


@both
def test_a_call_ends_with_its_own_time_or_the_event_s(service: Any, waits: bool) -> None:
    with pytest.raises(DeadlineExceeded, match=r"did not answer within 0\.05 seconds"):
        call(steps.http(f"{service.url}/slow", timeout=0.05), {}, waits=waits)
    context = Context(deadline=100.05, clock=lambda: 100.0)
    with pytest.raises(DeadlineExceeded, match=r"did not answer within 0\.05 seconds"):
        call(steps.http(f"{service.url}/slow", timeout=60), {}, context, waits=waits)
    over = Context(deadline=99.0, clock=lambda: 100.0)
    with pytest.raises(DeadlineExceeded, match="no time was left"):
        call(steps.http(service.url), {}, over, waits=waits)
    until(lambda: len(service.heard) >= 2)  # a busy service hears a call after its caller has gone
    assert [each["path"] for each in service.heard] == ["/slow", "/slow"]


def serve_bytes(*pieces: bytes, pause: float = 0.0) -> str:
    """A server that says one thing to the first who comes, piece by piece; its URL."""
    listener = socket.create_server(("127.0.0.1", 0))

    def work() -> None:
        with listener, listener.accept()[0] as connection:
            heard = b""
            while not heard.endswith(b"{}"):  # what is not read makes the end a reset
                heard += connection.recv(65536)
            for piece in pieces:
                connection.sendall(piece)
                threading.Event().wait(pause)

    def quiet() -> None:
        try:
            work()
        except OSError:
            return  # the other side has gone

    threading.Thread(target=quiet, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_server_that_drips_is_held_to_the_time_of_the_whole_call() -> None:
    url = serve_bytes(b"HTTP/1.1 200 OK\r\n", *[b"x-a: b\r\n"] * 50, pause=0.02)
    with pytest.raises(DeadlineExceeded):
        call(steps.http(url, timeout=0.2), {})
    url = serve_bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n", *[b"1"] * 50, pause=0.02)
    with pytest.raises(DeadlineExceeded):
        call(steps.http(url, timeout=0.2), {})


def test_a_server_that_is_none_or_is_not_there() -> None:
    with pytest.raises(CallFailed, match="does not speak HTTP"):
        call(steps.http(serve_bytes(b"SSH-2.0-x\r\n\r\n")), {})
    with pytest.raises(CallFailed, match="does not speak HTTP"):
        call(steps.http(serve_bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n123")), {})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NotReady, match="cannot be reached"):
        call(steps.http(f"http://127.0.0.1:{port}"), {})


def test_calls_of_a_loop_run_together(service: Any) -> None:
    async def main() -> list[Any]:
        run = (Graph("g") >> later >> steps.http(service.url, connections=4)).compile()
        try:
            return list(await asyncio.gather(*(run({"n": n}) for n in range(12))))
        finally:
            run.stop()

    assert asyncio.run(main()) == [{"size": 3}] * 12
    assert sorted(each["body"]["n"] for each in service.heard) == list(range(12))
    assert len({each["port"] for each in service.heard}) <= 4


def test_what_cannot_be_called_is_refused_at_build() -> None:
    for url in ("ftp://x/", "x.example", "http:///a", "http://x:99999/", "http://x/#part"):
        with pytest.raises(GraphError, match="url="):
            steps.http(url)
    with pytest.raises(GraphError, match="holds a user's name or password"):
        steps.http("http://me:pass@x/")
    with pytest.raises(GraphError, match="'authorization' would stand in the graph's spec; name a"):
        steps.http("http://x/", headers={"Authorization": "Bearer s3"})
    with pytest.raises(GraphError, match="method='TRACE'"):
        steps.http("http://x/", "TRACE")
    with pytest.raises(GraphError, match="holds what no header can"):
        steps.http("http://x/", headers={"a": "b\r\nc: d"})
    with pytest.raises(GraphError, match="timeout="):
        steps.http("http://x/", timeout=0)
    with pytest.raises(GraphError, match="is str but step 'http' takes Query"):
        Graph("g", str) >> steps.http("http://x/", input_type=Query)
