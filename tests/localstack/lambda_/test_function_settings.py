"""A function's settings over boto3: what is kept, how it is told, what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

QUEUE = "arn:aws:sqs:us-east-1:000000000000:dead"
KEY = "arn:aws:kms:us-east-1:000000000000:key/1"
FILES = {
    "Arn": "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-0123456789abcdef0",
    "LocalMountPath": "/mnt/data",
}
# What every configuration has, and what comes with its state.
ALWAYS = {
    "FunctionName", "FunctionArn", "Runtime", "Role", "Handler", "CodeSize", "Description",
    "Timeout", "MemorySize", "LastModified", "CodeSha256", "Version", "TracingConfig", "RevisionId",
    "PackageType", "Architectures", "EphemeralStorage", "SnapStart", "LoggingConfig",
}  # fmt: skip


def told(answer: Any) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


@pytest.mark.fidelity(
    "Functions", "every answer has exactly the recorded members, absent are absent"
)
def test_members_are_there_or_not_as_recorded(door: Any) -> None:
    made = told(door.create())
    creating = {"State", "StateReason", "StateReasonCode", "RuntimeVersionConfig"}
    assert set(made) == ALWAYS | creating
    active = told(door.api.get_function_configuration(FunctionName="f"))
    assert set(active) == ALWAYS | {"State", "LastUpdateStatus", "RuntimeVersionConfig"}
    changed = told(door.api.update_function_configuration(FunctionName="f", Timeout=4))
    reasons = {"LastUpdateStatusReason", "LastUpdateStatusReasonCode"}
    assert set(changed) == set(active) | reasons
    (listed,) = door.api.list_functions()["Functions"]
    assert set(listed) == ALWAYS
    function = told(door.api.get_function(FunctionName="f"))
    assert set(function) == {"Configuration", "Code"}
    assert set(function["Code"]) == {"RepositoryType", "Location"}


@pytest.mark.fidelity(
    "Functions",
    "environment, storage, architecture, tracing, logging, dead letters, KMS key: kept and told",
)
def test_settings_are_kept_and_told(door: Any) -> None:
    settings: dict[str, Any] = {
        "Environment": {"Variables": {"AA": "b"}},
        "EphemeralStorage": {"Size": 1024},
        "Architectures": ["arm64"],
        "TracingConfig": {"Mode": "Active"},
        "LoggingConfig": {
            "LogFormat": "JSON",
            "ApplicationLogLevel": "WARN",
            "SystemLogLevel": "DEBUG",
            "LogGroup": "/own/group",
        },
        "DeadLetterConfig": {"TargetArn": QUEUE},
        "KMSKeyArn": KEY,
        "Description": "d",
        "Timeout": 900,
        "MemorySize": 10240,
    }
    door.call("sqs:CreateQueue", QueueName="dead")
    assert settings.items() <= door.create(**settings).items()
    found = door.api.get_function_configuration(FunctionName="f")
    assert settings.items() <= found.items()
    version = door.api.publish_version(FunctionName="f")
    assert settings.items() <= version.items()


@pytest.mark.fidelity("Functions", "an empty value takes a setting away")
def test_settings_are_taken_away(door: Any) -> None:
    door.call("sqs:CreateQueue", QueueName="dead")
    door.create(
        Environment={"Variables": {"AA": "b"}},
        DeadLetterConfig={"TargetArn": QUEUE},
        KMSKeyArn=KEY,
    )
    door.api.update_function_configuration(
        FunctionName="f",
        Environment={"Variables": {}},
        DeadLetterConfig={"TargetArn": ""},
        KMSKeyArn="",
    )
    found = door.api.get_function_configuration(FunctionName="f")
    assert not {"DeadLetterConfig", "KMSKeyArn"} & set(found)
    assert found["Environment"] == {"Variables": {}}  # given, though empty: told, as recorded
    door.api.update_function_configuration(FunctionName="f", Environment={})
    assert "Environment" not in door.api.get_function_configuration(FunctionName="f")


@pytest.mark.fidelity("Functions", "the environment has 4 KB of JSON and no reserved name")
def test_the_environment_has_a_limit(door: Any) -> None:
    around = len(json.dumps({"AA": ""}, separators=(",", ":")))
    largest = {"Variables": {"AA": "é" * ((4096 - around) // 2)}}  # bytes are counted, not letters
    door.create(Environment=largest)
    for variables, words in [
        ({"AA": largest["Variables"]["AA"] + "xx"}, "exceeded the 4KB limit. String measured: {"),
        ({"BB": "1", "AWS_REGION": "x", "LAMBDA_TASK_ROOT": "y"},
         "Reserved keys used in this request: AWS_REGION, LAMBDA_TASK_ROOT"),
    ]:  # fmt: skip
        status, code, sentence = door.refusal(
            "UpdateFunctionConfiguration", FunctionName="f", Environment={"Variables": variables}
        )
        assert (status, code) == (400, "InvalidParameterValueException")
        assert sentence.startswith("Lambda was unable to configure your environment variables")
        assert words in sentence
    # The model hides what is sensitive: values of variables are never told in a refusal.
    status, code, sentence = door.refusal(
        "UpdateFunctionConfiguration", FunctionName="f", Environment={"Variables": {"1": "secret"}}
    )
    assert (status, code) == (400, "ValidationException")
    assert "Value at 'environment.variables' failed to satisfy constraint: Map keys" in sentence
    assert "secret" not in sentence


@pytest.mark.fidelity("Functions", "levels of logs are JSON's alone")
def test_log_levels(door: Any) -> None:
    door.create(LoggingConfig={"LogFormat": "JSON"})

    def change(**logging: str) -> dict[str, str]:
        door.api.update_function_configuration(FunctionName="f", LoggingConfig=logging)
        found: dict[str, str] = door.api.get_function(FunctionName="f")["Configuration"][
            "LoggingConfig"
        ]
        return found

    assert change(SystemLogLevel="WARN") == {
        "LogFormat": "JSON",
        "ApplicationLogLevel": "INFO",
        "SystemLogLevel": "WARN",
        "LogGroup": "/aws/lambda/f",
    }
    assert change(LogFormat="Text") == {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"}
    with pytest.raises(
        Exception, match='LogLevel is not supported when LogFormat is set to "Text"'
    ):
        change(SystemLogLevel="WARN")


@pytest.mark.fidelity("Versions and aliases", "SnapStart is On for published versions alone")
def test_snap_start_is_told(door: Any) -> None:
    door.create(SnapStart={"ApplyOn": "PublishedVersions"})
    off = {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}
    on = {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}
    assert door.api.get_function_configuration(FunctionName="f")["SnapStart"] == off
    assert door.api.publish_version(FunctionName="f")["State"] == "Pending"
    door.api.get_waiter("published_version_active").wait(FunctionName="f", Qualifier="1")
    assert door.api.get_function_configuration(FunctionName="f:1")["SnapStart"] == on
    door.api.update_function_configuration(FunctionName="f", SnapStart={"ApplyOn": "None"})
    assert door.api.publish_version(FunctionName="f")["SnapStart"] == {
        "ApplyOn": "None",
        "OptimizationStatus": "Off",
    }


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"Runtime": "python3.11"}, "python3.11 is not supported for SnapStart enabled functions."),
        ({"EphemeralStorage": {"Size": 513}}, "greater than 512 MB is not supported for SnapStart"),
    ],
)
def test_what_snap_start_does_not_go_with(door: Any, settings: Any, words: str) -> None:
    with pytest.raises(Exception, match=words):
        door.create(SnapStart={"ApplyOn": "PublishedVersions"}, **settings)


@pytest.mark.fidelity(
    "Functions", "VpcConfig is kept, told with its VpcId, and left with empty lists"
)
@pytest.mark.fidelity(
    "Functions",
    "FileSystemConfigs are kept and told",
    different="nothing is mounted; a warning says so",
)
def test_a_vpc_is_joined_and_left(door: Any) -> None:
    ec2 = door.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(VpcId=vpc, GroupName="g", Description="d")["GroupId"]
    inside = {"SubnetIds": [subnet], "SecurityGroupIds": [group]}
    expected = {**inside, "VpcId": vpc, "Ipv6AllowedForDualStack": False}
    assert door.create(VpcConfig=inside, FileSystemConfigs=[FILES])["VpcConfig"] == expected
    found = door.api.get_function_configuration(FunctionName="f")
    assert (found["VpcConfig"], found["FileSystemConfigs"]) == (expected, [FILES])
    update = door.api.update_function_configuration
    answer = update(FunctionName="f", VpcConfig={"Ipv6AllowedForDualStack": True})
    assert answer["VpcConfig"] == {**expected, "Ipv6AllowedForDualStack": True}
    nowhere: dict[str, list[str]] = {"SubnetIds": [], "SecurityGroupIds": []}
    left = update(FunctionName="f", VpcConfig=nowhere, FileSystemConfigs=[])
    assert left["VpcConfig"] == {**nowhere, "VpcId": "", "Ipv6AllowedForDualStack": False}
    assert "FileSystemConfigs" not in left
    ec2.close()


@pytest.mark.fidelity("Functions", "durable, capacity provider and tenancy settings", refused=True)
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"PackageType": "Image"}, "don't provide Handler or Runtime or Layer when the intended"),
        ({"ImageConfig": {"Command": ["c"]}}, "don't provide ImageConfig when the intended"),
        ({"Code": {"ImageUri": "i"}}, "Please provide a source for function code."),
        ({"DurableConfig": {"ExecutionTimeout": 60}}, "does not support DurableConfig yet"),
        ({"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}, "support TenancyConfig yet"),
        ({"CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": {
            "CapacityProviderArn":
                "arn:aws:lambda:us-east-1:000000000000:capacity-provider:c"}}},
         "does not support CapacityProviderConfig yet"),
        ({"PublishTo": "LATEST_PUBLISHED"}, "does not support PublishTo yet"),
        ({"MemorySize": 10241}, "'MemorySize' value failed to satisfy constraint: Member must have "
         "value less than or equal to 10240"),
        ({"Timeout": 901}, "'Timeout' value failed .* less than or equal to 900"),
        ({"EphemeralStorage": {"Size": 10241}}, "'EphemeralStorage' value failed"),
        ({"FileSystemConfigs": [FILES]}, "must be in a VPC"),
        ({"VpcConfig": {"SubnetIds": ["subnet-00000001"]}}, "name both SubnetIds and Security"),
        ({"Code": {"ZipFile": b"", "S3Bucket": "bbb", "S3Key": "k"}},
         "Please do not provide other FunctionCode parameters when providing a ZipFile."),
        ({"Code": {}}, "Please provide a source for function code."),
    ],
)  # fmt: skip
def test_what_no_function_may_have(door: Any, settings: Any, words: str) -> None:
    with pytest.raises(Exception, match=words):
        door.create(**settings)
    assert door.api.list_functions()["Functions"] == []


@pytest.mark.fidelity(
    "Functions",
    "role, keys, access points: their form is checked",
    different="that they are there, and what they allow, is not",
)
def test_what_is_named_need_not_be_there(door: Any) -> None:
    role = "arn:aws:iam::000000000000:role/nobody"
    code = {"ZipFile": door.archive("main.py"), "SourceKMSKeyArn": KEY}
    door.create(Role=role, KMSKeyArn=KEY, Code=code)
    assert door.api.get_function_configuration(FunctionName="f")["Role"] == role
    assert door.api.get_function(FunctionName="f")["Code"]["SourceKMSKeyArn"] == KEY
    door.api.get_waiter("function_active_v2").wait(FunctionName="f")
    door.api.update_function_code(FunctionName="f", ZipFile=door.archive("main.py"))
    assert "SourceKMSKeyArn" not in door.api.get_function(FunctionName="f")["Code"]


@pytest.mark.fidelity("Functions", "code that S3 keeps (REFERENCE)", refused=True)
@pytest.mark.fidelity("Execution", "tenants and durable executions of Invoke", refused=True)
def test_members_are_never_ignored(door: Any) -> None:
    door.create()
    stored = {"S3Bucket": "bucket", "S3Key": "k", "S3ObjectStorageMode": "REFERENCE"}
    refused: list[tuple[str, dict[str, Any], str]] = [
        ("UpdateFunctionCode", stored, "S3ObjectStorageMode REFERENCE"),
        ("Invoke", {"TenantId": "t"}, "TenantId"),
        ("Invoke", {"DurableExecutionName": "d"}, "DurableExecutionName"),
    ]
    for operation, members, name in refused:
        assert door.refusal(operation, FunctionName="f", **members) == (
            400,
            "InvalidParameterValueException",
            f"The pelton emulator does not support {name} yet.",
        )
    for region, names in (("ALL", ["f"]), ("us-east-1", ["f"]), ("eu-west-1", [])):
        found = door.api.list_functions(MasterRegion=region, FunctionVersion="ALL")["Functions"]
        assert [each["FunctionName"] for each in found] == names
