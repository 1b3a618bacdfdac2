"""The load that proofs of releases rest on sees each way in which an answer can be wrong."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from itertools import chain, repeat

import pytest

from .load import Load

Answer = Callable[[bytes], bytes]


def whole(text: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(text), text)


@pytest.fixture
def server() -> Iterator[Callable[[Answer], str]]:
    """Serves one client: makes of each body what the answer function says; its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve(answer: Answer) -> None:
        connection, _ = listening.accept()
        with connection:
            while data := connection.recv(65536):
                said = answer(data.partition(b"\r\n\r\n")[2])
                if not said:
                    return
                connection.sendall(said)

    def begin(answer: Answer) -> str:
        threads.append(threading.Thread(target=serve, args=(answer,)))
        threads[0].start()
        host, port = listening.getsockname()
        return f"http://{host}:{port}/x"

    yield begin
    for each in threads:
        each.join(60)
    listening.close()


def test_what_is_right(server: Callable[[Answer], str]) -> None:
    versions = chain([b"one"], repeat(b"two"))
    with Load(server(lambda body: whole(next(versions) + b" " + body)), 1) as load:
        load.until("two")
        load.more(50)
    assert load.versions["one"] == 1 and load.answers > 50
    assert load.told["p50_ms"] <= load.told["p99_ms"] <= load.told["slowest_ms"]


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (lambda body: whole(b"one other"), "one other"),
        (lambda body: whole(b"one " + body) * 2, "one 0-1"),
        (lambda body: whole(b"one " + body, b"503 Busy"), "503 Busy"),
        (lambda body: b"", "hung up"),
        (lambda body: whole(b""), "200 OK"),
    ],
    ids=["another's", "twice", "a refusal", "none", "nothing in it"],
)
def test_what_is_wrong(server: Callable[[Answer], str], answer: Answer, seen: str) -> None:
    with pytest.raises(AssertionError, match=seen), Load(server(answer), 1) as load:
        load.more(10)
