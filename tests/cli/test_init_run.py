"""`pelton init` and `pelton run`: the first minutes of a new user."""

import json
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from pelton.cli import command

from .. import plain

APP = """
import os
import pelton

app = pelton.App("quick")

@app.function(triggers=[pelton.http("POST", "/double")])
def double(n: int) -> int:
    if n < 0:
        raise ValueError("no negative numbers")
    return 2 * n

@app.function(triggers=[pelton.http("POST", "/twice/{n}")])
def by_path(event: pelton.Event) -> str:
    return event.parameters["n"]

@app.function(style="lambda")
def native(event, context):
    return {"path": event["rawPath"], "query": event["rawQueryString"]}

@app.function(style="lambda")
def cookies(event, context):
    return {"statusCode": 201, "cookies": ["a=1", "b=2"], "body": "made"}

@app.function(style="lambda")
def leaves(event, context):
    raise SystemExit("on its own")

@app.function
def framed() -> pelton.Result:
    return pelton.Result("whole", headers={"Content-Length": "99", "transfer-encoding": "x"})
"""


@pytest.fixture
def serve(
    start: Callable[..., Any], tmp_path: Path
) -> Iterator[Callable[..., tuple[Any, httpx.Client]]]:
    clients = []

    def serve(source: str = APP) -> tuple[Any, httpx.Client]:
        (tmp_path / "quick.py").write_text(source)
        running = start("run", "quick.py", "--port", "0", "--json")
        ready: dict[str, Any] = json.loads(running.line('"url"'))
        clients.append(plain.Client(base_url=ready["url"], trust_env=False))
        return running, clients[-1]

    yield serve
    for each in clients:
        each.close()


def test_init_writes_an_app_that_runs(start: Callable[..., Any], tmp_path: Path) -> None:
    made = CliRunner().invoke(command, ["init", str(tmp_path / "new")])
    assert made.exit_code == 0
    assert f"pelton run {tmp_path / 'new' / 'app.py'}" in made.output
    running = start("run", str(tmp_path / "new" / "app.py"), "--port", "0")
    address = running.line("hello: POST ").split()[-1].rpartition("/")[0]
    answer = plain.post(f"{address}/hello", json={"name": "you"}, trust_env=False)
    assert answer.json() == {"hello": "you"}
    running.line('"message": "greeting"')


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("mine")
    refused = CliRunner().invoke(command, ["init", str(tmp_path)])
    assert refused.exit_code == 1
    assert "is there already; nothing was written" in refused.output
    assert (tmp_path / "app.py").read_text() == "mine"


def test_run_answers_as_a_function_url(
    serve: Callable[..., tuple[Any, httpx.Client]],
) -> None:
    running, client = serve()
    with client:
        assert client.post("/double", json=21).json() == 42
        assert client.post("/double", content=b"{").status_code == 400
        misfit = client.post("/double", json="x")
        assert (misfit.status_code, misfit.json()["details"][0]["path"]) == (422, [])
        assert client.post("/double", json=-1).status_code == 502
        running.line("ValueError: no negative numbers")
        nowhere = client.get("/nowhere")
        assert nowhere.status_code == 404
        assert nowhere.json()["routes"] == ["POST /double", "POST /twice/{n}"]
        for path in ("/twice/21", "/double"):
            wrong = client.request("DELETE", path)
            assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
        assert client.post("/by_path/", json=1).status_code == 502, "by name, without parameters"
        assert client.post("/twice/21").text == "21"
        native = client.get("/native?a=b&a=c%20d")
        assert native.json() == {"path": "/native", "query": "a=b&a=c%20d"}
        made = client.get("/cookies")
        assert (made.status_code, made.text) == (201, "made")
        assert made.headers.get_list("set-cookie") == ["a=1", "b=2"]
        assert client.post("/double", content=iter([b"2", b"1"])).json() == 42, "in chunks"
        assert client.post("/leaves").status_code == 502
        running.line("SystemExit: on its own")
        assert client.get("/framed").text == "whole", "how long it is, the server says"


