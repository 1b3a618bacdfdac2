"""`pelton export`: each format held against the checker, or the service, of those who read it."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from click.testing import CliRunner

from pelton.cli import command
from pelton.deploy.exports import FORMATS, Asked, bucket_told, format_of
from pelton.deploy.kinds.bucket import Bucket
from pelton.deploy.kinds.queue import Queue
from pelton.pytest_plugin import RunningEmulator

from .. import plain

BROKER = "arn:aws:mq:eu-west-1:123456789012:broker:shop:b-4c9bd6e2-0c3e-4bd6-8a1c-1e7a6a6f1d5e"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:login-AbCdEf"
APP = """
import boto3
import pelton

app = pelton.App("shop")

@app.function(
    triggers=[pelton.http("POST", "/orders"), pelton.cron(every="1h")],
    environment={"NOTE": "${HOME} and %{if}"}, description="Takes ${orders}", tags={"team": "a"},
)
def order(n: int) -> int:
    return n * 2

@app.function(
    triggers=[pelton.sqs("departures", batch=5), pelton.kinesis("clicks", dead_letter="dead"),
              pelton.rabbitmq("left/eu", broker="BROKER", secret="SECRET")],
    concurrency=2, memory=256,
)
def count(n: int) -> None:
    boto3.client("s3").get_object(Bucket="models", Key="a.onnx")

def double(n: int) -> int:
    return n * 2

def save(n: int) -> None: ...

pipe = pelton.Graph("pipe", int) >> double >> pelton.steps.queue("work") >> save
app.serve(pipe, triggers=[pelton.http("POST", "/pipe")])

@app.function(
    versions=3,
    triggers=[pelton.s3("inbox", prefix="in/", suffix=".csv"),
              pelton.sns("news", filter={"kind": ["new"]}, scope="body"),
              pelton.eventbridge(source="shop"), pelton.cron(every="1h"),
              pelton.cron(schedule="0 6 * * *", timezone="Europe/Berlin"),
              pelton.http("GET", "/a/{id}"), pelton.http("POST", "/a")],
    environment={"KEY": pelton.secret("shop/key", field="a")},
    aws=pelton.Aws(
        http="api", log_days=7, provisioned=2, on_failure="failures", dead_letter="letters",
        retries=0,
        layers=("arn:aws:lambda:eu-west-1:123456789012:layer:tracing:7",),
        vpc=pelton.Vpc(["subnet-0a1b2c3d"], ["sg-0a1b2c3d"])),
)
def hears(event: pelton.Event) -> None: ...

@app.function(triggers=[pelton.s3("inbox", prefix="other/"), pelton.http("GET", "/b")],
              aws=pelton.Aws(http="api", event_seconds=60))
def too(event: pelton.Event) -> None: ...

@app.function(versions=2, triggers=[pelton.http("GET", "/u"), pelton.sqs("arrivals")])
def url(event: pelton.Event) -> None: ...

@app.function(aws=pelton.Aws(http="api"), triggers=[
    pelton.websocket_api("$connect", "join"), pelton.websocket_api("tell", answers=False),
    pelton.http("GET", "/rooms")])
def rooms(event: pelton.Event, context: pelton.Context) -> None:
    context.connection().send("welcome")
""".replace("BROKER", BROKER).replace("SECRET", SECRET)
ON_BOTH = """
import pelton

app = pelton.App("plain")

@app.function(nuclio=pelton.Nuclio(gpu=1), triggers=[pelton.http("POST", "/double")])
def double(n: int) -> int:
    return n * 2
