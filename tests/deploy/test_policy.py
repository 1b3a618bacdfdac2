"""The least policy of a function: what is found in code, what it needs, and what it says."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton import App
from pelton.deploy.errors import CannotPlan
from pelton.deploy.policy.arns import Account
from pelton.deploy.policy.document import allows, check_length, covers, document, lines
from pelton.deploy.policy.least import Least, least_policy
from pelton.deploy.policy.needs import Need
from pelton.deploy.policy.seen import Record, parse

HERE = Account("aws", "eu-west-1", "123456789012")
HEAD = "import os\nimport boto3\nimport pelton\napp = pelton.App('demo')\n"
Load = Callable[..., App]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.syspath_prepend(str(tmp_path))
    known = set(sys.modules)

    def load(source: str, **others: str) -> App:
        for name, text in {"app_of_policy": HEAD + source, **others}.items():
            (tmp_path / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        module: ModuleType = importlib.import_module("app_of_policy")
        found = module.app
        assert isinstance(found, App)
        return found

    yield load
    for name in set(sys.modules) - known:
        if getattr(sys.modules[name], "__file__", "") and str(tmp_path) in str(
            sys.modules[name].__file__
        ):
            del sys.modules[name]


def of(app: App, root: Path, name: str, *records: Record) -> Least:
    return least_policy(app.functions[name], root, HERE, records)


def code_needs(least: Least) -> set[tuple[str, str]]:
    return {
        (
            each.action,
            each.resource.rpartition(":")[2] if "s3" not in each.action else each.resource,
        )
        for each in least.needs
        if ".py:" in each.why
    }


SNIPPETS = {
    'boto3.client("s3").put_object(Bucket="b", Key="k")': {("s3:PutObject", "arn:aws:s3:::b/k")},
    's3 = boto3.client("s3"); s3.list_objects_v2(Bucket="b")': {
        ("s3:ListBucket", "arn:aws:s3:::b")
    },
    'boto3.client("s3").head_object(Bucket="b", Key=x)': {("s3:GetObject", "arn:aws:s3:::b/*")},
    'boto3.Session().client("s3").upload_file("f", "b", "k")': {
        ("s3:PutObject", "arn:aws:s3:::b/k"),
        ("s3:AbortMultipartUpload", "arn:aws:s3:::b/k"),
    },
    'boto3.client("s3").copy_object(Bucket="b", Key="k", CopySource="from/x")': {
        ("s3:PutObject", "arn:aws:s3:::b/k"),
        ("s3:GetObject", "arn:aws:s3:::from/x"),
    },
    'boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket="b")': {
        ("s3:ListBucket", "arn:aws:s3:::b")
    },
    'boto3.client("s3").get_waiter("object_exists").wait(Bucket="b", Key="k")': {
        ("s3:GetObject", "arn:aws:s3:::b/k")
    },
    'boto3.client("s3").generate_presigned_url("get_object", Params={"Bucket": "b", "Key": x})': {
        ("s3:GetObject", "arn:aws:s3:::b/*")
    },
    'boto3.resource("s3").Object("b", "k").get()': {("s3:GetObject", "arn:aws:s3:::b/k")},
    'boto3.resource("s3").Bucket("b").objects.all().delete()': {
        ("s3:ListBucket", "arn:aws:s3:::b"),
        ("s3:DeleteObject", "arn:aws:s3:::b/*"),
    },
    'boto3.resource("dynamodb").Table("t").put_item(Item={})': {("dynamodb:PutItem", "table/t")},
    'boto3.resource("dynamodb").Table("t").query(IndexName="i")': {
        ("dynamodb:Query", "table/t/index/i")
    },
    'boto3.client("dynamodb").transact_get_items(TransactItems=[])': {
        ("dynamodb:GetItem", "table/*")
    },
    'boto3.client("lambda").invoke(FunctionName="f")': {("lambda:InvokeFunction", "f")},
    'boto3.client("sqs").send_message_batch(QueueUrl="https://x/1/q", Entries=[])': {
        ("sqs:SendMessage", "q")
    },
    'boto3.client("secretsmanager").get_secret_value(SecretId="s")': {
        ("secretsmanager:GetSecretValue", "s-??????")
    },
    'boto3.client("ssm").get_parameter(Name="/a/b")': {("ssm:GetParameter", "parameter/a/b")},
    'boto3.client("stepfunctions").start_execution(stateMachineArn="arn:aws:states:r:1:m")': {
        ("states:StartExecution", "m")
    },
    'boto3.client("cloudwatch").put_metric_data(Namespace="n", MetricData=[])': {
        ("cloudwatch:PutMetricData", "*")
    },
    'boto3.client("bedrock-runtime").converse(modelId="m.x")': {
        ("bedrock:InvokeModel", "foundation-model/m.x")
    },
    'boto3.client("sts").get_caller_identity()': set(),
    'context.invoke("other")': {("lambda:InvokeFunction", "other")},
    'context.connection("c").send("x")': {
        ("execute-api:ManageConnections", "*/@connections/*"),
    },
    'boto3.client("apigatewaymanagementapi").delete_connection(ConnectionId="c")': {
        ("execute-api:ManageConnections", "*/@connections/*"),
    },
    'context.secret("db")': {("secretsmanager:GetSecretValue", "db-??????")},
    'open("x").read(); [].append(1)': set(),
}


def test_each_way_of_calling(load: Load, tmp_path: Path) -> None:
    functions = [
        f"@app.function\ndef f{number}(x: str, context: pelton.Context) -> None:\n    {snippet}\n"
        for number, snippet in enumerate(SNIPPETS)
    ]
    app = load("\n".join(functions))
    for number, (snippet, needed) in enumerate(SNIPPETS.items()):
        assert code_needs(of(app, tmp_path, f"f{number}")) == needed, snippet


APP = """
from clients import Store, queue
TABLE = os.environ["TABLE"]
store = Store(TABLE)