@pytest.mark.parametrize(
    ("kind", "body", "seen"),
    [("application/json", '"ü"'.encode(), '"ü"'), ("image/png", b"\xff", "/w=="),
     ("text/plain", b"\xff", "/w=="), ("", b"x", "eA==")],
)  # fmt: skip
def test_an_event_is_what_a_function_url_delivers(kind: str, body: bytes, seen: str) -> None:
    from pelton.localstack.front import Request
    from pelton.runner.payload import make_event

    headers = {"content-type": kind} if kind else {}
    event = make_event(Request("POST", "/a?b=1&b=2&c=", headers, body), "id", 0)
    assert (event["body"], event["isBase64Encoded"]) == (seen, seen.endswith("=="))
    assert event["queryStringParameters"] == {"b": "1,2", "c": ""}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_ends_at_a_signal(serve: Callable[..., tuple[Any, httpx.Client]], number: int) -> None:
    running, client = serve()
    client.close()
    assert running.end(number) == (0, [])


SLOW = """
import os
import time
import pelton

app = pelton.App("slow")

@app.function
def wait(n: int) -> int:
    os.write(1, b"begun\\n")  # in one piece, as several threads say it
    time.sleep(1)
    return 2 * n

@wait.drain
def drained(context):
    print("drained", flush=True)

@wait.stop
def stopped(context):
    raise RuntimeError("a hook that fails")
"""


def test_run_answers_what_it_has_accepted_before_it_ends(
    serve: Callable[..., tuple[Any, httpx.Client]],
) -> None:
    running, client = serve(SLOW)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(client.post, "/wait", json=n) for n in range(4)]
        for _ in asked:
            running.line("begun")
        code, left = running.end(signal.SIGTERM)
        answers = [each.result() for each in asked]
    assert [each.json() for each in answers] == [0, 2, 4, 6]
    assert {each.headers["connection"] for each in answers} == {"close"}
    running.line("drained")
    running.line("a hook that fails")
    running.line("stopped")
    assert (code, left) == (0, [])
    client.close()


GATE = """
import threading
import pelton

app = pelton.App("gate")
opened = threading.Event()

@app.function(triggers=[pelton.http("POST", "/gate/{what}")])
def gate(event: pelton.Event) -> bool:
    what = event.parameters["what"]
    if what == "open":
        opened.set()
    return opened.wait(30) if what == "wait" else True
"""


def test_a_function_that_waits_holds_up_nobody(
    serve: Callable[..., tuple[Any, httpx.Client]],
) -> None:
    """Though it was quick until then, and they are calls of the same function."""
    _, client = serve(GATE)
    for _ in range(3):
        assert client.post("/gate/look").json() is True
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(client.post, "/gate/wait") for _ in range(8)]
        assert client.get("/metrics").status_code == 200
        assert client.post("/gate/open").json() is True
        assert [each.result().json() for each in waiting] == [True] * 8


def test_run_bounds_what_a_client_may_send(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "quick.py").write_text(APP)
    running = start("run", "quick.py", "--port", "0", "--json", "--max-body", "1")
    url = json.loads(running.line('"url"'))["url"]
    with plain.Client(base_url=url, trust_env=False) as client:
        large = client.post("/double", content=b" " * (1 << 20) + b"21")
        assert (large.status_code, large.json()) == (
            413,
            {"message": "a body has at most 1048576 bytes"},
        )
        assert client.post("/double", content=b" " * 1000 + b"21").json() == 42
        assert client.get("/", headers={"x": "y" * (1 << 17)}).status_code == 431
        head = client.head("/nowhere")
        assert (head.content, int(head.headers["content-length"]) > 0) == (b"", True)
    running.line('"POST /double HTTP/1.1" 413 -')
    running.line('"HEAD /nowhere HTTP/1.1" 404 -')


def test_run_says_which_port_is_taken(
    serve: Callable[..., tuple[Any, httpx.Client]], start: Callable[..., Any]
) -> None:
    _, client = serve()
    with client:
        second = start("run", "quick.py", "--port", str(client.base_url.port))
        second.line("choose another --port")
        assert second.process.wait(30) == 1


def test_run_says_where_a_declaration_is_wrong(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(
        "import pelton\napp = pelton.App('bad')\n\n@app.function\n"
        "def f(a: int, b: int) -> int:\n    return a\n"
    )
    running = start("run", "bad.py")
    line = running.line("error: ")
    assert "bad.py:4: function f has 2 body parameters: a, b; keep one" in line
    assert running.process.wait(30) == 1
    assert not any("Traceback" in each for each in running.said)
