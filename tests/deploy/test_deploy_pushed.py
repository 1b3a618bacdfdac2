"""What pushes to functions, and what stands around them, deployed to an emulator: S3, SNS,
EventBridge, Scheduler, roles, log groups, destinations and secrets."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx
import pytest
from click.testing import CliRunner

from pelton.builders import load_app
from pelton.cli import command
from pelton.deploy.errors import CallFailed, CannotPlan
from pelton.deploy.kinds import KINDS
from pelton.deploy.kinds.bucket_notification import BucketNotification
from pelton.deploy.kinds.role import Role
from pelton.deploy.kinds.subscription import Subscription
from pelton.deploy.plan import Plan
from pelton.deploy.session import Session
from pelton.deploy.targets.aws import Account, Aws
from pelton.deploy.versions import verbs
from pelton.deploy.versions.aws import LambdaVersions
from pelton.deploy.versions.canary import Step
from pelton.deploy.where import LEAST, Where
from pelton.pytest_plugin import RunningEmulator

from .. import plain

APP = """
import boto3
import pelton

app = pelton.App("told")

def say(what: str) -> None:
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="out")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=what)

@app.function(
    timeout=20,
    triggers=[pelton.s3("inbox", prefix="in/"), pelton.sns("news", filter={"kind": ["new"]}),
              pelton.eventbridge(source="shop"), pelton.eventbridge(source="x", bus="own"),
              pelton.cron(schedule="0 6 * * *", timezone="Europe/Berlin")],
    environment={"KEY": pelton.secret("shop/key", field="a")},
    aws=pelton.Aws(log_days=7, on_failure="failures", dead_letter="letters", retries=0),
)
def hears(event: pelton.Event, context: pelton.Context) -> None:
    if event.trigger == "s3" and "bad" in event.key:
        raise ValueError("bad")
    say(f"{event.trigger} {context.secrets['KEY']}")
