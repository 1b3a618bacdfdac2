"""Nuclio functions whose code entry is an image: its code is copied out of it by the engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator

from .. import plain
from .lambda_.engines import Podman, StandIn
from .support import emulator_process

SOURCE = """
def handler(context, event):
    return "boxed " + event.body.decode()
"""


@pytest.fixture(scope="module", params=["stand-in", pytest.param("podman", marks=pytest.mark.slow)])
def boxed(
    request: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningEmulator, str]]:
    """An emulator with an engine, and an image that the engine has."""
    folder = tmp_path_factory.mktemp("engine")
    with pytest.MonkeyPatch.context() as patch:
        engine: StandIn | Podman = (
            StandIn(folder, patch) if request.param == "stand-in" else Podman(folder, patch)
        )
        if isinstance(engine, Podman) and (why := engine.works()):
            pytest.skip(f"podman runs no container here: {why}")
        image = engine.image("boxed", {"opt/nuclio/main.py": SOURCE}, ["processor"])
        with emulator_process() as (emulator, _):
            yield emulator, image
        if isinstance(engine, Podman):
            engine.forget()


def deploy(emulator: RunningEmulator, image: str) -> dict[str, Any]:
    wanted = {
        "metadata": {"name": "boxed"},
        "spec": {
            "handler": "main:handler",
            "runtime": "python",
            "image": image,
            "build": {"codeEntryType": "image"},
        },
    }
    there = plain.get(f"{emulator.nuclio_url}/api/functions/boxed").status_code == 200
    answer = plain.request(
        "PUT" if there else "POST",
        f"{emulator.nuclio_url}/api/functions",
        json=wanted,
        headers={"x-nuclio-wait-function-action": "true"},
        timeout=60,
    )
    assert answer.status_code == 202, answer.text
    status: dict[str, Any] = plain.get(f"{emulator.nuclio_url}/api/functions/boxed").json()[
        "status"
    ]
    return status


@pytest.mark.fidelity(
    "Nuclio",
    "a function whose code entry is an image answers, where a container engine works; else, and "
    "where there is no such image, it is refused by name",
    different="the code in the image's /opt/nuclio runs under the emulator's own Python",
)
def test_an_image_s_code_answers(boxed: tuple[RunningEmulator, str]) -> None:
    emulator, image = boxed
    status = deploy(emulator, image)
    assert status["state"] == "ready", status
    url = f"http://{status['externalInvocationUrls'][0]}/"
    assert plain.post(url, content=b"x").text == "boxed x"
    for wrong in ("127.0.0.1:1/nobody:1", "--privileged"):
        status = deploy(emulator, wrong)
        assert status["state"] == "error" and wrong in status["message"], status