@app.function(environment={"TABLE": "orders"})
def saves(x: str) -> None:
    store.save(x)

@app.function(environment={"TABLE": "others", "BUCKET": "b"})
def sends(x: str, context: pelton.Context) -> None:
    queue().send_message(QueueUrl=queue().get_queue_url(QueueName="jobs")["QueueUrl"])
    context.state.s3.get_object(Bucket=os.environ.get("BUCKET"), Key=f"in/{x}.json")

@sends.init
def load(context: pelton.Context) -> None:
    context.state.s3 = boto3.client("s3")

@app.function
def given(x: str) -> None:
    helper(boto3.client("sns"), "arn:aws:sns:eu-west-1:1:t")

def helper(client, topic):
    client.publish(TopicArn=topic, Message="")

@app.function
def nothing(x: str) -> None: ...
"""
CLIENTS = """
import functools
import boto3

@functools.cache
def queue():
    return boto3.client("sqs")

class Store:
    def __init__(self, table):
        self.table = boto3.resource("dynamodb").Table(table)

    def save(self, item):
        self.table.put_item(Item=item)
"""


def test_functions_of_one_file_need_what_each_reaches(load: Load, tmp_path: Path) -> None:
    app = load(
        APP.replace("store = Store(TABLE)", "store = Store(os.environ.get('TABLE', 'x'))").replace(
            'TABLE = os.environ["TABLE"]\n', ""
        ),
        clients=CLIENTS,
    )
    assert code_needs(of(app, tmp_path, "saves")) == {("dynamodb:PutItem", "table/orders")}
    assert code_needs(of(app, tmp_path, "sends")) == {
        ("sqs:GetQueueUrl", "jobs"),
        ("sqs:SendMessage", "jobs"),
        ("s3:GetObject", "arn:aws:s3:::b/in/*.json"),
    }
    assert code_needs(of(app, tmp_path, "given")) == {("sns:Publish", "t")}
    assert code_needs(of(app, tmp_path, "nothing")) == set()


def test_each_need_has_its_line(load: Load, tmp_path: Path) -> None:
    app = load(APP.replace('TABLE = os.environ["TABLE"]\n', "TABLE = 'o'\n"), clients=CLIENTS)
    whys = {e.action: e.why for e in of(app, tmp_path, "saves").needs}
    line = CLIENTS.splitlines().index("        self.table.put_item(Item=item)") + 1
    assert whys["dynamodb:PutItem"] == f"clients.py:{line}"


def test_the_steps_of_a_graph(load: Load, tmp_path: Path) -> None:
    app = load(
        "def a(x: int) -> int:\n    boto3.client('sqs').purge_queue(QueueUrl='u/q')\n    return x\n"
        "def b(x: int) -> int:\n    boto3.client('sns').list_topics()\n    return x\n"
        "g = pelton.Graph('g', int) >> a\n"
        "h = pelton.Graph('h', int) >> b\n"
        "app.serve(g)\napp.serve(h)\n"
    )
    assert code_needs(of(app, tmp_path, "g")) == {("sqs:PurgeQueue", "q")}
    assert code_needs(of(app, tmp_path, "h")) == {("sns:ListTopics", "*")}


def test_what_cannot_be_told_is_said_with_its_line(load: Load, tmp_path: Path) -> None:
    app = load(
        "@app.function\ndef f(x: str) -> None:\n"
        "    boto3.client(x).anything()\n"
        "    boto3.client('sqss')\n"
        "    boto3.client('sqs').send_message(QueueUrl=x, MessageBody='')\n"
    )
    first, second, third = of(app, tmp_path, "f").warnings
    assert first.startswith("app_of_policy.py:7: the service of this client is not written there")
    assert second.startswith("app_of_policy.py:8: 'sqss' is no service that boto3 knows")
    assert third.startswith("app_of_policy.py:9: sqs:SendMessage is allowed on arn:aws:sqs:")


def test_triggers_dead_letters_and_the_log(load: Load, tmp_path: Path) -> None:
    app = load(
        "@app.function(triggers=[pelton.sqs('jobs', on_invalid='dead_letter', dead_letter='bad'),\n"
        "    pelton.kinesis('clicks')])\ndef f(x: str) -> None: ...\n"
    )
    made = of(app, tmp_path, "f").document
    place = f"{HERE.region}:{HERE.account}"
    assert allows(made, "sqs:ReceiveMessage", f"arn:aws:sqs:{place}:jobs")
    assert allows(made, "sqs:SendMessage", f"arn:aws:sqs:{place}:bad")
    assert not allows(made, "sqs:SendMessage", f"arn:aws:sqs:{place}:jobs")
    assert not allows(made, "sqs:ReceiveMessage", f"arn:aws:sqs:{place}:bad")
    assert allows(made, "kinesis:GetRecords", f"arn:aws:kinesis:{place}:stream/clicks")
    assert allows(made, "logs:PutLogEvents", f"arn:aws:logs:{place}:log-group:/aws/lambda/f:s")


def test_what_was_seen_is_added_and_said(load: Load, tmp_path: Path) -> None:
    app = load(
        "@app.function\ndef f(x: str) -> None:\n"
        "    boto3.client('sqs').send_message(QueueUrl='u/q', MessageBody='')\n"
        "    boto3.client('sqs').purge_queue(QueueUrl='u/q')\n"
    )
    queue = (("QueueUrl", "http://127.0.0.1:1/000000000000/q"),)
    seen = [
        Record("f", "sqs", operation="SendMessage", members=queue),
        Record("f", "s3", "PUT", "/b/some/key", "x-id=PutObject"),
        Record("f", "s3", "PUT", "/b/k", "partNumber=1&uploadId=u"),
        Record("f", "s3", "GET", "/b", "list-type=2&prefix=x"),
        Record("f", "lambda", "POST", "/2015-03-31/functions/g/invocations"),
        Record("other", "sqs", operation="DeleteQueue", members=queue),
    ]
    least = of(app, tmp_path, "f", *seen)
    added = {(e.action, e.resource) for e in least.needs if e.why == "seen on the emulator"}
    assert added == {
        ("s3:PutObject", "arn:aws:s3:::b/*"),
        ("s3:ListBucket", "arn:aws:s3:::b"),
        ("lambda:InvokeFunction", f"arn:aws:lambda:{HERE.region}:{HERE.account}:function:g"),
    }
    said = "\n".join(least.warnings)
    assert "s3:PutObject on arn:aws:s3:::b/* was seen on the emulator and is not found" in said
    assert "app_of_policy.py:8: sqs:PurgeQueue on " in said
    assert "sqs:SendMessage" not in said


def test_a_record_that_is_none() -> None:
    with pytest.raises(CannotPlan, match="no list `calls`"):
        parse({"calls": 3})


def test_a_policy_too_long_for_a_role() -> None:
    needs = [Need("s3:GetObject", f"arn:aws:s3:::bucket-{n}/{'k' * 60}") for n in range(150)]
    with pytest.raises(CannotPlan, match="a role takes 10240: give resources a common prefix"):
        check_length(document(needs), "f")


def test_lines_read_back_what_iam_gives() -> None:
    made = document([Need("sqs:SendMessage", "q"), Need("sqs:GetQueueUrl", "q")])
    told = json.loads(json.dumps(made))
    told["Statement"][0]["Resource"] = "q"  # IAM may give one thing for a list of one
    assert lines(told) == lines(made)


NAMES = st.text("ab/", min_size=1, max_size=4)
NEEDS = st.builds(
    Need, st.sampled_from(["s3:GetObject", "s3:PutObject"]), NAMES.map("arn:aws:s3:::{}".format)
)


@given(st.lists(NEEDS, max_size=8), NEEDS)
def test_a_document_allows_what_is_needed_and_nothing_else(needs: list[Need], other: Need) -> None:
    made = document(needs)
    assert all(allows(made, each.action, each.resource) for each in needs)
    wanted = any(e.action == other.action and covers(e.resource, other.resource) for e in needs)
    assert allows(made, other.action, other.resource) == wanted


def test_a_network_wants_its_interfaces(load: Load, tmp_path: Path) -> None:
    source = (
        "@app.function(aws=pelton.Aws(vpc=pelton.Vpc(['subnet-1'], ['sg-1'])))\n"
        "def inside(n: int) -> None: ...\n"
        "@app.function\ndef outside(n: int) -> None: ...\n"
    )
    app = load(source)
    found = of(app, tmp_path, "inside").document
    for action in ("CreateNetworkInterface", "DescribeNetworkInterfaces", "DescribeSubnets"):
        assert allows(found, f"ec2:{action}", "arn:aws:ec2:eu-west-1:999999999999:subnet/subnet-1")
    interface = "arn:aws:ec2:eu-west-1:123456789012:network-interface/eni-1"
    for action in ("DeleteNetworkInterface", "AssignPrivateIpAddresses"):
        assert allows(found, f"ec2:{action}", interface)
        assert not allows(found, f"ec2:{action}", interface.replace("eu-west-1", "us-east-1"))
    assert "ec2" not in json.dumps(of(app, tmp_path, "outside").document)
