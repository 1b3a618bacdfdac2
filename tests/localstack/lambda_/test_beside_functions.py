"""What is set beside functions: code signing, runtime updates, recursion, whole policies."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pelton.pytest_plugin import RunningEmulator

from ..support import archive, come, make_function, raw_client, refusal

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function"
PUBLISHER = "arn:aws:signer:us-east-1:000000000000:/signing-profiles/team/abcdef"
TRUSTED = {"SigningProfileVersionArns": [PUBLISHER]}
ECHO = "def handler(event, context):\n    return event\n"
NOWHERE = "arn:aws:lambda:us-east-1:000000000000:code-signing-config:csc-00000000000000000"


def create(client: Any, name: str = "f", **given: Any) -> None:
    make_function(client, ECHO, name, **given)


@pytest.fixture
def client(pelton_emulator: RunningEmulator) -> Any:
    return raw_client(pelton_emulator.url)


def config(client: Any, policy: str = "", **more: Any) -> str:
    """The ARN of a new configuration."""
    given = {"CodeSigningPolicies": {"UntrustedArtifactOnDeployment": policy}} if policy else {}
    answer = client.create_code_signing_config(AllowedPublishers=TRUSTED, **given, **more)
    arn: str = answer["CodeSigningConfig"]["CodeSigningConfigArn"]
    return arn


# -- code signing


@pytest.mark.fidelity(
    "Functions", "code signing configurations: create, read, update, list, delete"
)
def test_a_signing_configurations_life(client: Any) -> None:
    answer = client.create_code_signing_config(AllowedPublishers=TRUSTED, Description="ours")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    made = answer["CodeSigningConfig"]
    arn = made["CodeSigningConfigArn"]
    assert re.fullmatch(r"csc-[a-z0-9]{17}", made["CodeSigningConfigId"])
    assert arn == NOWHERE.rpartition(":")[0] + ":" + made["CodeSigningConfigId"]
    assert made["CodeSigningPolicies"] == {"UntrustedArtifactOnDeployment": "Warn"}
    assert (made["AllowedPublishers"], made["Description"]) == (TRUSTED, "ours")
    assert client.get_code_signing_config(CodeSigningConfigArn=arn)["CodeSigningConfig"] == made
    changed = client.update_code_signing_config(
        CodeSigningConfigArn=arn, CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"}
    )["CodeSigningConfig"]
    assert changed["CodeSigningPolicies"] == {"UntrustedArtifactOnDeployment": "Enforce"}
    assert changed["Description"] == "ours"
    other = config(client)
    pages = client.get_paginator("list_code_signing_configs").paginate(
        PaginationConfig={"PageSize": 1}
    )
    found = [each for one in pages for each in one["CodeSigningConfigs"]]
    assert {each["CodeSigningConfigArn"] for each in found} == {arn, other}
    assert "Description" not in client.get_code_signing_config(CodeSigningConfigArn=other)
    client.tag_resource(Resource=arn, Tags={"team": "a"})
    assert client.list_tags(Resource=arn)["Tags"] == {"team": "a"}
    client.delete_code_signing_config(CodeSigningConfigArn=arn)
    gone = (
        404,
        "ResourceNotFoundException",
        f"The Lambda code signing configuration {arn} can not be found.",
    )
    for call in (
        client.get_code_signing_config,
        client.update_code_signing_config,
        client.delete_code_signing_config,
        client.list_functions_by_code_signing_config,
    ):
        assert refusal(call, CodeSigningConfigArn=arn) == gone


@pytest.mark.fidelity("Functions", "the code signing configuration of a function")
def test_a_functions_signing_configuration(client: Any) -> None:
    arn = config(client)
    create(client, "with", CodeSigningConfigArn=arn)
    create(client, "f")
    found = client.get_function_code_signing_config(FunctionName="f")
    del found["ResponseMetadata"]
    assert found == {"FunctionName": "f"}
    given = {"FunctionName": "f", "CodeSigningConfigArn": arn}
    answer = client.put_function_code_signing_config(**given)
    assert answer["CodeSigningConfigArn"] == arn
    found = client.get_function_code_signing_config(FunctionName="with")
    assert (found["FunctionName"], found["CodeSigningConfigArn"]) == ("with", arn)
    pages = client.get_paginator("list_functions_by_code_signing_config").paginate(
        CodeSigningConfigArn=arn, PaginationConfig={"PageSize": 1}
    )
    users = [each for one in pages for each in one["FunctionArns"]]
    assert users == [f"{FUNCTION}:f", f"{FUNCTION}:with"]
    status, code, _ = refusal(client.delete_code_signing_config, CodeSigningConfigArn=arn)
    assert (status, code) == (409, "ResourceConflictException")
    for name in ("f", "with"):
        answer = client.delete_function_code_signing_config(FunctionName=name)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    client.delete_code_signing_config(CodeSigningConfigArn=arn)


@pytest.mark.fidelity("Errors", "code signing: what is not there, in the recorded words")
def test_signing_configurations_that_are_not_there(client: Any) -> None:
    create(client)
    missing = (
        404,
        "CodeSigningConfigNotFoundException",
        "The code signing configuration cannot be found. Check that the provided configuration is "
        f"not deleted: {NOWHERE}.",
    )
    put = client.put_function_code_signing_config
    assert refusal(put, FunctionName="f", CodeSigningConfigArn=NOWHERE) == missing
    with pytest.raises(ClientError) as caught:
        create(client, "g", CodeSigningConfigArn=NOWHERE)
    assert caught.value.response["Error"]["Code"] == missing[1]
    arn, name = config(client), "csc-test-doesnotexist"
    absent = (404, "ResourceNotFoundException", f"Function not found: {FUNCTION}:{name}")
    assert refusal(put, FunctionName=name, CodeSigningConfigArn=arn) == absent
    assert refusal(client.get_function_code_signing_config, FunctionName=name) == absent
    assert refusal(client.delete_function_code_signing_config, FunctionName=name) == absent


@pytest.mark.fidelity(
    "Functions",
    "code signing: Enforce refuses an unsigned archive or layer in AWS's words, Warn lets it pass",
    different="no archive can be signed here: AWS Signer's signatures are not checked; no metric",
)
def test_enforce_refuses_and_warn_warns(client: Any) -> None:
    enforcing = config(client, "Enforce")
    refused = (
        400,
        "CodeVerificationFailedException",
        "Lambda cannot deploy the function. The function or layer might be signed using a "
        "signature that the client is not configured to accept. Check the provided signature "
        "for f.",
    )
    with pytest.raises(ClientError) as caught:
        create(client, CodeSigningConfigArn=enforcing)
    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"]) == refused[1:]
    create(client, CodeSigningConfigArn=config(client, "Warn"))
    client.update_function_code(FunctionName="f", ZipFile=archive("x = 1"))
    come(client, "function_updated_v2")
    client.put_function_code_signing_config(FunctionName="f", CodeSigningConfigArn=enforcing)
    code = {"FunctionName": "f", "ZipFile": archive("x = 2")}
    assert refusal(client.update_function_code, **code) == refused
    layer = client.publish_layer_version(LayerName="l", Content={"ZipFile": archive(ECHO)})
    layers = {"FunctionName": "f", "Layers": [layer["LayerVersionArn"]]}
    assert refusal(client.update_function_configuration, **layers) == refused
    client.update_function_configuration(FunctionName="f", Timeout=4)  # no archive comes with it
    come(client, "function_updated_v2")
    client.delete_function_code_signing_config(FunctionName="f")
    client.update_function_code(**code)


# -- runtime updates and recursion


@pytest.mark.fidelity(
    "Functions",
    "runtime management: Auto, FunctionUpdate, Manual with its RuntimeVersionArn, a version each",
    different="kept and told; each runtime has one version here, which Manual does not change",
)
def test_runtime_management(client: Any) -> None:
    create(client)
    client.publish_version(FunctionName="f")
    get, put = client.get_runtime_management_config, client.put_runtime_management_config

    def told(answer: Any) -> Any:
        del answer["ResponseMetadata"]
        return answer

    auto = {"UpdateRuntimeOn": "Auto", "FunctionArn": f"{FUNCTION}:f"}
    assert told(get(FunctionName="f")) == auto
    answer = put(FunctionName="f", UpdateRuntimeOn="FunctionUpdate")
    assert told(answer) == {**auto, "UpdateRuntimeOn": "FunctionUpdate"}
    pinned = "arn:aws:lambda:us-east-1::runtime:0123456789"
    of_one = {"FunctionName": "f", "Qualifier": "1"}
    manual = {"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": pinned}
    expected = {**manual, "FunctionArn": f"{FUNCTION}:f:1"}
    assert told(put(**of_one, **manual)) == expected
    assert told(get(**of_one)) == expected
    found = client.get_function_configuration(**of_one)["RuntimeVersionConfig"]
    assert found == {"RuntimeVersionArn": pinned}
    assert get(FunctionName="f")["UpdateRuntimeOn"] == "FunctionUpdate"
    for wrong in ({"UpdateRuntimeOn": "Manual"}, {**manual, "UpdateRuntimeOn": "Auto"}):
        status, code, _ = refusal(put, FunctionName="f", **wrong)
        assert (status, code) == (400, "InvalidParameterValueException")
    status, code, _ = refusal(put, FunctionName="f", UpdateRuntimeOn="Never")
    assert (status, code) == (400, "ValidationException")


@pytest.mark.fidelity(
    "Functions",
    "recursion: Terminate or Allow",
    different="kept and told; no recursive loop is detected",
)
def test_recursion(client: Any) -> None:
    create(client)
    assert client.get_function_recursion_config(FunctionName="f")["RecursiveLoop"] == "Terminate"
    put = client.put_function_recursion_config
    assert put(FunctionName="f", RecursiveLoop="Allow")["RecursiveLoop"] == "Allow"
    assert client.get_function_recursion_config(FunctionName="f")["RecursiveLoop"] == "Allow"
    assert refusal(put, FunctionName="f", RecursiveLoop="InvalidValue") == (
        400,
        "ValidationException",
        "1 validation error detected: Value 'InvalidValue' at 'recursiveLoop' failed to satisfy "
        "constraint: Member must satisfy enum value set: [Terminate, Allow]",
    )


@pytest.mark.fidelity("Functions", "function scaling configs", refused=True)
def test_scaling_is_refused_by_name(client: Any) -> None:
    create(client)
    status, code, words = refusal(
        client.get_function_scaling_config, FunctionName="f", Qualifier="1"
    )
    assert (status, code) == (501, "NotImplementedException")
    assert "GetFunctionScalingConfig" in words


# -- whole policies


@pytest.mark.fidelity(
    "Functions",
    "PutResourcePolicy, GetResourcePolicy, DeleteResourcePolicy: one policy with AddPermission",
    different="statements with Deny are refused by name; public policies are not",
)
def test_a_whole_policy_is_the_one_that_add_permission_adds_to(client: Any) -> None:
    create(client)
    arn = f"{FUNCTION}:f"
    added = {"FunctionName": "f", "Action": "lambda:InvokeFunction"}
    client.add_permission(**added, StatementId="first", Principal="s3.amazonaws.com")
    found = client.get_resource_policy(ResourceArn=arn)
    assert [each["Sid"] for each in json.loads(found["Policy"])["Statement"]] == ["first"]
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": ["lambda:InvokeFunction", "lambda:GetFunction"],
        "Resource": arn,
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    given = {"ResourceArn": arn, "Policy": json.dumps(policy)}
    late = refusal(client.put_resource_policy, **given, RevisionId="0" * 36)
    assert late[1] == "ValidationException"
    wrong = "00000000-0000-0000-0000-000000000000"
    late = refusal(client.put_resource_policy, **given, RevisionId=wrong)
    assert late[:2] == (412, "PreconditionFailedException")
    put = client.put_resource_policy(**given, RevisionId=found["RevisionId"])
    assert json.loads(put["Policy"]) == policy
    assert json.loads(client.get_policy(FunctionName="f")["Policy"]) == policy
    client.add_permission(**added, StatementId="second", Principal="s3.amazonaws.com")
    found = client.get_resource_policy(ResourceArn=arn)
    assert len(json.loads(found["Policy"])["Statement"]) == 2
    assert found["RevisionId"] != put["RevisionId"]
    assert refusal(client.delete_resource_policy, ResourceArn=arn, RevisionId=wrong)[0] == 412
    answer = client.delete_resource_policy(ResourceArn=arn)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    none = (404, "ResourceNotFoundException", "The resource you requested does not exist.")
    assert refusal(client.get_resource_policy, ResourceArn=arn) == none
    assert refusal(client.get_policy, FunctionName="f") == none


@pytest.mark.parametrize(
    "policy",
    [
        "no json",
        "[]",
        "{}",
        '{"Statement": 3}',
        '{"Statement": [{"Effect": "Allow", "Principal": "*"}]}',
        '{"Statement": [{"Effect": "Maybe", "Principal": "*", "Action": "lambda:*"}]}',
        '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "lambda:*"}]}',
        '{"Statement": {"Sid": 4, "Effect": "Allow", "Principal": "*", "Action": "lambda:*"}}',
        "[" * 5000,
    ],
)
def test_a_policy_that_is_none_is_refused(client: Any, policy: str) -> None:
    create(client)
    put = client.put_resource_policy
    status, code, _ = refusal(put, ResourceArn=f"{FUNCTION}:f", Policy=policy)
    assert (status, code) == (400, "InvalidParameterValueException")


def test_a_policy_may_be_too_long(client: Any) -> None:
    create(client)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction"}
    policy = json.dumps({"Statement": [statement] * 320}, separators=(",", ":"))
    put = client.put_resource_policy
    assert len(policy) > 20_480
    status, code, _ = refusal(put, ResourceArn=f"{FUNCTION}:f", Policy=policy)
    assert (status, code) == (400, "ValidationException"), "the model's own limit comes first"
    given = {"FunctionName": "f", "Action": "lambda:InvokeFunction", "Principal": "*"}
    policy = json.dumps({"Statement": [statement] * 250}, separators=(",", ":"))
    put(ResourceArn=f"{FUNCTION}:f", Policy=policy)
    with pytest.raises(ClientError) as caught:
        for number in range(100):
            client.add_permission(**given, StatementId=f"{'s' * 80}{number}")
    assert caught.value.response["Error"]["Code"] == "PolicyLengthExceededException"


def test_what_warn_says(door: Any, capsys: pytest.CaptureFixture[str]) -> None:
    publishers = {"AllowedPublishers": TRUSTED}
    made = door.call("CreateCodeSigningConfig", **publishers)["CodeSigningConfig"]
    arn = made["CodeSigningConfigArn"]
    door.create("signed", CodeSigningConfigArn=arn)
    told = capsys.readouterr().err
    assert f"warning: the archive of function signed is not signed by a publisher of {arn}" in told