"""
PLUGINS = Path("/opt/tf-plugins")  # where this project's machines have Terraform's providers


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The app, exported as CloudFormation, SAM and Terraform."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "export_shop.py").write_text(APP)
    for name in ("sam", "cloudformation", "terraform"):
        run("export", name, str(folder / "export_shop.py"), "--out", str(folder / name))
    yield folder
    sys.modules.pop("export_shop", None)


def run(*words: str) -> str:
    done = CliRunner().invoke(command, list(words))
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize(
    "file",
    [
        "cloudformation/template.json",
        pytest.param("sam/template.yaml", marks=pytest.mark.slow),  # the next test is for it
    ],
)
def test_amazon_s_own_linter_finds_nothing(shop: Path, file: str) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), str(shop / file)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")


def test_what_sam_has_no_word_for_is_as_in_cloudformation(shop: Path) -> None:
    """In full, or but for the names of what SAM makes of its functions."""
    own, plain = sam(shop), template(shop)
    other = {name: each for name, each in own.items() if plain.get(name) != each}
    of_functions = {
        name for name, each in other.items() if each["Type"] == "AWS::Serverless::Function"
    }
    assert len(of_functions) == 8 and len(own) - len(other) == 40
    for name in other.keys() - of_functions:
        assert _keys(other[name]) == _keys(plain[name]), name


def _keys(value: Any) -> Any:
    """A resource's words, whatever they are said of."""
    if isinstance(value, dict):
        plain = {key for key in value if not key.startswith("Fn::") and key != "Ref"}
        return {key: _keys(value[key]) for key in sorted(plain)}
    return [_keys(each) for each in value] if isinstance(value, list) else None


def template(shop: Path) -> dict[str, Any]:
    found = json.loads((shop / "cloudformation" / "template.json").read_text())
    resources: dict[str, Any] = found["Resources"]
    return resources


