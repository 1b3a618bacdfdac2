"""`--verify-signatures`: every AWS call is checked as AWS checks it."""

import asyncio
import hashlib
import io
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import httpx
import pytest
from botocore import UNSIGNED
from botocore.client import Config
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton.localstack.clock import MACHINE
from pelton.localstack.emulator import Emulator
from pelton.localstack.gate import Access
from pelton.localstack.manual_clock import ManualClock
from pelton.localstack.messages import Request, joined
from pelton.localstack.signatures.check import Credential, Signatures
from pelton.localstack.signatures.read import Unsigned
from pelton.pytest_plugin import RunningEmulator

from .. import plain
from ..tries import tries
from .support import emulator_at, make_function

SOURCE = """
import boto3, os
def handler(event, context):
    queue = boto3.client("sqs").create_queue(QueueName="from-inside")["QueueUrl"]
    account = boto3.client("sts").get_caller_identity()["Account"]
    return [queue, os.environ["AWS_ACCESS_KEY_ID"][:4], account]
"""


@pytest.fixture(scope="module")
def emulator() -> Iterator[RunningEmulator]:
    with emulator_at("--verify-signatures") as found:
        yield found


def client(
    emulator: RunningEmulator, service: str, key: str = "test", secret: str = "test", **more: Any
) -> Any:
    return boto3.client(
        service,
        endpoint_url=emulator.url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        **more,
    )


CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "lambda": ("list_functions", {}),
    "dynamodb": ("list_tables", {}),
    "sns": ("list_topics", {}),
    "s3": ("list_buckets", {}),
    "sqs": ("list_queues", {}),
}
CODES = {
    "lambda": ("UnrecognizedClientException", "InvalidSignatureException", 403),
    "dynamodb": ("UnrecognizedClientException", "InvalidSignatureException", 400),
    "sqs": ("UnrecognizedClientException", "InvalidSignatureException", 400),
    "sns": ("InvalidClientTokenId", "SignatureDoesNotMatch", 403),
    "s3": ("InvalidAccessKeyId", "SignatureDoesNotMatch", 403),
}


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.fidelity(
    "Safety",
    "--verify-signatures: unknown keys, wrong secrets and unsigned calls are refused in each "
    "service's words",
)
def test_a_call_is_refused_in_its_services_words(emulator: RunningEmulator, service: str) -> None:
    operation, members = CALLS[service]
    getattr(client(emulator, service), operation)(**members)
    unknown, wrong, status = CODES[service]
    missing = {"s3": "AccessDenied", "sns": "MissingAuthenticationToken"}.get(
        service, "MissingAuthenticationTokenException"
    )
    for code, made in (
        (unknown, client(emulator, service, key="nobody")),
        (wrong, client(emulator, service, secret="wrong")),
        (missing, client(emulator, service, config=Config(signature_version=UNSIGNED))),
    ):
        with pytest.raises(ClientError) as refused:
            getattr(made, operation)(**members)
        response = refused.value.response
        assert response["Error"]["Code"].rpartition(".")[2] == code
        assert response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_lambdas_sentences(emulator: RunningEmulator) -> None:
    """As AWS says them, with the string that should have been signed."""
    with pytest.raises(ClientError) as refused:
        client(emulator, "lambda", key="nobody").list_functions()
    message = refused.value.response["Error"]["Message"]
    assert message == "The security token included in the request is invalid."
    with pytest.raises(ClientError) as refused:
        client(emulator, "lambda", secret="wrong").get_function(FunctionName="a")
    message = refused.value.response["Error"]["Message"]
    assert message.startswith("The request signature we calculated does not match")
    assert "Canonical String for this request should have been\n'GET\n/2015-03-31" in message
    address = f"{emulator.url}/2015-03-31/functions/"
    for headers, code, words in (
        ({}, "MissingAuthenticationTokenException", "Missing Authentication Token"),
        (
            {"authorization": "AWS4-HMAC-SHA256 Credential=x"},
            "IncompleteSignatureException",
            "Authorization header requires 'Signature' parameter. Authorization header requires "
            "'SignedHeaders' parameter. Authorization header requires existence of either a "
            "'X-Amz-Date' or a 'Date' header.",
        ),
        (
            {"authorization": "AWS4-ECDSA-P256-SHA256 Credential=x"},
            "IncompleteSignatureException",
            "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'.",
        ),
    ):
        answer = plain.get(address, headers=headers, trust_env=False)
        assert answer.status_code == 403
        assert answer.headers["x-amzn-errortype"] == code
        assert answer.json()["message"].startswith(words)


