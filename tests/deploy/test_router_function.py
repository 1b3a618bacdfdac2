"""The router's own function, as Nuclio's wrapper calls it, before functions of plain HTTP."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import nuclio_sdk
import nuclio_sdk.logger
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.deploy.versions.nuclio_router import facts_of
from pelton.deploy.versions.router_function import (
    Counts,
    Router,
    class_of,
    place_of,
    route_at,
    upper,
)


class Function(BaseHTTPRequestHandler):
    """Answers in two pieces below /pieces, and closes the connection after /close."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        if self.path == "/pieces":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in (b"one", b"two", b""):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.path == "/close"

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Function) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


class Asked:
    """A router with `f-stable` at a port and, where it is given one, `f-canary`."""

    def __init__(self, folder: Path, stable: int, canary: int, share: float) -> None:
        ports = {"nuclio-f-stable:8080": stable, "nuclio-f-canary:8080": canary}
        self.made: list[str] = []

        def connect(host: str, timeout: float) -> http.client.HTTPConnection:
            self.made.append(host)
            return http.client.HTTPConnection("127.0.0.1", ports[host], timeout=timeout)

        platform = nuclio_sdk.Platform("kube", "ns", connection_provider=connect)
        self.context = nuclio_sdk.Context(nuclio_sdk.logger.Logger(50), platform)
        routes = [["f-stable", 1 - share], ["f-canary", share]]
        settings = {"routes": routes, "sticky": "", "seconds": 20, "key": "secret"}
        self.router = Router(platform, settings, folder)

    def ask(self, path: str, body: Any = b"x", headers: dict[str, str] | None = None) -> Any:
        event = nuclio_sdk.Event(
            body=body, method=b"POST", path=path.encode(), headers=headers or {}
        )
        return self.router.answer(self.context, event)

    def close(self) -> None:
        self.router.counts.close()
        for each in self.router._connections.values():
            each.close()


@pytest.fixture
def asked(tmp_path: Path, port: int) -> Iterator[Asked]:
    found = Asked(tmp_path, port, port, 0.0)
    yield found
    found.close()


def test_a_stream_comes_in_its_pieces(asked: Asked) -> None:
    answer = asked.ask("/pieces")
    assert not isinstance(answer.body, bytes)
    assert b"".join(answer.body) == b"onetwo"
    assert asked.ask("/x").body == b"x", "its connection was its own to the end"


def test_a_connection_is_kept_until_it_is_closed(asked: Asked) -> None:
    assert [asked.ask(path).body for path in ("/x", "/x", "/close")] == [b"x"] * 3
    assert len(asked.made) == 1
    known = asked.router._connections["f-stable"].sock
    # Its end is on its way; what is sent after it is sent on another connection.
    assert known is None or known.recv(1) == b""
    assert asked.ask("/x").body == b"x"


def test_who_is_not_reached_does_not_lose_a_request(tmp_path: Path, port: int) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Function) as nobody:
        free = nobody.server_port
    asked = Asked(tmp_path, port, free, 1.0)
    assert asked.ask("/x").body == b"x"
    counts = asked.ask("/any", headers={"X-Pelton-Router": "secret"}).body
    assert '"f-canary": {"success": 0.0, "failure": 1.0' in counts
    neither = Asked(tmp_path, free, free, 0.5)
    assert neither.ask("/x").status_code == 503
    asked.close()
    neither.close()


def test_counts_of_all_workers_add_up(tmp_path: Path) -> None:
    workers = [Counts(["a", "b"], tmp_path) for _ in range(3)]
    for number, each in enumerate(workers):
        each.add("a", 0.002, failed=False)
        each.add("b", 0.5 * number, failed=True)
    total = workers[0].total()
    assert (total["a"]["success"], total["b"]["failure"]) == (3, 3)
    facts = facts_of("4", total["b"], {})
    assert facts.errors == 1 and facts.requests == 3 and facts.mean == pytest.approx(500)
    assert 1000 <= cast(float, facts.max) <= 1100 and 500 <= cast(float, facts.p50) <= 550
    for each in workers:
        each.close()


@given(st.floats(0, 1, exclude_max=True), st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_a_share_that_grows_keeps_who_it_has(at: float, one: float, other: float) -> None:
    less, more = (
        route_at([("f-stable", 1 - share), ("f-canary", share)], at)
        for share in sorted((one, other))
    )
    assert (less, more) != ("f-canary", "f-stable")


def test_keys_are_spread_evenly() -> None:
    among = sum(place_of(f"user-{number}") < 0.1 for number in range(10_000))
    assert 900 < among < 1100


@given(st.floats(0, 1e6))
def test_a_time_s_class_is_a_tenth_wide(milliseconds: float) -> None:
    top = upper(class_of(milliseconds))
    assert top >= min(milliseconds, upper(159))
    assert top <= max(milliseconds * 1.1000001, 0.1)
