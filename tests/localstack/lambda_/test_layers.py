"""Layers as boto3 meets them: published, listed, given to functions, and seen by what runs."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import sys
import urllib.request
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from pelton.localstack.lambda_.archives import Archives
from pelton.pytest_plugin import RunningEmulator

from ..support import come, emulator_process, make_function, raw_client, refusal

HERE = f"python{sys.version_info.major}.{sys.version_info.minor}"
ARN = "arn:aws:lambda:us-east-1:000000000000:layer"
ECHO = "def handler(event, context):\n    return event\n"


def archive(files: Mapping[str, str | bytes]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o755 if "bin/" in name else 0o644) << 16
            out.writestr(info, content, zipfile.ZIP_DEFLATED)
    return memory.getvalue()


def publish(client: Any, name: str, files: Mapping[str, str | bytes], **more: Any) -> str:
    """The ARN of a new version."""
    answer = client.publish_layer_version(
        LayerName=name, Content={"ZipFile": archive(files)}, **more
    )
    arn: str = answer["LayerVersionArn"]
    return arn


def create(client: Any, source: str = ECHO, name: str = "f", **given: Any) -> None:
    make_function(client, source, name, Runtime=HERE, **given)


def update(client: Any, **given: Any) -> None:
    client.update_function_configuration(FunctionName="f", **given)
    come(client, "function_updated_v2")


def run(client: Any, event: Any = None) -> Any:
    answer = client.invoke(FunctionName="f", Payload=json.dumps(event))
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


@pytest.fixture
def client(pelton_emulator: RunningEmulator) -> Any:
    return pelton_emulator.client("lambda")


# -- the API


@pytest.mark.fidelity("Layers", "PublishLayerVersion, GetLayerVersion and …ByArn tell the same")
def test_a_version_is_told_as_it_was_published(client: Any) -> None:
    content = archive({"python/shared.py": "x = 1"})
    published = client.publish_layer_version(
        LayerName="shared",
        Description="what many need",
        Content={"ZipFile": content},
        CompatibleRuntimes=["python3.12"],
        CompatibleArchitectures=["x86_64"],
        LicenseInfo="MIT",
    )
    assert published.pop("ResponseMetadata")["HTTPStatusCode"] == 201
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    location = published["Content"].pop("Location")
    created = published.pop("CreatedDate")
    assert created.endswith("+0000")
    assert published == {
        "Content": {"CodeSha256": digest, "CodeSize": len(content)},
        "LayerArn": f"{ARN}:shared",
        "LayerVersionArn": f"{ARN}:shared:1",
        "Description": "what many need",
        "Version": 1,
        "CompatibleRuntimes": ["python3.12"],
        "CompatibleArchitectures": ["x86_64"],
        "LicenseInfo": "MIT",
    }
    for found in (
        client.get_layer_version(LayerName="shared", VersionNumber=1),
        client.get_layer_version(LayerName=f"{ARN}:shared", VersionNumber=1),
        client.get_layer_version_by_arn(Arn=f"{ARN}:shared:1"),
    ):
        del found["ResponseMetadata"], found["CreatedDate"]
        assert found["Content"].pop("Location") == location
        assert found == published
    with urllib.request.urlopen(location) as answer:
        assert answer.read() == content


@pytest.mark.fidelity("Layers", "what a publisher did not say is absent, an empty list is empty")
def test_absent_members_are_absent(client: Any) -> None:
    content = {"ZipFile": archive({"a": "b"})}
    found = client.publish_layer_version(LayerName="bare", Content=content)
    del found["ResponseMetadata"]
    assert set(found) == {
        "Content", "CreatedDate", "Description", "LayerArn", "LayerVersionArn", "Version",
    }  # fmt: skip
    assert found["Description"] == ""
    found = client.publish_layer_version(
        LayerName="bare", Content=content, CompatibleRuntimes=[], CompatibleArchitectures=[]
    )
    assert (found["CompatibleRuntimes"], found["CompatibleArchitectures"]) == ([], [])


@pytest.mark.fidelity("Layers", "an archive from S3; S3's refusals in Lambda's words")
def test_an_archive_may_come_from_s3(pelton_emulator: RunningEmulator) -> None:
    client, s3 = pelton_emulator.client("lambda"), pelton_emulator.client("s3")
    s3.create_bucket(Bucket="archives")
    content = archive({"python/shared.py": "x = 1"})
    s3.put_object(Bucket="archives", Key="shared.zip", Body=content)
    found = client.publish_layer_version(
        LayerName="shared", Content={"S3Bucket": "archives", "S3Key": "shared.zip"}
    )
    assert found["Content"]["CodeSize"] == len(content)
    refused = refusal(
        client.publish_layer_version,
        LayerName="shared",
        Content={"S3Bucket": "archives", "S3Key": "nothing"},
    )
    assert refused == (
        400,
        "InvalidParameterValueException",
        "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: "
        "The specified key does not exist.",
    )


@pytest.mark.fidelity("Layers", "S3ObjectStorageMode REFERENCE", refused=True)
def test_an_archive_is_copied_never_referred_to(client: Any) -> None:
    content = {"S3Bucket": "archives", "S3Key": "k", "S3ObjectStorageMode": "REFERENCE"}
    _, code, words = refusal(client.publish_layer_version, LayerName="shared", Content=content)
    assert code == "InvalidParameterValueException"
    assert "S3ObjectStorageMode REFERENCE" in words


@pytest.mark.fidelity("Layers", "a version's number is never given twice")
def test_numbers_go_on_after_a_deletion(client: Any) -> None:
    for number in (1, 2):
        assert publish(client, "shared", {"a": str(number)}) == f"{ARN}:shared:{number}"
    found = client.list_layer_versions(LayerName="shared")["LayerVersions"]
    assert [each["Version"] for each in found] == [2, 1]
    for number in (1, 2, 2, 7):  # what is not there is deleted already
        answer = client.delete_layer_version(LayerName="shared", VersionNumber=number)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert client.list_layer_versions(LayerName="shared")["LayerVersions"] == []
    assert client.list_layers()["Layers"] == []
    assert publish(client, "shared", {"a": "3"}) == f"{ARN}:shared:3"


@pytest.mark.fidelity("Layers", "ListLayers and ListLayerVersions filter and page")
def test_lists_filter_and_page(client: Any) -> None:
    publish(client, "b", {"a": "1"}, CompatibleRuntimes=["python3.12"])
    publish(client, "b", {"a": "2"}, CompatibleRuntimes=["python3.13"])
    publish(client, "a", {"a": "3"}, CompatibleArchitectures=["arm64"])
    publish(client, "c", {"a": "4"})

    def layers(**given: str) -> list[tuple[str, int]]:
        pages = client.get_paginator("list_layers").paginate(
            PaginationConfig={"PageSize": 1}, **given
        )
        return [
            (each["LayerName"], each["LatestMatchingVersion"]["Version"])
            for one in pages
            for each in one["Layers"]
        ]

    assert layers() == [("a", 1), ("b", 2), ("c", 1)]
    assert layers(CompatibleRuntime="python3.12") == [("b", 1)]
    assert layers(CompatibleArchitecture="arm64") == [("a", 1)]
    first = client.list_layers(MaxItems=1)["Layers"][0]
    assert first["LayerArn"] == f"{ARN}:a"
    assert first["LatestMatchingVersion"]["LayerVersionArn"] == f"{ARN}:a:1"
    pages = client.get_paginator("list_layer_versions").paginate(
        LayerName="b", PaginationConfig={"PageSize": 1}
    )
    assert [each["Version"] for one in pages for each in one["LayerVersions"]] == [2, 1]
    found = client.list_layer_versions(LayerName="b", CompatibleRuntime="python3.12")
    assert [each["Version"] for each in found["LayerVersions"]] == [1]
    assert client.list_layer_versions(LayerName="nowhere")["LayerVersions"] == []


@pytest.mark.fidelity("Layers", "what is not there, and what cannot be, in the recorded words")
def test_what_is_refused(pelton_emulator: RunningEmulator) -> None:
    client = raw_client(pelton_emulator.url)
    publish(client, "shared", {"a": "b"})
    gone = (404, "ResourceNotFoundException", "The resource you requested does not exist.")
    get, by_arn = client.get_layer_version, client.get_layer_version_by_arn
    assert refusal(get, LayerName="nowhere", VersionNumber=1) == gone
    assert refusal(get, LayerName="shared", VersionNumber=2) == gone
    assert refusal(by_arn, Arn=f"{ARN}:shared:2") == gone
    least = (400, "InvalidParameterValueException", "Layer Version Cannot be less than 1")
    assert refusal(get, LayerName="shared", VersionNumber=0) == least
    assert refusal(get, LayerName="shared", VersionNumber=-1) == least
    assert refusal(client.delete_layer_version, LayerName="shared", VersionNumber=-1) == least
    status, code, words = refusal(by_arn, Arn=f"{ARN}:shared")
    assert (status, code) == (400, "ValidationException")
    assert words.startswith(
        f"1 validation error detected: Value '{ARN}:shared' at 'arn' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]"
    )
    bad = refusal(client.publish_layer_version, LayerName="bad", Content={"ZipFile": b"no zip"})
    assert bad[1:] == (
        "InvalidParameterValueException",
        "Could not unzip uploaded file. Please check your file, then try to upload again.",
    )
    status, code, words = refusal(get, LayerName="shared", VersionNumber="one")
    assert (status, code) == (400, "SerializationException")


@pytest.mark.fidelity(
    "Layers",
    "unknown runtimes and architectures are refused in the recorded words",
    different="the set of a list's CompatibleRuntime was recorded in part; the rest is older",
)
def test_unknown_runtimes_are_refused(pelton_emulator: RunningEmulator) -> None:
    client = raw_client(pelton_emulator.url)
    _, code, words = refusal(client.list_layers, CompatibleRuntime="runtimedoesnotexist")
    assert code == "ValidationException"
    assert words.startswith(
        "1 validation error detected: Value 'runtimedoesnotexist' at 'compatibleRuntime' failed to "
        "satisfy constraint: Member must satisfy enum value set: [ruby3.5, ruby2.6, dotnetcore1.0, "
        "python3.7, nodejs8.10, nasa, ruby2.7, python2.7-gr"
    )
    assert refusal(client.list_layers, CompatibleArchitecture="archdoesnotexist")[2] == (
        "1 validation error detected: Value 'archdoesnotexist' at 'compatibleArchitecture' failed "
        "to satisfy constraint: Member must satisfy enum value set: [x86_64, arm64]"
    )
    runtimes = ["invalidruntime", "invalidruntime2", "nodejs20.x"]
    _, code, words = refusal(
        client.publish_layer_version,
        LayerName="shared",
        Content={"ZipFile": archive({"a": "b"})},
        CompatibleRuntimes=runtimes,
        CompatibleArchitectures=["invalidarch", "x86_64"],
    )
    assert code == "ValidationException"
    assert words.startswith(
        "2 validation errors detected: Value '[invalidruntime, invalidruntime2, nodejs20.x]' at "
        "'compatibleRuntimes' failed to satisfy constraint: Member must satisfy enum value set: "
        "[nodejs20.x, python3.14, provided.al2023, python3.12, py"
    )
    assert words.endswith(
        "; Value '[invalidarch, x86_64]' at 'compatibleArchitectures' failed to satisfy "
        "constraint: Member must satisfy constraint: [Member must satisfy enum value set: "
        "[x86_64, arm64]]"
    )


@pytest.mark.fidelity("Layers", "policies of versions: add, get, remove, with revision ids")
def test_a_versions_policy(pelton_emulator: RunningEmulator) -> None:
    client = raw_client(pelton_emulator.url)
    publish(client, "shared", {"a": "b"})
    of = {"LayerName": "shared", "VersionNumber": 1}
    none = (
        404, "ResourceNotFoundException", "No policy is associated with the given resource.",
    )  # fmt: skip
    assert refusal(client.get_layer_version_policy, **of) == none
    action = "lambda:GetLayerVersion"
    add, remove = client.add_layer_version_permission, client.remove_layer_version_permission
    first = add(**of, StatementId="s1", Action=action, Principal="*", OrganizationId="o-1234567890")
    assert first["ResponseMetadata"]["HTTPStatusCode"] == 201
    statement = {
        "Sid": "s1",
        "Effect": "Allow",
        "Principal": "*",
        "Action": action,
        "Resource": f"{ARN}:shared:1",
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}},
    }
    assert json.loads(first["Statement"]) == statement
    policy = client.get_layer_version_policy(**of)
    assert policy["RevisionId"] == first["RevisionId"]
    assert json.loads(policy["Policy"]) == {
        "Version": "2012-10-17", "Id": "default", "Statement": [statement],
    }  # fmt: skip
    given = {**of, "Action": action, "Principal": "123456789012"}
    assert refusal(add, **given, StatementId="s1") == (
        409,
        "ResourceConflictException",
        "The statement id (s1) provided already exists. Please provide a new statement id, or "
        "remove the existing statement.",
    )
    late = (
        412,
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy "
        "API to retrieve the latest Revision Id",
    )
    assert refusal(add, **given, StatementId="s2", RevisionId="wrong") == late
    assert refusal(remove, **of, StatementId="s1", RevisionId="wrong") == late
    second = add(**given, StatementId="s2", RevisionId=first["RevisionId"])
    assert second["RevisionId"] != first["RevisionId"]
    assert json.loads(second["Statement"])["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}
    assert refusal(remove, **of, StatementId="doesnotexist") == (
        404, "ResourceNotFoundException",
        "Statement doesnotexist is not found in resource policy.",
    )  # fmt: skip
    for name in ("s1", "s2"):
        assert remove(**of, StatementId=name)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refusal(client.get_layer_version_policy, **of) == none


@pytest.mark.fidelity("Layers", "policies of versions that are not there, actions that are not")
def test_what_a_policy_refuses(pelton_emulator: RunningEmulator) -> None:
    client = raw_client(pelton_emulator.url)
    publish(client, "shared", {"a": "b"})
    given = {"StatementId": "s", "Action": "lambda:GetLayerVersion", "Principal": "*"}
    add, get = client.add_layer_version_permission, client.get_layer_version_policy
    remove = client.remove_layer_version_permission
    for name, number in (("shared-doesnotexist", 1), ("shared", 2)):
        missing = (
            404,
            "ResourceNotFoundException",
            f"Layer version {ARN}:{name}:{number} does not exist.",
        )
        of = {"LayerName": name, "VersionNumber": number}
        assert refusal(add, **of, **given) == missing
        assert refusal(get, **of) == missing
        assert refusal(remove, **of, StatementId="s") == missing
    of = {"LayerName": "shared", "VersionNumber": 1}
    assert refusal(add, **of, **{**given, "Action": "*"}) == (
        400,
        "ValidationException",
        "1 validation error detected: Value '*' at 'action' failed to satisfy constraint: Member "
        "must satisfy regular expression pattern: lambda:GetLayerVersion",
    )
    statement = client.add_layer_version_permission(**of, **given)["Statement"]
    each = len(statement) + 100  # with a comma and a longer name
    for number in range(20_480 // each):
        add(**of, **{**given, "StatementId": f"{number:0100}"})
    for number in range(5):
        last = {**given, "StatementId": f"{number:099}x"}
        try:
            add(**of, **last)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "PolicyLengthExceededException"
            assert "is bigger than the limit (20480)." in error.response["Error"]["Message"]
            break
    else:
        pytest.fail("a policy of more than 20 KB was accepted")


# -- the setting of a function


@pytest.mark.fidelity("Layers", "a function's Layers: told as Arn and CodeSize, absent when none")
def test_layers_of_a_function(client: Any) -> None:
    arn = publish(client, "shared", {"a": "b"})
    size = client.get_layer_version_by_arn(Arn=arn)["Content"]["CodeSize"]
    create(client)
    assert "Layers" not in client.get_function_configuration(FunctionName="f")
    update(client, Layers=[arn])
    expected = [{"Arn": arn, "CodeSize": size}]
    assert client.get_function_configuration(FunctionName="f")["Layers"] == expected
    assert client.get_function(FunctionName="f")["Configuration"]["Layers"] == expected
    assert client.list_functions()["Functions"][0]["Layers"] == expected
    assert client.publish_version(FunctionName="f")["Layers"] == expected
    update(client, Description="not of layers")
    assert client.get_function_configuration(FunctionName="f")["Layers"] == expected
    update(client, Layers=[])
    assert "Layers" not in client.get_function_configuration(FunctionName="f")
    version = client.get_function_configuration(FunctionName="f", Qualifier="1")
    assert version["Layers"] == expected, "a version is frozen with its layers"


@pytest.mark.fidelity("Layers", "Layers of a function that do not fit, in the recorded words")
def test_layers_that_do_not_fit(pelton_emulator: RunningEmulator) -> None:
    client = raw_client(pelton_emulator.url)
    one, two = publish(client, "shared", {"a": "1"}), publish(client, "shared", {"a": "2"})
    create(client)

    def words(*layers: str) -> str:
        status, code, told = refusal(
            client.update_function_configuration, FunctionName="f", Layers=list(layers)
        )
        assert (status, code) == (400, "InvalidParameterValueException")
        return told

    many = [publish(client, f"l{number}", {"a": "b"}) for number in range(6)]
    assert words(*many) == "Cannot reference more than 5 layers."
    assert words(f"{ARN}:doesnotexist:1") == f"Layer version {ARN}:doesnotexist:1 does not exist."
    assert words(f"{ARN}:shared:9") == f"Layer version {ARN}:shared:9 does not exist."
    assert words(one, two) == (
        "Two different versions of the same layer are not allowed to be referenced in the same "
        f"function. {one} and {two} are versions of the same layer."
    )
    elsewhere = one.replace("us-east-1", "eu-west-1")
    assert words(elsewhere) == (
        "Layers are not in the same region as the function. Layers are expected to be in region "
        "us-east-1."
    )
    status, code, told = refusal(
        client.update_function_configuration, FunctionName="f", Layers=[f"{ARN}:shared"]
    )
    assert (status, code) == (400, "ValidationException")
    assert told.startswith(
        f"1 validation error detected: Value '[{ARN}:shared]' at 'layers' failed to satisfy "
        "constraint: Member must satisfy constraint: [Member must have length less than or equal "
        "to 2048, "
    )


@pytest.mark.fidelity("Layers", "layers of other accounts", refused=True)
def test_layers_of_other_accounts_are_refused_in_lambdas_words(client: Any) -> None:
    create(client)
    other = f"{ARN}:shared:1".replace("000000000000", "111122223333")
    for call, members in (
        (client.update_function_configuration, {"FunctionName": "f", "Layers": [other]}),
        (client.get_layer_version_by_arn, {"Arn": other}),
    ):
        status, code, told = refusal(call, **members)
        assert (status, code) == (403, "AccessDeniedException")
        assert (
            f"is not authorized to perform: lambda:GetLayerVersion on resource: {other[:-2]}"
            in told
        )


@pytest.mark.slow
@pytest.mark.fidelity("Layers", "code and layers together are at most 250 MB unzipped")
def test_code_and_layers_have_one_limit(client: Any) -> None:
    whole = {"ZipFile": archive({"zeros": bytes(262_144_000)})}
    _, code, words = refusal(client.publish_layer_version, LayerName="whole", Content=whole)
    assert code == "InvalidParameterValueException"
    assert words == "Unzipped size must be smaller than 262144000 bytes"
    half = publish(client, "half", {"zeros": bytes(200_000_000)})
    create(client)
    update(client, Layers=[half])
    large = archive({"main.py": ECHO, "zeros": bytes(70_000_000)})
    status, code, words = refusal(client.update_function_code, FunctionName="f", ZipFile=large)
    assert (status, code) == (400, "InvalidParameterValueException")
    total = 270_000_000 + len(ECHO)
    assert words == (
        "Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. "
        f"The actual size is {total} bytes."
    )
    other = publish(client, "other", {"zeros": bytes(70_000_000), "one": b"1"})
    status, code, words = refusal(
        client.update_function_configuration, FunctionName="f", Layers=[half, other]
    )
    assert words.endswith(f"The actual size is {total + 1} bytes.")


# -- what runs

LOOK = """
import os, subprocess, sys

