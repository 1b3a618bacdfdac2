"""`pelton init --from`: somebody's handlers run as they are, and what is lost is named."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from click.testing import CliRunner

import pelton
from pelton.builders import load_app
from pelton.cli import command
from pelton.pytest_plugin import RunningEmulator

TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    Timeout: 20
    Runtime: python3.12
Resources:
  Greet:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: greet
      CodeUri: greeting/
      Handler: app.lambda_handler
      MemorySize: 256
      Policies: [AmazonS3ReadOnlyAccess]
      Environment:
        Variables:
          LEVEL: info
          TABLE: !Ref Table
      Events:
        Get:
          Type: HttpApi
          Properties: {Path: "/hello/{name}", Method: get}
        Jobs:
          Type: SQS
          Properties:
            Queue: !GetAtt Jobs.Arn
            BatchSize: 5
        Nightly:
          Type: Schedule
          Properties: {Schedule: "cron(0 6 * * ? *)"}
        Upload:
          Type: S3
          Properties: {Bucket: !Ref Table}
  Jobs:
    Type: AWS::SQS::Queue
    Properties: {QueueName: jobs}
  Table:
    Type: AWS::DynamoDB::Table
"""
HANDLER = """\
from words import hello

def lambda_handler(event, context):
    return {"says": hello(event["name"]), "for": context.function_name}
"""
FUNCTION = """\
apiVersion: nuclio.io/v1
kind: NuclioFunction
metadata: {name: double, namespace: ml}
spec:
  handler: main:handler
  runtime: python:3.11
  minReplicas: 0
  maxReplicas: 3
  eventTimeout: 30s
  loggerSinks: [{level: info}]
  env:
  - {name: LEVEL, value: info}
  - name: KEY
    valueFrom: {secretKeyRef: {name: s, key: k}}
  resources: {limits: {memory: 1Gi, nvidia.com/gpu: "1"}}
  triggers:
    web: {kind: http, maxWorkers: 2, url: x, attributes: {ingresses: {"0": {host: a.b}}}}
    tick: {kind: cron, attributes: {interval: 30s}}
    in: {kind: kafka-cluster}
  build:
    commands: [pip install requests, apt-get install x]
"""


@pytest.fixture
def greeting(tmp_path: Path) -> Path:
    """A folder with a SAM application."""
    (tmp_path / "greeting").mkdir()
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "greeting" / "app.py").write_text(HANDLER)
    (tmp_path / "greeting" / "words.py").write_text("def hello(name):\n    return f'hi {name}'\n")
    return tmp_path


def init(path: Path) -> dict[str, Any]:
    done = CliRunner().invoke(command, ["init", "--from", str(path), "--json"])
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(done.output)
    return told


def load(path: Path) -> Any:
    _forget()  # an example's `app`, if one was loaded here
    try:
        return load_app(str(path))[0]
    finally:
        _forget()
        sys.path.remove(str(path.parent))


def _forget() -> None:
    for name in ("pelton_app", "app", "words", "main"):
        sys.modules.pop(name, None)


def test_a_sam_template_says_what_the_app_says(greeting: Path) -> None:
    told = init(greeting / "template.yaml")
    assert told["files"] == [str(greeting / "greeting" / "pelton_app.py")]
    greet = load(greeting / "greeting" / "pelton_app.py").functions["greet"]
    settings = greet.settings
    assert (settings.memory, settings.timeout, settings.style) == (256, 20, "lambda")
    assert dict(settings.environment) == {"LEVEL": "info"}
    assert [each.to_dict()["kind"] for each in settings.triggers] == ["http", "sqs", "cron"]
    assert settings.triggers[0].route == "GET /hello/{name}"
    assert (settings.triggers[1].queue, settings.triggers[1].batch) == ("jobs", 5)
    assert settings.triggers[2].schedule == "0 6 * * *"


def test_what_is_lost_is_named_with_its_line(greeting: Path) -> None:
    lost = init(greeting / "template.yaml")["lost"]
    lines = TEMPLATE.splitlines()
    said = [lines[int(each.split(":")[1]) - 1].strip() for each in lost]
    assert said == [
        "Policies: [AmazonS3ReadOnlyAccess]", "TABLE: !Ref Table", "Upload:", "Jobs:", "Table:",
    ]  # fmt: skip
    assert lost[0].startswith("template.yaml:15: Greet.Policies is not carried over")
    assert "Environment.TABLE" in lost[1] and "!Ref Table" in lost[1]
    assert "Events.Upload (S3)" in lost[2] and "Jobs (AWS::SQS::Queue)" in lost[3]


