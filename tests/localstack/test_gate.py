"""Which web pages and which host names reach the emulator's ports."""

import base64
import socket
import subprocess
import sys
from collections.abc import Iterator

import boto3
import httpx
import pytest
from botocore.client import Config
from hypothesis import given
from hypothesis import strategies as st

from pelton.localstack.gate import WebGate
from pelton.localstack.gateway import is_public
from pelton.localstack.messages import Request
from pelton.pytest_plugin import RunningEmulator

from .. import plain
from .support import emulator_at

PAGE = "https://evil.test"
FRIEND = "http://localhost:3000"
HANDLER = "def handler(context, event):\n    return 'ran'\n"


@pytest.fixture(scope="module")
def emulator() -> Iterator[RunningEmulator]:
    """An emulator that lets pages of FRIEND call, and knows one more host name."""
    with emulator_at("--allow-origin", FRIEND, "--allow-host", "*.dev.test") as found:
        yield found


@pytest.fixture(scope="module")
def ports(emulator: RunningEmulator) -> dict[str, str]:
    """The URL of each kind of port."""
    spec = {
        "metadata": {"name": "echo", "labels": {"nuclio.io/project-name": "default"}},
        "spec": {
            "runtime": "python:3.11",
            "handler": "main:handler",
            "build": {"functionSourceCode": base64.b64encode(HANDLER.encode()).decode()},
        },
    }
    headers = {"x-nuclio-wait-function-action": "true"}
    address = f"{emulator.nuclio_url}/api/functions"
    with plain.Client(trust_env=False, timeout=60) as client:
        assert client.post(address, json=spec, headers=headers).status_code == 202
        status = client.get(f"{address}/echo").json()["status"]
    return {
        "aws": f"{emulator.url}/_pelton/health",
        "nuclio": f"{emulator.nuclio_url}/api/versions",
        "trigger": f"http://127.0.0.1:{status['httpPort']}/",
    }


def ask(url: str, method: str = "GET", **headers: str) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    with plain.Client(trust_env=False, timeout=30) as client:
        return client.request(method, url, headers=sent)


@pytest.mark.parametrize("port", ["aws", "nuclio", "trigger"])
@pytest.mark.fidelity(
    "Safety",
    "web pages of other origins are refused, but by --allow-origin",
    different="AWS has no such rule; here it guards the loopback ports, function URLs and API "
    "Gateway excepted, which have CORS settings",
)
def test_pages_of_other_origins_are_refused(ports: dict[str, str], port: str) -> None:
    url = ports[port]
    assert ask(url).status_code == 200
    assert ask(url, origin=url.rpartition("/")[0].removesuffix("/_pelton").removesuffix("/api"))
    for headers in (
        {"origin": PAGE},
        {"origin": "null"},
        {"origin": "http://localhost:3001"},
        {"origin": f"{FRIEND}.evil.test"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site", "sec_fetch_mode": "navigate"},
    ):
        refused = ask(url, **headers)
        assert refused.status_code == 403, headers
        assert "--allow-origin" in refused.text
        assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize("port", ["aws", "nuclio", "trigger"])
def test_pages_of_an_allowed_origin_read_the_answer(ports: dict[str, str], port: str) -> None:
    answer = ask(ports[port], origin=FRIEND)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == FRIEND
    asked = ask(
        ports[port],
        "OPTIONS",
        origin=FRIEND,
        access_control_request_method="PUT",
        access_control_request_headers="x-amz-target",
    )
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-methods"] == "PUT"
    assert asked.headers["access-control-allow-headers"] == "x-amz-target"


@pytest.mark.fidelity(
    "Safety",
    "S3: a bucket's CORS rules let pages in",
    different="a page that no rule lets in is refused, where AWS leaves it to the browser",
)
def test_a_buckets_rules_let_pages_in(emulator: RunningEmulator) -> None:
    config = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    s3 = boto3.client(
        "s3",
        endpoint_url=emulator.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )
    for bucket in ("shared", "closed"):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="a", Body=b"hi")
    rule = {
        "AllowedOrigins": ["https://*.page.test"],
        "AllowedMethods": ["GET", "PUT"],
        "AllowedHeaders": ["content-*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 60,
    }
    s3.put_bucket_cors(Bucket="shared", CORSConfiguration={"CORSRules": [rule]})
    page = "https://my.page.test"
    read = ask(f"{emulator.url}/shared/a", origin=page)
    assert (read.status_code, read.text) == (200, "hi")
    assert read.headers.get_list("access-control-allow-origin") == [page]
    assert read.headers["access-control-expose-headers"] == "ETag"
    asked = ask(
        f"{emulator.url}/shared/b",
        "OPTIONS",
        origin=page,
        access_control_request_method="PUT",
        access_control_request_headers="Content-Type",
    )
    assert (asked.status_code, asked.headers["access-control-max-age"]) == (200, "60")
    assert asked.headers["access-control-allow-headers"] == "content-type"
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "shared", "Key": "b"})
    assert plain.put(url, content=b"up", headers={"origin": page}, trust_env=False).is_success
    assert s3.get_object(Bucket="shared", Key="b")["Body"].read() == b"up"
    for path, method, headers in (
        ("/closed/a", "GET", {"origin": page}),
        ("/shared/a", "GET", {"origin": "https://page.test.evil.test"}),
        ("/shared/a", "DELETE", {"origin": page}),
        ("/shared/a", "POST", {"origin": page}),
        ("/shared?Action=ListUsers", "GET", {"origin": page}),
        ("/shared", "PUT", {"origin": page, "x_amz_target": "AmazonSQS.CreateQueue"}),
        ("/2015-03-31/functions/", "GET", {"origin": page, "host": "shared.s3.localhost"}),
        ("/shared/a", "PUT", {"sec_fetch_site": "cross-site"}),
        ("/shared/a", "GET", {"origin": page, "upgrade": "websocket", "connection": "upgrade"}),
    ):
        refused = ask(f"{emulator.url}{path}", method, **headers)
        assert refused.status_code == 403, (path, method, headers)
        assert "access-control-allow-origin" not in refused.headers
    # A picture on somebody's page, and a page that may do everything.
    assert ask(f"{emulator.url}/shared/a", sec_fetch_site="cross-site").text == "hi"
    assert ask(f"{emulator.url}/closed/a", origin=FRIEND).text == "hi"


