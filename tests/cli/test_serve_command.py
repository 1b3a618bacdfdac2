"""`pelton serve` under trouble: clients that leave, calls that never end, a loop held up."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click import ClickException

from pelton.cli.serve import listen

from .. import plain

APP = """
import asyncio
import threading
import time
from pathlib import Path
import pelton

app = pelton.App("trouble")

@app.function
async def waits(folder: str) -> int:
    Path(folder, "in").touch()
    try:
        await asyncio.Event().wait()
    finally:
        Path(folder, "out").touch()
    return 1

@app.function
def works(folder: str, context: pelton.Context) -> int:
    Path(folder, "in").touch()
    while not context.cancelled:
        time.sleep(0.01)
    Path(folder, "out").touch()
    return 1

@app.function
def never(folder: str) -> int:
    Path(folder, "in").touch()
    threading.Event().wait()
    return 1

@app.function
async def blocks(seconds: float) -> int:
    time.sleep(seconds)
    return 1

@app.function
def fine(n: int) -> int:
    return n
"""


@pytest.fixture
def serve(start: Callable[..., Any], tmp_path: Path) -> Callable[..., tuple[Any, str]]:
    def serve(*words: str) -> tuple[Any, str]:
        (tmp_path / "trouble_app.py").write_text(APP)
        running = start("serve", "trouble_app.py", "--port", "0", "--json", *words)
        return running, json.loads(running.line('"url"'))["url"]

    return serve


def until(place: Path) -> None:
    end = time.monotonic() + 30
    while not place.exists():
        assert time.monotonic() < end, f"{place.name} did not come"
        time.sleep(0.01)


def begin(url: str, name: str, folder: Path) -> socket.socket:
    """The connection of a call that is under way."""
    address = httpx.URL(url)
    connection = socket.create_connection((address.host, address.port or 0))
    body = str(folder).encode()
    head = f"POST /{name} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    until(folder / "in")
    return connection


@pytest.mark.parametrize("name", ["waits", "works"])
def test_what_a_client_left_is_ended(
    serve: Callable[..., tuple[Any, str]], tmp_path: Path, name: str
) -> None:
    running, url = serve("--most", "1")
    begin(url, name, tmp_path).close()
    until(tmp_path / "out")
    end = time.monotonic() + 10
    while plain.post(f"{url}/fine", json=1, trust_env=False).status_code == 429:
        assert time.monotonic() < end, "its place was not given back"
    assert running.end(signal.SIGTERM) == (0, [])


def test_a_call_that_never_ends_does_not_hold_up_the_end(
    serve: Callable[..., tuple[Any, str]], tmp_path: Path
) -> None:
    running, url = serve("--grace", "1")
    with begin(url, "never", tmp_path):
        assert plain.post(f"{url}/fine", json=1, trust_env=False).json() == 1
        code, left = running.end(signal.SIGTERM)
        assert (code, left) == (1, [])
    running.line("a call had not ended 1 s after the signal; it was cut off")


def test_a_function_that_blocks_the_loop_is_told_of(
    serve: Callable[..., tuple[Any, str]],
) -> None:
    running, url = serve()
    assert plain.post(f"{url}/blocks", json=1.6, timeout=20, trust_env=False).json() == 1
    running.line("an async function or step blocks it; write it with a plain def")


BROKEN = """
import pelton

class Model:
    def load(self) -> None:
        raise OSError("no weights")
    def __call__(self, n: int) -> int:
        return n

app = pelton.App("broken")
app.serve(pelton.Graph("broken") >> Model)
"""


def test_what_cannot_be_served_is_said_in_a_line(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "broken_app.py").write_text(BROKEN)
    (tmp_path / "trouble_app.py").write_text(APP)
    for words, line in (
        (("broken_app.py",), "cannot be loaded: OSError: no weights (in step broken/Model)"),
        (("nothing.py",), "error: there is no file nothing.py"),
        (("trouble_app.py", "--grpc-port", "0"), "--grpc-port: there is no model to serve"),
    ):
        running = start("serve", *words, "--port", "0")
        running.line(line)
        assert running.process.wait(30) == 1


def test_answers_go_out_at_once_and_a_port_that_is_taken_is_named() -> None:
    """asyncio sets TCP_NODELAY on sockets that say that they are TCP."""
    with listen("127.0.0.1", 0) as first:
        assert first.proto == socket.IPPROTO_TCP
        port = first.getsockname()[1]
        with pytest.raises(ClickException, match=f"cannot listen on 127.0.0.1:{port}: .*another"):
            listen("127.0.0.1", port)


UNCLEAN = """
import pelton

class Model:
    def __call__(self, n: int) -> int:
        return n
    def close(self) -> None:
        raise OSError("the store is gone")

app = pelton.App("unclean")
app.serve(pelton.Graph("unclean") >> Model)
"""


def test_what_cannot_be_closed_is_said_too(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "unclean_app.py").write_text(UNCLEAN)
    running = start("serve", "unclean_app.py", "--port", "0")
    running.line("models: unclean")
    running.process.send_signal(signal.SIGINT)
    running.line("it did not stop as it should: OSError: the store is gone (in step unclean/Model)")
    assert running.process.wait(30) == 1
