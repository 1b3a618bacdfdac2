"""What AWS and a machine can do to a deploy, each as one sentence that says what to do."""

import json
import re
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import pelton
from pelton.deploy.apply import take_step
from pelton.deploy.errors import CallFailed, CannotPlan, DeployError, Unreachable
from pelton.deploy.kinds.base import Resource
from pelton.deploy.kinds.bucket import Bucket
from pelton.deploy.kinds.function import LambdaFunction
from pelton.deploy.live import read_keys
from pelton.deploy.place import Place
from pelton.deploy.plan import Step
from pelton.deploy.targets.aws import Account, Aws, unreachable
from pelton.deploy.targets.aws_errors import sentence
from pelton.deploy.targets.target import Target
from pelton.deploy.wants.lambda_ import refuse_roles_of_others
from pelton.deploy.wants.variables import refuse_variables
from pelton.deploy.where import Where, connect

FUNCTION = LambdaFunction(
    name="score", function="score", runtime="python3.12", handler="h.h", role="r", sha256="00"
)


class Refusing:
    """An AWS that answers every call with one error."""

    def __init__(self) -> None:
        self.status, self.code, self.message = 400, "", ""
        answers = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = json.dumps({"__type": answers.code, "message": answers.message}).encode()
                if self.path.startswith("/archives"):
                    said = f"<Code>{answers.code}</Code><Message>{answers.message}</Message>"
                    body = f"<Error>{said}</Error>".encode()
                self.send_response(answers.status)
                self.send_header("x-amzn-errortype", answers.code)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer

            def log_message(self, *words: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def refusing() -> Iterator[Refusing]:
    found = Refusing()
    yield found
    found.close()


@pytest.fixture
def target(refusing: Refusing, tmp_path: Path) -> Target:
    (tmp_path / "score.zip").write_bytes(b"zip")
    account = Account(refusing.url, "us-east-1", "key", "secret")
    aws = Aws(account, pause=lambda seconds: None, tries=3, attempts=1)
    return Target(aws, app="flights", archives={"00": tmp_path / "score.zip"})


def make(resource: Resource, target: Target) -> DeployError:
    with pytest.raises(DeployError) as raised:
        take_step(Step("create", resource, None), target)
    return raised.value


@pytest.mark.parametrize(
    ("status", "code", "message", "advice"),
    [
        (403, "ExpiredTokenException", "The token is expired", "sign in again"),
        (403, "UnrecognizedClientException", "invalid", "is the profile the right one?"),
        (403, "InvalidSignatureException", "not match", "set both again"),
        (403, "AccessDeniedException", "not authorized to perform: x", "the permission that is"),
        (429, "TooManyRequestsException", "Rate exceeded", "deploy again in a minute"),
        (400, "CodeStorageExceededException", "Code storage", "delete old versions"),
        (400, "ServiceQuotaExceededException", "Quota", "ask AWS for a higher one"),
        (
            400,
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
            "trust policy name lambda.amazonaws.com",
        ),
    ],
)
def test_what_aws_refuses_is_said_with_what_to_do(
    refusing: Refusing, target: Target, status: int, code: str, message: str, advice: str
) -> None:
    refusing.status, refusing.code, refusing.message = status, code, message
    said = str(make(FUNCTION, target))
    assert said.startswith("create function 'score': CreateFunction: ")
    assert code in said and message.rstrip(".") in said and advice in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (403, "AccessDenied", "the permission that is named"),
        (409, "BucketAlreadyExists", "the bucket's name is another account's"),
        (400, "IllegalLocationConstraintException", "give that one with --region"),
        (503, "SlowDown", "deploy again in a minute"),
    ],
)
def test_a_bucket_that_is_not_ours(
    refusing: Refusing, target: Target, status: int, code: str, advice: str
) -> None:
    refusing.status, refusing.code, refusing.message = status, code, "no"
    assert advice in str(make(Bucket(name="archives"), target))