def test_a_page_changes_nothing(emulator: RunningEmulator) -> None:
    """A form of another site, which a browser sends without asking."""
    queues = emulator.client("sqs")
    with plain.Client(trust_env=False, timeout=30, headers={"origin": PAGE}) as client:
        form = {"Action": "CreateQueue", "QueueName": "from-a-page", "Version": "2012-11-05"}
        assert client.post(f"{emulator.url}/", data=form).status_code == 403
        assert client.post(f"{emulator.url}/_pelton/reset").status_code == 403
    assert not queues.list_queues(QueueNamePrefix="from-a-page").get("QueueUrls")


@pytest.mark.parametrize("port", ["aws", "nuclio", "trigger"])
@pytest.mark.fidelity(
    "Safety",
    "a Host that is not this machine's is refused (DNS rebinding), but by --allow-host",
    different="AWS answers by its own names; here loopback names, *.localhost, *.amazonaws.com "
    "and *.lambda-url.<region>.on.aws are known",
)
def test_an_unknown_host_is_refused(ports: dict[str, str], port: str) -> None:
    url = ports[port]
    for known in (
        "localhost:1",
        "LOCALHOST",
        "127.0.0.1",
        "[::1]:80",
        "bucket.s3.localhost:4566",
        "sqs.us-east-1.amazonaws.com",
        "x.dev.test",
        "127.8.9.10",
    ):
        assert ask(url, host=known).status_code == 200, known
    for unknown in (
        "evil.test",
        "localhost.evil.test",
        "evil-localhost",
        "127.0.0.1.evil.test",
        "amazonaws.com.evil.test",
        "dev.test",
        "10.0.0.1",
        "localhost:80@evil.test",
        "",
    ):
        refused = ask(url, host=unknown)
        assert refused.status_code in (400, 403), unknown
    assert "--allow-host" in ask(url, host="evil.test").text


def test_the_absolute_form_counts_as_the_host(ports: dict[str, str]) -> None:
    host, _, port = ports["aws"].removeprefix("http://").partition("/")[0].partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(
            b"GET http://evil.test/_pelton/health HTTP/1.1\r\nHost: localhost\r\n"
            b"Connection: close\r\n\r\n"
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 403 ")


@given(st.text(alphabet="abcdefgh.:-0123456789[]@/\\ ", max_size=30))
def test_no_name_of_somebody_else_is_known(name: str) -> None:
    """Whatever stands before it, a host of another's domain stays one."""
    gate = WebGate("127.0.0.1")
    for suffix in ("evil.test", "localhost.evil.test", "amazonaws.com.evil.test"):
        for host in (f"{name}{suffix}", f"{name}.{suffix}:4566"):
            assert gate.refuses(Request("GET", "/", {"host": host})) is not None


@given(st.from_regex(r"https?://[a-z]{1,8}(\.[a-z]{1,8}){0,2}(:\d{1,5})?", fullmatch=True))
def test_only_the_origin_itself_is_the_same(origin: str) -> None:
    gate = WebGate("127.0.0.1")
    request = Request("POST", "/", {"host": "localhost:4566", "origin": origin})
    assert (gate.refuses(request) is None) == (origin == "http://localhost:4566")


def test_a_wildcard_address_admits_addresses_and_the_machines_name() -> None:
    gate = WebGate("0.0.0.0")
    for host in ("10.0.0.1:4566", "[fe80::1]:80", f"{socket.gethostname()}:4566"):
        assert gate.refuses(Request("GET", "/", {"host": host})) is None
    assert gate.refuses(Request("GET", "/", {"host": "evil.test"})) is not None


@pytest.mark.parametrize(
    ("target", "host", "public"),
    [
        ("/_url/abc/", "localhost", True),
        ("/x", "abc.lambda-url.us-east-1.on.aws", True),
        ("/prod/x", "abc12345.execute-api.localhost:4566", True),
        ("/_aws/execute-api/abc/prod/x", "localhost", True),
        ("/restapis/abc/prod/_user_request_/x", "localhost", True),
        ("/prod/@connections/1", "abc12345.execute-api.localhost", False),
        ("/_pelton/reset", "abc.lambda-url.us-east-1.on.aws", False),
        ("/restapis/abc", "localhost", False),
        ("/2015-03-31/functions/", "localhost", False),
        ("/", "localhost", False),
    ],
)
def test_what_answers_pages_by_its_own_rules(target: str, host: str, public: bool) -> None:
    assert is_public(Request("POST", target, {"host": host})) is public


def test_the_emulator_says_so_in_its_help() -> None:
    words = [sys.executable, "-m", "pelton", "emulator", "--help"]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    for option in ("--allow-origin", "--allow-host", "--verify-signatures"):
        assert option in told
