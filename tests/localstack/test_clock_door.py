"""The emulator's clock over HTTP and in the plugin."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator


def ask(url: str, body: bytes | None = None) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"{url}/_pelton/clock", data=body, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.mark.fidelity(
    "Clock",
    "POST /_pelton/clock moves a manual clock, GET tells it",
    different="AWS has no such clock; `pelton emulator --clock manual`",
)
def test_a_manual_clock_is_told_and_moved(pelton_manual_emulator: RunningEmulator) -> None:
    url = pelton_manual_emulator.url
    status, told = ask(url)
    assert (status, told["mode"]) == (200, "manual")
    status, moved = ask(url, b'{"advance": 0.5}')
    assert (status, moved) == (200, {"time": told["time"] + 0.5, "mode": "manual"})
    assert pelton_manual_emulator.advance(86400) == told["time"] + 86400.5
    assert pelton_manual_emulator.time() == told["time"] + 86400.5


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"advance": "1"}', b'{"advance": -1}', b'{"advance": true}',
             b'{"advance": NaN}', b'{"advance": 1, "patience": -1}', b'{"to": 1}'],
)  # fmt: skip
def test_a_request_that_makes_no_sense_is_refused(
    pelton_manual_emulator: RunningEmulator, body: bytes
) -> None:
    before = pelton_manual_emulator.time()
    status, answer = ask(pelton_manual_emulator.url, body)
    assert status == 400
    assert "advance" in answer["message"] or "patience" in answer["message"]
    assert pelton_manual_emulator.time() == before


def test_the_machines_clock_is_not_moved(pelton_emulator: RunningEmulator) -> None:
    status, told = ask(pelton_emulator.url)
    assert (status, told["mode"]) == (200, "real")
    with pytest.raises(RuntimeError, match="start it with --clock manual"):
        pelton_emulator.advance(60)
