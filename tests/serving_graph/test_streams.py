"""Graphs whose last step is a generator: sent as they come, stopped when nobody reads, refused
where an answer goes out whole."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import pelton
from pelton import testing
from pelton.builders import BuildError, Resolver, Target, build
from pelton.handlers.errors import GraphError, WrongUse

from .. import plain
from .oip.conftest import serving

APP = '''
import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pelton

def words(text: str) -> Iterator[str]:
    if not text:
        raise pelton.Reject("nothing to say")
    for word in text.split():
        if word == "fail":
            raise ValueError("no such word")
        yield word

async def counted(n: int) -> AsyncIterator[dict[str, int]]:
    for each in range(n):
        await asyncio.sleep(0)
        yield {"n": each}

def endless(folder: str) -> Iterator[int]:
    """Counts until it is stopped, and says so."""
    place, made = Path(folder), 0
    try:
        while True:
            made += 1
            yield made
    finally:
        (place / "stopped").write_text(str(made))

async def endless_async(folder: str) -> AsyncIterator[int]:
    try:
        yield 1
        await asyncio.Event().wait()
    finally:
        (Path(folder) / "stopped").write_text("1")

def trimmed(text: str) -> str:
    return text.strip()

async def trimmed_async(text: str) -> str:
    return text.strip()

def either(n: int) -> dict[str, int] | Iterator[int]:
    return iter(range(n)) if n > 1 else {"n": n}

app = pelton.App("streams")
app.serve(pelton.Graph("either") >> either)
app.serve(pelton.Graph("words", str) >> trimmed >> words)
app.serve(pelton.Graph("waits", str) >> trimmed_async >> words)
app.serve(pelton.Graph("counted") >> counted)
app.serve(pelton.Graph("endless") >> endless)
app.serve(pelton.Graph("endless-async") >> endless_async)
'''


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    file = tmp_path_factory.mktemp("streams") / "streams.py"
    file.write_text(APP)
    with serving(file) as said:
        assert said["models"] == []
        assert "either is no model of /v2: graph 'either' gives a stream" in said["left_out"][0]
        with plain.Client(base_url=said["url"], trust_env=False, timeout=30) as made:
            yield made


def test_lines_or_events_as_the_client_accepts(client: httpx.Client) -> None:
    lines = client.post("/words", content="a b", headers={"accept": "application/x-ndjson"})
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert lines.headers["transfer-encoding"] == "chunked"
    assert lines.text == '"a"\n"b"\n'
    events = client.post("/words", content="a b")
    assert events.headers["content-type"] == "text/event-stream"
    assert events.text == "data: a\n\ndata: b\n\n"
    text = client.post("/waits", content="a b", headers={"accept": "text/plain"})
    assert text.text == "ab"
    rows = client.post("/counted", json=2, headers={"accept": "application/x-ndjson"})
    assert [json.loads(line) for line in rows.text.splitlines()] == [{"n": 0}, {"n": 1}]
    assert client.post("/counted", json=0).text == ""


def test_an_answer_may_be_whole_or_a_stream(client: httpx.Client) -> None:
    whole, items = client.post("/either", json=1), client.post("/either", json=2)
    assert (whole.headers["content-type"], whole.json()) == ("application/json", {"n": 1})
    assert items.text == "data: 0\n\ndata: 1\n\n"


def test_an_error_before_the_first_item_has_its_status(client: httpx.Client) -> None:
    refused = client.post("/words", content="")
    assert (refused.status_code, refused.json()["error"]) == (422, "nothing to say")
    assert refused.json()["step"] == "words/words"
    assert client.post("/counted", json="x").status_code == 422
    failed = client.post("/words", content="fail")
    assert (failed.status_code, failed.json()["error"]) == (500, "ValueError: no such word")


def test_an_error_later_is_said_and_leaves_the_answer_without_its_end(
    client: httpx.Client,
) -> None:
    for accept, last in (
        ("text/event-stream", 'event: error\ndata: {"error": "ValueError: no such word"}\n\n'),
        ("application/x-ndjson", '{"error": "ValueError: no such word"}\n'),
    ):
        got = ""
        with (
            pytest.raises(httpx.RemoteProtocolError),
            client.stream("POST", "/words", content="a fail", headers={"accept": accept}) as open_,
        ):
            for piece in open_.iter_text():
                got += piece
        assert got.endswith(last)


@pytest.mark.parametrize("name", ["endless", "endless-async"])
def test_a_generator_is_stopped_when_nobody_reads(
    client: httpx.Client, name: str, tmp_path: Path
) -> None:
    with client.stream("POST", f"/{name}", content=str(tmp_path)) as open_:
        lines = open_.iter_lines()  # kept: the connection goes with it
        assert next(lines) == "data: 1"
        assert not (tmp_path / "stopped").exists()
    until, said = time.monotonic() + 20, ""
    while not said and time.monotonic() < until:
        time.sleep(0.01)
        said = (tmp_path / "stopped").read_text() if (tmp_path / "stopped").exists() else ""
    assert int(said) >= 1
    assert client.post("/counted", json=1).status_code == 200


def words(text: str) -> Iterator[str]:
    yield from text.split()


async def letters(text: str) -> AsyncIterator[str]:
    for each in text:
        yield each


def trouble(text: str) -> Iterator[str]:
    yield text
    raise KeyError("nothing")


def size(text: str) -> int:
    return len(text)


def test_a_graph_says_whether_it_streams() -> None:
    inner = pelton.Graph("inner") >> words
    assert inner.streams
    assert (pelton.Graph("outer") >> inner).streams
    assert not (inner >> sorted).streams
    assert not pelton.Graph("none").streams
    either = pelton.router(len, {1: words}, default=letters)
    assert (pelton.Graph("either") >> either).streams
    assert pelton.Graph.from_spec(inner.spec).streams
    with pytest.raises(GraphError, match="retry 'words' holds the generator 'words', whose items"):
        pelton.steps.retry(words, attempts=2)
    with pytest.raises(GraphError, match="the branch 1 ends in a generator, 'default' does not"):
        pelton.router(len, {1: words}, default=size)


def untyped(text: str):  # type: ignore[no-untyped-def]
    yield text


async def untyped_letters(text: str):  # type: ignore[no-untyped-def]
    yield text


def told(items: Any) -> None: ...


def test_a_stream_that_nobody_would_read_is_refused() -> None:
    for step in (words, letters, untyped, untyped_letters):
        with pytest.raises(GraphError, match="comes after the queue 'later', where nobody reads"):
            (pelton.Graph("g", str) >> str.lower >> pelton.steps.queue("later") >> step).check()
        with pytest.raises(GraphError, match=r"gives (Async)?Iterator\[.*\] but step 'size' takes"):
            pelton.Graph("g", str) >> step >> size
        with pytest.raises(GraphError, match="respond 'respond': answer is the generator"):
            pelton.steps.respond(step, then=told)
        with pytest.raises(GraphError, match=r"gives (Async)?Iterator\[.*\], not whether"):
            pelton.steps.filter(step)
        with pytest.raises(GraphError, match="gives a stream, and a row of a job has one answer"):
            (pelton.Graph("g", str) >> step).job(["a"])


def test_an_error_between_items_names_its_step() -> None:
    items: Any = (pelton.Graph("g") >> trouble)("x")
    assert next(items) == "x"
    with pytest.raises(KeyError) as raised:
        next(items)
    assert raised.value.step == "g/trouble"  # type: ignore[attr-defined]


@pytest.mark.parametrize("step", [words, letters])
def test_it_is_refused_where_an_answer_goes_out_whole(step: Any, tmp_path: Path) -> None:
    app = pelton.App("whole")
    function = app.serve(pelton.Graph("told") >> step, triggers=[pelton.http()])
    assert testing.invoke(function, "ab") == (["ab"] if step is words else ["a", "b"])
    for platform, name in (("lambda", "Lambda"), ("nuclio", "Nuclio")):
        target = Target(platform, "3.12")
        resolver = Resolver(tmp_path, offline=True)
        with pytest.raises(BuildError) as refused:
            build(function, target, root=tmp_path, out=tmp_path, resolver=resolver)
        words_ = f"function told gives a stream, which cannot be sent by {name}'s Python runtime"
        assert words_ in str(refused.value)
        assert "serve it by `pelton serve`, or gather its items" in str(refused.value)
    with pytest.raises(WrongUse, match="cannot be sent here"):
        testing.on_lambda(function, testing.http_v2("ab"))
    with pytest.raises(WrongUse, match="gives a stream, and an inference of the protocol has one"):
        pelton.oip(pelton.Graph("told") >> step)