"""
TOPIC = "arn:aws:sns:us-east-1:000000000000:news"
Plans = Callable[..., Plan]


@pytest.fixture
def target(pelton_emulator: RunningEmulator) -> RunningEmulator:
    """An account that has what functions are told by."""
    client = pelton_emulator.client
    client("s3").create_bucket(Bucket="inbox")
    client("sns").create_topic(Name="news")
    client("events").create_event_bus(Name="own")
    client("sqs").create_queue(QueueName="out")
    client("secretsmanager").create_secret(Name="shop/key", SecretString='{"a": "sesame"}')
    return pelton_emulator


@pytest.fixture
def deploys(tmp_path: Path, target: RunningEmulator) -> Iterator[Plans]:
    """Plans what a source asks for, and applies that plan unless told otherwise."""
    known = set(sys.modules)

    def deploy(source: str = APP, last: Any = None, *, applied: bool = True) -> Plan:
        (tmp_path / "told_app.py").write_text(source)
        sys.modules.pop("told_app", None)
        app, root = load_app(str(tmp_path / "told_app.py"))
        where = Where(endpoint=target.url, role=LEAST)
        with Session(app, root, where, tmp_path / "out") as session:
            plan = session.plan()
            if applied:
                session.apply(plan)
        return plan

    yield deploy
    sys.path.remove(str(tmp_path))
    for name in set(sys.modules) - known:
        if name == "told_app":
            del sys.modules[name]


def heard(target: RunningEmulator, queue: str, count: int) -> list[str]:
    sqs = target.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    found: list[str] = []
    for _ in range(30):
        asked = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10)
        for each in asked.get("Messages", []):
            found.append(each["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        if len(found) >= count:
            break
    return sorted(found)


def left(plan: Plan) -> dict[str, Any]:
    """What a state remembers of a plan that was applied."""
    return {step.key: step.want.remembered() for step in plan.steps if step.want is not None}


def test_everything_that_pushes_arrives(deploys: Plans, target: RunningEmulator) -> None:
    first = deploys()
    assert not deploys(applied=False), "a second deploy has nothing to do"
    client = target.client
    client("s3").put_object(Bucket="inbox", Key="in/a", Body=b"x")
    client("s3").put_object(Bucket="inbox", Key="elsewhere", Body=b"x")
    attributes = {"kind": {"DataType": "String", "StringValue": "new"}}
    client("sns").publish(TopicArn=TOPIC, Message="m", MessageAttributes=attributes)
    client("sns").publish(TopicArn=TOPIC, Message="m")
    told = {"DetailType": "t", "Detail": "{}"}
    client("events").put_events(
        Entries=[{**told, "Source": "shop"}, {**told, "Source": "x", "EventBusName": "own"}]
    )
    schedule = client("scheduler").get_schedule(Name="hears.at0")
    assert schedule["ScheduleExpressionTimezone"] == "Europe/Berlin"
    tick = schedule["Target"]["Input"]
    client("lambda").invoke(FunctionName="hears", InvocationType="Event", Payload=tick)
    assert heard(target, "out", 5) == [
        f"{each} sesame" for each in ("cron", "eventbridge", "eventbridge", "s3", "sns")
    ]
    client("s3").put_object(Bucket="inbox", Key="in/bad", Body=b"x")
    (letter,) = heard(target, "letters", 1)
    assert json.loads(letter)["Records"][0]["s3"]["object"]["key"] == "in/bad"
    (failure,) = heard(target, "failures", 1)
    assert json.loads(failure)["requestContext"]["condition"] == "RetriesExhausted"
    assert "sesame" not in json.dumps(first.document()), "a secret's value is in no plan"
    _takes_away(deploys, target, first)


def _takes_away(deploys: Plans, target: RunningEmulator, first: Plan) -> None:
    """What the app names no more goes, and others' entries stay."""
    client = target.client
    s3 = client("s3")
    queue = client("sqs").create_queue(QueueName="others")["QueueUrl"]
    told = s3.get_bucket_notification_configuration(Bucket="inbox")
    arn = "arn:aws:sqs:us-east-1:000000000000:others"
    mine = {"Id": "others", "QueueArn": arn, "Events": ["s3:ObjectRemoved:*"]}
    ours = told["LambdaFunctionConfigurations"]
    document = {"QueueConfigurations": [mine], "LambdaFunctionConfigurations": ours}
    s3.put_bucket_notification_configuration(Bucket="inbox", NotificationConfiguration=document)
    changed = APP.replace('prefix="in/"', 'prefix="new/"').replace('["new"]', '["old"]')
    second = deploys(changed, left(first))
    said = {
        (step.resource.kind, each.old, each.new)
        for step in second.steps
        for each in step.changes
        if step.resource.kind in ("bucket_notification", "subscription")
    }
    assert said == {
        ("bucket_notification", "ObjectCreated:* of in/*", "ObjectCreated:* of new/*"),
        (
            "subscription",
            'messages that fit {"kind": ["new"]}',
            'messages that fit {"kind": ["old"]}',
        ),
    }
    told = s3.get_bucket_notification_configuration(Bucket="inbox")
    assert [each["Id"] for each in told["QueueConfigurations"]] == ["others"]
    bare = APP[: APP.index("    triggers")] + ")\ndef hears(n: int) -> None: ...\n"
    third = deploys(bare, left(first))
    gone = {step.resource.kind for step in third.steps if step.action == "delete"}
    assert gone >= {"bucket_notification", "subscription", "event_rule", "schedule", "permission"}
    told = s3.get_bucket_notification_configuration(Bucket="inbox")
    assert "LambdaFunctionConfigurations" not in told
    assert [each["Id"] for each in told["QueueConfigurations"]] == ["others"]
    assert client("sns").list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"] == []
    assert client("scheduler").list_schedules()["Schedules"] == []
    assert client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/hears")["logGroups"]
    client("sqs").delete_queue(QueueUrl=queue)


VERSIONED = """
import boto3
import pelton

app = pelton.App("told")

@app.function(
    versions=3, timeout=20,
    triggers=[pelton.s3("inbox"), pelton.sns("news"), pelton.eventbridge(source="shop"),
              pelton.cron(schedule="0 6 * * *", timezone="UTC"), pelton.http("GET", "/hi")],
    aws=pelton.Aws(http="api", retries=0, on_failure="failures"),
)
def hears(event: pelton.Event) -> str:
    if event.trigger != "http":
        sqs = boto3.client("sqs")
        url = sqs.get_queue_url(QueueName="out")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=f"NUMBER {event.trigger}")
    return "NUMBER"
"""
OTHERS = ("eventbridge", "s3", "sns")


