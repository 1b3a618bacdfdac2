"""Function names in all their forms, lists in all their pages, policies with their conditions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

ARN = "arn:aws:lambda:us-east-1:000000000000:function"
QUEUES = "arn:aws:sqs:us-east-1:000000000000"
FORMS = ["f", "function:f", "000000000000:function:f", "us-east-1:000000000000:function:f",
         f"{ARN}:f"]  # fmt: skip


@pytest.mark.fidelity("Functions", "names, partial and full ARNs, plain and percent-encoded")
@pytest.mark.parametrize("form", FORMS)
def test_a_function_has_many_names(door: Any, form: str) -> None:
    assert door.create(form)["FunctionName"] == "f"
    door.api.publish_version(FunctionName=form)
    door.api.create_alias(FunctionName=form, Name="live", FunctionVersion="1")
    forms: list[tuple[str, dict[str, str], str, str]] = [
        (form, {}, "$LATEST", f"{ARN}:f"),
        (f"{form}:$LATEST", {}, "$LATEST", f"{ARN}:f:$LATEST"),
        (f"{form}:1", {}, "1", f"{ARN}:f:1"),
        (f"{form}:live", {}, "1", f"{ARN}:f:live"),
        (form, {"Qualifier": "live"}, "1", f"{ARN}:f:live"),
        (f"{form}:live", {"Qualifier": "live"}, "1", f"{ARN}:f:live"),
    ]
    for name, qualifier, version, arn in forms:
        # boto3 percent-encodes what is in a path, so a full ARN travels as SAM sends it.
        found = door.api.get_function_configuration(FunctionName=name, **qualifier)
        assert (found["Version"], found["FunctionArn"]) == (version, arn)
        assert door.call("Invoke", FunctionName=name, **qualifier)["ExecutedVersion"] == version
    told = door.refusal("GetFunction", FunctionName=f"{form}:live", Qualifier="1")
    assert told[2].startswith("The derived qualifier from the function name does not match")
    door.api.delete_function(FunctionName=form)
    assert door.refusal("GetFunction", FunctionName="f")[0] == 404


@pytest.mark.fidelity("Functions", "an operation on functions alone refuses a qualified name")
@pytest.mark.parametrize("name", ["f:1", "f:live", f"{ARN}:f:$LATEST"])
def test_what_is_of_functions_alone(door: Any, name: str) -> None:
    door.create()
    refused: list[tuple[str, dict[str, Any]]] = [
        ("PutFunctionConcurrency", {"ReservedConcurrentExecutions": 1}),
        ("PublishVersion", {}),
        ("UpdateFunctionConfiguration", {"Timeout": 5}),
        ("CreateAlias", {"Name": "a", "FunctionVersion": "1"}),
    ]
    for operation, members in refused:
        status, _, sentence = door.refusal(operation, FunctionName=name, **members)
        assert status == 400
        assert sentence.startswith("This operation is permitted on Lambda functions only.")


def functions(door: Any) -> None:
    for number in range(3):
        door.create(f"f{number}")


def versions(door: Any) -> None:
    door.create("f")
    for number in range(2):
        door.api.update_function_configuration(FunctionName="f", Description=str(number))
        door.api.publish_version(FunctionName="f")


def aliases(door: Any) -> None:
    door.create("f")
    for name in "abc":
        door.api.create_alias(FunctionName="f", Name=name, FunctionVersion="$LATEST")


def mappings(door: Any) -> None:
    door.create("f")
    for name in "abc":
        door.call("sqs:CreateQueue", QueueName=name)
        door.api.create_event_source_mapping(
            FunctionName="f", EventSourceArn=f"{QUEUES}:{name}", Enabled=False
        )


def urls(door: Any) -> None:
    aliases(door)
    for qualifier in "abc":
        door.api.create_function_url_config(
            FunctionName="f", Qualifier=qualifier, AuthType="AWS_IAM"
        )


def event_configs(door: Any) -> None:
    aliases(door)
    for qualifier in "abc":
        door.api.put_function_event_invoke_config(
            FunctionName="f", Qualifier=qualifier, MaximumRetryAttempts=1
        )


def layers(door: Any) -> None:
    for name in "abc":
        door.api.publish_layer_version(LayerName=name, Content={"ZipFile": door.archive("x.py")})


def layer_versions(door: Any) -> None:
    for name in "xyz":
        content = {"ZipFile": door.archive(f"{name}.py")}
        door.api.publish_layer_version(LayerName="l", Content=content)


def signing(door: Any) -> None:
    version = "arn:aws:signer:us-east-1:000000000000:/signing-profiles/p/0123456789"
    for _ in range(3):
        door.api.create_code_signing_config(
            AllowedPublishers={"SigningProfileVersionArns": [version]}
        )


OF_F = {"FunctionName": "f"}


@pytest.mark.fidelity("Functions", "every list comes in pages, each item once")
@pytest.mark.parametrize(
    ("operation", "key", "prepare", "members"),
    [
        ("list_functions", "Functions", functions, {}),
        ("list_versions_by_function", "Versions", versions, OF_F),
        ("list_aliases", "Aliases", aliases, OF_F),
        ("list_event_source_mappings", "EventSourceMappings", mappings, {}),
        ("list_function_url_configs", "FunctionUrlConfigs", urls, OF_F),
        ("list_function_event_invoke_configs", "FunctionEventInvokeConfigs", event_configs, OF_F),
        ("list_layers", "Layers", layers, {}),
        ("list_layer_versions", "LayerVersions", layer_versions, {"LayerName": "l"}),
        ("list_code_signing_configs", "CodeSigningConfigs", signing, {}),
    ],
)
def test_lists_come_in_pages(
    door: Any, operation: str, key: str, prepare: Callable[[Any], None], members: Any
) -> None:
    prepare(door)
    whole = getattr(door.api, operation)(**members)
    assert len(whole[key]) == 3
    assert "NextMarker" not in whole
    paginator = door.api.get_paginator(operation)
    for size in (1, 2, 3):
        pages = list(paginator.paginate(**members, PaginationConfig={"PageSize": size}))
        assert [len(page[key]) for page in pages] == {1: [1, 1, 1], 2: [2, 1], 3: [3]}[size]
        assert [each for page in pages for each in page[key]] == whole[key]


@pytest.mark.fidelity("Functions", "a page has 50 functions at most; ALL lists every version")
def test_a_page_is_bounded(door: Any) -> None:
    for number in range(51):
        door.create(f"f{number:02}")
    door.api.publish_version(FunctionName="f00")
    first = door.api.list_functions(MaxItems=10_000)
    assert len(first["Functions"]) == 50
    rest = door.api.list_functions(Marker=first["NextMarker"])
    assert [each["FunctionName"] for each in rest["Functions"]] == ["f50"]
    everything = door.api.list_functions(FunctionVersion="ALL", MaxItems=3)["Functions"]
    assert [(each["FunctionArn"], each["Version"]) for each in everything] == [
        (f"{ARN}:f00:$LATEST", "$LATEST"),
        (f"{ARN}:f00:1", "1"),
        (f"{ARN}:f01:$LATEST", "$LATEST"),
    ]
    assert door.refusal("ListFunctions", Marker="no marker")[:2] == (
        400,
        "InvalidParameterValueException",
    )


@pytest.mark.fidelity("Functions", "statements of a policy carry the recorded conditions")
@pytest.mark.parametrize(
    ("given", "principal", "condition"),
    [
        ({"Principal": "*", "SourceAccount": "111122223333"}, "*",
         {"StringEquals": {"AWS:SourceAccount": "111122223333"}}),
        ({"Principal": "111122223333"}, {"AWS": "arn:aws:iam::111122223333:root"}, None),
        ({"Principal": "arn:aws:iam::111122223333:user/u"},
         {"AWS": "arn:aws:iam::111122223333:user/u"}, None),
        ({"Principal": "s3.amazonaws.com", "SourceArn": "arn:aws:s3:::b"},
         {"Service": "s3.amazonaws.com"}, {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"}}),
        ({"Principal": "*", "EventSourceToken": "amzn1.ask.skill.x"}, "*",
         {"StringEquals": {"lambda:EventSourceToken": "amzn1.ask.skill.x"}}),
        ({"Principal": "*", "Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE",
          "SourceAccount": "111122223333", "PrincipalOrgID": "o-1234567890",
          "SourceArn": "arn:aws:s3:::b"}, "*",
         {"StringEquals": {"AWS:SourceAccount": "111122223333",
                           "aws:PrincipalOrgID": "o-1234567890",
                           "lambda:FunctionUrlAuthType": "NONE"},
          "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"}}),
    ],
)  # fmt: skip
def test_conditions_of_a_statement(
    door: Any, given: dict[str, str], principal: Any, condition: Any
) -> None:
    door.create()
    members = {"StatementId": "s", "Action": "lambda:InvokeFunction", **given}
    told = json.loads(door.api.add_permission(FunctionName="f", **members)["Statement"])
    expected = {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": principal,
        "Action": members["Action"],
        "Resource": f"{ARN}:f",
    }
    assert told == ({**expected, "Condition": condition} if condition else expected)
    policy = json.loads(door.api.get_policy(FunctionName="f")["Policy"])
    assert policy == {"Version": "2012-10-17", "Id": "default", "Statement": [told]}


@pytest.mark.fidelity("Functions", "a policy has 20 KB")
def test_a_policy_is_bounded(door: Any) -> None:
    door.create()
    given = {"Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    source = "arn:aws:s3:::" + "b" * 4000
    for number in range(4):
        door.api.add_permission(
            FunctionName="f", StatementId=f"s{number}", SourceArn=source, **given
        )
    status, code, sentence = door.refusal(
        "AddPermission", FunctionName="f", StatementId="s4", SourceArn=source, **given
    )
    assert (status, code) == (400, "PolicyLengthExceededException")
    assert "is bigger than the limit (20480)" in sentence


@pytest.mark.fidelity("Functions", "GetAccountSettings counts functions, versions and their code")
def test_account_settings(door: Any) -> None:
    size = door.create()["CodeSize"]
    door.api.publish_version(FunctionName="f")
    door.api.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=100)
    found = door.api.get_account_settings()
    assert found["AccountUsage"] == {"TotalCodeSize": 2 * size, "FunctionCount": 1}
    assert found["AccountLimit"] == {
        "TotalCodeSize": 80_530_636_800,
        "CodeSizeUnzipped": 262_144_000,
        "CodeSizeZipped": 52_428_800,
        "ConcurrentExecutions": 1000,
        "UnreservedConcurrentExecutions": 900,
    }


@pytest.mark.fidelity("Versions and aliases", "a version that an alias points to is not deleted")
def test_deleting_versions(door: Any) -> None:
    versions(door)
    door.api.create_alias(
        FunctionName="f",
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}},
    )
    for number in ("1", "2"):
        assert door.refusal("DeleteFunction", FunctionName="f", Qualifier=number)[0] == 409
    door.api.delete_alias(FunctionName="f", Name="live")
    door.api.delete_alias(FunctionName="f", Name="live")  # as if it were there
    door.api.delete_function(FunctionName="f", Qualifier="1")
    door.api.delete_function(FunctionName="f", Qualifier="1")  # the same, as recorded
    left = door.api.list_versions_by_function(FunctionName="f")["Versions"]
    assert [each["Version"] for each in left] == ["$LATEST", "2"]
