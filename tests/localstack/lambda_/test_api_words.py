"""Lambda's API as boto3 meets it, without a single sandbox: what it refuses and in which words.

The sentences are those recorded on AWS (account and region filled in).
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pelton.localstack.lambda_.records import Call, Outcome, Throttled
from pelton.localstack.manual_clock import ManualClock

from ..in_loop import Idle, InLoop

ROLE = "arn:aws:iam::000000000000:role/lambda"
ARN = "arn:aws:lambda:us-east-1:000000000000:function"


class Echo(Idle):
    """An execution side that runs nothing: the answer tells what was called."""

    async def invoke(self, call: Call) -> Outcome:
        if call.revision.reserved_concurrency == 0:
            raise Throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        told = {
            "arn": call.invoked_arn,
            "version": call.revision.version,
            "key": call.revision.key,
            "event": json.loads(call.payload),
            "environment": dict(call.revision.environment),
            "files": sorted(each.name for each in call.revision.code_dir.iterdir()),
        }

        def log() -> bytes:
            return b"x" * 5000 + b"END\n"

        return Outcome(json.dumps(told).encode(), "", log, call.revision.version)


@pytest.fixture(scope="module")
def running() -> Iterator[InLoop]:
    started = InLoop(Echo())
    yield started
    started.close()


@pytest.fixture
def api(running: InLoop) -> Iterator[Any]:
    client = running.client()
    yield client
    client.close()
    running.run(running.emulator.reset())


def archive(*names: str, **contents: bytes) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as out:
        for name in names or contents or ("main.py",):
            out.writestr(name, contents.get(name, b"x = 1"))
    return memory.getvalue()


CODE = archive()
ARM = b"\x7fELF" + bytes(14) + b"\x28\0"  # how a module for 32-bit ARM begins


def create(api: Any, name: str = "f", **settings: Any) -> Any:
    given = {
        "FunctionName": name,
        "Runtime": "python3.12",
        "Role": ROLE,
        "Handler": "main.handler",
        "Code": {"ZipFile": CODE},
    }
    return api.create_function(**{**given, **settings})


def refusal(act: Any, /, **members: Any) -> tuple[int, str, str]:
    """(status, x-amzn-ErrorType, sentence) of a call that must fail."""
    with pytest.raises(ClientError) as raised:
        act(**members)
    answer = raised.value.response
    kind = answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-errortype"]
    assert kind == answer["Error"]["Code"]
    # ResponseMetadata has the status, Error the sentence whichever way its key is written.
    return answer["ResponseMetadata"]["HTTPStatusCode"], kind, answer["Error"]["Message"]


def call(api: Any, **members: Any) -> Any:
    """An invocation whose payload has been read (else its connection stays open)."""
    answer = api.invoke(**members)
    return {**answer, "Payload": answer["Payload"].read()}


INVALID, VALIDATION = "InvalidParameterValueException", "ValidationException"
MISSING, CONFLICT = "ResourceNotFoundException", "ResourceConflictException"
DETECTED = "1 validation error detected: Value "


@pytest.mark.fidelity(
    "Functions", "CreateFunction's answer, member by member, and Pending > Active"
)
def test_create_answers_as_recorded_and_becomes_active(api: Any) -> None:
    answer = create(api, Environment={"Variables": {"AA": "b"}}, Tags={"t": "u"})
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (answer["State"], answer["StateReasonCode"]) == ("Pending", "Creating")
    assert answer["CodeSha256"] == base64.b64encode(hashlib.sha256(CODE).digest()).decode()
    assert (answer["Timeout"], answer["MemorySize"], answer["Version"]) == (3, 128, "$LATEST")
    assert not {"VpcConfig", "Layers", "KMSKeyArn", "LastUpdateStatus"} & set(answer)
    api.get_waiter("function_active_v2").wait(FunctionName="f")
    told = api.get_function(FunctionName=f"{ARN}:f")
    assert told["Configuration"]["State"] == "Active"
    assert told["Configuration"]["RevisionId"] != answer["RevisionId"]
    assert told["Tags"] == {"t": "u"}
    assert told["Code"]["RepositoryType"] == "S3"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"Role": "r1"},
            (400, VALIDATION, DETECTED + "'r1' at 'role' failed to satisfy constraint: Member must "
             "satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?"
             "[a-zA-Z_0-9+=,.@\\-_/]+"),
        ),
        (
            {"Architectures": ["X86_64"]},
            (400, VALIDATION, DETECTED + "'[X86_64]' at 'architectures' failed to satisfy "
             "constraint: Member must satisfy constraint: [Member must satisfy enum value set: "
             "[x86_64, arm64], Member must not be null]"),
        ),
        (
            {"Architectures": ["x86_64", "arm64"]},
            (400, VALIDATION, DETECTED + "'[x86_64, arm64]' at 'architectures' failed to satisfy "
             "constraint: Member must have length less than or equal to 1"),
        ),
        (
            {"Code": {"ZipFile": b"no zip"}},
            (400, INVALID, "Could not unzip uploaded file. Please check your file, then try to "
             "upload again."),
        ),
        (
            {"Runtime": "python3.7"},
            (400, INVALID, "The runtime parameter of python3.7 is no longer supported for creating "
             "or updating AWS Lambda functions. We recommend you use a supported runtime while "
             "creating or updating functions."),
        ),
        (
            {"FunctionName": "a" * 65},
            (400, INVALID, DETECTED + f"'{'a' * 65}' at 'functionName' failed to satisfy "
             "constraint: Member must have length less than or equal to 64"),
        ),
    ],
)  # fmt: skip
@pytest.mark.fidelity("Errors", "CreateFunction refuses in recorded words")
def test_create_refuses_in_recorded_words(
    api: Any, settings: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert refusal(lambda: create(api, **settings)) == expected


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"Runtime": "nodejs20.x"}, "the runtime nodejs20.x is not there"),
        ({"Runtime": "pythonista"}, "Value pythonista at 'runtime' failed to satisfy constraint"),
        ({"DurableConfig": {"ExecutionTimeout": 1}}, "does not support DurableConfig"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "Reserved keys used in this request"),
        ({"Environment": {"Variables": {"AA": "b" * 4096}}}, 'limit. String measured: {"AA":"bbb'),
        ({"Code": {"ZipFile": archive("../main.py")}}, "Could not unzip uploaded file"),
        ({"Code": {"ZipFile": archive("a.cpython-38-x86_64-linux-gnu.so")}}, "for CPython 3.8;"),
        ({"Code": {"ZipFile": archive(**{"a.abi3.so": ARM})}}, "the machine arm"),
        ({"Code": {"S3Bucket": "nowhere", "S3Key": "k"}},
         "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: "
         "The specified bucket does not exist"),
    ],
)  # fmt: skip
def test_create_refuses_what_cannot_run(api: Any, settings: dict[str, Any], words: str) -> None:
    status, kind, sentence = refusal(lambda: create(api, **settings))
    assert (status, kind) == (400, INVALID)
    assert words in sentence
    assert api.list_functions()["Functions"] == []


@pytest.mark.fidelity("Errors", "several broken constraints are told together")
def test_several_problems_are_told_together(api: Any) -> None:
    status, kind, sentence = refusal(lambda: create(api, Role="r1", Timeout=0))
    assert (status, kind) == (400, VALIDATION)
    assert sentence.startswith("2 validation errors detected: Value ")
    assert "; Value '0' at 'timeout'" in sentence


@pytest.mark.fidelity("Errors", "Message or message, Type or none: each exception's own")
def test_the_key_of_the_sentence_is_its_exceptions_own(api: Any) -> None:
    with pytest.raises(ClientError) as missing:
        api.get_function(FunctionName="none")
    assert missing.value.response["Message"] == f"Function not found: {ARN}:none"
    assert missing.value.response["Type"] == "User"
    with pytest.raises(ClientError) as invalid:
        create(api, Code={"ZipFile": b"?"})
    assert "message" in invalid.value.response and "Message" not in invalid.value.response


@pytest.mark.fidelity(
    "Functions", "names, partial ARNs, ARNs, percent-encoded ARNs, qualifier conflicts"
)
def test_names_in_every_form_and_wrong_ones(api: Any) -> None:
    create(api)
    for name in ("f", f"{ARN}:f", "000000000000:function:f", f"{ARN}:f:$LATEST"):
        assert api.get_function_configuration(FunctionName=name)["FunctionName"] == "f"
    get = api.get_function
    assert refusal(get, FunctionName=f"{ARN.replace('us-east-1', 'ap-southeast-1')}:f") == (
        404,
        MISSING,
        "Functions from 'ap-southeast-1' are not reachable in this region ('us-east-1')",
    )
    assert refusal(get, FunctionName="f:1", Qualifier="2")[2] == (
        "The derived qualifier from the function name does not match the specified qualifier."
    )
    assert refusal(get, FunctionName="f", Qualifier="42") == (
        404,
        MISSING,
        f"Function not found: {ARN}:f:42",
    )
    assert refusal(
        api.put_function_concurrency, FunctionName="f:1", ReservedConcurrentExecutions=1
    )[2].startswith("This operation is permitted on Lambda functions only.")


@pytest.mark.fidelity("Functions", "updates change what runs, and the RevisionId")
def test_an_update_changes_what_runs_and_the_revision(api: Any) -> None:
    create(api)
    before = json.loads(call(api, FunctionName="f")["Payload"])
    old = api.get_function_configuration(FunctionName="f")["RevisionId"]
    answer = api.update_function_code(FunctionName="f", ZipFile=archive("other.py"))
    assert (answer["State"], answer["LastUpdateStatus"]) == ("Active", "InProgress")
    api.get_waiter("function_updated_v2").wait(FunctionName="f")
    assert refusal(api.update_function_configuration, FunctionName="f", RevisionId=old) == (
        412,
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the "
        "GetFunction/GetAlias API to retrieve the latest Revision Id",
    )
    api.update_function_configuration(FunctionName="f", Environment={"Variables": {"NN": "2"}})
    after = json.loads(call(api, FunctionName="f", Payload=b'{"a": 1}')["Payload"])
    assert (before["files"], after["files"]) == (["main.py"], ["other.py"])
    assert (after["environment"], after["event"]) == ({"NN": "2"}, {"a": 1})
    assert before["key"] != after["key"]


@pytest.mark.fidelity(
    "Versions and aliases", "versions are frozen; unchanged code publishes nothing new"
)
def test_versions_are_frozen_and_published_once(api: Any) -> None:
    create(api)
    assert api.publish_version(FunctionName="f")["Version"] == "1"
    assert api.publish_version(FunctionName="f")["Version"] == "1"
    api.update_function_code(FunctionName="f", ZipFile=archive("other.py"))
    assert refusal(api.publish_version, FunctionName="f", CodeSha256="no")[2].startswith(
        "CodeSHA256 (no) is different from current CodeSHA256 in $LATEST ("
    )
    second = api.publish_version(FunctionName="f", Description="two")
    assert (second["Version"], second["FunctionArn"]) == ("2", f"{ARN}:f:2")
    numbers = [
        each["Version"] for each in api.list_versions_by_function(FunctionName="f")["Versions"]
    ]
    assert numbers == ["$LATEST", "1", "2"]
    first = json.loads(call(api, FunctionName="f", Qualifier="1")["Payload"])
    assert (first["files"], first["arn"]) == (["main.py"], f"{ARN}:f:1")
    assert refusal(api.delete_function, FunctionName="f", Qualifier="$LATEST") == (
        400,
        INVALID,
        "$LATEST version cannot be deleted without deleting the function.",
    )
    api.delete_function(FunctionName="f", Qualifier="1")
    assert refusal(api.get_function, FunctionName="f", Qualifier="1")[1] == MISSING
    api.update_function_code(FunctionName="f", ZipFile=CODE)
    assert api.publish_version(FunctionName="f")["Version"] == "3"


@pytest.mark.fidelity("Versions and aliases", "aliases route by weight")
def test_aliases_route_by_weight_and_refuse_in_recorded_words(api: Any) -> None:
    create(api)
    api.publish_version(FunctionName="f")
    api.update_function_code(FunctionName="f", ZipFile=archive("other.py"), Publish=True)
    alias = api.create_alias(
        FunctionName="f",
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )
    assert alias["AliasArn"] == f"{ARN}:f:live"
    seen = {call(api, FunctionName="f:live")["ExecutedVersion"] for _ in range(60)}
    assert seen == {"1", "2"}
    again = {"FunctionName": "f", "Name": "live", "FunctionVersion": "1"}
    assert refusal(api.create_alias, **again) == (
        409,
        CONFLICT,
        f"Alias already exists: {ARN}:f:live",
    )
    for version, weights, words in [
        ("1", {"1": 0.5}, "Invalid function version 1. Function version 1 is already included in "
         "routing configuration."),
        ("1", {"2": 0.1, "$LATEST": 0.1}, None),
        ("$LATEST", {"2": 0.5}, "$LATEST is not supported for an alias pointing to more than 1 "
         "version"),
    ]:  # fmt: skip
        sentence = refusal(
            api.update_alias,
            FunctionName="f",
            Name="live",
            FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": weights},
        )[2]
        assert words is None or sentence == words
    assert refusal(api.get_alias, FunctionName="f", Name="no")[2] == (
        f"Cannot find alias arn: {ARN}:f:no"
    )
    assert (
        "pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)"
        in refusal(api.create_alias, FunctionName="f", Name="2024", FunctionVersion="1")[2]
    )
    updated = api.update_alias(FunctionName="f", Name="live", RoutingConfig={})
    assert "RoutingConfig" not in updated
    assert [a["Name"] for a in api.list_aliases(FunctionName="f")["Aliases"]] == ["live"]
    api.delete_alias(FunctionName="f", Name="live")
    assert refusal(api.invoke, FunctionName="f", Qualifier="live")[1] == MISSING


@pytest.mark.fidelity("Functions", "lists come in pages")
def test_lists_come_in_pages(api: Any) -> None:
    for number in range(5):
        create(api, f"f{number}")
    pages = list(api.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(each["Functions"]) for each in pages] == [2, 2, 1]
    assert "State" not in pages[0]["Functions"][0]


def test_invoke_kinds_and_limits(api: Any) -> None:
    create(api)
    tail = call(api, FunctionName="f", LogType="Tail")
    assert base64.b64decode(tail["LogResult"]) == (b"x" * 5000 + b"END\n")[-4096:]
    assert (tail["StatusCode"], tail["ExecutedVersion"]) == (200, "$LATEST")
    assert json.loads(tail["Payload"])["event"] == {}
    dry = call(api, FunctionName="f", InvocationType="DryRun")
    event = call(api, FunctionName="f", InvocationType="Event")
    assert (dry["StatusCode"], event["StatusCode"]) == (204, 202)
    assert event["Payload"] == b""
    status, kind, sentence = refusal(api.invoke, FunctionName="f", Payload=b"{no")
    assert (status, kind) == (400, "InvalidRequestContentException")
    assert sentence.startswith("Could not parse request body into json: ")
    big = b'"' + b"x" * (7 << 20) + b'"'
    assert refusal(api.invoke, FunctionName="f", Payload=big)[:2] == (
        413,
        "RequestEntityTooLargeException",
    )
    api.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError) as throttled:
        api.invoke(FunctionName="f")
    answer = throttled.value.response
    assert answer["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert (answer["Error"]["Code"], answer["Error"]["Message"]) == (
        "TooManyRequestsException",
        "Rate Exceeded.",
    )


@pytest.mark.fidelity("Functions", "resource policies, statement by statement")
def test_policies(api: Any) -> None:
    create(api)
    given = {"FunctionName": "f", "StatementId": "s1", "Action": "lambda:InvokeFunction"}
    told = api.add_permission(**given, Principal="s3.amazonaws.com", SourceArn="arn:aws:s3:::b")
    assert json.loads(told["Statement"]) == {
        "Sid": "s1",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": f"{ARN}:f",
        "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"}},
    }
    assert refusal(api.add_permission, **given, Principal="*") == (
        409,
        CONFLICT,
        "The statement id (s1) provided already exists. Please provide a new statement id, or "
        "remove the existing statement.",
    )
    wrong = {**given, "StatementId": "s2", "Principal": "nobody"}
    assert refusal(api.add_permission, **wrong)[2] == (
        "The provided principal was invalid. Please check the principal and try again."
    )
    remove = api.remove_permission
    assert refusal(remove, FunctionName="f", StatementId="no")[2] == (
        "Statement no is not found in resource policy."
    )
    remove(FunctionName="f", StatementId="s1")
    assert refusal(api.get_policy, FunctionName="f")[2] == (
        "The resource you requested does not exist."
    )
    latest = {**given, "Principal": "*", "Qualifier": "$LATEST"}
    assert refusal(api.add_permission, **latest)[2] == (
        "We currently do not support adding policies for $LATEST."
    )


@pytest.mark.fidelity("Functions", "tags")
def test_tags(api: Any) -> None:
    arn = create(api, Tags={"a": "1"})["FunctionArn"]
    api.tag_resource(Resource=arn, Tags={"b": "2"})
    api.untag_resource(Resource=arn, TagKeys=["a"])
    assert api.list_tags(Resource=arn)["Tags"] == {"b": "2"}
    assert refusal(api.list_tags, Resource=f"{arn}:live")[2] == (
        "Tags on function aliases and versions are not supported. Please specify a function ARN."
    )
    many = {str(number): "x" for number in range(51)}
    assert refusal(api.tag_resource, Resource=arn, Tags=many)[2] == (
        "Number of tags exceeds resource tag limit."
    )


def test_mappings(api: Any, running: InLoop) -> None:
    create(api)
    sqs = running.client("sqs")
    sqs.create_queue(QueueName="words")
    arn = "arn:aws:sqs:us-east-1:000000000000:words"
    given = {"FunctionName": "f", "EventSourceArn": arn, "Enabled": False}
    made = api.create_event_source_mapping(**given)
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert (made["State"], made["BatchSize"], made["FunctionResponseTypes"]) == ("Creating", 10, [])
    assert api.get_event_source_mapping(UUID=made["UUID"])["State"] == "Disabled"
    status, kind, sentence = refusal(api.create_event_source_mapping, **given)
    assert (status, kind) == (409, CONFLICT)
    assert sentence == (
        f'An event source mapping with SQS arn (" {arn} ") and function (" f ") already exists. '
        f"Please update or delete the existing mapping with UUID {made['UUID']}"
    )
    nowhere = {**given, "EventSourceArn": arn + "-none"}
    assert refusal(api.create_event_source_mapping, **nowhere)[2] == (
        "Error occurred while ReceiveMessage. SQS Error Code: "
        "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not "
        "exist."
    )
    update = api.update_event_source_mapping
    assert refusal(update, UUID=made["UUID"], BatchSize=11)[2] == (
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater "
        "than 10"
    )
    assert update(UUID=made["UUID"], BatchSize=5)["BatchSize"] == 5
    found = api.list_event_source_mappings(FunctionName="f")["EventSourceMappings"]
    assert [each["UUID"] for each in found] == [made["UUID"]]
    assert api.delete_event_source_mapping(UUID=made["UUID"])["State"] == "Deleting"
    assert refusal(api.get_event_source_mapping, UUID=made["UUID"])[2] == (
        "The resource you requested does not exist."
    )
    absent = {**given, "FunctionName": "absent"}
    assert refusal(api.create_event_source_mapping, **absent)[2] == "Function does not exist"
    sqs.close()


def test_urls_and_the_rest(api: Any) -> None:
    create(api)
    made = api.create_function_url_config(FunctionName="f", AuthType="NONE")
    assert made["InvokeMode"] == "BUFFERED"
    assert refusal(api.create_function_url_config, FunctionName="f", AuthType="NONE")[2] == (
        f"Failed to create function url config for [functionArn = {ARN}:f]. Error message:  "
        "FunctionUrlConfig exists for this Lambda function"
    )
    assert api.get_function_url_config(FunctionName="f")["FunctionUrl"] == made["FunctionUrl"]
    listed = api.list_function_url_configs(FunctionName="f")["FunctionUrlConfigs"]
    assert [each["FunctionUrl"] for each in listed] == [made["FunctionUrl"]]
    api.delete_function_url_config(FunctionName="f")
    assert refusal(api.get_function_url_config, FunctionName="f")[1] == MISSING
    signing = api.get_function_code_signing_config(FunctionName="f")
    assert set(signing) == {"FunctionName", "ResponseMetadata"}
    assert set(api.get_function_concurrency(FunctionName="f")) == {"ResponseMetadata"}
    assert api.get_account_settings()["AccountUsage"]["FunctionCount"] == 1


def test_an_operation_that_is_not_there_names_itself(api: Any) -> None:
    status, kind, sentence = refusal(api.list_capacity_providers)
    assert (status, kind) == (501, "NotImplementedException")
    assert "ListCapacityProviders" in sentence


@pytest.mark.fidelity("Functions", "an update under way is a 409")
def test_an_update_under_way_is_a_conflict(tmp_path: Path) -> None:
    clock = ManualClock()
    slow = InLoop(Echo(), clock=clock, settle_delay=5.0, data_dir=tmp_path)
    client = slow.client()
    try:
        create(client)
        update = client.update_function_code
        assert refusal(update, FunctionName="f", ZipFile=CODE) == (
            409,
            CONFLICT,
            "The operation cannot be performed at this time. An update is in progress for "
            f"resource: {ARN}:f",
        )
        slow.run(clock.advance(6))
        assert client.get_function_configuration(FunctionName="f")["State"] == "Active"
    finally:
        client.close()
        slow.close()
