"""What pelton deployed on Nuclio, read back, changed and deleted by the real nuclio-jupyter."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nuclio
import nuclio.deploy as jupyter
import pytest

from pelton.builders import load_app
from pelton.deploy.session import Session
from pelton.deploy.where import Where
from pelton.pytest_plugin import RunningEmulator

from .. import plain

APP = """
import pelton

app = pelton.App("read")

@app.function(environment={"LEVEL": "INFO"}, triggers=[pelton.http("POST", "/archived")])
def archived(event: pelton.Event) -> str:
    return "archived " + event.body.decode()

@app.function(
    triggers=[pelton.http("POST", "/inline"), pelton.cron(every="1h")],
    nuclio=pelton.Nuclio(package="sourceCode", replicas=(1, 3), gpu=1, node_selector={"a": "b"}),
)
def inline(event: pelton.Event) -> str:
    return "inline " + event.body.decode()
"""


@pytest.fixture
def session(pelton_emulator: RunningEmulator, tmp_path: Path) -> Iterator[Session]:
    (tmp_path / "read_app.py").write_text(APP)
    app, root = load_app(str(tmp_path / "read_app.py"))
    where = Where(
        platforms=("nuclio",),
        endpoint=pelton_emulator.url,
        nuclio_endpoint=pelton_emulator.nuclio_url,
    )
    with Session(app, root, where, tmp_path / "out") as found:
        yield found
    sys.path.remove(str(tmp_path))
    del sys.modules["read_app"]


def test_nuclio_jupyter_reads_back_what_was_deployed(
    pelton_emulator: RunningEmulator, session: Session
) -> None:
    session.apply(session.plan())
    dashboard = pelton_emulator.nuclio_url
    found: dict[str, Any] = jupyter.list_functions(dashboard)
    assert set(found) == {"archived", "inline"}
    for name, entry in (("archived", "archive"), ("inline", "sourceCode")):
        spec = found[name]["spec"]
        assert spec["build"]["codeEntryType"] == entry
        state, address, _, _ = jupyter.get_deploy_status(f"{dashboard}/api", name)
        assert state == "ready"
        assert plain.post(f"http://{address}/{name}", content=b"x").text == f"{name} x"
        assert jupyter.get_function_status(f"{dashboard}/api", name)["state"] == "ready"
    assert found["archived"]["spec"]["env"] == [{"name": "LEVEL", "value": "INFO"}]
    inline = found["inline"]["spec"]
    assert (inline["minReplicas"], inline["maxReplicas"]) == (1, 3)
    assert inline["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert {each["kind"] for each in inline["triggers"].values()} == {"http", "cron"}
    # What it reads it can deploy again, and what it takes away the next plan brings back.
    kept = {key: found["inline"][key] for key in ("metadata", "spec")}
    jupyter.deploy_config(kept, dashboard, name="inline", project="read")
    assert not session.plan()
    nuclio.delete_func("inline", dashboard_url=dashboard)
    (step,) = session.plan().steps
    assert (step.action, step.key) == ("create", "nuclio_function:inline")


def test_an_image_is_refused_by_name(pelton_emulator: RunningEmulator) -> None:
    config = {
        "apiVersion": "nuclio.io/v1",
        "kind": "Function",
        "metadata": {"name": "img", "labels": {}},
        "spec": {
            "handler": "main:handler",
            "runtime": "python:3.11",
            "image": "127.0.0.1:1/shop/img:1",
            "build": {"codeEntryType": "image"},
        },
    }
    with pytest.raises(jupyter.DeployError):
        jupyter.deploy_config(
            config, pelton_emulator.nuclio_url, name="img", project="read", create_new=True
        )
    status = jupyter.get_function_status(f"{pelton_emulator.nuclio_url}/api", "img")
    assert status["state"] == "error"
    assert "the image 127.0.0.1:1/shop/img:1 cannot be had" in status["message"]
    assert "container engine" in status["message"]