def test_what_pushes_calls_the_version_that_is_live(
    deploys: Plans, target: RunningEmulator, tmp_path: Path
) -> None:
    """From a function without versions, over a deploy, a canary and a rollback."""
    first = deploys(VERSIONED.replace("versions=3, ", "").replace("NUMBER", "zero"))
    one = VERSIONED.replace("NUMBER", "one")
    moved = deploys(one, left(first))
    said = {(e.old, e.new) for s in moved.steps for e in s.changes if e.what.endswith(" calls")}
    assert said == {("hears", "hears:live")}
    gone = sorted(each.key for each in moved.steps if each.action == "delete")
    assert len(gone) == 4 and gone[0] == "event_config:hears", gone
    assert not deploys(one, applied=False)
    wired = _wires(target)
    assert {each for _, each in wired} == {"live"}, wired
    deploys(VERSIONED.replace("NUMBER", "two"))
    assert _wires(target) == wired
    assert _push(target) == [f"two {each}" for each in OTHERS]
    versions = LambdaVersions(Aws(Account(target.url, "us-east-1", "test", "test")))
    verbs.roll_back(versions, "hears", now=0.0, by="ana")
    assert _push(target) == [f"one {each}" for each in OTHERS]
    verbs.start(versions, "hears", [Step(0.5)], [], now=1.0, by="ana")
    verbs.promote(versions, "hears", {}, now=2.0, by="ana", force=True)
    (api,) = target.client("apigatewayv2").get_apis()["Items"]
    headers = {"host": urlsplit(api["ApiEndpoint"]).netloc}
    assert plain.get(f"{target.url}/hi", headers=headers, trust_env=False).text == "two"
    assert _wires(target) == wired
    lost, rebuilt = _rebuilt(target, tmp_path)
    assert rebuilt == lost, "a state that is lost is made again from all of this"
    back = deploys(VERSIONED.replace("versions=3, ", "").replace("NUMBER", "three"), left(moved))
    assert {each for _, each in _wires(target)} == {"hears"}
    assert "a message that is published at that moment may come twice" in {
        each.follows for each in back.steps
    }


@pytest.mark.slow
def test_a_lost_state_is_made_again_from_what_is_there(
    deploys: Plans, target: RunningEmulator, tmp_path: Path
) -> None:
    deploys(VERSIONED.replace("retries=0", "retries=0, log_days=7, provisioned=1"))
    lost, rebuilt = _rebuilt(target, tmp_path)
    assert {each.partition(":")[0] for each in lost} >= {
        "api_route", "bucket_notification", "event_config", "event_rule", "log_group",
        "provisioned_concurrency", "release", "schedule", "subscription",
    }  # fmt: skip
    assert rebuilt == lost
    app, root = load_app(str(tmp_path / "told_app.py"))
    where = Where(endpoint=target.url, role=LEAST)
    with Session(app, root, where, tmp_path / "out") as session:
        assert not session.plan()
    (file,) = (tmp_path / ".pelton" / "state").rglob("told.json")
    file.unlink()
    with Session(app, root, where, tmp_path / "out") as session:
        session.apply(session.plan(destroy=True))
    client = target.client
    assert client("sns").list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"] == []
    assert client("scheduler").list_schedules()["Schedules"] == []
    assert client("apigatewayv2").get_apis()["Items"] == []
    assert client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/h")["logGroups"] == []
    told = client("s3").get_bucket_notification_configuration(Bucket="inbox")
    assert "LambdaFunctionConfigurations" not in told


def _rebuilt(target: RunningEmulator, folder: Path) -> tuple[set[str], set[str]]:
    """The keys of the state of the last deploy, which is lost, and of the one made again."""
    (file,) = (folder / ".pelton" / "state").rglob("told.json")
    lost = set(json.loads(file.read_text())["resources"])
    file.unlink()
    app, root = load_app(str(folder / "told_app.py"))
    with Session(app, root, Where(endpoint=target.url, role=LEAST), folder / "out") as session:
        return lost, set(session.rebuild().resources)


