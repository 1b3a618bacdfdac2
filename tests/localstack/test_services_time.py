"""The embedded services by the manual clock: visibility, delays, rules, schedules, expiries."""

import asyncio
import base64
import datetime as dt
import importlib
import inspect
import itertools
import json
import time
import urllib.request
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pelton.localstack import services_time, services_zones
from pelton.localstack.manual_clock import ManualClock
from pelton.pytest_plugin import RunningEmulator

from .support import PLAIN_AWS, make_function, with_plain_aws

DAY = 86_400
# Says what it was called for, and when, in a queue; fails when it is told to.
SOURCE = """
import os
from plain_aws import call

def tell(what):
    call("sqs", "AmazonSQS.SendMessage", QueueUrl=os.environ["SEEN"], MessageBody=what)

def handler(event, context):
    if "Records" in event:
        tell("message " + event["Records"][0]["body"])
        raise ValueError("not yet")
    if event.get("source") == "aws.events":
        return tell("rule")
    tell("event " + event["name"])
    raise ValueError("never")
"""


def create(emulator: RunningEmulator, name: str, seen: str) -> None:
    make_function(
        emulator.client("lambda"),
        with_plain_aws(SOURCE),
        name,
        Timeout=20,
        Environment={"Variables": {"SEEN": seen}},
    )


