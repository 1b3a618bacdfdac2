"""The same Powertools handlers on Nuclio: `style="lambda"` gives them the event and the context
that they know, and Nuclio's build commands install the library."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from pelton.pytest_plugin import RunningEmulator

from ... import plain
from ...deploy.commands import commands_at

APP = f"""
import pelton
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.utilities.parser import BaseModel, parse

app = pelton.App("orders")
logger, tracer = Logger(service="shop"), Tracer(service="shop")
metrics = Metrics(namespace="Shop", service="shop")
routes = LambdaFunctionUrlResolver()


@routes.get("/orders/<number>")
def read(number: str):
    if number == "0":
        raise NotFoundError("no order 0")
    return {{"order": number, "how": routes.current_event.query_string_parameters.get("how")}}


class Order(BaseModel):
    id: int
    lines: list[str]


@routes.post("/orders")
@tracer.capture_method
def write():
    order = parse(routes.current_event.body, Order)
    metrics.add_metric(name="Orders", unit="Count", value=len(order.lines))
    return order.model_dump()


@app.function(
    style="lambda",
    requirements=["aws-lambda-powertools[parser,tracer]=={version("aws-lambda-powertools")}"],
    triggers=[pelton.http("ANY", "/")],
)
@logger.inject_lambda_context
@metrics.log_metrics
@tracer.capture_lambda_handler
def orders(event, context):
    logger.info("asked", extra={{"path": event["rawPath"]}})
    return routes.resolve(event, context)
"""


@pytest.mark.fidelity("Powertools", "on Nuclio by style: Logger, Metrics, Tracer, Parser, routes")
def test_the_same_handler_on_nuclio(
    pelton_emulator: RunningEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "orders_app.py").write_text(APP)
    monkeypatch.setenv("POWERTOOLS_DEV", "0")
    run = commands_at(pelton_emulator, tmp_path)
    deployed = run("deploy", "orders_app.py", "--on", "nuclio")
    assert deployed.returncode == 0, deployed.stderr
    told = plain.get(f"{pelton_emulator.nuclio_url}/api/functions/orders", trust_env=False).json()
    address = f"http://{told['status']['externalInvocationUrls'][0]}"
    with plain.Client(base_url=address, trust_env=False) as caller:
        assert caller.get("/orders/7?how=fast").json() == {"order": "7", "how": "fast"}
        order = {"id": 1, "lines": ["a", "b"]}
        assert caller.post("/orders", json=order).json() == order
        assert caller.get("/orders/0").status_code == 404
        assert caller.get("/nowhere").status_code == 404
    logs = plain.get(f"{pelton_emulator.nuclio_url}/api/functions/orders", trust_env=False).json()
    lines = [each["message"] for each in logs["status"]["logs"]]
    documents = [json.loads(line) for line in lines if line.startswith("{")]
    (counted,) = [each for each in documents if "Orders" in each]
    assert counted["Orders"] == [2.0] and counted["_aws"]["CloudWatchMetrics"]
    asked = [json.loads(line) for line in lines if line.startswith("{") and "asked" in line]
    assert asked[0]["path"] == "/orders/7" and asked[0]["function_name"] == "orders"
    assert asked[0]["service"] == "shop" and asked[0]["function_request_id"]
