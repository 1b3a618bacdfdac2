"""One function for CloudEvents, deployed to both emulated platforms and sent to by HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cloudevents.core.bindings.http import (
    HTTPMessage,
    from_http_event,
    to_binary_event,
    to_structured_event,
)
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

@app.function(timeout=10, triggers=[
    pelton.cloudevents("/answers", origins="*.example.com", rate=60),
])
def answer(order: dict[str, int]) -> pelton.NewEvent[int]:
    return pelton.NewEvent("taken", order["total"], subject="A ü")
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

        *addresses, http_api = answering(pelton_emulator)
        first, *others = (handshake(client, each, binary) for each in addresses)
        assert others == [first] * 2
        first, *others = (answered(client, each, binary) for each in (*addresses, http_api))
        assert others == [first] * 3
        assert handshake(client, addresses[0], binary) == {
            "status": 200,
            "webhook-allowed-origin": "mail.example.com",
            "webhook-allowed-rate": "60",
            "allow": "OPTIONS, POST",
            "stranger": 403,
        }


def answering(emulator: RunningEmulator) -> list[str]:
    """Where the function that answers is: its URL, Nuclio, a REST API, an HTTP API."""
    functions = emulator.client("lambda")
    url = functions.get_function_url_config(FunctionName="answer")["FunctionUrl"].rstrip("/")
    told = plain.get(f"{emulator.nuclio_url}/api/functions/answer", trust_env=False).json()
    arn = functions.get_function(FunctionName="answer")["Configuration"]["FunctionArn"]
    functions.add_permission(
        FunctionName="answer",
        StatementId="apis",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
    )
    nuclio = f"http://127.0.0.1:{told['status']['httpPort']}"
    return [url, nuclio, rest_api(emulator, arn), http_api(emulator, arn)]


def rest_api(emulator: RunningEmulator, arn: str) -> str:
    gateway = emulator.client("apigateway")
    api = gateway.create_rest_api(name="answers")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    place = gateway.create_resource(restApiId=api, parentId=root, pathPart="answers")["id"]
    where = {"restApiId": api, "resourceId": place, "httpMethod": "ANY"}
    gateway.put_method(**where, authorizationType="NONE")
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    gateway.put_integration(**where, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    gateway.create_deployment(restApiId=api, stageName="prod")
    return f"{emulator.url}/restapis/{api}/prod/_user_request_"


def http_api(emulator: RunningEmulator, arn: str) -> str:
    """One of quick create: all that is asked goes to the function."""
    gateway = emulator.client("apigatewayv2")
    api = gateway.create_api(Name="answers", ProtocolType="HTTP", Target=arn)["ApiId"]
    return f"{emulator.url}/_aws/execute-api/{api}/$default"


def handshake(client: Any, base: str, _: HTTPMessage) -> dict[str, Any]:
    """What a sender is told, and the status that another is told."""
    asks = {"WebHook-Request-Origin": "mail.example.com", "WebHook-Request-Rate": "120"}
    answer = client.options(f"{base}/answers", headers=asks)
    stranger = client.options(f"{base}/answers", headers=asks | {"WebHook-Request-Origin": "a.b"})
    assert "webhook-allowed-origin" not in stranger.headers
    names = ("webhook-allowed-origin", "webhook-allowed-rate", "allow")
    said = {name: answer.headers.get(name) for name in names}
    return {"status": answer.status_code, **said, "stranger": stranger.status_code}


def answered(client: Any, base: str, message: HTTPMessage) -> dict[str, Any]:
    """What an event is answered with: the headers, and the bytes in each mode."""
    url, headers = f"{base}/answers", message.headers
    answer = client.post(url, content=message.body, headers=headers)
    event = from_http_event(HTTPMessage(dict(answer.headers), answer.content))
    said: list[Any] = [event.get_type(), event.get_subject(), event.get_data()]
    assert said == ["taken", "A ü", 5]
    structured = {"accept": "application/cloudevents+json"}
    whole = client.post(url, content=message.body, headers=headers | structured)
    kinds = [each.headers["content-type"] for each in (answer, whole)]
    headers = {name: text for name, text in answer.headers.items() if name.startswith("ce-")}
    return {**headers, "kinds": kinds, "bodies": [answer.content, whole.content]}
