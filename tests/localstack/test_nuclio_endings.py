"""Nuclio functions that end, or are to be replaced and are not, while they are asked."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from pelton.pytest_plugin import RunningEmulator

from .. import plain
from .nuclio_support import Client, document, error

WORD = """
import os

def handler(context, event):
    if event.path in (b"/hold", "/hold"):
        mine = event.body.decode()
        open(mine, "w").close()           # it is at work
        with open(mine + ".go") as pipe:  # until it is told to go on
            pipe.read()
    return os.environ["WORD"]
"""


@pytest.fixture(scope="module")
def client(module_emulator: RunningEmulator) -> Iterator[Client]:
    made = Client(module_emulator)
    yield made
    made.close()


def saying(name: str, word: str, **spec: Any) -> dict[str, Any]:
    return document(name, WORD, env=[{"name": "WORD", "value": word}], **spec)


def until(there: Callable[[], bool]) -> None:
    """What the emulator does by itself is seen soon."""
    while not there():
        threading.Event().wait(0.01)


def unique(word: str) -> str:
    """A function's name that no other run on this machine has."""
    return f"{word}-{uuid4().hex[:8]}"


def workers(name: str) -> int:
    """How many processes run a function's code."""
    found = 0
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += f"/functions/{name}-".encode() in each.read_bytes()
        except OSError:  # it has ended meanwhile
            continue
    return found


class Held:
    """A request that is in a worker's hands until `let_go`."""

    def __init__(self, pool: ThreadPoolExecutor, url: str, place: Path) -> None:
        os.mkfifo(f"{place}.go")
        self._go = Path(f"{place}.go")
        self.answer = pool.submit(plain.post, f"{url}/hold", content=str(place), timeout=60)
        until(place.exists)

    def let_go(self) -> str:
        self._go.write_text("go")
        return self.answer.result().text


def test_a_function_is_deleted_under_load(client: Client) -> None:
    name = unique("busy")
    status = client.deploy(saying(name, "busy"))
    url = f"http://{status['externalInvocationUrls'][0]}/"
    found: list[int] = []

    def ask() -> None:
        """Until nobody is there; an answer that does not come fails the test."""
        with plain.Client(timeout=60) as http:
            while True:
                try:
                    found.append(http.post(url).status_code)
                except httpx.ConnectError:
                    return
                except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                    continue  # its connection was closed as the request left

    with ThreadPoolExecutor(4) as pool:  # for one worker: some wait at any time
        asked = [pool.submit(ask) for _ in range(4)]
        until(lambda: len(found) > 8)
        assert client.ask("DELETE", f"/functions/{name}").status_code == 204
        for each in asked:
            each.result()
    # Who was connected and asked when the workers were on their way out is told so.
    assert 200 in found and set(found) <= {200, 503}
    assert workers(name) == 0


def test_what_is_being_deleted_is_not_changed(
    module_emulator: RunningEmulator, client: Client, tmp_path: Path
) -> None:
    status = client.deploy(saying("leaving", "first"))
    url = f"{module_emulator.nuclio_url}/api/functions/leaving"
    with ThreadPoolExecutor(3) as pool:
        held = Held(pool, f"http://{status['externalInvocationUrls'][0]}", tmp_path / "held")
        first = pool.submit(plain.delete, url, timeout=60)
        until(lambda: client.ask("GET", "/functions/leaving/replicas").json()["names"] == [])
        again = saying("leaving", "second")
        said = (412, "Function is being deleted and cannot be updated")
        assert error(client.ask("PUT", "/functions/leaving", again)) == said
        assert error(client.ask("PATCH", "/functions/leaving", {"desiredState": "ready"})) == said
        assert client.ask("POST", "/functions", again).status_code == 409
        second = pool.submit(plain.delete, url, timeout=60)
        assert held.let_go() == "first"
        assert {first.result().status_code, second.result().status_code} == {204}
    assert client.ask("GET", "/functions/leaving").status_code == 404
    assert client.deploy(again)["state"] == "ready"
    assert client.invoke("leaving").text == "second"


def test_a_trigger_that_cannot_be_leaves_what_answers(
    module_emulator: RunningEmulator, client: Client
) -> None:
    taken = httpx.URL(module_emulator.nuclio_url).port
    wrong: dict[str, dict[str, Any]] = {
        "'nonsense' does not have": {"kind": "cron", "attributes": {"schedule": "nonsense"}},
        "interval: 'soon' is no": {"kind": "cron", "attributes": {"interval": "soon"}},
        "no trigger of kind 'eventhub'": {"kind": "eventhub"},
        "ddress already in use": {"kind": "http", "attributes": {"port": taken}},
    }
    name = unique("kept")
    status = client.deploy(saying(name, "before", eventTimeout="0s"))  # which is without one
    for said, trigger in wrong.items():
        triggers = {"web": {"kind": "http"}, "wrong": trigger}
        failed = client.deploy(saying(name, "after", triggers=triggers), "PUT")
        assert failed["state"] == "error" and said in failed["message"]
        answer = plain.post(f"http://{status['externalInvocationUrls'][0]}/")
        assert answer.text == "before", "at its own port, too"
        assert workers(name) == 1, "those of the failed one are gone"
    assert client.ask("DELETE", f"/functions/{name}").status_code == 204
    assert workers(name) == 0


def test_deployed_again_while_the_one_before_still_ends(client: Client, tmp_path: Path) -> None:
    name = unique("thrice")
    address = client.deploy(saying(name, "one"))["externalInvocationUrls"][0]
    with ThreadPoolExecutor(1) as pool:
        held = Held(pool, f"http://{address}", tmp_path / "held")
        assert client.ask("PUT", "/functions", saying(name, "two")).status_code == 202
        until(lambda: bool(client.status(name)["state"] == "ready"))
        assert client.deploy(saying(name, "three"), "PUT")["state"] == "ready"
        assert client.invoke(name).text == "three"
        assert held.let_go() == "one"
    until(lambda: workers(name) == 1)
    assert client.invoke(name).text == "three"
