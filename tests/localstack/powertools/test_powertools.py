"""Powertools for AWS Lambda, unmodified, in functions on the emulator: each utility does there
what its documentation says it does on AWS."""

from __future__ import annotations

import functools
import io
import json
import socket
import sys
import zipfile
from collections.abc import Callable, Mapping
from compileall import compile_file
from importlib.metadata import distribution
from importlib.util import cache_from_source
from pathlib import Path, PurePath
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator
from pelton.testing import alb, http_v1, http_v2, sqs

from ... import plain
from ..support import come, until

HERE = Path(__file__).parent
RUNTIME = f"python3.{sys.version_info.minor}"
ROLE = "arn:aws:iam::000000000000:role/r"
# The handlers, written as a user of Powertools does, and their modules: nothing in them knows where
# they run.  `routes` and `records` are all of their module's, which share a sandbox.
HANDLERS = {
    "log": "telling", "count": "telling", "trace": "telling", "url": "routes", "routes": "routes",
    "batch": "records", "records": "records", "once": "once", "settings": "settings",
}  # fmt: skip
DISTRIBUTIONS = (
    "aws-lambda-powertools", "aws-xray-sdk", "wrapt", "jmespath", "typing-extensions",
    "pydantic", "pydantic-core", "annotated-types", "typing-inspection",
)  # fmt: skip


def zipped(files: Mapping[str, Path | bytes]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_STORED) as out:
        for place, held in files.items():
            out.writestr(place, held if isinstance(held, bytes) else held.read_bytes())
    return memory.getvalue()


def library() -> bytes:
    """A layer of the installed library and what it requires, as they came from the index, and their
    bytecode: each sandbox would compile some hundred modules."""
    files: dict[str, Path | bytes] = {}
    for name in DISTRIBUTIONS:
        for file in distribution(name).files or ():
            path = Path(str(file.locate()))
            if ".." not in file.parts and "__pycache__" not in file.parts and path.is_file():
                files[f"python/{file.as_posix()}"] = path
                files |= compiled(path, file)
    return zipped(files)


def compiled(path: Path, file: PurePath) -> dict[str, bytes]:
    """The bytecode of a module, such that nobody looks at the time of its source."""
    kept = Path(cache_from_source(path))
    if path.suffix != ".py" or not compile_file(path, quiet=2) or not kept.is_file():
        return {}
    held = kept.read_bytes()
    unchecked = held[:4] + b"\1\0\0\0" + bytes(8) + held[16:]  # PEP 552
    return {f"python/{file.parent.as_posix()}/__pycache__/{kept.name}": unchecked}