def test_what_is_of_the_template_is_referred_to(shop: Path) -> None:
    found = template(shop)
    work = found["PipeWorkWorkQueueMapping"]["Properties"]
    assert work["EventSourceArn"] == {"Fn::GetAtt": ["WorkQueue", "Arn"]}
    assert work["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    given = found["CountDeparturesQueueMapping"]["Properties"]["EventSourceArn"]
    assert given == {
        "Fn::Sub": "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:departures"
    }
    redrive = found["WorkQueue"]["Properties"]["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["WorkDeadQueue", "Arn"]}
    assert "DeparturesQueue" not in found
    assert found["OrderFunction"]["Properties"]["Environment"] == {
        "Variables": {"NOTE": "${HOME} and %{if}"}
    }


def test_a_brokers_queue_is_read_by_a_mapping_in_each_format(shop: Path) -> None:
    access = {"BASIC_AUTH": SECRET, "VIRTUAL_HOST": "/"}
    for resources in (template(shop), sam(shop)):
        said = resources["CountLeftEuBrokerMapping"]["Properties"]
        assert (said["EventSourceArn"], said["Queues"]) == (BROKER, ["left/eu"])
        told = {each["Type"]: each["URI"] for each in said["SourceAccessConfigurations"]}
        assert told == access
    found = json.loads((shop / "terraform" / "main.tf.json").read_text())["resource"]
    made = found["aws_lambda_event_source_mapping"]["count_left_eu"]
    assert (made["event_source_arn"], made["queues"]) == (BROKER, ["left/eu"])
    assert {e["type"]: e["uri"] for e in made["source_access_configuration"]} == access


def sam(shop: Path) -> dict[str, Any]:
    found = yaml.safe_load((shop / "sam" / "template.yaml").read_text())
    resources: dict[str, Any] = found["Resources"]
    return resources


def test_roles_allow_what_the_code_needs_and_no_more(shop: Path) -> None:
    (policy,) = template(shop)["CountRole"]["Properties"]["Policies"]
    statements = policy["PolicyDocument"]["Statement"]
    actions = {each for statement in statements for each in statement["Action"]}
    assert {"s3:GetObject", "kinesis:GetRecords", "sqs:DeleteMessage"} <= actions
    assert {"mq:DescribeBroker", "secretsmanager:GetSecretValue"} <= actions
    assert not {each for each in actions if "*" in each}


def test_archives_lie_beside_and_answer_for_their_names(shop: Path) -> None:
    key = template(shop)["OrderFunction"]["Properties"]["Code"]["S3Key"]
    assert zipfile.is_zipfile(shop / "cloudformation" / "artifacts" / key)


def test_a_role_of_one_s_own_is_taken(shop: Path, tmp_path: Path) -> None:
    role = "arn:aws:iam::123456789012:role/mine"
    file = str(shop / "export_shop.py")
    run("export", "cloudformation", file, "--out", str(tmp_path), "--role", role)
    found = json.loads((tmp_path / "template.json").read_text())["Resources"]
    assert found["OrderFunction"]["Properties"]["Role"] == role
    roles = {name for name, each in found.items() if each["Type"] == "AWS::IAM::Role"}
    assert roles == {"PeltonShopHearsScheduleRole", "BucketsRole"}, "of functions none is made"


def test_a_template_of_terraform_s_is_none_of_the_user_s(shop: Path) -> None:
    found = json.loads((shop / "terraform" / "main.tf.json").read_text())["resource"]
    order = found["aws_lambda_function"]["order"]
    assert order["environment"]["variables"]["NOTE"] == "$${HOME} and %%{if}"
    assert order["description"] == "Takes $${orders}"


@pytest.mark.parametrize("name", [each for each in FORMATS if each != "nuctl"])
def test_what_a_format_has_no_words_for_is_named(name: str) -> None:
    class Odd(Queue):
        kind = "odd"

    odd = Odd(name="thing", function="order")
    made = format_of(name).write(Asked("shop", (odd, Bucket(name="archives"))))
    assert made.notes == (
        "left out: odd 'thing' of function order: this format has no odd; `pelton deploy` makes it",
    )


def test_nuclio_s_dashboard_takes_what_is_for_nuctl(
    pelton_emulator: RunningEmulator, tmp_path: Path
) -> None:
    (tmp_path / "export_plain.py").write_text(ON_BOTH)
    out = tmp_path / "out"
    file = str(tmp_path / "export_plain.py")
    run("export", "nuctl", file, "--out", str(out), "--archives", f"file://{out}")
    document = yaml.safe_load((out / "double" / "function.yaml").read_text())
    assert document["spec"]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    client = plain.Client(base_url=f"{pelton_emulator.nuclio_url}/api", trust_env=False, timeout=60)
    with client:
        waits = {"x-nuclio-wait-function-action": "true"}
        project = document["metadata"]["labels"]["nuclio.io/project-name"]
        client.post("/projects", json={"metadata": {"name": project}})
        made = client.post("/functions", json=document, headers=waits)
        assert made.status_code == 202, made.text
        called = {"x-nuclio-function-name": "double", "x-nuclio-path": "/double"}
        answer = client.post("/function_invocations", json=21, headers=called)
    assert (answer.status_code, answer.json()) == (200, 42)


def test_the_emulator_s_cloudformation_makes_what_calls_functions(
    shop: Path, pelton_emulator: RunningEmulator
) -> None:
    """Its functions do not answer: what is around them is looked at."""
    client = pelton_emulator.client
    for bucket in ("archives", "inbox"):
        client("s3").create_bucket(Bucket=bucket)
    folder = shop / "cloudformation" / "artifacts"
    for path in folder.rglob("*.zip"):
        client("s3").upload_file(str(path), "archives", path.relative_to(folder).as_posix())
    topic = client("sns").create_topic(Name="news")["TopicArn"]
    for queue in ("departures", "arrivals"):
        client("sqs").create_queue(QueueName=queue)
    stacks = client("cloudformation")
    stacks.create_stack(
        StackName="shop",
        TemplateBody=json.dumps(_plain(shop)),
        Parameters=[{"ParameterKey": "ArtifactBucket", "ParameterValue": "archives"}],
        Capabilities=["CAPABILITY_IAM"],
    )
    stacks.get_waiter("stack_create_complete").wait(
        StackName="shop", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    live = ":function:hears:live"
    (subscription,) = client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert subscription["Endpoint"].endswith(live)
    (target,) = client("events").list_targets_by_rule(Rule="hears.on0")["Targets"]
    assert target["Arn"].endswith(live)
    schedule = client("scheduler").get_schedule(Name="hears.at0")
    assert schedule["Target"]["Arn"].endswith(live)
    role = schedule["Target"]["RoleArn"].rpartition("/")[2]
    assert client("iam").get_role(RoleName=role)
    logs = client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/hears")["logGroups"]
    assert [each["retentionInDays"] for each in logs] == [7]
    gateway = client("apigatewayv2")
    apis = {each["ProtocolType"]: each["ApiId"] for each in gateway.get_apis()["Items"]}
    for protocol, keys, called in (
        (
            "HTTP",
            {"GET /a/{id}", "POST /a", "GET /b", "GET /rooms"},
            ["hears:live", "rooms", "too"],
        ),
        ("WEBSOCKET", {"$connect", "join", "tell"}, ["rooms/invocations"]),
    ):
        routes = gateway.get_routes(ApiId=apis[protocol])["Items"]
        assert {each["RouteKey"] for each in routes} == keys
        found = gateway.get_integrations(ApiId=apis[protocol])["Items"]
        uris = [each["IntegrationUri"] for each in found]
        assert sorted(each.rpartition(":function:")[2] for each in uris) == called


def _plain(shop: Path) -> dict[str, Any]:
    document = json.loads((shop / "cloudformation" / "template.json").read_text())
    found: dict[str, Any] = document["Resources"]  # without what is not there
    missing = ("Custom::", "AWS::ApiGatewayV2::RouteResponse")
    document["Resources"] = {
        name: each for name, each in found.items() if not each["Type"].startswith(missing)
    }
    for name in ("Layers", "VpcConfig"):
        del found["HearsFunction"]["Properties"][name]
    result: dict[str, Any] = document
    return result


def test_the_function_that_a_template_takes_along_tells_buckets(
    pelton_emulator: RunningEmulator,
) -> None:
    """As CloudFormation calls it: others' entries stay, and it answers in every case."""
    client = pelton_emulator.client
    client("s3").create_bucket(Bucket="inbox")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", bucket_told.SOURCE)
    client("lambda").create_function(
        FunctionName="teller", Runtime="python3.12", Handler="index.handler", Timeout=60,
        Role="arn:aws:iam::000000000000:role/r", Code={"ZipFile": code.getvalue()},
    )  # fmt: skip
    client("lambda").get_waiter("function_active_v2").wait(FunctionName="teller")
    theirs = {"Id": "theirs", "QueueArn": _queue(pelton_emulator), "Events": ["s3:ObjectRemoved:*"]}
    client("s3").put_bucket_notification_configuration(
        Bucket="inbox", NotificationConfiguration={"QueueConfigurations": [theirs]}
    )
    wanted = {
        "Bucket": "inbox",
        "Ids": "pelton/f/",
        "Function": "arn:aws:lambda:us-east-1:000000000000:function:teller",
        "Entries": [
            {"Events": ["s3:ObjectCreated:*"], "Rules": [{"Name": "prefix", "Value": "in/"}]}
        ],
    }
    answers = f"{pelton_emulator.url}/answers/one"
    client("s3").create_bucket(Bucket="answers")

    def call(kind: str, **more: Any) -> dict[str, Any]:
        event = {
            "RequestType": kind, "ResponseURL": answers, "StackId": "s", "RequestId": "r",
            "LogicalResourceId": "l", "ResourceProperties": {**wanted, **more},
        }  # fmt: skip
        done = client("lambda").invoke(FunctionName="teller", Payload=json.dumps(event))
        assert "FunctionError" not in done, done["Payload"].read()
        body = client("s3").get_object(Bucket="answers", Key="one")["Body"]
        answer: dict[str, Any] = json.loads(body.read())
        return answer

    def told() -> dict[str, Any]:
        found = client("s3").get_bucket_notification_configuration(Bucket="inbox")
        return {key: found[key] for key in found if key.endswith("Configurations")}

    for _ in range(2):
        assert call("Create")["Status"] == "SUCCESS"
        (entry,) = told()["LambdaFunctionConfigurations"]
        assert (entry["Id"], entry["Filter"]["Key"]["FilterRules"][0]["Value"]) == (
            "pelton/f/0", "in/",
        )  # fmt: skip
    failed = call("Update", Bucket="none")
    assert failed["Status"] == "FAILED" and "NoSuchBucket" in failed["Reason"]
    assert call("Delete", Bucket="none")["Status"] == "SUCCESS"
    assert call("Delete")["PhysicalResourceId"] == "inbox/pelton/f/"
    assert list(told()) == ["QueueConfigurations"]
    assert len(bucket_told.SOURCE) <= 4096, "what a template's own code may have"


def _queue(emulator: RunningEmulator) -> str:
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName="others")["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(told["Attributes"]["QueueArn"])


def test_versions_are_an_alias_in_every_format(shop: Path) -> None:
    sam = yaml.safe_load((shop / "sam" / "template.yaml").read_text())["Resources"]
    hears = sam["HearsFunction"]["Properties"]
    assert hears["AutoPublishAlias"] == "live" and hears["AutoPublishAliasAllProperties"]
    assert hears["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": 2}
    assert hears["DeadLetterQueue"]["Type"] == "SQS"
    assert sam["HearsAt0Schedule"]["Properties"]["Target"]["Arn"] == {"Ref": "HearsFunction.Alias"}
    terraform = json.loads((shop / "terraform" / "main.tf.json").read_text())["resource"]
    assert terraform["aws_lambda_function"]["hears"]["publish"] is True
    entries = terraform["aws_s3_bucket_notification"]["inbox"]["lambda_function"]
    assert [each["lambda_function_arn"] for each in entries] == [
        "${aws_lambda_alias.hears.arn}", "${aws_lambda_function.too.arn}",
    ]  # fmt: skip
    waiting = terraform["aws_lambda_provisioned_concurrency_config"]["hears_live"]
    assert waiting["provisioned_concurrent_executions"] == 2
    url = terraform["aws_lambda_function_url"]["url_live"]
    assert url["qualifier"] == "${aws_lambda_alias.url.name}"
    plain = json.loads((shop / "cloudformation" / "template.json").read_text())["Resources"]
    (version,) = [name for name in plain if name.startswith("Hears") and name.endswith("Version")]
    assert plain["HearsAlias"]["Properties"]["FunctionVersion"]["Fn::GetAtt"][0] == version
    waiting = plain["HearsAlias"]["Properties"]["ProvisionedConcurrencyConfig"]
    assert waiting == {"ProvisionedConcurrentExecutions": 2}
    assert plain[version]["DeletionPolicy"] == "Retain"
    network = plain["HearsFunction"]["Properties"]["VpcConfig"]
    assert network == {"SubnetIds": ["subnet-0a1b2c3d"], "SecurityGroupIds": ["sg-0a1b2c3d"]}
    assert plain["HearsFunction"]["Properties"]["Layers"][0].endswith(":layer:tracing:7")


def test_an_environment_is_exported_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "export_plain.py").write_text(ON_BOTH)
    (tmp_path / "pelton.toml").write_text(
        'memory = 256\n[env.dev]\nprefix = "dev-"\nregion = "eu-west-1"\nlog_days = 7\n'
    )
    file, out = str(tmp_path / "export_plain.py"), tmp_path / "out"
    said = run("export", "cloudformation", file, "--out", str(out), "--env", "dev")
    assert "the settings say the region eu-west-1: deploy it there" in said
    found = json.loads((out / "template.json").read_text())["Resources"]
    function = found["DevDoubleFunction"]["Properties"]
    assert (function["FunctionName"], function["MemorySize"]) == ("dev-double", 256)
    assert found["AwsLambdaDevDoubleLogGroup"]["Properties"]["RetentionInDays"] == 7
    done = CliRunner().invoke(command, ["export", "sam", file, "--out", str(out), "--env", "prod"])
    assert done.exit_code == 1 and "has no environment 'prod'" in done.output


def test_nuctl_gets_projects_gateways_and_functions_that_keep_versions(tmp_path: Path) -> None:
    (tmp_path / "export_front.py").write_text(
        "import pelton\napp = pelton.App('front')\n"
        "@app.function(versions=3, triggers=[pelton.http('GET', '/')],\n"
        "              nuclio=pelton.Nuclio(host='front.example.com'))\n"
        "def hello(n: int) -> int:\n    return n\n"
    )
    out = tmp_path / "out"
    said = run("export", "nuctl", str(tmp_path / "export_front.py"), "--out", str(out), "--json")
    made = json.loads(said)
    assert made["next"] == [
        "nuctl create project front",
        "nuctl deploy hello --project-name front --file hello/function.yaml",
        "nuctl create apigateway hello --host front.example.com --path / --function hello "
        "--project front",
    ]
    assert made["notes"] == [
        "function hello is exported as it is now: its versions, canaries and rollbacks are those "
        "of `pelton deploy`"
    ]
    document = yaml.safe_load((out / "hello" / "function.yaml").read_text())
    assert document["metadata"]["name"] == "hello"
    with (tmp_path / "export_front.py").open("a") as file:
        file.write("@app.function(triggers=[pelton.sqs('jobs')])\ndef work(n: int) -> None: ...\n")
    sys.modules.pop("export_front")
    path = str(tmp_path / "export_front.py")
    again = run("export", "nuctl", path, "--out", str(out), "--json", "--only", "hello")
    assert json.loads(again) == made


def test_what_a_platform_lacks_is_refused(shop: Path, tmp_path: Path) -> None:
    file = str(shop / "export_shop.py")
    done = CliRunner().invoke(command, ["export", "nuctl", file, "--out", str(tmp_path)])
    assert done.exit_code == 1
    assert (
        "function 'count' reads the queue 'left/eu' of a broker of Amazon MQ, and nuclio"
        in done.output
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(
    shutil.which("terraform") is None or not PLUGINS.is_dir(), reason="there is no Terraform here"
)
def test_terraform_makes_functions_that_answer(
    shop: Path, tmp_path: Path, pelton_emulator: RunningEmulator
) -> None:
    """By the provider that is here, which is older than one member: the rest is as exported."""
    shutil.copytree(shop / "terraform", tmp_path, dirs_exist_ok=True)
    document = json.loads((tmp_path / "main.tf.json").read_text())
    del document["terraform"]["required_providers"]["aws"]["version"]
    for each in document["resource"]["aws_lambda_permission"].values():
        each.pop("invoked_via_function_url", None)
    hears = document["resource"]["aws_lambda_function"]["hears"]
    del hears["layers"], hears["vpc_config"]  # which are not there
    del document["resource"]["aws_lambda_event_source_mapping"]["count_left_eu"]  # nor its broker
    services = (
        "lambda", "iam", "sqs", "kinesis", "events", "sts", "s3", "sns", "scheduler",
        "apigatewayv2", "cloudwatchlogs",
    )  # fmt: skip
    document["provider"] = {
        "aws": {
            "region": "us-east-1", "access_key": "test", "secret_key": "test",
            "skip_credentials_validation": True, "skip_metadata_api_check": True,
            "s3_use_path_style": True,
            "endpoints": [dict.fromkeys(services, pelton_emulator.url)],
        }
    }  # fmt: skip
    (tmp_path / "main.tf.json").write_text(json.dumps(document))
    settings = {
        "endpoint_url": pelton_emulator.url, "region_name": "us-east-1",
        "aws_access_key_id": "test", "aws_secret_access_key": "test",
    }  # fmt: skip
    for queue in ("departures", "arrivals"):
        boto3.client("sqs", **settings).create_queue(QueueName=queue)
    boto3.client("s3", **settings).create_bucket(Bucket="inbox")
    boto3.client("sns", **settings).create_topic(Name="news")
    terraform(tmp_path, "init", f"-plugin-dir={PLUGINS}")
    terraform(tmp_path, "validate")
    terraform(tmp_path, "apply", "-auto-approve")
    answer = boto3.client("lambda", **settings).invoke(FunctionName="order", Payload=b"21")
    assert json.load(answer["Payload"]) == 42
    told = boto3.client("s3", **settings).get_bucket_notification_configuration(Bucket="inbox")
    called = [each["LambdaFunctionArn"] for each in told["LambdaFunctionConfigurations"]]
    assert sorted(each.partition(":function:")[2] for each in called) == ["hears:live", "too"]


def terraform(folder: Path, verb: str, *words: str) -> None:
    more = () if verb == "validate" else ("-input=false",)
    done = subprocess.run(
        ["terraform", verb, "-no-color", *more, *words],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_websocket_api_stands_beside_the_http_api(shop: Path) -> None:
    found = template(shop)
    route = found["ShopWebsocketJoinWebsocketRoute"]["Properties"]
    assert route["RouteResponseSelectionExpression"] == "$default"
    answers = [each for each in found.values() if each["Type"].endswith("::RouteResponse")]
    assert [each["Properties"]["RouteId"] for each in answers] == [
        {"Ref": "ShopWebsocketJoinWebsocketRoute"}
    ]
    integration = found["RoomsWebsocketApiIntegration"]["Properties"]
    assert "PayloadFormatVersion" not in integration
    assert "path/2015-03-31/functions/${Called}" in integration["IntegrationUri"]["Fn::Sub"][0]
    assert found["RoomsIntegration"]["Properties"]["PayloadFormatVersion"] == "2.0"
    said = json.loads((shop / "terraform" / "main.tf.json").read_text())["resource"]
    protocols = {each["protocol_type"] for each in said["aws_apigatewayv2_api"].values()}
    assert protocols == {"HTTP", "WEBSOCKET"}
    assert len(said["aws_apigatewayv2_route_response"]) == 1
    policy = json.dumps(found["RoomsRole"]["Properties"]["Policies"])
    assert "execute-api:ManageConnections" in policy
