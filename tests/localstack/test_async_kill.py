"""A kill of the emulator in each phase of an asynchronous event: nothing acknowledged is lost."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from .support import emulator_process, make_function, until

# Leaves an object for every attempt; hangs or fails in the first.
SOURCE = """
import boto3, time, uuid
s3 = boto3.client("s3")

def handler(event, context):
    name = event["name"] if "name" in event else "end-" + event["requestPayload"]["name"]
    s3.put_object(Bucket="seen", Key=f"{name}/{context.aws_request_id}/{uuid.uuid4()}")
    attempts = s3.list_objects_v2(Bucket="seen", Prefix=f"{name}/")["KeyCount"]
    if attempts == 1 and event.get("first") == "hang":
        time.sleep(100)
    if event.get("first") == "fail" and attempts == 1 or event.get("first") == "always":
        raise ValueError("no")
"""


def keys(client: Any, bucket: str, prefix: str = "") -> list[str]:
    listed = client.list_objects_v2(Bucket=bucket, Prefix=prefix)
    return [each["Key"] for each in listed.get("Contents", [])]


def create(functions: Any, name: str) -> None:
    make_function(functions, SOURCE, name, Timeout=120)


@pytest.mark.slow
@pytest.mark.fidelity(
    "Asynchronous events", "no event is lost over SIGKILL: running, waiting, or being told"
)
def test_no_event_is_lost_over_a_kill(tmp_path: Path) -> None:
    arn = "arn:aws:lambda:us-east-1:000000000000:function"
    options = ("--data-dir", str(tmp_path), "--retry-delay", "4")
    with emulator_process(*options) as (running, process):
        functions, s3 = running.client("lambda"), running.client("s3")
        for bucket in ("seen", "failures"):
            s3.create_bucket(Bucket=bucket)
        for name in ("f", "failing", "after"):
            create(functions, name)
        functions.put_function_event_invoke_config(
            FunctionName="f", DestinationConfig={"OnSuccess": {"Destination": f"{arn}:after"}}
        )
        functions.put_function_event_invoke_config(
            FunctionName="failing",
            MaximumRetryAttempts=0,
            DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::failures"}},
        )
        s3.delete_bucket(Bucket="failures")  # what is told now waits for it
        requests = {}
        for name, function, first in (
            ("running", "f", "hang"), ("waiting", "f", "fail"), ("told", "failing", "always"),
        ):  # fmt: skip
            answer = functions.invoke(
                FunctionName=function,
                InvocationType="Event",
                Payload=json.dumps({"name": name, "first": first}),
            )
            requests[name] = answer["ResponseMetadata"]["RequestId"]
        for name in requests:
            until(partial(keys, s3, "seen", f"{name}/"))
        process.kill()
    with emulator_process(*options) as (running, _):
        s3 = running.client("s3")
        s3.create_bucket(Bucket="failures")
        for name in ("running", "waiting"):
            until(partial(keys, s3, "seen", f"end-{name}/"))
            attempts = keys(s3, "seen", f"{name}/")
            assert {each.split("/")[1] for each in attempts} == {requests[name]}
            assert len(attempts) == 2
        (key,) = until(lambda: keys(s3, "failures"))
        record = json.loads(s3.get_object(Bucket="failures", Key=key)["Body"].read())
        assert record["requestContext"]["requestId"] == requests["told"]