def test_the_handlers_answer_unmodified(greeting: Path, pelton_emulator: RunningEmulator) -> None:
    init(greeting / "template.yaml")
    settings = {
        "endpoint_url": pelton_emulator.url, "region_name": "us-east-1",
        "aws_access_key_id": "test", "aws_secret_access_key": "test",
    }  # fmt: skip
    boto3.client("sqs", **settings).create_queue(QueueName="jobs")
    app = greeting / "greeting" / "pelton_app.py"
    done = CliRunner().invoke(command, ["deploy", str(app), "--endpoint", pelton_emulator.url])
    for name in ("pelton_app", "app", "words"):
        sys.modules.pop(name, None)
    assert done.exit_code == 0, done.output
    functions = boto3.client("lambda", **settings)
    answer = functions.invoke(FunctionName="greet", Payload=b'{"name": "you"}')
    assert json.load(answer["Payload"]) == {"says": "hi you", "for": "greet"}


def test_what_was_taken_over_is_exported_as_it_was(greeting: Path) -> None:
    init(greeting / "template.yaml")
    app, out = greeting / "greeting" / "pelton_app.py", greeting / "out"
    done = CliRunner().invoke(command, ["export", "sam", str(app), "--out", str(out)])
    for name in ("pelton_app", "app", "words"):
        sys.modules.pop(name, None)
    assert done.exit_code == 0, done.output
    made = yaml.safe_load((out / "template.yaml").read_text())["Resources"]["GreetFunction"]
    said = made["Properties"]
    assert (said["FunctionName"], said["Runtime"]) == ("greet", "python3.12")
    assert (said["MemorySize"], said["Timeout"]) == (256, 20)
    assert said["Environment"] == {"Variables": {"LEVEL": "info"}}
    kinds = {each["Type"]: each["Properties"] for each in said["Events"].values()}
    assert kinds["Schedule"]["Schedule"] == "cron(0 6 * * ? *)"
    assert kinds["SQS"]["BatchSize"] == 5 and said["FunctionUrlConfig"] == {"AuthType": "NONE"}


def test_a_function_of_nuclio_s(tmp_path: Path) -> None:
    (tmp_path / "function.yaml").write_text(FUNCTION)
    (tmp_path / "main.py").write_text("def handler(context, event):\n    return 2\n")
    lost = init(tmp_path / "function.yaml")["lost"]
    settings = load(tmp_path / "pelton_app.py").functions["double"].settings
    assert (settings.memory, settings.timeout, settings.style) == (1024, 30, "nuclio")
    assert settings.nuclio.gpu == 1 and settings.nuclio.replicas == (0, 3)
    assert settings.nuclio.namespace == "ml" and settings.requirements == ("requests",)
    assert [each.to_dict()["kind"] for each in settings.triggers] == ["http", "cron"]
    assert settings.environment["KEY"] == pelton.secret("s", field="k")
    assert settings.nuclio.workers == 2
    words = (
        *("spec.loggerSinks", "apt-get install x", "the trigger in (kafka-cluster)"),
        *("url of the trigger web", "ingresses of the trigger web"),
    )
    assert len(lost) == len(words)
    assert all(any(word in each for each in lost) for word in words)


def test_limits_that_nuclio_had_not_are_said(tmp_path: Path) -> None:
    (tmp_path / "function.yaml").write_text("spec: {handler: 'main:handler'}\n")
    lost = init(tmp_path / "function.yaml")["lost"]
    assert ["memory=128" in lost[0], "timeout=3" in lost[1]] == [True, True]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1\n", "neither a SAM template"),
        ("spec: [1\n", "function.yaml:2: "),
        ("spec: {runtime: golang}\n", "the runtime golang is no Python"),
        ("Resources: {A: {Type: AWS::SQS::Queue}}\n", "no AWS::Serverless::Function in it"),
    ],
)
def test_what_is_no_template_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "function.yaml").write_text(text)
    done = CliRunner().invoke(command, ["init", "--from", str(tmp_path / "function.yaml")])
    assert done.exit_code == 1 and words in done.output
    assert [each.name for each in tmp_path.iterdir()] == ["function.yaml"]