def test_the_state_of_an_environment_is_its_own(target: RunningEmulator, tmp_path: Path) -> None:
    (tmp_path / "told_env.py").write_text(API)
    (tmp_path / "pelton.toml").write_text('[env.dev]\nprefix = "dev-"\n')
    words = [str(tmp_path / "told_env.py"), "--endpoint", target.url, "--env", "dev", "--json"]
    for verb in ("rebuild", "show"):
        done = CliRunner().invoke(command, ["state", verb, *words])
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout)
        assert told["where"].endswith("state/local-dev/dev-told.json")
    sys.modules.pop("told_env", None)


def _push(target: RunningEmulator) -> list[str]:
    client = target.client
    client("s3").put_object(Bucket="inbox", Key="a", Body=b"x")
    client("sns").publish(TopicArn=TOPIC, Message="m")
    client("events").put_events(Entries=[{"Source": "shop", "DetailType": "t", "Detail": "{}"}])
    return heard(target, "out", len(OTHERS))


def _wires(target: RunningEmulator) -> list[tuple[str, str]]:
    """Everything that calls the function, and what of it, by their own ids."""
    client = target.client
    told = client("s3").get_bucket_notification_configuration(Bucket="inbox")
    found = [(e["Id"], e["LambdaFunctionArn"]) for e in told["LambdaFunctionConfigurations"]]
    of_topic = client("sns").list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    found += [(each["SubscriptionArn"], each["Endpoint"]) for each in of_topic]
    rules = client("events").list_targets_by_rule(Rule="hears.on0")["Targets"]
    found += [(each["Id"], each["Arn"]) for each in rules]
    found += [("at", client("scheduler").get_schedule(Name="hears.at0")["Target"]["Arn"])]
    gateway = client("apigatewayv2")
    (api,) = gateway.get_apis()["Items"]
    of_api = gateway.get_integrations(ApiId=api["ApiId"])["Items"]
    found += [(each["IntegrationId"], each["IntegrationUri"]) for each in of_api]
    return [(name, arn.rpartition(":")[2]) for name, arn in found]


def test_a_function_enters_a_network_and_leaves_it(deploys: Plans, target: RunningEmulator) -> None:
    ec2, client = target.client("ec2"), target.client("lambda")
    subnets = sorted(each["SubnetId"] for each in ec2.describe_subnets()["Subnets"])[:2]
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    source = (
        "import pelton\napp = pelton.App('told')\n"
        f"@app.function(aws=pelton.Aws(vpc=pelton.Vpc({subnets}, ['{group}'])))\n"
        "def f(n: int) -> int:\n    return n\n"
    )
    first = deploys(source)
    (step,) = [each for each in first.steps if each.key == "function:f"]
    assert "NAT gateway" in step.follows and "takes a minute or two" in step.follows
    role = next(each for each in first.steps if each.resource.kind == "role")
    assert "ec2:CreateNetworkInterface" in {each.what for each in role.changes}
    told = client.get_function_configuration(FunctionName="f")["VpcConfig"]
    assert (told["SubnetIds"], told["SecurityGroupIds"]) == (subnets, [group])
    assert not deploys(source, applied=False)
    other = {"SubnetIds": subnets[:1], "SecurityGroupIds": [group]}
    client.update_function_configuration(FunctionName="f", VpcConfig=other)
    (step,) = deploys(source).steps
    assert [(each.what, each.old, each.new) for each in step.changes] == [
        ("subnets", (subnets[0],), tuple(subnets))
    ]
    assert step.drift == "somebody else changed it"
    out = deploys(source.replace(f"aws=pelton.Aws(vpc=pelton.Vpc({subnets}, ['{group}']))", ""))
    (step,) = [each for each in out.steps if each.key == "function:f"]
    assert "stay for up to 20 minutes" in step.follows
    assert client.get_function_configuration(FunctionName="f")["VpcConfig"]["SubnetIds"] == []
    with pytest.raises(CallFailed, match="subnet-0nowhere"):
        deploys(source.replace(subnets[0], "subnet-0nowhere"))


