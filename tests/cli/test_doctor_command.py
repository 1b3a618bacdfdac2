"""`pelton doctor`: what is well, what is missing, and what to do about it."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from socketserver import BaseRequestHandler, TCPServer

import pytest
from click.testing import CliRunner

from pelton.cli import command
from pelton.doctor import CHECKS, Ask, Finding
from pelton.doctor.disk import judge
from pelton.doctor.interpreters import look as interpreters
from pelton.doctor.ports import look as ports
from pelton.doctor.proxies import look as proxies
from pelton.doctor.versions import pins
from pelton.pytest_plugin import RunningEmulator


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which this process listens; whoever calls is hung up on."""
    with TCPServer(("127.0.0.1", 0), BaseRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_every_check_is_made_and_a_taken_port_fails(taken: int) -> None:
    words = ["doctor", "--port", str(taken), "--nuclio-port", "0", "--json"]
    done = CliRunner().invoke(command, words)
    told = json.loads(done.output)
    assert {each["check"] for each in told["findings"]} == set(CHECKS)
    assert done.exit_code == 1 and told["problems"] >= 1
    (port,) = [each for each in told["findings"] if each["check"] == "ports"]
    assert port["state"] == "problem" and f"process {os.getpid()}: " in port["what"]
    assert "pelton emulator --port N" in port["do"]


def test_an_emulator_on_its_port_is_well(pelton_emulator: RunningEmulator) -> None:
    ours, nuclio = (
        int(each.rpartition(":")[2]) for each in (pelton_emulator.url, pelton_emulator.nuclio_url)
    )
    found = list(ports(Ask(ours, nuclio)))
    assert [each.state for each in found] == ["ok", "ok"]
    assert all("a pelton emulator answers" in each.what for each in found)


def test_a_free_port_is_well(taken: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    (found,) = ports(Ask(free, 0))
    assert found == Finding("ports", "ok", f"port {free} is free")


@pytest.mark.parametrize(
    ("environment", "state"),
    [
        ({}, "ok"),
        ({"HTTPS_PROXY": "http://p:1"}, "ok"),  # the emulator speaks http
        ({"http_proxy": "http://p:1"}, "warning"),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "localhost"}, "warning"),
        ({"http_proxy": "http://p:1", "no_proxy": "localhost, 127.0.0.1"}, "ok"),
        ({"http_proxy": "http://p:1", "NO_PROXY": "*"}, "ok"),
    ],
)
def test_a_proxy_that_hides_this_machine(environment: dict[str, str], state: str) -> None:
    (found,) = proxies(Ask(environment=environment))
    assert found.state == state
    assert bool(found.do) is (state != "ok")


def test_a_full_and_a_locked_disk() -> None:
    place = Path("/cache")
    states = [judge("cache", place, free, True).state for free in (1 << 20, 2 << 30, 9 << 30)]
    assert states == ["problem", "warning", "ok"]
    locked = judge("cache", place, 9 << 30, False)
    assert locked.state == "problem" and "XDG_CACHE_HOME" in locked.do


def test_a_python_that_is_missing_is_said_with_what_brings_it() -> None:
    for each in interpreters(Ask()):
        assert each.state == "ok" or "uv python install 3." in each.do


def test_only_exact_pins_of_the_emulator_count() -> None:
    required = ['ministack==1.5.33; extra == "emulator"', 'nuclio-jupyter==1; extra == "nuclio"']
    assert pins(required) == {"ministack": "1.5.33"}