class World:
    """An emulator with the layer; functions are made when first asked for."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.emulator, self.client = emulator, functools.cache(emulator.client)
        self.code = zipped({f"{each}.py": HERE / f"{each}.py" for each in HANDLERS.values()})
        layer = self.client("lambda").publish_layer_version(
            LayerName="powertools", Content={"ZipFile": library()}, CompatibleRuntimes=[RUNTIME]
        )
        self.layer = layer["LayerVersionArn"]
        self.functions: set[str] = set()

    def function(self, name: str, **more: Any) -> str:
        """The ARN of a function of that handler."""
        lambda_ = self.client("lambda")
        if name not in self.functions:
            self.functions.add(name)
            variables = {
                "POWERTOOLS_SERVICE_NAME": "shop",
                "POWERTOOLS_METRICS_NAMESPACE": "Shop",
                "POWERTOOLS_LOG_LEVEL": "INFO",
            }
            lambda_.create_function(
                FunctionName=name, Runtime=RUNTIME, Role=ROLE, Timeout=20, MemorySize=512,
                Handler=f"{HANDLERS[name]}.{name}", Code={"ZipFile": self.code},
                Layers=[self.layer], Environment={"Variables": variables}, **more,
            )  # fmt: skip
            come(lambda_, "function_active_v2", name)
        return str(lambda_.get_function(FunctionName=name)["Configuration"]["FunctionArn"])

    def call(self, name: str, event: Any, **more: Any) -> Any:
        answer = self.client("lambda").invoke(
            FunctionName=self.function(name, **more), Payload=json.dumps(event)
        )
        said = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, said
        return said

    def documents(self, name: str) -> list[dict[str, Any]]:
        """The JSON documents that the function printed, in order."""
        found = []
        pages = self.client("logs").get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=f"/aws/lambda/{name}"):
            for event in page["events"]:
                if event["message"].startswith("{"):
                    found.append(json.loads(event["message"]))
        return found


@pytest.fixture(scope="module")
def world(module_emulator: RunningEmulator) -> World:
    return World(module_emulator)


@pytest.mark.fidelity("Powertools", "Logger: JSON lines, injected context, cold start, correlation")
def test_logger(world: World) -> None:
    request = world.call("log", {"order": "A-7"})
    taken, refused = world.documents("log")
    assert (taken["message"], taken["level"], taken["lines"]) == ("taken", "INFO", 2)
    assert taken["service"] == "shop" and taken["shop"] == "north"
    assert taken["cold_start"] is True and taken["correlation_id"] == "A-7"
    assert taken["function_name"] == "log" and taken["function_request_id"] == request
    assert taken["function_memory_size"] == "512" and taken["function_arn"].endswith(":log")
    assert refused["exception_name"] == "ValueError" and "/var/task" in refused["exception"]
    world.call("log", {"order": "A-8"})
    assert world.documents("log")[2]["cold_start"] is False


@pytest.mark.fidelity("Powertools", "Metrics: EMF documents in the logs, the cold start's own too")
def test_metrics(world: World) -> None:
    world.call("count", {})
    cold, orders = world.documents("count")
    assert cold["ColdStart"] == [1.0] and cold["function_name"] == "count"
    assert orders["Orders"] == [3.0] and orders["shop"] == "north"
    assert orders["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Shop"
    world.call("count", {})
    assert len(world.documents("count")) == 3


@pytest.mark.fidelity("Powertools", "Tracer: subsegments of the invocation's trace to the daemon")
def test_tracer(world: World) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        try:
            daemon.bind(("127.0.0.1", 2000))
        except OSError as error:
            pytest.skip(f"the port that X-Ray's daemon has is taken here: {error}")
        daemon.settimeout(20)
        assert world.call("trace", {"order": 7}, TracingConfig={"Mode": "Active"}) == 3
        sent = [daemon.recv(65536).partition(b"\n") for _ in range(2)]
    assert json.loads(sent[0][0]) == {"format": "json", "version": 1}
    inner, outer = (json.loads(document) for _, _, document in sent)
    assert (inner["name"], outer["name"]) == ("## telling.add", "## trace")
    assert inner["trace_id"] == outer["trace_id"] and outer["trace_id"].startswith("1-")
    assert outer["annotations"] == {"order": 7, "ColdStart": True, "Service": "shop"}


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("rest", functools.partial(http_v1)),
        ("http", functools.partial(http_v2)),
        ("url", functools.partial(http_v2)),
        ("alb", functools.partial(alb)),
    ],
)
@pytest.mark.fidelity("Powertools", "Event handler: REST, HTTP API, function URL, ALB routes")
def test_event_handlers(world: World, name: str, event: Callable[..., Any]) -> None:
    asked = event(method="GET", path="/orders/7")

    def call(event: Any) -> Any:
        return world.call("routes", {"handler": name, "event": event})

    read = call(asked | {"queryStringParameters": {"how": "fast"}})
    assert read["statusCode"] == 200
    assert json.loads(read["body"]) == {"order": "7", "how": "fast"}
    made = call(event({"a": 1, "b": 2}, method="POST", path="/orders"))
    assert made["statusCode"] == 201 and json.loads(made["body"]) == {"a": 1, "b": 2}
    assert call(event(method="GET", path="/orders/0"))["statusCode"] == 404
    assert call(event(method="GET", path="/nowhere"))["statusCode"] == 404


@pytest.mark.fidelity("Powertools", "Event handler behind a real function URL")
def test_a_function_url(world: World) -> None:
    lambda_ = world.client("lambda")
    world.function("url")
    made = lambda_.create_function_url_config(FunctionName="url", AuthType="NONE")
    for action in ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction"):
        lambda_.add_permission(
            FunctionName="url", StatementId=action[7:], Action=action, Principal="*",
            **({"FunctionUrlAuthType": "NONE"} if action.endswith("Url") else {}),
        )  # fmt: skip
    with plain.Client(base_url=made["FunctionUrl"], trust_env=False) as caller:
        answer = caller.get("orders/7", params={"how": "fast"})
        assert (answer.status_code, answer.json()) == (200, {"order": "7", "how": "fast"})
        answer = caller.post("orders", json={"a": 1})
        assert answer.status_code == 201 and answer.headers["x-lines"] == "1"
        assert caller.get("nowhere").status_code == 404


@pytest.mark.fidelity("Powertools", "Parser and data classes over SQS events")
def test_parser_and_data_classes(world: World) -> None:
    event = sqs({"id": 1, "lines": ["a", "b"]}, {"id": 2, "lines": []}, queue="orders")

    def call(name: str) -> Any:
        return world.call("records", {"handler": name, "event": event})

    assert call("parse") == [2, 0]
    assert call("parse_whole")[0].endswith(":orders")
    body, url, count = call("classes")[0]
    assert json.loads(body)["id"] == 1 and url.endswith("/orders") and count == "1"


@pytest.mark.fidelity("Powertools", "Batch: only the failed records of a real queue come again")
def test_batch(world: World) -> None:
    queues = world.client("sqs")
    url = queues.create_queue(QueueName="work", Attributes={"VisibilityTimeout": "20"})["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    world.function("batch")
    entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(["a", "bad", "b"])]
    queues.send_message_batch(QueueUrl=url, Entries=entries)
    world.client("lambda").create_event_source_mapping(
        FunctionName="batch", EventSourceArn=arn["Attributes"]["QueueArn"],
        FunctionResponseTypes=["ReportBatchItemFailures"], BatchSize=10,
    )  # fmt: skip

    def left() -> bool:
        counts = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        waiting = int(counts["ApproximateNumberOfMessages"])
        return waiting == 0 and int(counts["ApproximateNumberOfMessagesNotVisible"]) == 1

    until(left)


@pytest.mark.fidelity("Powertools", "Idempotency: DynamoDB remembers, a failure does not count")
def test_idempotency(world: World) -> None:
    world.client("dynamodb").create_table(
        TableName="idempotency",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    first = world.call("once", {"order": 1})
    assert world.call("once", {"order": 1}) == first
    failed = world.client("lambda").invoke(
        FunctionName="once", Payload=json.dumps({"order": 2, "fail": True})
    )
    assert failed["FunctionError"] == "Unhandled"
    assert world.call("once", {"order": 2})["made"] == 2


@pytest.mark.fidelity(
    "Powertools", "Parameters: SSM and Secrets Manager, without an endpoint given"
)
def test_parameters(world: World) -> None:
    ssm = world.client("ssm")
    ssm.put_parameter(Name="/shop/name", Value="north", Type="String")
    ssm.put_parameter(Name="/shop/limits", Value=json.dumps({"most": 3}), Type="String")
    world.client("secretsmanager").create_secret(Name="shop-key", SecretString="s3cret")
    assert world.call("settings", {}) == ["north", "s3cret", {"most": 3}]