def test_a_roles_policy_follows_the_code_line_by_line(
    deploys: Plans, target: RunningEmulator
) -> None:
    app = "import boto3\nimport pelton\napp = pelton.App('told')\n@app.function\n"
    first = deploys(f"{app}def f(n: int) -> None:\n    boto3.client('sqs').list_queues()\n")
    role = next(each for each in first.steps if each.resource.kind == "role")
    assert ("sqs:ListQueues", None, "*", "told_app.py:6") in {
        (each.what, each.old, each.new, each.cause) for each in role.changes
    }
    given = target.client("lambda").get_function_configuration(FunctionName="f")["Role"]
    assert given == "arn:aws:iam::000000000000:role/pelton-told-f"
    second = deploys(
        f"{app}def f(n: int) -> None:\n    boto3.client('sns').list_topics()\n", applied=False
    )
    role = next(each for each in second.steps if each.resource.kind == "role")
    assert [(e.what, e.old, e.new) for e in role.changes] == [
        ("sns:ListTopics", None, "*"),
        ("sqs:ListQueues", "*", None),
    ]


def test_a_role_of_others_is_not_touched(deploys: Plans, target: RunningEmulator) -> None:
    iam = target.client("iam")
    iam.create_role(RoleName="pelton-told-f", AssumeRolePolicyDocument="{}")
    source = "import pelton\napp = pelton.App('told')\n@app.function\ndef f(n: int) -> None: ...\n"
    with pytest.raises(CannotPlan, match="role 'pelton-told-f' is there already and was not made"):
        deploys(source)
    assert iam.list_role_policies(RoleName="pelton-told-f")["PolicyNames"] == []


def test_each_kind_may_be_done_twice(tmp_path: Path, target: RunningEmulator) -> None:
    """Created twice, updated twice, deleted twice: as once.  And read as it was wanted."""
    (tmp_path / "told_twice.py").write_text(APP)
    app, root = load_app(str(tmp_path / "told_twice.py"))
    where = Where(endpoint=target.url, role=LEAST)
    with Session(app, root, where, tmp_path / "out") as session:
        wanted = list(session.wants())
        ours = [
            each
            for kind in KINDS
            for each in wanted
            if each.kind == kind and each.kind not in ("permission", "archive", "bucket")
        ]
        to = session.target
        permissions = [each for each in wanted if each.kind == "permission"]
        order = [*ours[: _after_function(ours)], *permissions, *ours[_after_function(ours) :]]
        for each in (*order, *order):
            each.create(to)
        for each in ours:
            have = type(each).read(to, each.name)
            assert have is not None, each.key
            assert list(each.changes(have)) == [], each.key
            each.update(to, have)
            assert list(each.changes(type(each).read(to, each.name))) == [], each.key
        for each in (*reversed(order), *reversed(order)):
            each.delete(to)
        assert [each.key for each in ours if type(each).read(to, each.name)] == []
    sys.path.remove(str(tmp_path))


def _after_function(resources: list[Any]) -> int:
    return next(n for n, each in enumerate(resources, 1) if each.kind == "function")


API = """
import pelton
app = pelton.App("told")

@app.function(triggers=[pelton.http("GET", "/a/{id}")], aws=pelton.Aws(http="api"))
def a(event: pelton.Event) -> dict[str, object]:
    return {"path": event.path, **event.parameters}

@app.function(triggers=[pelton.http("ANY", "/b/{rest+}")], aws=pelton.Aws(http="api"))
def b(event: pelton.Event) -> str:
    return event.path
"""


def test_an_app_behind_one_http_api(deploys: Plans, target: RunningEmulator) -> None:
    first = deploys(API)
    assert not deploys(API, applied=False)
    (api,) = target.client("apigatewayv2").get_apis()["Items"]
    address = urlsplit(api["ApiEndpoint"]).netloc

    def ask(method: str, path: str) -> httpx.Response:
        headers = {"host": address}
        return plain.request(method, f"{target.url}{path}", headers=headers, trust_env=False)

    assert ask("GET", "/a/7").json() == {"path": "/a/7", "id": "7"}
    assert ask("PUT", "/b/x/y").text == "/b/x/y"
    assert ask("POST", "/a/7").status_code == 404
    other = API.replace('"ANY", "/b/{rest+}"', '"GET", "/c"')
    second = deploys(other, left(first))
    assert {(step.action, step.resource.name) for step in second.steps if "api" in step.key} == {
        ("create", "told/GET /c"),
        ("delete", "told/ANY /b/{rest+}"),
    }
    gateway = target.client("apigatewayv2")
    assert len(gateway.get_integrations(ApiId=api["ApiId"])["Items"]) == 2
    deploys(other[: other.index('@app.function(triggers=[pelton.http("GET", "/c")')], left(second))
    deploys(other, left(second))
    assert ask("GET", "/c").text == "/c"
    assert ask("PUT", "/b/x/y").status_code == 404


