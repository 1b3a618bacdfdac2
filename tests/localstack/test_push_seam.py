"""What is assumed of ministack where its own code is changed, and what that change brings:
errors by their own type, events of anything that waits for no answer kept and retried."""

from __future__ import annotations

import base64
import gzip
import inspect
import json
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

import httpx
import pytest

from pelton.localstack import api_seam, push_seam
from pelton.pytest_plugin import RunningEmulator

from .. import plain
from .support import make_function, until, with_plain_aws

ROLE = "arn:aws:iam::000000000000:role/r"
ARN = "arn:aws:lambda:us-east-1:000000000000:function:"
SOURCE = """
import json
from plain_aws import send

class OutOfStock(Exception):
    pass

def handler(event, context):
    if "requestContext" in event:
        if event.get("rawPath", event.get("path", "")).endswith("/fail"):
            raise OutOfStock("none left")
        return {"statusCode": 201, "headers": {"x-a": "b"}, "body": json.dumps(event)}
    if event.get("sold") == 0:
        raise OutOfStock("none left")
    return {"sold": event.get("sold")}

def keep(event, context):
    said = {"event": event, "request": context.aws_request_id}
    send("seen", json.dumps(said))
    if isinstance(event, dict) and event.get("fail"):
        raise ValueError("told to")
"""


