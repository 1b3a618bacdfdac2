"""A WebSocket API by `pelton.websocket_api`: planned, made, talked to by real clients, changed,
made again from what is there, destroyed."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import pelton
from pelton.builders import load_app
from pelton.deploy.errors import CannotPlan
from pelton.deploy.kinds.websocket_api import WebSocketApi
from pelton.deploy.plan import Plan
from pelton.deploy.session import Session
from pelton.deploy.wants.missing import refuse_missing_triggers
from pelton.deploy.where import LEAST, Where
from pelton.pytest_plugin import RunningEmulator

EXAMPLE = Path(__file__).parents[2] / "examples" / "rooms" / "app.py"
PLAIN = """
import pelton

app = pelton.App("rooms")

@app.function(triggers=[pelton.websocket_api("join", answers=False, select="$request.body.do")])
def talk(text: str) -> str:
    return text
"""
Deploy = Callable[..., Plan]


@pytest.fixture
def deploys(tmp_path: Path, pelton_emulator: RunningEmulator) -> Iterator[Deploy]:
    """Plans what a source asks for and applies it; `destroy` or `rebuild` first where asked."""
    name = tmp_path / "rooms_app.py"

    def deploy(source: str, *, destroy: bool = False, lost: bool = False) -> Plan:
        name.write_text(source)
        sys.modules.pop("rooms_app", None)
        app, root = load_app(str(name))
        if lost:
            shutil.rmtree(tmp_path / ".pelton")
        where = Where(endpoint=pelton_emulator.url, role=LEAST)
        with Session(app, root, where, tmp_path / "out") as session:
            plan = session.plan(destroy=destroy)
            session.apply(plan)
        return plan

    yield deploy
    sys.path.remove(str(tmp_path))
    sys.modules.pop("rooms_app", None)


def test_nuclio_has_no_such_trigger() -> None:
    def talk(text: str) -> str:
        return text

    trigger = pelton.websocket_api("join")
    function = pelton.App("rooms").function(triggers=[trigger])(talk)
    refuse_missing_triggers(function, "lambda")
    said = "has the trigger websocket_api, which nuclio does not have; deploy it with --on lambda"
    with pytest.raises(CannotPlan, match=said):
        refuse_missing_triggers(function, "nuclio")


def said(plan: Plan) -> set[tuple[str, str]]:
    return {(step.action, step.resource.name) for step in plan.steps if "websocket" in step.key}


def said_by(client: Any) -> Any:
    return json.loads(client.recv(30))


def test_rooms(deploys: Deploy, pelton_emulator: RunningEmulator) -> None:
    client = pelton_emulator.client
    client("dynamodb").create_table(
        TableName="rooms",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "connection", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "connection", "KeyType": "HASH"}],
    )
    made = deploys(EXAMPLE.read_text())
    routes = ("$connect", "$disconnect", "join", "say")
    assert said(made) == {
        ("create", "rooms-websocket"),
        *(("create", f"rooms-websocket/{each}") for each in routes),
    }
    (api,) = client("apigatewayv2").get_apis()["Items"]
    found = WebSocketApi(name=api["Name"], id=api["ApiId"], endpoint=api["ApiEndpoint"])
    address = found.address_at(pelton_emulator.url)
    with pytest.raises(InvalidStatus) as refused:
        connect(address)
    assert refused.value.response.status_code == 401
    with connect(f"{address}?name=ana") as ana, connect(f"{address}?name=ben") as ben:
        for each in (ana, ben):
            each.send(json.dumps({"action": "join", "room": "hall"}))
            assert said_by(each) == {"joined": "hall"}
        ben.send(json.dumps({"action": "say", "room": "hall", "text": "hello"}))
        assert said_by(ana) == said_by(ben) == {"room": "hall", "text": "hello"}
        ben.send(json.dumps({"action": "say", "text": "nowhere"}))
        assert said_by(ben)["error"] == "the body does not fit"
        ben.close()
        ana.send(json.dumps({"action": "say", "room": "hall", "text": "gone?"}))
        assert said_by(ana)["text"] == "gone?"
    assert not deploys(EXAMPLE.read_text(), lost=True), "made again from what is there"
    changed = deploys(PLAIN)
    what = {(each.what, each.new) for step in changed.steps for each in step.changes}
    assert ("WebSocket API rooms-websocket selects routes by", "$request.body.do") in what
    assert ("route join answers", False) in what
    assert ("delete", "rooms-websocket/say") in said(changed)
    assert len(client("apigatewayv2").get_integrations(ApiId=api["ApiId"])["Items"]) == 1
    with connect(address) as ana:
        ana.send('{"do": "join"}')
        ana.send('{"do": "none"}')
        assert said_by(ana)["message"] == "Forbidden"
    assert ("delete", "rooms-websocket") in said(deploys(PLAIN, destroy=True))
    assert client("apigatewayv2").get_apis()["Items"] == []
