"""One table of requests, and the payload 2.0 event that each is wherever one is made: by a function
URL of the emulator, by `pelton run`, for a Lambda-style handler on Nuclio, by `pelton.testing`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest

from pelton import App, testing
from pelton.localstack.lambda_ import urls
from pelton.localstack.messages import Request, joined
from pelton.runner.payload import make_event

SAME = ("version", "routeKey", "rawPath", "rawQueryString", "cookies", "queryStringParameters",
        "body", "isBase64Encoded")  # fmt: skip
ADDED = ("x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "x-amzn-trace-id")


@dataclass(frozen=True)
class Row:
    """A request; `only`: the places that can be asked it, "" for all."""

    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    method: str = "POST"
    only: str = ""

    @property
    def asked(self) -> list[str]:
        return (self.only or "url run nuclio testing").split()

    @property
    def lines(self) -> list[tuple[bytes, bytes]]:
        return [(name.encode(), value.encode()) for name, value in self.headers]


def kind(content_type: str) -> tuple[tuple[str, str], ...]:
    return (("content-type", content_type),)


JSON = kind("application/json")
ROWS = {
    "json": Row("/delay", JSON, b'{"a": 1}'),
    "text": Row("/", kind("text/plain; charset=utf-8"), "é".encode()),
    "xml": Row("/", kind("Application/XML"), b"<a/>"),
    "form": Row("/", kind("application/x-www-form-urlencoded"), b"a=1"),
    "bytes": Row("/", kind("image/png"), b"\xff\x00"),
    "no body": Row("/", JSON, method="GET"),
    "a query": Row("/a%20b?x=1&y=%26&z=", JSON),
    "a name twice": Row("/p?x=1&x=2", JSON, only="url run nuclio"),
    "cookies": Row("/", (*JSON, ("cookie", "c=1; d=2;"))),
    "two lines of cookies": Row("/", (*JSON, ("cookie", "c=1"), ("cookie", "d=2")), only="url run"),
    "a header twice": Row("/", (*JSON, ("x-a", "1"), ("x-a", "2")), only="url run"),
    "of the connection": Row("/", (*JSON, ("connection", "keep-alive"), ("te", "trailers"))),
    "no type": Row("/", (), b"x", only="url run nuclio"),
    "who asks": Row("/", (*JSON, ("user-agent", "me/1"), ("host", "h:1"))),
    "no text": Row("/", kind("text/plain"), b"\xff", only="url nuclio"),
}


def by_url(row: Row) -> dict[str, Any]:
    path, _, query = row.target.partition("?")
    asked = urls.Request(row.method, path, query, row.headers, row.body)
    return urls.make_event(asked, "id", "h:1", 0.0, "id", "trace")


def by_run(row: Row) -> dict[str, Any]:
    return make_event(
        Request(row.method, row.target, joined(row.lines), row.body, row.lines), "id", 0
    )


def by_nuclio(row: Row) -> dict[str, Any]:
    path, _, query = row.target.partition("?")
    seen: list[dict[str, Any]] = []

    def take(event: Any, context: Any) -> None:
        seen.append(event)

    function = App("a").function(style="lambda")(take)
    headers = {"content-type": "", **dict(row.headers)}
    event = testing.nuclio_http(
        row.body, path=path, headers=headers, query=dict(parse_qsl(query)), method=row.method
    )
    event.url = row.target.encode()
    testing.on_nuclio(function, event)
    if not headers["content-type"]:
        del seen[0]["headers"]["content-type"]
    return seen[0]


def by_testing(row: Row) -> dict[str, Any]:
    path, _, query = row.target.partition("?")
    fields = dict(parse_qsl(query, keep_blank_values=True))
    headers = dict(row.headers)
    text = urls.is_text(headers["content-type"])
    body = (row.body.decode() if text else row.body) or None
    return testing.http_v2(body, method=row.method, path=path, headers=headers, query=fields)


PLACES: dict[str, Callable[[Row], dict[str, Any]]] = {
    "run": by_run,
    "nuclio": by_nuclio,
    "testing": by_testing,
}


@pytest.mark.parametrize(
    ("name", "place"),
    [(name, each) for name, row in ROWS.items() for each in PLACES if each in row.asked],
)
def test_a_request_is_one_event_wherever_it_is_made(name: str, place: str) -> None:
    row = ROWS[name]
    wanted, found = by_url(row), PLACES[place](row)
    assert {each: found.get(each) for each in SAME} == {each: wanted.get(each) for each in SAME}
    for each in ADDED:  # by the way to a URL
        wanted["headers"].pop(each, None)
    assert found["headers"] == wanted["headers"]
    mine, theirs = found["requestContext"], wanted["requestContext"]
    assert mine.keys() == theirs.keys()
    assert mine["http"] == theirs["http"]
    assert unquote(mine["http"]["path"]) == unquote(row.target.partition("?")[0])
