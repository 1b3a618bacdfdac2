"""Wheels that come from an index: kept as they were sent, or installed by uv where that is all."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pelton.builders.errors import CannotResolve

from .conftest import Desk, Shelf


@dataclass
class Index:
    """A package index of one wheel; it may ask who one is, and send something else."""

    wheel: Path
    url: str = ""
    login: str = ""
    instead: bytes = b""
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str, login: str) -> tuple[int, str, bytes]:
        self.asked.append(path)
        if self.login and login != "Basic " + base64.b64encode(self.login.encode()).decode():
            return 401, "text/plain", b"who are you?"
        content = self.wheel.read_bytes()
        if path == "/simple/tiny/":
            digest = hashlib.sha256(content).hexdigest()
            name = self.wheel.name
            link = f'<a href="/files/{name}#sha256={digest}">{name}</a>'
            return 200, "text/html", f"<html><body>{link}</body></html>".encode()
        if path == f"/files/{self.wheel.name}":
            return 200, "application/octet-stream", self.instead or content
        return 404, "text/plain", b"no"


@pytest.fixture
def index(shelf: Shelf) -> Iterator[Index]:
    found = Index(shelf.wheel("tiny"))
    shelf.folder.rename(shelf.folder.with_name("served"))
    found.wheel = shelf.folder.with_name("served") / found.wheel.name

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, kind, body = found.answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if code == 401:
                self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()
            self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_: Any) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    found.url = f"127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def install(desk: Desk, index: Index, who: str = "") -> Any:
    desk.write("requirements.txt", f"--index-url http://{who}{index.url}/simple\ntiny\n")
    return desk.install("-r requirements.txt", offline=False)


def kept(desk: Desk) -> list[bytes]:
    return [each.read_bytes() for each in (desk.cache / "wheels").glob("*.whl")]


def test_a_wheel_is_kept_as_the_index_sent_it(desk: Desk, index: Index) -> None:
    made = install(desk, index)
    assert made.read("tiny.py") == b"v = '1.0'\n"
    assert kept(desk) == [index.wheel.read_bytes()]
    assert index.asked.count(f"/files/{index.wheel.name}") >= 1


def test_what_is_kept_is_not_fetched_again(desk: Desk, index: Index) -> None:
    install(desk, index)
    for each in (desk.cache / "installed").iterdir():
        each.rename(desk.cache / each.name)
    index.asked.clear()
    assert install(desk, index).read("tiny.py") == b"v = '1.0'\n"
    assert f"/files/{index.wheel.name}" not in index.asked


def test_a_wheel_that_is_gone_is_said_where_no_network_is_used(desk: Desk, index: Index) -> None:
    install(desk, index)
    for each in [*(desk.cache / "wheels").iterdir(), *(desk.cache / "answers").iterdir()]:
        each.unlink()
    (home,) = (desk.cache / "installed").iterdir()
    home.rename(desk.cache / "gone")
    with pytest.raises(CannotResolve, match=r"tiny is not in the cache and the network is not use"):
        desk.install("-r requirements.txt", offline=True)


def test_where_an_index_asks_who_one_is_uv_answers(desk: Desk, index: Index) -> None:
    index.login = "me:secret"
    made = install(desk, index, "me:secret@")
    assert made.read("tiny.py") == b"v = '1.0'\n"
    assert made.files["tiny.py"].distribution == "tiny 1.0"


def test_another_file_than_the_index_promised_is_refused(desk: Desk, index: Index) -> None:
    other = index.wheel.with_name("other.whl")
    other.write_bytes(index.wheel.read_bytes() + b"\0")
    index.instead = other.read_bytes()
    with pytest.raises(CannotResolve):
        install(desk, index)
    assert kept(desk) == []