def test_a_bucket_that_may_not_be_seen(refusing: Refusing, target: Target) -> None:
    refusing.status, refusing.code = 403, "Forbidden"
    with pytest.raises(CallFailed, match="it is there and not yours"):
        read_keys(target, ["bucket:archives"])


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"AWS_PROFILE": "nobody"}, "AWS_PROFILE names a profile"),
        ({}, "no AWS credentials; run `aws configure` first"),
        ({"AWS_ACCESS_KEY_ID": "half"}, "half of the AWS credentials is missing"),
        ({"AWS_DEFAULT_REGION": ""}, "no AWS region; set AWS_REGION or give --region"),
        ({"AWS_DEFAULT_REGION": "mars north"}, "give a region of AWS's"),
    ],
)
def test_credentials_and_regions_that_are_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: dict[str, str], said: str
) -> None:
    for name in ("PROFILE", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "REGION"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    for name, value in {"AWS_DEFAULT_REGION": "eu-west-1", **environment}.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
    with pytest.raises(CallFailed) as raised:
        Aws(Account()).place([])
    assert said in str(raised.value)


def test_a_page_in_the_place_of_an_answer_is_one_sentence() -> None:
    page = "<!doctype html>\n<title>404</title>\n"
    answer = {"Error": {"Code": "404", "Message": page}}
    said = sentence(ClientError(answer, "GetAlias"), "function 'f'")
    assert said.startswith("function 'f': GetAlias: 404: an HTML page, so what answers there does")
    assert "\n" not in said


def test_an_address_that_is_none_says_what_to_look_at() -> None:
    said = str(unreachable("AWS", "Could not connect to https://sts.mars-1.amazonaws.com/"))
    assert said.endswith("amazonaws.com/; are address, region and network right?")


def test_nobody_answers() -> None:
    nowhere = Target(Aws(Account("http://127.0.0.1:9", "us-east-1", "key", "secret"), attempts=1))
    with pytest.raises(Unreachable, match="start it with `pelton emulator`"):
        read_keys(nowhere, ["function:score"])


def test_who_means_a_nuclio_elsewhere_is_told_how_to_say_so() -> None:
    there = Where(endpoint="http://127.0.0.1:9", nuclio_endpoint="http://nuclio:8070")
    with pytest.raises(Unreachable, match=r"nothing answers at http://127\.0\.0\.1:9") as raised:
        connect(there)
    (note,) = raised.value.__notes__
    assert "elsewhere: --to nuclio --nuclio-endpoint http://nuclio:8070" in note


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"AWS_REGION": "x"}, "app.py:6: Lambda sets the variable 'AWS_REGION' itself"),
        ({"X": "x"}, "pelton.toml: environment.X: Lambda takes no variable named 'X'"),
        ({"NAME": "ü" * 2100}, "app.py:6: the variables of function 'score' are 4211 bytes, over"),
    ],
)
def test_variables_that_lambda_refuses_are_told_by_the_plan(
    variables: dict[str, str], said: str
) -> None:
    causes = {"": "app.py:6", "environment.X": "pelton.toml: environment.X"}
    with pytest.raises(CannotPlan, match=re.escape(said)):
        refuse_variables("score", variables, causes)


def test_a_role_of_another_account() -> None:
    app = pelton.App("flights")

    @app.function(aws=pelton.Aws(role="arn:aws:iam::111111111111:role/score"))
    def score(n: int) -> int:
        return n

    functions = list(app.functions.values())
    refuse_roles_of_others(functions, Place("eu-west-1", "111111111111"))
    with pytest.raises(CannotPlan, match=r"role of account 111111111111, .* account 222222222222"):
        refuse_roles_of_others(functions, Place("eu-west-1", "222222222222"))


def test_threads_that_share_a_client_know_each_other_s_errors() -> None:
    """Botocore makes a client's errors at the first look: an absent function, asked for by two
    threads at once, was no absence but a failed plan."""
    often, threads = sys.getswitchinterval(), 4
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(3):
            nowhere = Account("http://127.0.0.1:1", "us-east-1", "test", "test")
            client = Aws(nowhere).client("lambda")
            together = threading.Barrier(threads)

            def look(_: int, client: Any = client, together: Any = together) -> Any:
                together.wait()
                return client.exceptions.ResourceNotFoundException

            with ThreadPoolExecutor(threads) as pool:
                assert len(set(pool.map(look, range(threads)))) == 1
    finally:
        sys.setswitchinterval(often)
