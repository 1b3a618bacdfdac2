"""`pelton export`: each format held against the checker, or the service, of those who read it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
import yaml
from click.testing import CliRunner

from pelton.cli import command
from pelton.deploy.exports import FORMATS, Asked, format_of
from pelton.deploy.kinds.bucket import Bucket
from pelton.deploy.kinds.queue import Queue
from pelton.pytest_plugin import RunningEmulator

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
    triggers=[pelton.sqs("departures", batch=5), pelton.kinesis("clicks", dead_letter="dead")],
    concurrency=2, memory=256,
)
def count(n: int) -> None:
    boto3.client("s3").get_object(Bucket="models", Key="a.onnx")

def double(n: int) -> int:
    return n * 2

def save(n: int) -> None: ...

pipe = pelton.Graph("pipe", int) >> double >> pelton.steps.queue("work") >> save
app.serve(pipe, triggers=[pelton.http("POST", "/pipe")])
"""
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


def test_amazon_s_own_linter_finds_nothing(shop: Path) -> None:
    files = [str(shop / each) for each in ("sam/template.yaml", "cloudformation/template.json")]
    done = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), *files],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")


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


def test_roles_allow_what_the_code_needs_and_no_more(shop: Path) -> None:
    (policy,) = template(shop)["CountRole"]["Properties"]["Policies"]
    statements = policy["PolicyDocument"]["Statement"]
    actions = {each for statement in statements for each in statement["Action"]}
    assert {"s3:GetObject", "kinesis:GetRecords", "sqs:DeleteMessage"} <= actions
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
    assert not [each for each in found.values() if each["Type"] == "AWS::IAM::Role"]


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
    client = httpx.Client(base_url=f"{pelton_emulator.nuclio_url}/api", trust_env=False, timeout=60)
    with client:
        waits = {"x-nuclio-wait-function-action": "true"}
        made = client.post("/functions", json=document, headers=waits)
        assert made.status_code == 202, made.text
        called = {"x-nuclio-function-name": "double", "x-nuclio-path": "/double"}
        answer = client.post("/function_invocations", json=21, headers=called)
    assert (answer.status_code, answer.json()) == (200, 42)


def test_what_a_platform_lacks_is_refused(shop: Path, tmp_path: Path) -> None:
    file = str(shop / "export_shop.py")
    done = CliRunner().invoke(command, ["export", "nuctl", file, "--out", str(tmp_path)])
    assert done.exit_code == 1
    assert "function 'count' has the trigger sqs, which nuclio does not have" in done.output


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
    services = ("lambda", "iam", "sqs", "kinesis", "events", "sts")
    document["provider"] = {
        "aws": {
            "region": "us-east-1", "access_key": "test", "secret_key": "test",
            "skip_credentials_validation": True, "skip_metadata_api_check": True,
            "endpoints": [dict.fromkeys(services, pelton_emulator.url)],
        }
    }  # fmt: skip
    (tmp_path / "main.tf.json").write_text(json.dumps(document))
    settings = {
        "endpoint_url": pelton_emulator.url, "region_name": "us-east-1",
        "aws_access_key_id": "test", "aws_secret_access_key": "test",
    }  # fmt: skip
    boto3.client("sqs", **settings).create_queue(QueueName="departures")
    terraform(tmp_path, "init", f"-plugin-dir={PLUGINS}")
    terraform(tmp_path, "validate")
    terraform(tmp_path, "apply", "-auto-approve")
    answer = boto3.client("lambda", **settings).invoke(FunctionName="order", Payload=b"21")
    assert json.load(answer["Payload"]) == 42


def terraform(folder: Path, verb: str, *words: str) -> None:
    more = () if verb == "validate" else ("-input=false",)
    done = subprocess.run(
        ["terraform", verb, "-no-color", *more, *words],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