class World:
    """The functions `handler` and `keep`, and the queue that `keep` tells what came."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.emulator, self.client = emulator, emulator.client
        self.queue = self.client("sqs").create_queue(QueueName="seen")["QueueUrl"]
        for name in ("handler", "keep"):
            make_function(
                self.client("lambda"),
                with_plain_aws(SOURCE),
                name,
                Runtime="python3.11",
                Timeout=10,
                Handler=f"main.{name}",
            )

    def taken(self) -> list[dict[str, Any]]:
        """What `keep` has told since the last call."""
        found = []
        while (
            answer := self.client("sqs")
            .receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
            .get("Messages")
        ):
            for each in answer:
                found.append(json.loads(each["Body"]))
                self.client("sqs").delete_message(
                    QueueUrl=self.queue, ReceiptHandle=each["ReceiptHandle"]
                )
        return found

    def eventually(self, count: int = 1, seconds: float = 30) -> list[dict[str, Any]]:
        """What `keep` told, once it is `count` at the least."""
        found: list[dict[str, Any]] = []

        def came() -> bool:
            found.extend(self.taken())
            return len(found) >= count

        until(came, seconds)
        return found


@pytest.fixture(scope="module")
def world(pelton_manual_process: RunningEmulator) -> World:
    pelton_manual_process.reset()
    return World(pelton_manual_process)


def test_the_seam_is_as_assumed() -> None:
    module = import_module(push_seam.MODULE)
    replaced = inspect.signature(getattr(module, push_seam.NAME))
    assert list(replaced.parameters) == ["func", "event", "url", "request_id"] or list(
        replaced.parameters
    ) == list(inspect.signature(push_seam.call).parameters)
    task = getattr(import_module(push_seam.TASKS[0]), push_seam.TASKS[1])
    assert len(inspect.signature(task).parameters) == 2
    alone = threading.Thread(target=module._execute_function_with_config_scope)
    assert alone.name.endswith(push_seam._ALONE)


def test_the_seam_of_api_gateway_is_as_assumed() -> None:
    loaded = {kind: import_module(name) for kind, name in api_seam.MODULES.items()}

    def parameters(kind: str, name: str) -> list[str]:
        return list(inspect.signature(getattr(loaded[kind], name)).parameters)

    for kind, name in api_seam.PROXIES:
        assert {"integration", "api_id", "stage", "headers"} <= set(parameters(kind, name))
    for kind, name in api_seam.INTEGRATIONS:
        assert parameters(kind, name)[0] == "integration"
    for name in api_seam.TOLD:
        assert "method" in parameters("HTTP", name)
    entrance = set(parameters("HTTP", api_seam.ENTRANCE))
    assert {"api_id", "stage", "method", "path", "headers"} <= entrance
    assert parameters("HTTP", "_cors_preflight_response") == ["cors_cfg", "origin"]
    names = {"_get_stage_variables", "_http_api_not_found", "_apis", "_stages", "time"}
    assert names <= vars(loaded["HTTP"]).keys()
    assert parameters("REST", "_gw_error") == ["response_type", "message"]


@pytest.mark.fidelity("Pushes", "Step Functions catches a function's error by its own type")
def test_step_functions_catches_by_type(pelton_emulator: RunningEmulator) -> None:
    world = World(pelton_emulator)  # by the machine's clock: a state machine is its own timer
    machines = world.client("stepfunctions")
    task = {
        "Type": "Task",
        "Resource": f"{ARN}handler",
        "Catch": [
            {"ErrorEquals": ["ValueError"], "Next": "wrong"},
            {"ErrorEquals": ["OutOfStock"], "Next": "sorry", "ResultPath": "$.error"},
        ],
        "End": True,
    }
    states = {"sell": task, "sorry": {"Type": "Pass", "End": True}, "wrong": {"Type": "Fail"}}
    definition = {"StartAt": "sell", "States": states}
    machine = machines.create_state_machine(
        name="sell", definition=json.dumps(definition), roleArn=ROLE
    )["stateMachineArn"]

    def run(sold: int) -> Any:
        execution = machines.start_execution(
            stateMachineArn=machine, input=json.dumps({"sold": sold})
        )["executionArn"]

        def output() -> str:
            told = machines.describe_execution(executionArn=execution)
            return "" if told["status"] == "RUNNING" else str(told["output"])

        return json.loads(until(output))

    assert run(2) == {"sold": 2}
    error = run(0)["error"]
    assert error["Error"] == "OutOfStock"
    assert json.loads(error["Cause"])["errorMessage"] == "none left"


def once(seen: list[dict[str, Any]], event: Any) -> None:
    """Three attempts, all of one event under one request id."""
    assert [each["event"] for each in seen] == [event] * 3
    assert len({each["request"] for each in seen}) == 1


@pytest.mark.fidelity("Pushes", "EventBridge rules with an input of their own: kept and retried")
def test_a_rule_with_its_own_input_is_retried(world: World) -> None:
    events = world.client("events")
    events.put_rule(Name="own", EventPattern=json.dumps({"source": ["shop"]}))
    target = {"Id": "1", "Arn": f"{ARN}keep", "Input": json.dumps({"fail": True, "by": "rule"})}
    events.put_targets(Rule="own", Targets=[target])
    events.put_events(Entries=[{"Source": "shop", "DetailType": "d", "Detail": "{}"}])
    world.emulator.advance(600)
    once(world.eventually(3), {"fail": True, "by": "rule"})


@pytest.mark.fidelity("Pushes", "Scheduler's schedules: kept and retried")
def test_a_schedule_is_retried(world: World) -> None:
    world.client("scheduler").create_schedule(
        Name="soon",
        ScheduleExpression="rate(1 hours)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": f"{ARN}keep",
            "RoleArn": ROLE,
            "Input": json.dumps({"fail": True, "by": "schedule"}),
        },
    )
    world.emulator.advance(3700)
    world.emulator.advance(600)
    once(world.eventually(3), {"fail": True, "by": "schedule"})
    world.client("scheduler").delete_schedule(Name="soon")


@pytest.mark.fidelity("Pushes", "CloudWatch Logs subscriptions, also of a function's own log")
def test_a_log_subscription(world: World) -> None:
    logs = world.client("logs")
    world.client("lambda").invoke(FunctionName="handler", Payload=b'{"sold": 1}')
    logs.describe_log_groups()
    logs.put_subscription_filter(
        logGroupName="/aws/lambda/handler",
        filterName="all",
        filterPattern="REPORT",
        destinationArn=f"{ARN}keep",
    )
    world.client("lambda").invoke(FunctionName="handler", Payload=b'{"sold": 1}')
    logs.describe_log_groups()  # who asks the service finds all that was printed
    (seen,) = world.eventually()
    told = json.loads(gzip.decompress(base64.b64decode(seen["event"]["awslogs"]["data"])))
    assert told["messageType"] == "DATA_MESSAGE" and told["logGroup"] == "/aws/lambda/handler"
    assert told["subscriptionFilters"] == ["all"]
    assert all("REPORT" in each["message"] for each in told["logEvents"])
    logs.delete_subscription_filter(logGroupName="/aws/lambda/handler", filterName="all")


def rest_api(world: World) -> str:
    gateway = world.client("apigateway")
    api = gateway.create_rest_api(name="rest")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    place = gateway.create_resource(restApiId=api, parentId=root, pathPart="{proxy+}")["id"]
    where = {"restApiId": api, "resourceId": place, "httpMethod": "ANY"}
    gateway.put_method(**where, authorizationType="NONE")
    gateway.put_integration(
        **where,
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{ARN}handler/invocations",
    )
    gateway.create_deployment(restApiId=api, stageName="prod")
    return f"{world.emulator.url}/restapis/{api}/prod/_user_request_"


def http_api(world: World) -> str:
    gateway = world.client("apigatewayv2")
    api = gateway.create_api(Name="http", ProtocolType="HTTP")["ApiId"]
    integration = gateway.create_integration(
        ApiId=api,
        IntegrationType="AWS_PROXY",
        IntegrationUri=f"{ARN}handler",
        PayloadFormatVersion="2.0",
    )["IntegrationId"]
    gateway.create_route(ApiId=api, RouteKey="$default", Target=f"integrations/{integration}")
    gateway.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    return f"{world.emulator.url}/_aws/execute-api/{api}/$default"


@pytest.mark.parametrize(
    ("make", "path", "method"),
    [
        (rest_api, lambda event: event["path"], lambda event: event["httpMethod"]),
        (
            http_api,
            lambda event: event["rawPath"],
            lambda event: event["requestContext"]["http"]["method"],
        ),
    ],
)
@pytest.mark.fidelity("Pushes", "API Gateway, REST and HTTP APIs: event, answer, 5xx for an error")
def test_api_gateway(world: World, make: Callable[[World], str], path: Any, method: Any) -> None:
    base = make(world)
    answer = plain.post(f"{base}/orders/7?how=fast", json={"a": 1}, trust_env=False, timeout=30)
    assert answer.status_code == 201 and answer.headers["x-a"] == "b", answer.text
    event = answer.json()
    assert path(event) == "/orders/7" and method(event) == "POST"
    assert event["queryStringParameters"] == {"how": "fast"}
    assert json.loads(event["body"]) == {"a": 1}
    assert plain.get(f"{base}/fail", trust_env=False, timeout=30).status_code in (500, 502)


@pytest.mark.fidelity(
    "Pushes", "API Gateway, HTTP: throttling of a stage's routes, by the emulator's clock; then 429"
)
def test_throttled_routes(world: World) -> None:
    gateway = world.client("apigatewayv2")
    api = gateway.create_api(Name="t", ProtocolType="HTTP", Target=f"{ARN}handler")["ApiId"]
    (route,) = gateway.get_routes(ApiId=api)["Items"]
    gateway.create_route(ApiId=api, RouteKey="GET /shut", Target=route["Target"])
    gateway.update_stage(
        ApiId=api,
        StageName="$default",
        DefaultRouteSettings={"ThrottlingBurstLimit": 2, "ThrottlingRateLimit": 0.5},
        RouteSettings={"GET /shut": {"ThrottlingBurstLimit": 0, "ThrottlingRateLimit": 0.0}},
    )

    def asked(path: str) -> httpx.Response:
        place = f"{world.emulator.url}/_aws/execute-api/{api}/$default{path}"
        return plain.get(place, trust_env=False, timeout=30)

    assert [asked("/a").status_code for _ in range(2)] == [201, 201]
    late = asked("/a")
    assert (late.status_code, late.text) == (429, '{"message":"Too Many Requests"}')
    world.emulator.advance(1)
    assert asked("/a").status_code == 429, "half a token"
    world.emulator.advance(1)
    assert asked("/a").status_code == 201
    assert asked("/shut").status_code == 429
