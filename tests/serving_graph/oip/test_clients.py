"""Real clients of the protocol: Triton's, against `pelton serve` and where a function runs."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException

from pelton.pytest_plugin import RunningEmulator

from ... import plain
from ...deploy.commands import commands_at

# No numpy: a function has what it requires, and this one requires nothing.
APP = """
from dataclasses import dataclass
import sys
import pelton

@dataclass
class Flight:
    id: str
    delays: list[float]

@dataclass
class Delay:
    minutes: float
    says: str

def delay(flight: Flight) -> Delay:
    assert "numpy" not in sys.modules
    return Delay(sum(flight.delays), f"{flight.id} is late")

app = pelton.App("flights")
app.serve(pelton.oip(pelton.Graph("delay") >> delay), timeout=20)
"""

Client = Any


def ask(module: Any, client: Client, model: str = "delay", **more: Any) -> Any:
    inputs = [module.InferInput("id", [1], "BYTES"), module.InferInput("delays", [2], "FP32")]
    inputs[0].set_data_from_numpy(np.array(["UA\u00e9"], dtype=np.object_))
    inputs[1].set_data_from_numpy(np.array([1.5, 2], dtype=np.float32))
    return client.infer(model, inputs, **more)


def check(module: Any, client: Client) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("delay")
    said = ask(module, client, request_id="7")
    assert said.as_numpy("minutes").tolist() == [3.5]
    assert said.as_numpy("minutes").dtype == np.float64
    assert [each.decode() for each in said.as_numpy("says")] == ["UA\u00e9 is late"]
    chosen = ask(module, client, outputs=[module.InferRequestedOutput("says")])
    assert chosen.as_numpy("minutes") is None
    with pytest.raises(InferenceServerException, match="there is no model 'nope'"):
        ask(module, client, model="nope")
    with pytest.raises(InferenceServerException, match="input 'id' is missing"):
        client.infer("delay", [])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("flights")
    (made / "flights_app.py").write_text(APP)
    return made


@pytest.fixture
def deployed(folder: Path, pelton_emulator: RunningEmulator) -> Callable[[str], str]:
    """The place of the protocol's function on a platform, as Triton's client is given it."""

    def deploy(platform: str) -> str:
        run = commands_at(pelton_emulator, folder)
        done = run("deploy", "flights_app.py", "--on", platform)
        assert done.returncode == 0, done.stderr
        if platform == "nuclio":
            said = plain.get(f"{pelton_emulator.nuclio_url}/api/functions/oip", trust_env=False)
            return str(said.json()["status"]["externalInvocationUrls"][0])
        urls = pelton_emulator.client("lambda")
        url: str = urls.get_function_url_config(FunctionName="oip")["FunctionUrl"]
        return url.removeprefix("http://").rstrip("/")

    return deploy


@pytest.mark.parametrize("platform", ["lambda", "nuclio"])
def test_triton_s_client_against_a_function(deployed: Callable[[str], str], platform: str) -> None:
    client = tritonclient.http.InferenceServerClient(deployed(platform))
    check(tritonclient.http, client)
    assert client.get_model_metadata("delay")["inputs"][1]["shape"] == [-1]
    assert client.get_model_repository_index()[0]["name"] == "delay"
    client.close()


@pytest.fixture(scope="module")
def local(folder: Path, request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    from .conftest import serving

    with serving(folder / "flights_app.py", "--grpc-port", "0") as said:
        yield said


@pytest.mark.parametrize("wire", ["http", "grpc"])
def test_triton_s_client_against_pelton_serve(local: dict[str, Any], wire: str) -> None:
    module = getattr(tritonclient, wire)
    place = local["url"].removeprefix("http://") if wire == "http" else local["grpc"]
    client = module.InferenceServerClient(place)
    check(module, client)
    client.unload_model("delay")
    assert not client.is_model_ready("delay")
    with pytest.raises(InferenceServerException, match="not ready: unloaded"):
        ask(module, client)
    client.load_model("delay")
    assert client.is_model_ready("delay")
    assert "pelton" in str(client.get_server_metadata())
    client.close()


def test_a_stream_of_grpc_answers_in_order_and_outlives_an_error(local: dict[str, Any]) -> None:
    module = tritonclient.grpc
    answers: queue.Queue[Any] = queue.Queue()
    with module.InferenceServerClient(local["grpc"]) as client:
        client.start_stream(callback=lambda result, error: answers.put((result, error)))
        for name in ("delay", "nope", "delay"):
            kinds = (("id", "BYTES"), ("delays", "FP64"))
            given = [module.InferInput(each, [1], kind) for each, kind in kinds]
            given[0].set_data_from_numpy(np.array(["x"], dtype=np.object_))
            given[1].set_data_from_numpy(np.array([4.0]))
            client.async_stream_infer(name, given, request_id=name)
        first, second, third = (answers.get(timeout=20) for _ in range(3))
        client.stop_stream()
    assert first[0].as_numpy("minutes").tolist() == [4.0]
    assert "there is no model 'nope'" in str(second[1])
    assert third[0].as_numpy("minutes").tolist() == [4.0]
