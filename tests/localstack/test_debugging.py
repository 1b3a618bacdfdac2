"""A function that is debugged, by a client that speaks the Debug Adapter Protocol to it."""

from __future__ import annotations

import json
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pelton.localstack.debugging.folder import debugger_folder
from pelton.localstack.link_farm import RuntimeMissing
from pelton.pytest_plugin import RunningEmulator

from .dap import DapClient
from .support import archive, come, emulator_process, make_function

# Lines that tests stop at are marked; the event's own time and memory are over every limit.
CODE = """import os, time
LOADED = {version}

def handler(event, context):
    if event == "end":
        os._exit(3)
    left = context.get_remaining_time_in_millis()
    if event == "long":
        held = bytearray(200 << 20)
        held[::4096] = b"x" * len(held[::4096])
        time.sleep(1.2)
    return [LOADED, event, left > 80_000_000]  # here
"""
LAST, TOP = 1 + CODE[: CODE.index("# here")].count("\n"), 2
HOME = "/home/me/app"


class Debugged:
    """The function `f` on an emulator, and what is asked about it there."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self._emulator, self.version = emulator, 0
        self._client = emulator.client("lambda", read_timeout=90, retries={"max_attempts": 0})
        self._calls = ThreadPoolExecutor(4)

    def make(self) -> None:
        code = CODE.format(version=self.version)
        make_function(self._client, code, Timeout=1, MemorySize=128)

    def update(self) -> None:
        """Code of another version, in the place of what is there."""
        self.version += 1
        code = archive(CODE.format(version=self.version))
        self._client.update_function_code(FunctionName="f", ZipFile=code)
        come(self._client, "function_updated_v2")

    def ask(self, method: str, name: str = "/f", body: bytes = b"") -> tuple[int, Any]:
        """(status, answer) of the emulator's own door."""
        address = f"{self._emulator.url}/_pelton/debug{name}"
        request = urllib.request.Request(address, data=body or None, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def debug(self, name: str = "/f", **said: Any) -> tuple[int, Any]:
        return self.ask("PUT", name, json.dumps({"port": 0, **said}).encode())

    def call(self, event: Any) -> Future[Any]:
        """A call under way: its answer to come."""
        return self._calls.submit(self._call, event)

    def _call(self, event: Any) -> Any:
        answer = self._client.invoke(FunctionName="f", Payload=json.dumps(event))
        return json.loads(answer["Payload"].read())

    def attach(self, *lines: int) -> DapClient:
        """An editor with breakpoints in the user's own file, and no way but the mapping there."""
        said = self.debug()[1]
        client = DapClient(said["address"], [(HOME, said["root"])])
        assert all(each["verified"] for each in client.breaks(f"{HOME}/main.py", *lines))
        client.run()
        return client

    def close(self) -> None:
        self.ask("DELETE")
        self._calls.shutdown()
        self._client.close()


@pytest.fixture(scope="module")
def shared(module_emulator: RunningEmulator) -> Iterator[Debugged]:
    made = Debugged(module_emulator)
    made.make()
    yield made
    made.close()


@pytest.fixture
def f(shared: Debugged) -> Debugged:
    """The function, debugged, with the code that it has."""
    assert shared.debug()[1]["state"] == "listening"
    return shared


def goes_on(client: DapClient) -> int:
    """The value of LOADED where it stands now; then it goes on."""
    thread, frame = client.stopped()
    assert frame["source"]["path"] == f"{HOME}/main.py"
    value = int(client.value(frame["id"], "LOADED"))
    client.go_on(thread)
    return value


@pytest.mark.fidelity(
    "Execution",
    "a function may be run under a debugger, for which its limits do not hold",
    different="there is none on the platform; `PUT /_pelton/debug/NAME` asks for one",
)
def test_it_stops_at_a_line_and_its_limits_do_not_hold(f: Debugged) -> None:
    with f.attach(LAST) as client:
        first = f.call("long")
        thread, frame = client.stopped()
        assert (frame["name"], frame["line"]) == ("handler", LAST)
        assert frame["source"]["path"] == f"{HOME}/main.py"
        assert client.value(frame["id"], "event") == "'long'"
        second = f.call("second")  # waits for its turn
        client.go_on(thread)
        assert first.result(60) == [f.version, "long", True]
        assert goes_on(client) == f.version
        assert second.result(60) == [f.version, "second", True]
    assert f.call("after").result(60) == [f.version, "after", True], "the client has let go of it"


def test_new_code_has_the_same_port(f: Debugged) -> None:
    _, before = f.debug()
    with f.attach(LAST) as client:
        waiting = f.call(1)
        thread, _ = client.stopped()
        f.update()  # while an event stands, which is the old code's to its end
        assert f.debug()[1]["state"] == "at an event"
        client.go_on(thread)
        assert waiting.result(60) == [f.version - 1, 1, True]
        assert client.event("terminated") == {"restart": True}
    with f.attach(LAST) as client:
        waiting = f.call(2)
        assert goes_on(client) == f.version
        assert waiting.result(60) == [f.version, 2, True]
    assert f.debug()[1] == before


def test_a_process_that_ends_is_replaced_at_the_same_port(f: Debugged) -> None:
    with f.attach() as client:
        assert f.call("end").result(60)["errorType"] == "Runtime.ExitError"
        assert client.event("terminated") == {"restart": True}
    with f.attach(LAST) as client:
        waiting = f.call(1)
        assert goes_on(client) == f.version
        assert waiting.result(60) == [f.version, 1, True]


def test_nothing_runs_before_a_client_is_attached_and_then_the_newest_code(f: Debugged) -> None:
    f.update()
    assert f.debug(wait=True)[0] == 200
    waiting = f.call(1)
    f.update()
    assert f.debug(wait=True)[0] == 200
    with f.attach(TOP) as client:
        thread, frame = client.stopped()
        assert frame["name"] == "<module>"
        client.go_on(thread)
        assert waiting.result(60) == [f.version, 1, True]
    assert f.ask("DELETE") == (204, None)
    assert f.call(1).result(60) == [f.version, 1, False], "limits hold again"
    assert f.ask("DELETE")[0] == 404


def test_what_cannot_be_debugged_is_said(shared: Debugged) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        shared.ask("DELETE")
        status, said = shared.debug(port=port)
        assert (status, said["message"]) == (
            409,
            f"the debugger of f cannot listen on 127.0.0.1:{port}: Address already in use",
        )
    assert shared.debug("/absent")[0] == 404
    assert shared.debug(qualifier="live")[0] == 404
    assert shared.debug(port="x")[1]["message"] == "\"port\" is a number from 0 to 65535, not 'x'"
    assert shared.ask("PUT", body=b"[]")[0] == 400
    assert shared.ask("POST")[0] == 405
    assert "absent" not in shared.ask("GET", "")[1]["functions"]


def test_a_cache_without_room_for_the_debugger_is_said(tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.write_text("no folder")
    with pytest.raises(RuntimeMissing, match=r"cannot be put into the cache: .* \(.*full\)"):
        debugger_folder(sys.executable, "own", full)


@pytest.mark.slow
def test_without_mounts_the_folder_keeps_its_name() -> None:
    drop = (
        "import ctypes, os, sys; ctypes.CDLL(None).prctl(24, 21, 0, 0, 0);"
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    with emulator_process(before=("-c", drop)) as (emulator, _):
        made = Debugged(emulator)
        made.make()
        root = made.debug()[1]["root"]
        assert root.endswith("/debugged-f")
        made.update()
        with made.attach(LAST) as client:
            waiting = made.call(1)
            assert goes_on(client) == made.version
            assert waiting.result(60) == [made.version, 1, True]
        assert made.debug()[1]["root"] == root
        made.close()
