"""A second opinion on the calls of a deploy: another one's AWS takes them, and the plan after is
empty.  It runs no function, so nothing is invoked."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pelton.builders import load_app
from pelton.deploy.plan import Plan
from pelton.deploy.saved import live_digests
from pelton.deploy.session import Session
from pelton.deploy.targets.aws import Account, Aws
from pelton.deploy.where import LEAST, Where

APP = """
import pelton
from pelton import steps

app = pelton.App("shop")

@app.function(memory=256, timeout=5, environment={"LEVEL": "INFO"}, concurrency=2,
              triggers=[pelton.http("POST", "/double"), pelton.cron(every="1h")])
def double(n: int) -> int:
    return 2 * n

@app.function(timeout=5, triggers=[pelton.kinesis("clicks", dead_letter="clicks-dead")])
def count(n: int) -> None:
    print(n)

def price(order: dict[str, int]) -> int:
    return 10 * order["size"]

def tell(cents: int) -> int:
    return cents

app.serve(pelton.Graph("orders") >> price >> steps.queue("priced") >> tell, timeout=5)
"""
TOLD = """
import pelton

app = pelton.App("told")

@app.function(
    triggers=[pelton.s3("inbox", prefix="in/"), pelton.sns("news", filter={"kind": ["new"]}),
              pelton.eventbridge(source="shop", bus="own"), pelton.cron(every="1h"),
              pelton.cron(schedule="0 6 * * *", timezone="Europe/Berlin"),
              pelton.http("GET", "/hi")],
    aws=pelton.Aws(http="api", retries=0, on_failure="failures", log_days=7,
                   vpc=pelton.Vpc(["SUBNET"], ["GROUP"])),
)
def hears(event: pelton.Event) -> None: ...
"""
CALLERS = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    from moto.server import ThreadedMotoServer  # a second, for who runs this alone

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_another_aws_takes_the_same_calls(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    (tmp_path / "moto_app.py").write_text(APP)
    app, root = load_app(str(tmp_path / "moto_app.py"))
    where = Where("aws", endpoint=url, region="us-east-1")

    def deployed(where: Where, **more: Any) -> Plan:
        with Session(app, root, where, tmp_path / "out") as session:
            plan = session.plan(**more)
            session.apply(plan)
            return plan

    with Session(app, root, where, tmp_path / "out") as session:
        policy = json.dumps({"Version": "2012-10-17", "Statement": [_may_be_assumed()]})
        made = session.aws.client("iam").create_role(
            RoleName="shop", AssumeRolePolicyDocument=policy
        )
    where = Where("aws", endpoint=url, region="us-east-1", role=made["Role"]["Arn"])
    first = deployed(where)
    assert {each.action for each in first.steps} == {"create"}
    (state,) = (tmp_path / ".pelton" / "state").rglob("*.json")
    unchanged = deployed(where)
    assert not unchanged, [each.document() for each in unchanged.steps]
    state.unlink()
    rebuilt = deployed(where)
    assert not rebuilt, "tags alone say what is ours"
    assert live_digests(rebuilt.live) == live_digests(unchanged.live)
    gone = deployed(where, destroy=True)
    assert {each.action for each in gone.steps} == {"delete"}
    assert not deployed(where, destroy=True)


@pytest.mark.slow
def test_another_aws_takes_what_calls_functions_and_what_is_around_them(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    where = Where("aws", endpoint=url, region="us-east-1", role=LEAST)
    client = Aws(Account(url, "us-east-1", "test", "test")).client
    client("s3").create_bucket(Bucket="inbox")
    client("sns").create_topic(Name="news")
    client("events").create_event_bus(Name="own")
    subnet = client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    group = client("ec2").describe_security_groups()["SecurityGroups"][0]["GroupId"]
    source = TOLD.replace("SUBNET", subnet).replace("GROUP", group)
    (tmp_path / "moto_told.py").write_text(source)
    app, root = load_app(str(tmp_path / "moto_told.py"))

    def deployed(**more: Any) -> Plan:
        with Session(app, root, where, tmp_path / "out") as session:
            plan = session.plan(**more)
            session.apply(plan)
            return plan

    first = deployed()
    assert {each.action for each in first.steps} == {"create"}
    unchanged = deployed()
    assert not unchanged, [each.document() for each in unchanged.steps]
    (state,) = (tmp_path / ".pelton" / "state").rglob("told.json")
    known = set(json.loads(state.read_text())["resources"])
    state.unlink()
    with Session(app, root, where, tmp_path / "out") as session:
        assert set(session.rebuild().resources) == known
    gone = deployed(destroy=True)
    assert {each.action for each in gone.steps} == {"delete"}
    assert not deployed(destroy=True)


def _may_be_assumed() -> dict[str, Any]:
    return {**CALLERS, "Action": "sts:AssumeRole"}