def test_objects_and_presigned_urls(emulator: RunningEmulator) -> None:
    """Paths that S3 signs as they are, streamed bodies, and queries that sign."""
    s3 = client(
        emulator, "s3", config=Config(signature_version="s3v4", s3={"addressing_style": "path"})
    )
    s3.create_bucket(Bucket="signed")
    key = "a b/ü+~!()'*/./x"
    s3.put_object(Bucket="signed", Key=key, Body=b"one")
    s3.upload_fileobj(io.BytesIO(b"two" * 1000), "signed", "two")
    assert s3.get_object(Bucket="signed", Key=key)["Body"].read() == b"one"
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "signed", "Key": key})
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"one"
    preflight = {"access-control-request-method": "PUT"}
    address = f"{emulator.url}/signed/two"
    assert plain.options(address, headers=preflight, trust_env=False).status_code == 200
    for other in (url.replace("signed/", "signed/x"), url[:-3] + "000", url + "&versionId=x"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(other)
        assert (refused.value.code, b"SignatureDoesNotMatch" in refused.value.read()) == (403, True)
    tampered = s3.generate_presigned_url(
        "get_object", Params={"Bucket": "signed", "Key": "two"}, ExpiresIn=1
    ).replace("X-Amz-Expires=1&", "X-Amz-Expires=604801&")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(tampered)
    assert refused.value.code == 400
    refused.value.close()


@pytest.mark.fidelity(
    "Safety", "--verify-signatures: functions, roles and users sign with credentials of their own"
)
def test_credentials_that_are_handed_out(emulator: RunningEmulator) -> None:
    lambda_ = client(emulator, "lambda")
    make_function(lambda_, SOURCE, "inside", Runtime="python3.11", Timeout=30, MemorySize=512)
    told = json.loads(lambda_.invoke(FunctionName="inside")["Payload"].read())
    assert told[0].endswith("/from-inside")
    assert told[1:] == ["ASIA", "000000000000"]

    iam = client(emulator, "iam")
    iam.create_user(UserName="u")
    made = iam.create_access_key(UserName="u")["AccessKey"]
    own = client(emulator, "lambda", made["AccessKeyId"], made["SecretAccessKey"])
    assert own.list_functions()["Functions"]
    iam.delete_access_key(UserName="u", AccessKeyId=made["AccessKeyId"])
    with pytest.raises(ClientError, match="UnrecognizedClient"):
        own.list_functions()

    sts = client(emulator, "sts")
    role = sts.assume_role(RoleArn="arn:aws:iam::000000000000:role/r", RoleSessionName="session")
    given = role["Credentials"]
    words = given["AccessKeyId"], given["SecretAccessKey"]
    lambda_ = client(emulator, "lambda", *words, aws_session_token=given["SessionToken"])
    assert lambda_.list_functions()["Functions"]
    with pytest.raises(ClientError, match="security token included in the request is invalid"):
        client(emulator, "lambda", *words).list_functions()


@pytest.mark.fidelity("Function URLs", "AWS_IAM: signatures are checked with --verify-signatures")
def test_an_iam_url_checks_the_signature(emulator: RunningEmulator) -> None:
    lambda_ = client(emulator, "lambda")
    make_function(
        lambda_,
        "def handler(event, context):\n    return event\n",
        "url",
        Runtime="python3.11",
        Timeout=30,
        MemorySize=512,
    )
    made = lambda_.create_function_url_config(FunctionName="url", AuthType="AWS_IAM")
    url = f"{made['FunctionUrl']}a%20b?x=1&y=%2F"

    def ask(secret: str | None, signed: str = url) -> httpx.Response:
        request = botocore.awsrequest.AWSRequest("GET", signed)
        if secret:
            credentials = botocore.credentials.Credentials("test", secret)
            botocore.auth.SigV4Auth(credentials, "lambda", "us-east-1").add_auth(request)
        with plain.Client(trust_env=False, timeout=60) as caller:
            return caller.get(url, headers=dict(request.headers))

    assert ask("test").json()["rawPath"] == "/a%20b"
    for secret, signed, code in (
        (None, url, "AccessDeniedException"),
        ("wrong", url, "InvalidSignatureException"),
        ("test", f"{url}0", "InvalidSignatureException"),
    ):
        refused = ask(secret, signed)
        assert (refused.status_code, refused.headers["x-amzn-errortype"]) == (403, code)


@pytest.mark.parametrize(
    ("method", "path", "headers", "body"),
    [
        ("POST", "/", {"x-amz-target": "AWSCognitoIdentityProviderService.CreateUserPool"}, b"{}"),
        ("PUT", "/bucket/key", {}, b"Action=AssumeRoleWithWebIdentity"),
        (
            "GET",
            "/2015-03-31/functions/",
            {"x-amz-target": "AWSCognitoIdentityProviderService.InitiateAuth"},
            b"",
        ),
        ("GET", "/2015-03-31/functions/", {"host": "abcdef12.execute-api.localhost"}, b""),
        ("POST", "/", {"host": "zzz.execute-api.localhost"}, b"Action=ListUsers"),
        ("POST", "/_aws/execute-api/abc", {}, b"Action=ListUsers&Version=2010-05-08"),
        ("GET", "/login-bucket/key", {}, b""),
        ("GET", "//_pelton/../2015-03-31/functions/", {}, b""),
    ],
)
def test_no_way_around(
    emulator: RunningEmulator, method: str, path: str, headers: dict[str, str], body: bytes
) -> None:
    """What looks like something that needs no signature gives nothing away."""
    with plain.Client(trust_env=False, base_url=emulator.url) as caller:
        answer = caller.request(method, path, headers=headers, content=body)
    assert answer.status_code >= 400
    assert b"Functions" not in answer.content and b"<Users" not in answer.content


def test_credentials_may_be_given() -> None:
    """Those of the constructor are good beside the default pair."""

    async def status(url: str, key: str, secret: str) -> int:
        address = f"{url}/2015-03-31/functions/"
        request = botocore.awsrequest.AWSRequest("GET", address)
        credentials = botocore.credentials.Credentials(key, secret)
        botocore.auth.SigV4Auth(credentials, "lambda", "us-east-1").add_auth(request)
        async with plain.AsyncClient(trust_env=False, timeout=60) as caller:
            return (await caller.get(address, headers=dict(request.headers))).status_code

    async def flow() -> list[int]:
        access = Access(verify=True, credentials={"mine": "secret"})
        emulator = Emulator(port=0, nuclio_port=0, access=access)
        await emulator.start()
        try:
            pairs = [("mine", "secret"), ("test", "test"), ("mine", "test"), ("other", "secret")]
            return [await status(emulator.url, *pair) for pair in pairs]
        finally:
            await emulator.stop()

    assert asyncio.run(flow()) == [200, 200, 403, 403]


# -- without an emulator
NOW = datetime.fromtimestamp(MACHINE.time(), UTC)
STILL = ManualClock(start=NOW.timestamp())  # however long after it a test runs


def signed(
    method: str,
    target: str,
    body: bytes,
    headers: dict[str, str],
    service: str = "lambda",
    when: datetime = NOW,
    token: str = "",
) -> Request:
    """A request that botocore signed."""
    made = botocore.awsrequest.AWSRequest(
        method, f"http://localhost:4566{target}", {"Host": "localhost:4566", **headers}, body
    )
    credentials = botocore.credentials.Credentials("key", "secret", token or None)
    stamp = made.context["timestamp"] = when.strftime("%Y%m%dT%H%M%SZ")
    made.headers["X-Amz-Date"] = stamp
    if token:
        made.headers["X-Amz-Security-Token"] = token
    kind = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
    auth = kind(credentials, service, "us-east-1")
    if service == "s3":
        made.headers["X-Amz-Content-SHA256"] = hashlib.sha256(body).hexdigest()
    signature = auth.signature(auth.string_to_sign(made, auth.canonical_request(made)), made)
    names = auth.signed_headers(auth.headers_to_sign(made))
    made.headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={auth.scope(made)}, SignedHeaders={names}, "
        f"Signature={signature}"
    )
    fields = [(k.lower().encode(), str(v).encode()) for k, v in made.headers.items()]
    return Request(method, target, joined(fields), body, fields)