def drained(sqs: Any, url: str) -> list[tuple[float, str]]:
    """(when it was sent, body) of every message of a queue, in the order of sending."""
    found: list[tuple[float, str]] = []
    while messages := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["SentTimestamp"]
    ).get("Messages"):
        for each in messages:
            found.append((int(each["Attributes"]["SentTimestamp"]) / 1000, each["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return found


def a_day(emulator: RunningEmulator) -> list[tuple[int, str]]:
    """Everything that happens in a day: (seconds since its beginning, what)."""
    emulator.reset()
    emulator.advance(DAY - emulator.time() % DAY)  # to a whole day, as rules count minutes
    sqs, events = emulator.client("sqs"), emulator.client("events")
    seen = sqs.create_queue(QueueName="seen")["QueueUrl"]
    create(emulator, "f", seen)
    sqs.create_queue(QueueName="dead")
    work = sqs.create_queue(
        QueueName="work",
        Attributes={
            "VisibilityTimeout": "40",
            "RedrivePolicy": json.dumps(
                {
                    "deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead",
                    "maxReceiveCount": "3",
                }
            ),
        },
    )["QueueUrl"]
    functions = emulator.client("lambda")
    functions.create_event_source_mapping(
        EventSourceArn="arn:aws:sqs:us-east-1:000000000000:work", FunctionName="f", BatchSize=1
    )
    events.put_rule(Name="hourly", ScheduleExpression="rate(6 hours)")
    arn = "arn:aws:lambda:us-east-1:000000000000:function:f"
    events.put_targets(Rule="hourly", Targets=[{"Id": "f", "Arn": arn}])
    began = emulator.time()
    for name in ("a", "b"):
        event = json.dumps({"name": name})
        functions.invoke(FunctionName="f", InvocationType="Event", Payload=event)
    emulator.advance(0)
    sqs.send_message(QueueUrl=work, MessageBody="now")
    sqs.send_message(QueueUrl=work, MessageBody="late", DelaySeconds=900)
    emulator.advance(DAY)
    return [(round(when - began), what) for when, what in drained(sqs, seen)]


@pytest.mark.fidelity(
    "Clock",
    "a day of retries, rules and SQS redelivery passes at once, in the same order every time",
    different="AWS has no such clock; `--clock manual`",
)
def test_a_day_passes_in_the_same_order_every_time(
    pelton_manual_emulator: RunningEmulator,
) -> None:
    first = a_day(pelton_manual_emulator)
    assert first == [
        (0, "event a"), (0, "event b"), (0, "message now"), (40, "message now"),
        (60, "event a"), (60, "event b"), (80, "message now"),
        (180, "event a"), (180, "event b"),
        (900, "message late"), (940, "message late"), (980, "message late"),
        (21600, "rule"), (43200, "rule"), (64800, "rule"), (86400, "rule"),
    ]  # fmt: skip
    assert a_day(pelton_manual_emulator) == first


@pytest.mark.fidelity("Clock", "visibility timeouts and delays of queues go by the manual clock")
def test_visibility_and_delay(pelton_manual_emulator: RunningEmulator) -> None:
    sqs = pelton_manual_emulator.client("sqs")
    url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="m", DelaySeconds=60)

    def bodies(**more: Any) -> list[str]:
        answer = sqs.receive_message(QueueUrl=url, **more)
        return [each["Body"] for each in answer.get("Messages", [])]

    assert bodies(WaitTimeSeconds=20) == []  # a long poll answers at once
    pelton_manual_emulator.advance(59)
    assert bodies() == []
    pelton_manual_emulator.advance(1)
    assert bodies(WaitTimeSeconds=20) == ["m"]
    pelton_manual_emulator.advance(599)
    assert bodies() == []
    pelton_manual_emulator.advance(1)
    assert bodies() == ["m"]


@pytest.mark.fidelity("Clock", "batching windows go by the manual clock")
def test_a_batching_window(pelton_manual_emulator: RunningEmulator) -> None:
    emulator = pelton_manual_emulator
    sqs, functions = emulator.client("sqs"), emulator.client("lambda")
    seen = sqs.create_queue(QueueName="seen")["QueueUrl"]
    work = sqs.create_queue(QueueName="work", Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    create(emulator, "f", seen)
    functions.create_event_source_mapping(
        EventSourceArn="arn:aws:sqs:us-east-1:000000000000:work",
        FunctionName="f",
        BatchSize=10,
        MaximumBatchingWindowInSeconds=60,
    )
    emulator.advance(0)
    began = emulator.time()
    sqs.send_message(QueueUrl=work, MessageBody="first")
    emulator.advance(59)
    assert drained(sqs, seen) == []
    sqs.send_message(QueueUrl=work, MessageBody="second")
    emulator.advance(60)
    ((when, body),) = drained(sqs, seen)  # one call for both, told by the first record
    assert (round(when - began), body) == (60, "message first")


@pytest.mark.fidelity("Clock", "Nuclio's cron triggers go by the manual clock")
def test_a_cron_trigger_of_nuclio(pelton_manual_emulator: RunningEmulator) -> None:
    emulator = pelton_manual_emulator
    sqs = emulator.client("sqs")
    seen = sqs.create_queue(QueueName="seen")["QueueUrl"]
    tell = SOURCE.partition("import call")[2].partition("def handler")[0]
    source = f"{PLAIN_AWS}{tell}def handler(context, event):\n    tell('tick')\n"
    spec = {
        "handler": "main:handler",
        "runtime": "python",
        "env": [{"name": "SEEN", "value": seen}],
        "build": {"functionSourceCode": base64.b64encode(source.encode()).decode()},
        "triggers": {"c": {"kind": "cron", "attributes": {"schedule": "0 */6 * * *"}}},
    }
    request = urllib.request.Request(
        f"{emulator.nuclio_url}/api/functions",
        json.dumps({"metadata": {"name": "n"}, "spec": spec}).encode(),
        {"Content-Type": "application/json", "x-nuclio-wait-function-action": "true"},
    )
    with urllib.request.urlopen(request, timeout=60):
        pass
    emulator.advance(DAY - emulator.time() % DAY + 1)
    drained(sqs, seen)
    began = emulator.time() - 1
    emulator.advance(DAY)
    assert [(round(when - began), body) for when, body in drained(sqs, seen)] == [
        (hours * 3600, "tick") for hours in (6, 12, 18, 24)
    ]


@pytest.mark.fidelity("Clock", "EventBridge Scheduler's schedules go by the manual clock")
def test_schedules(pelton_manual_emulator: RunningEmulator) -> None:
    emulator = pelton_manual_emulator
    emulator.advance(DAY - emulator.time() % DAY)
    sqs, scheduler = emulator.client("sqs"), emulator.client("scheduler")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(emulator.time() + 7200))
    kathmandu = "Asia/Kathmandu"  # a quarter to six hours ahead, the whole year
    for name, when, zone in (
        ("once", f"at({at})", "UTC"),
        ("daily", "cron(30 4 * * ? *)", "UTC"),
        ("there", "cron(30 4 * * ? *)", kathmandu),
    ):
        scheduler.create_schedule(
            Name=name,
            ScheduleExpression=when,
            ScheduleExpressionTimezone=zone,
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={
                "Arn": "arn:aws:sqs:us-east-1:000000000000:q",
                "RoleArn": "arn:aws:iam::000000000000:role/r",
                "Input": json.dumps({"name": name}),
            },
        )
    began = emulator.time()
    emulator.advance(2 * DAY)
    told = [(round(when - began), json.loads(body)["name"]) for when, body in drained(sqs, url)]
    assert told == [
        (7200, "once"),
        (16200, "daily"),
        (16200 + DAY - 20700, "there"),
        (16200 + DAY, "daily"),
        (16200 + 2 * DAY - 20700, "there"),
    ]


@pytest.mark.fidelity("Scheduler", "schedules by a time zone's clock, over both changes of it")
def test_schedules_in_a_time_zone() -> None:
    """Through a year: in spring there is no 02:30, in autumn there are two."""
    services_time.install()
    events, scheduler = (
        importlib.import_module(f"ministack.services.{name}")
        for name in ("eventbridge", "scheduler")
    )
    made = [
        {"ScheduleExpression": said, "ScheduleExpressionTimezone": "Europe/Berlin"}
        for said in ("cron(30 2 ? * SUN *)", "at(2026-06-01T12:00:00)")
    ]
    services_zones.mark(SimpleNamespace(_data=dict(enumerate(made))))
    nightly, once = (each["ScheduleExpression"] for each in made)
    noon = dt.datetime(2026, 6, 1, 10, tzinfo=dt.UTC)
    assert scheduler._at_time_epoch(once) == noon.timestamp()
    fields, when = events._parse_cron_fields(nightly), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    nights = []
    while when.year == 2026:
        when = events._cron_next_fire(fields, when)
        nights.append(when.astimezone(ZoneInfo("Europe/Berlin")))
    assert {(each.hour, each.minute, each.fold) for each in nights} == {(2, 30, 0)}
    weeks = [(later.date() - one.date()).days for one, later in itertools.pairwise(nights)]
    assert sorted(set(weeks)) == [7, 14]  # the Sunday in spring is left out, and that alone
    assert weeks.count(14) == 1


@pytest.mark.fidelity("Clock", "items of DynamoDB expire by the manual clock")
def test_items_expire(pelton_manual_emulator: RunningEmulator) -> None:
    dynamodb = pelton_manual_emulator.client("dynamodb")
    dynamodb.create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.update_time_to_live(
        TableName="table", TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"}
    )
    until = str(int(pelton_manual_emulator.time()) + 3600)
    dynamodb.put_item(TableName="table", Item={"id": {"S": "x"}, "until": {"N": until}})
    pelton_manual_emulator.advance(3000)
    assert dynamodb.scan(TableName="table")["Count"] == 1
    pelton_manual_emulator.advance(3000)
    assert dynamodb.scan(TableName="table")["Count"] == 0


@pytest.mark.fidelity("Clock", "times told by services and in log lines are the manual clock's")
def test_times_are_told(pelton_manual_emulator: RunningEmulator) -> None:
    emulator = pelton_manual_emulator
    emulator.advance(3 * DAY)
    seen = emulator.client("sqs").create_queue(QueueName="seen")["QueueUrl"]
    create(emulator, "f", seen)
    now = emulator.time()
    functions, logs = emulator.client("lambda"), emulator.client("logs")
    functions.invoke(FunctionName="f", Payload=b'{"name": "n"}')
    year = time.gmtime(now).tm_year
    assert functions.get_function_configuration(FunctionName="f")["LastModified"].startswith(
        str(year)
    )
    (stream,) = logs.describe_log_streams(logGroupName="/aws/lambda/f")["logStreams"]
    assert stream["logStreamName"].startswith(f"{year}/")
    events = logs.filter_log_events(logGroupName="/aws/lambda/f")["events"]
    assert abs(events[0]["timestamp"] / 1000 - now) < 5
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="bucket")
    (bucket,) = s3.list_buckets()["Buckets"]
    assert abs(bucket["CreationDate"].timestamp() - now) < 5


def test_every_name_of_the_seam_is_there() -> None:
    """What `services_time` and `services_moments` use of ministack from within."""
    services_time.install()
    for name in services_time._DELIVERING:
        module = importlib.import_module(name)
        assert hasattr(module, "threading") or hasattr(module, "_threading"), name
    sqs, events, scheduler, dynamodb = (
        importlib.import_module(f"ministack.services.{name}")
        for name in ("sqs", "eventbridge", "scheduler", "dynamodb")
    )
    stores = (sqs._queues, events._rules, scheduler._schedules, dynamodb._ttl_settings)
    assert all(isinstance(each.all_items(), list) for each in stores)
    assert isinstance(events._rule_last_fired, dict)
    assert isinstance(scheduler._schedule_last_fired, dict)
    assert events._parse_rate_seconds("rate(2 minutes)") == 120
    fields = events._parse_cron_fields("cron(30 4 * * ? *)")
    noon = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
    assert events._cron_next_fire(fields, noon) == dt.datetime(2026, 1, 2, 4, 30, tzinfo=dt.UTC)
    assert scheduler._at_time_epoch("at(1970-01-01T00:01:00)") == 60
    assert scheduler._to_epoch("1970-01-01T00:01:00Z") == 60
    assert hasattr(scheduler._schedules, "_data")
    assert callable(scheduler._tick_schedules)
    said = "".join(inspect.getsource(each) for each in (events, scheduler, dynamodb))
    for thread in services_time.TICKING:
        assert f'name="{thread}"' in said


def test_the_last_emulator_of_a_process_says_the_time() -> None:
    first, second = ManualClock(start=1.0), ManualClock(start=2.0)
    told = services_time._TIME["time"]
    services_time.go_by(first)
    services_time.go_by(second)
    assert told() == 2.0
    services_time.leave(second)
    assert told() == 1.0
    services_time.leave(second)  # once more changes nothing
    services_time.leave(first)
    assert told() > 1e9


def test_a_thread_whose_clock_is_left_counts_no_more() -> None:
    async def main() -> list[str]:
        clock = ManualClock(start=0.0)
        clock.bind()
        services_time.go_by(clock)
        thread = services_time._Thread(target=services_time._sleep, args=(5.0,))
        thread.start()
        await clock.advance(1)
        assert thread.is_alive()
        services_time.leave(clock)
        await asyncio.to_thread(thread.join)
        await clock.advance(60)  # its time to wake comes, and it is gone
        return clock.under_way()

    assert asyncio.run(main()) == []