def handler(event, context):
    import shared
    try:
        open(os.path.join(os.path.dirname(shared.__file__), "new"), "w").close()
        written = True
    except OSError as error:
        written = error.strerror
    return {
        "who": shared.WHO,
        "file": shared.__file__,
        "site": __import__("in_site").WHO,
        "tool": subprocess.run(["tool"], capture_output=True, text=True).stdout.strip(),
        "paths": [each for each in sys.path if each.startswith("/opt")],
        "libraries": os.environ["LD_LIBRARY_PATH"].split(":"),
        "path": os.environ["PATH"].split(":"),
        "written": written,
        "opt": sorted(os.listdir("/opt")) if os.path.isdir("/opt") else [],
    }
"""


@pytest.mark.fidelity(
    "Layers", "merged on a read-only /opt in the order given: python/ and site-packages on "
    "sys.path, bin on PATH, lib on LD_LIBRARY_PATH",
)  # fmt: skip
def test_layers_are_merged_on_opt(client: Any) -> None:
    below = publish(
        client,
        "below",
        {
            "python/shared.py": "WHO = 'below'",
            f"python/lib/{HERE}/site-packages/in_site.py": "WHO = 'below'",
            "bin/tool": "#!/bin/sh\necho below\n",
        },
    )
    above = publish(client, "above", {"python/shared.py": "WHO = 'above'", "lib/x": "y"})
    create(client, LOOK, Layers=[below, above], Timeout=20)
    found = run(client)
    assert (found["who"], found["site"], found["tool"]) == ("above", "below", "below")
    assert found["file"] == "/opt/python/shared.py"
    assert found["paths"] == [f"/opt/python/lib/{HERE}/site-packages", "/opt/python"]
    assert found["path"][-1] == "/opt/bin"
    assert found["libraries"][-1] == "/opt/lib"
    assert found["written"] == "Read-only file system"
    assert found["opt"] == ["bin", "lib", "python"]
    update(client, Layers=[above, below])
    assert run(client)["who"] == "below", "a new configuration is a new sandbox"


@pytest.mark.fidelity("Layers", "a function without layers sees an empty /opt")
def test_without_layers_opt_is_empty(client: Any) -> None:
    create(client, "import os\ndef handler(event, context):\n    return os.listdir('/opt')\n")
    assert run(client) == []


@pytest.mark.fidelity("Layers", "a function goes on with a version that was deleted")
def test_a_deleted_version_stays_with_its_functions(client: Any) -> None:
    arn = publish(client, "shared", {"python/shared.py": "WHO = 'still here'"})
    source = "import shared\ndef handler(event, context):\n    return shared.WHO\n"
    create(client, source, Layers=[arn])
    client.delete_layer_version(LayerName="shared", VersionNumber=1)
    assert run(client) == "still here"
    update(client, Timeout=7)  # a new sandbox
    assert run(client) == "still here"
    assert client.get_function_configuration(FunctionName="f")["Layers"][0]["Arn"] == arn
    refused = refusal(client.update_function_configuration, FunctionName="f", Layers=[arn])
    assert refused[2] == f"Layer version {arn} does not exist."


@pytest.mark.fidelity(
    "Layers",
    "a native module of another interpreter",
    different="refused with its cause when a function names the layer, not when it is imported",
)
def test_a_native_module_of_another_interpreter_is_refused(client: Any) -> None:
    name = "python/fast.cpython-38-x86_64-linux-gnu.so"
    content = {"ZipFile": archive({name: b"\x7fELF" + bytes(60)})}
    arn = client.publish_layer_version(LayerName="native", Content=content)["LayerVersionArn"]
    source = "def handler(event, context): pass"
    create(client, source)
    refused = [
        refusal(client.update_function_configuration, FunctionName="f", Layers=[arn]),
        refusal(lambda: create(client, source, name="g", Layers=[arn])),
    ]
    for _, code, words in refused:
        assert code == "InvalidParameterValueException"
        assert f"{name} is built for CPython 3.8" in words


def test_a_layer_may_bring_a_folder_for_each_python(client: Any) -> None:
    name = "python/lib/python3.8/site-packages/fast.cpython-38-x86_64-linux-gnu.so"
    content = {"ZipFile": archive({name: b"\x7fELF" + bytes(60)})}
    arn = client.publish_layer_version(LayerName="native", Content=content)["LayerVersionArn"]
    create(client, "def handler(event, context):\n    return 1\n", Layers=[arn])
    assert run(client) == 1


# Gives up the right to make mounts, then becomes the emulator.
WITHOUT_MOUNTS = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(24, 21, 0, 0, 0);"
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)


@pytest.mark.fidelity(
    "Layers",
    "without mount namespaces: imports, PATH and LD_LIBRARY_PATH are right",
    different="the layers are in a folder that can be written to; there is no /opt of their own",
)
def test_without_mounts_a_folder_stands_for_opt(tmp_path: Path) -> None:
    with emulator_process("--data-dir", str(tmp_path), before=("-c", WITHOUT_MOUNTS)) as (
        emulator,
        _,
    ):
        client = emulator.client("lambda")
        below = publish(
            client,
            "below",
            {"python/shared.py": "WHO = 'below'", "bin/tool": "#!/bin/sh\necho b\n"},
        )
        site = f"python/lib/{HERE}/site-packages/in_site.py"
        above = publish(client, "above", {"python/shared.py": "WHO = 'above'", site: "WHO = 'a'"})
        create(client, LOOK, Layers=[below, above], Timeout=20)
        found = run(client)
        opt = found["file"].removesuffix("/python/shared.py")
        assert opt.startswith(str(tmp_path))
        assert (found["who"], found["site"], found["tool"]) == ("above", "a", "b")
        assert (found["path"][-1], found["libraries"][-1]) == (f"{opt}/bin", f"{opt}/lib")


@pytest.mark.fidelity("Layers", "layers survive a kill of the emulator; what nothing needs goes")
def test_layers_survive_a_kill(tmp_path: Path) -> None:
    with emulator_process("--data-dir", str(tmp_path)) as (emulator, process):
        client = emulator.client("lambda")
        deleted = publish(client, "deleted", {"python/below.py": "WHO = 'below'"})
        kept = publish(client, "kept", {"python/above.py": "WHO = 'above'"})
        unused = publish(client, "unused", {"python/unused.py": "x = 1"})
        source = (
            "import above, below\ndef handler(event, context):\n    return above.WHO + below.WHO"
        )
        create(client, source, Layers=[deleted, kept])
        assert run(client) == "abovebelow"
        for name in ("deleted", "unused"):
            client.delete_layer_version(LayerName=name, VersionNumber=1)
        before = {each.name for each in (tmp_path / "code").iterdir()}
        process.kill()
    with emulator_process("--data-dir", str(tmp_path)) as (emulator, _):
        client = emulator.client("lambda")
        after = {each.name for each in (tmp_path / "code").iterdir()}
        # An archive and its tree are gone: those of the layer that nothing needs.
        assert after < before and len(before - after) == 2
        assert run(client) == "abovebelow"
        assert [each["LayerName"] for each in client.list_layers()["Layers"]] == ["kept"]
        assert publish(client, "unused", {"a": "b"}) == unused.replace(":1", ":2")


# -- merging, as a rule

NAMES = st.sampled_from(["a", "b", "c"])
TREES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.text("xyz", max_size=3), max_size=4
)


def without_clashes(tree: dict[str, str]) -> dict[str, str]:
    """A zip cannot have a file where it has a folder."""
    return {
        name: text
        for name, text in tree.items()
        if not any(other.startswith(f"{name}/") for other in tree)
    }


@given(st.lists(TREES.map(without_clashes).filter(bool), min_size=2, max_size=4))
def test_the_last_layer_that_has_a_name_gives_it(
    tmp_path_factory: pytest.TempPathFactory, trees: list[dict[str, str]]
) -> None:
    archives = Archives(tmp_path_factory.mktemp("archives"))
    codes = [archives.keep(archive(tree)) for tree in trees]
    (merged,) = archives.merged([each.sha256 for each in codes])
    expected: dict[str, str] = {}
    for tree in trees:
        for name, text in tree.items():
            for other in list(expected):  # a file takes the place of a folder, and the reverse
                if other.startswith(f"{name}/") or name.startswith(f"{other}/"):
                    del expected[other]
            expected[name] = text
    found = {
        str(path.relative_to(merged)): path.read_text()
        for path in merged.rglob("*")
        if path.is_file()
    }
    assert found == expected
    for each, tree in zip(codes, trees, strict=True):  # the layers themselves are as they were
        root = archives.tree(each.sha256)
        assert {name: (root / name).read_text() for name in tree} == tree