def judge(request: Request, **more: Any) -> str:
    """What becomes of a request: "" when its signature is good."""
    known = Signatures({"key": "secret"}, more.get("clock", STILL))
    for each in more.get("credentials", ()):
        known.add(each)
    try:
        known.caller(request)
    except Unsigned as error:
        return f"{error.kind}: {error}"
    return ""


_SEGMENT = st.text(alphabet="ab%20%2F~.-_$:@!,+", max_size=8).filter(lambda s: "%" not in s)
_PATH = st.lists(_SEGMENT, max_size=4).map(lambda parts: "/" + "/".join(parts))
_QUERY = st.lists(
    st.tuples(st.text("abA1-_.~", min_size=1, max_size=4), st.text("abA1-_.~", max_size=4)),
    max_size=4,
).map(lambda pairs: "&".join(f"{k}={v}" for k, v in pairs))


@settings(max_examples=tries(120), deadline=None)
@given(
    st.sampled_from(["GET", "PUT", "POST", "DELETE"]),
    _PATH,
    _QUERY,
    st.binary(max_size=40),
    st.dictionaries(
        st.sampled_from(["x-amz-meta", "accept", "x-b"]), st.text("ab  ,;", max_size=8)
    ),
    st.sampled_from(["lambda", "s3", "dynamodb"]),
)
def test_what_botocore_signs_is_good_and_nothing_else(
    method: str, path: str, query: str, body: bytes, headers: dict[str, str], service: str
) -> None:
    target = f"{path}?{query}" if query else path
    request = signed(method, target, body, headers, service)
    assert judge(request) == ""
    request.body += b"x"
    assert judge(request) != ""
    request = signed(method, target, body, headers, service)
    request.target += "&z=1" if query else "?z=1"
    assert judge(request).startswith("wrong")
    request = signed(method, target, body, headers, service)
    request.method = "PATCH"
    assert judge(request).startswith("wrong")
    request = signed(method, target, body, headers, service)
    at = request.headers["authorization"].rindex("=") + 1
    flipped = "0" if request.headers["authorization"][at] != "0" else "1"
    text = request.headers["authorization"]
    request.headers["authorization"] = text[:at] + flipped + text[at + 1 :]
    assert judge(request).startswith("wrong")


