"""Asynchronous invocation's settings as boto3 meets them, in the words recorded on AWS."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pelton.pytest_plugin import RunningEmulator

from .support import make_function, refusal

ARN = "arn:aws:lambda:us-east-1:000000000000:function"
INVALID, MISSING = "InvalidParameterValueException", "ResourceNotFoundException"
SOURCE = "def handler(event, context):\n    return 1\n"


@pytest.fixture(scope="module")
def api(pelton_emulator_process: RunningEmulator) -> Iterator[Any]:
    """Functions `f` (with version 1 and alias live) and `g`, a queue, a topic and a bucket."""
    pelton_emulator_process.reset()
    client = pelton_emulator_process.client("lambda")
    for name in ("f", "g"):
        create(client, name)
    client.publish_version(FunctionName="f")
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    pelton_emulator_process.client("sqs").create_queue(QueueName="q")
    pelton_emulator_process.client("sns").create_topic(Name="t")
    pelton_emulator_process.client("s3").create_bucket(Bucket="bucket")
    yield client
    client.close()


def create(client: Any, name: str) -> None:
    make_function(client, SOURCE, name)


QUEUE, TOPIC = "arn:aws:sqs:us-east-1:000000000000:q", "arn:aws:sns:us-east-1:000000000000:t"
BUS = "arn:aws:events:us-east-1:000000000000:event-bus/default"


@pytest.mark.fidelity("Asynchronous events", "event invoke configs per function, version and alias")
def test_put_get_update_list_delete(api: Any) -> None:
    put = api.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=0)
    assert put["FunctionArn"] == f"{ARN}:f:$LATEST"
    assert put["MaximumRetryAttempts"] == 0
    assert put["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}
    assert "MaximumEventAgeInSeconds" not in put
    updated = api.update_function_event_invoke_config(
        FunctionName="f",
        MaximumEventAgeInSeconds=60,
        DestinationConfig={"OnSuccess": {"Destination": QUEUE}, "OnFailure": {"Destination": BUS}},
    )
    assert (updated["MaximumRetryAttempts"], updated["MaximumEventAgeInSeconds"]) == (0, 60)
    assert updated["DestinationConfig"]["OnSuccess"] == {"Destination": QUEUE}
    cleared = api.update_function_event_invoke_config(
        FunctionName="f", DestinationConfig={"OnSuccess": {"Destination": ""}}
    )
    assert cleared["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {"Destination": BUS}}
    for qualifier in ("1", "live"):
        api.put_function_event_invoke_config(
            FunctionName="f", Qualifier=qualifier, MaximumEventAgeInSeconds=21600
        )
    got = api.get_function_event_invoke_config(FunctionName=f"{ARN}:f:live")
    assert got["FunctionArn"] == f"{ARN}:f:live"
    assert "MaximumRetryAttempts" not in got
    pages = api.get_paginator("list_function_event_invoke_configs").paginate(
        FunctionName="f", PaginationConfig={"PageSize": 2}
    )
    arns = [each["FunctionArn"] for p in pages for each in p["FunctionEventInvokeConfigs"]]
    assert arns == [f"{ARN}:f:$LATEST", f"{ARN}:f:1", f"{ARN}:f:live"]
    for qualifier in ("$LATEST", "1", "live"):
        gone = api.delete_function_event_invoke_config(FunctionName="f", Qualifier=qualifier)
        assert gone["ResponseMetadata"]["HTTPStatusCode"] == 204
    listed = api.list_function_event_invoke_configs(FunctionName="f")
    assert listed["FunctionEventInvokeConfigs"] == []


def test_what_hangs_on_an_alias_or_a_version_goes_with_it(api: Any) -> None:
    api.update_function_configuration(FunctionName="g", Description="another")
    api.get_waiter("function_updated_v2").wait(FunctionName="g")
    version = api.publish_version(FunctionName="g")["Version"]
    for _ in range(2):
        api.create_alias(FunctionName="g", Name="short", FunctionVersion=version)
        listed = api.list_function_event_invoke_configs(FunctionName="g")
        assert listed["FunctionEventInvokeConfigs"] == []
        for qualifier in ("short", version):
            api.put_function_event_invoke_config(
                FunctionName="g", Qualifier=qualifier, MaximumRetryAttempts=1
            )
        api.delete_alias(FunctionName="g", Name="short")
        api.delete_function_event_invoke_config(FunctionName="g", Qualifier=version)
    api.put_function_event_invoke_config(
        FunctionName="g", Qualifier=version, MaximumRetryAttempts=1
    )
    api.delete_function(FunctionName="g", Qualifier=version)
    listed = api.list_function_event_invoke_configs(FunctionName="g")
    assert listed["FunctionEventInvokeConfigs"] == []


def destination(success: str | None = None, failure: str | None = None) -> dict[str, Any]:
    given = {"OnSuccess": success, "OnFailure": failure}
    return {
        "DestinationConfig": {
            name: {"Destination": arn} for name, arn in given.items() if arn is not None
        }
    }


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, (400, INVALID, "You must specify at least one of error handling or destination "
              "setting.")),
        ({"DestinationConfig": {}}, (400, INVALID, "You must specify at least one of error "
                                     "handling or destination setting.")),
        ({"FunctionName": "none", "MaximumRetryAttempts": 1},
         (404, MISSING, "The function doesn't exist.")),
        ({"Qualifier": "7", "MaximumRetryAttempts": 1},
         (404, MISSING, "The function doesn't exist.")),
        (destination(f"{ARN}:f"),
         (400, INVALID, "You can't specify the function as a destination for itself.")),
        (destination(f"{ARN}:doesnotexist"),
         (400, INVALID, f"The destination ARN {ARN}:doesnotexist is invalid.")),
        (destination(None, f"{QUEUE}-not"),
         (400, INVALID, f"The destination ARN {QUEUE}-not is invalid.")),
        (destination(None, f"{TOPIC}-not"),
         (400, INVALID, f"The destination ARN {TOPIC}-not is invalid.")),
        (destination(None, f"{BUS}-not"),
         (400, INVALID, f"The destination ARN {BUS}-not is invalid.")),
        (destination(None, "arn:aws:s3:::not"),
         (400, INVALID, "The destination ARN arn:aws:s3:::not is invalid.")),
        (destination("arn:aws:iam:us-east-1:000000000000:function:f"),
         (400, INVALID, "The provided destination config DestinationConfig(onSuccess=OnSuccess("
          "destination=arn:aws:iam:us-east-1:000000000000:function:f), onFailure=null) is "
          "invalid.")),
        (destination("arn:aws:s3:::bucket"),
         (400, INVALID, "The provided destination config DestinationConfig(onSuccess=OnSuccess("
          "destination=arn:aws:s3:::bucket), onFailure=null) is invalid.")),
    ],
)  # fmt: skip
@pytest.mark.fidelity("Errors", "event invoke configs are refused in the words recorded")
def test_what_is_refused(api: Any, members: dict[str, Any], expected: tuple[int, str, str]) -> None:
    given = {"FunctionName": "f", **members}
    assert refusal(api.put_function_event_invoke_config, **given) == expected


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"MaximumRetryAttempts": 3}, "Value '3' at 'maximumRetryAttempts' failed to satisfy "
         "constraint: Member must have value less than or equal to 2"),
        ({"MaximumEventAgeInSeconds": 21601}, "Value '21601' at 'maximumEventAgeInSeconds' failed "
         "to satisfy constraint: Member must have value less than or equal to 21600"),
        (destination(None, "arn:aws:_-/!lambda:x"), "Value 'arn:aws:_-/!lambda:x' at "
         "'destinationConfig.onFailure.destination' failed to satisfy constraint: Member must "
         "satisfy regular expression pattern: "),
    ],
)  # fmt: skip
def test_what_the_model_refuses(api: Any, members: dict[str, Any], words: str) -> None:
    status, kind, said = refusal(api.put_function_event_invoke_config, FunctionName="f", **members)
    assert (status, kind) == (400, "ValidationException")
    assert words in said


@pytest.mark.parametrize(
    "operation",
    ["get_function_event_invoke_config", "delete_function_event_invoke_config",
     "update_function_event_invoke_config"],
)  # fmt: skip
def test_what_is_not_there(api: Any, operation: str) -> None:
    act = getattr(api, operation)
    more = {"MaximumRetryAttempts": 1} if operation.startswith("update") else {}
    for name, qualifier, arn in (
        ("g", None, f"{ARN}:g:$LATEST"),
        ("g", "1221", f"{ARN}:g:1221"),
        ("none", None, f"{ARN}:none:$LATEST"),
    ):
        given = {"FunctionName": name} | ({"Qualifier": qualifier} if qualifier else {})
        assert refusal(act, **given, **more) == (
            404,
            MISSING,
            f"The function {arn} doesn't have an EventInvokeConfig",
        )


@pytest.mark.fidelity("Asynchronous events", "InvokeAsync answers 202")
def test_the_operation_before_invocation_types(api: Any) -> None:
    answer = api.invoke_async(FunctionName="f", InvokeArgs=json.dumps({"a": 1}).encode())
    assert (answer["Status"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (202, 202)
    assert refusal(api.invoke_async, FunctionName="none", InvokeArgs=b"{}")[:2] == (404, MISSING)
    assert refusal(api.invoke_async, FunctionName="f", InvokeArgs=b"{")[1] == (
        "InvalidRequestContentException"
    )
