"""One function for CloudEvents, deployed to both emulated platforms and sent to by HTTP."""

from __future__ import annotations

import json
from pathlib import Path

from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from pelton.pytest_plugin import RunningEmulator

from .. import plain
from .commands import commands_at

APP = """
import pelton

app = pelton.App("shop")

@app.function(timeout=10, triggers=[pelton.cloudevents("/events")])
def take(order: dict[str, int], context: pelton.Context) -> dict[str, object]:
    event = context.event
    return {"total": order["total"], "id": event.id, "by": event.source, "trigger": event.trigger}
"""
ATTRIBUTES = {"id": "7", "source": "/shop", "type": "placed", "datacontenttype": "application/json"}
TAKEN = {"total": 5, "id": "7", "by": "/shop", "trigger": "cloudevents"}


def test_the_same_events_on_both(pelton_emulator: RunningEmulator, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APP)
    pelton = commands_at(pelton_emulator, tmp_path)
    deployed = pelton("deploy", "shop.py", "--on", "both")
    assert deployed.returncode == 0, deployed.stderr
    assert "note: nuclio's processor takes a structured CloudEvent" in deployed.stdout
    functions = pelton_emulator.client("lambda")
    url = functions.get_function_url_config(FunctionName="take")["FunctionUrl"].rstrip("/")
    told = plain.get(f"{pelton_emulator.nuclio_url}/api/functions/take", trust_env=False).json()
    port = told["status"]["httpPort"]
    event = CloudEvent({"specversion": "1.0", **ATTRIBUTES}, {"total": 5})
    binary, structured = to_binary_event(event), to_structured_event(event)
    with plain.Client(trust_env=False, timeout=60) as client:

        def post(base: str, message: object) -> tuple[int, object]:
            body, headers = message.body, message.headers  # type: ignore[attr-defined]
            answer = client.post(f"{base}/events", content=body, headers=headers)
            return answer.status_code, json.loads(answer.text)

        nuclio = f"http://127.0.0.1:{port}"
        assert post(url, binary) == post(url, structured) == post(nuclio, binary) == (200, TAKEN)
        status, said = post(nuclio, structured)
        assert status == 415
        assert "send in binary mode there" in str(said)