@settings(max_examples=tries(200), deadline=None)
@given(st.text(max_size=80), st.text(max_size=40), st.text(max_size=20))
def test_no_header_breaks_the_reader(authorization: str, query: str, date: str) -> None:
    """Whatever is sent, the answer is a refusal."""
    for prefix in (
        "",
        "AWS4-HMAC-SHA256 ",
        "AWS4-HMAC-SHA256 Credential=key/20260101/r/s/aws4_request,SignedHeaders=host,Signature=",
    ):
        headers = {"authorization": prefix + authorization, "x-amz-date": date}
        assert judge(Request("GET", f"/?{query}", headers)) != ""
    assert judge(Request("GET", f"/?X-Amz-Algorithm=AWS4-HMAC-SHA256&{query}")) != ""


@pytest.mark.parametrize(
    ("service", "minutes", "words"),
    [
        ("lambda", -6, "Signature expired: {} is now earlier than"),
        ("lambda", 6, "Signature not yet current: {} is still later than"),
        ("lambda", -4, ""),
        ("s3", -14, ""),
        ("s3", -16, "Signature expired: {} is now earlier than"),
    ],
)
def test_a_clock_that_is_off(service: str, minutes: int, words: str) -> None:
    when = datetime.fromtimestamp(MACHINE.time(), UTC) + timedelta(minutes=minutes)
    found = judge(signed("GET", "/", b"", {}, service, when), clock=MACHINE)
    stamp = when.strftime("%Y%m%dT%H%M%SZ")
    assert found.startswith(f"skewed: {words.format(stamp)}" if words else "") and bool(
        found
    ) == bool(words)


def test_a_manual_clock_is_as_good_as_the_machines() -> None:
    clock = ManualClock(start=1_800_000_000.0)
    for seconds in (1_800_000_000.0, MACHINE.time()):
        when = datetime.fromtimestamp(seconds, UTC)
        assert judge(signed("GET", "/", b"", {}, when=when), clock=clock) == ""


@pytest.mark.fidelity("Safety", "--verify-signatures: a presigned URL is over by the Clock")
def test_a_presigned_url_is_over_by_the_clock() -> None:
    made = botocore.awsrequest.AWSRequest("GET", "http://localhost/bucket/key")
    credentials = botocore.credentials.Credentials("key", "secret")
    botocore.auth.S3SigV4QueryAuth(credentials, "s3", "us-east-1", expires=3600).add_auth(made)
    request = Request("GET", made.url.removeprefix("http://localhost"), {"host": "localhost"})
    clock = ManualClock(start=MACHINE.time())
    assert judge(request, clock=clock) == ""
    asyncio.run(clock.advance(3700))
    assert judge(request, clock=clock) == "late: Request has expired"


def test_version_two_is_refused_as_for_new_buckets() -> None:
    for target, headers in (
        ("/b/k?AWSAccessKeyId=key&Signature=x&Expires=9999999999", {}),
        ("/b/k", {"authorization": "AWS key:signature"}),
    ):
        assert judge(Request("GET", target, headers)).startswith("legacy: The authorization")


def test_a_token_that_is_over() -> None:
    credential = Credential("key", "secret", "token", STILL.time() - 1)
    request = signed("GET", "/", b"", {}, token="token")
    assert judge(request, credentials=[credential]).startswith("expired")