def test_what_is_not_there_is_named_with_how_to_make_it(
    deploys: Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (
        "import pelton\napp = pelton.App('told')\n"
        "@app.function(triggers=[pelton.s3('none'), pelton.sns('nothing')])\n"
        "def f(event: pelton.Event) -> None: ...\n"
    )
    with pytest.raises(CannotPlan) as caught:
        deploys(source)
    said, _, python = str(caught.value).partition("for example in Python:\n")
    assert "bucket 'none' (function 'f')" in said
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
    exec(dedent(python), {"boto3": boto3})  # as it stands there, by who has set up nothing
    deploys(source)


def test_a_zone_that_is_none(deploys: Plans) -> None:
    source = APP.replace("Europe/Berlin", "Europe/Berlim")
    with pytest.raises(CannotPlan, match="timezone='Europe/Berlim' is no time zone"):
        deploys(source)


def test_names_in_words() -> None:
    assert Role(name="r").words == "role 'r'"
    assert replace(Subscription(name=f"f/{TOPIC}"), filter="").topic == TOPIC
    assert BucketNotification(name="f/b", entries=(("A:*", "p/", ".s"),))._words == "A:* of p/*.s"


class Killed(BaseException):
    """The process ends here."""


CHANGES = ("Create", "Put", "Add", "Subscribe", "Set", "Update", "Tag", "Publish", "Remove",
           "Unsubscribe", "Delete")  # fmt: skip
SERVICES = "iam sqs logs lambda s3 sns events scheduler apigatewayv2".split()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("before", ["", VERSIONED.replace("versions=3, ", "")])
def test_killed_at_each_call_and_run_again(
    tmp_path: Path, target: RunningEmulator, before: str
) -> None:
    """The same end state, wherever the deploy before was cut off: of what is new, and of triggers
    that go from a function over to its alias."""
    (tmp_path / "told_before.py").write_text(before or APP)
    after = VERSIONED.replace("retries=0", "retries=0, provisioned=1")
    (tmp_path / "told_killed.py").write_text(after if before else APP)
    app, root = load_app(str(tmp_path / "told_killed.py"))
    was, _ = load_app(str(tmp_path / "told_before.py"))
    where, cut, done = Where(endpoint=target.url, role=LEAST), 0, False
    while not done:
        if before:
            with Session(was, root, where, tmp_path / "out") as session:
                session.apply(session.plan())
        with Session(app, root, where, tmp_path / "out") as session:
            done = _cut_off(session, cut)
        with Session(app, root, where, tmp_path / "out") as again:
            again.apply(again.plan())
        with Session(app, root, where, tmp_path / "out") as again:
            assert not again.plan(), cut
        if before:
            assert {each for _, each in _wires(target)} == {"live"}, cut
        with Session(app, root, where, tmp_path / "out") as last:
            last.apply(last.plan(destroy=True))
        cut += 1
    sys.path.remove(str(tmp_path))
    assert cut > 15


def _cut_off(session: Session, cut: int) -> bool:
    """Apply up to this call; whether that was all."""
    left_to_go, plan = [cut], session.plan()

    def count(model: Any, **more: Any) -> None:
        if model.name.startswith(CHANGES) and model.name != "CreateApi":
            left_to_go[0] -= 1
            if left_to_go[0] < 0:
                raise Killed(model.name)

    for service in SERVICES:
        session.aws.client(service).meta.events.register("before-call", count)
    try:
        session.apply(plan)
        return True
    except (Killed, Exception) as error:
        assert isinstance(error, Killed), error
        return False
