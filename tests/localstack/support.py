"""What tests of the emulator do again and again, as its users do: pack, create, wait, start, kill.

Nothing of what the emulator does is asserted here but that it comes about at all.
"""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, Self, TypeVar

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pelton.pytest_plugin import RunningEmulator

from ..forked import Forked

ROLE = "arn:aws:iam::000000000000:role/r"
T = TypeVar("T")
# For functions that ask for little, in many sandboxes: boto3 takes a third of a second of each.
PLAIN_AWS = """
import http.client, json, os
from urllib.parse import urlsplit

def call(service, target, **members):
    connection = http.client.HTTPConnection(urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc)
    scope = f"{os.environ['AWS_ACCESS_KEY_ID']}/20260101/us-east-1/{service}/aws4_request"
    headers = {
        "x-amz-target": target, "content-type": "application/x-amz-json-1.0",
        "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
    }
    connection.request("POST", "/", json.dumps(members), headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    assert answer.status == 200, text
    return json.loads(text or b"{}")

def send(name, text):
    url = call("sqs", "AmazonSQS.GetQueueUrl", QueueName=name)["QueueUrl"]
    call("sqs", "AmazonSQS.SendMessage", QueueUrl=url, MessageBody=text)
"""


def archive(files: str | Mapping[str, str | bytes]) -> bytes:
    """A zip of these files, or of `main.py` with this text."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in ({"main.py": files} if isinstance(files, str) else files).items():
            out.writestr(name, content)
    return memory.getvalue()


def with_plain_aws(source: str) -> dict[str, str]:
    """The files of a function that says `from plain_aws import call, send`."""
    return {"main.py": source, "plain_aws.py": PLAIN_AWS}


def make_function(
    client: Any, files: str | Mapping[str, str | bytes], name: str = "f", **settings: Any
) -> dict[str, Any]:
    """A function that can be called; what CreateFunction answered."""
    usual = {"Runtime": "python3.12", "Role": ROLE, "Handler": "main.handler"}
    answer: dict[str, Any] = client.create_function(
        FunctionName=name, Code={"ZipFile": archive(files)}, **{**usual, **settings}
    )
    come(client, "function_active_v2", name)
    return answer


def come(client: Any, state: str, name: str = "f", **more: Any) -> None:
    """Wait by boto3's waiter `state` ("function_updated_v2")."""
    client.get_waiter(state).wait(
        FunctionName=name, WaiterConfig={"Delay": 0.02, "MaxAttempts": 1500}, **more
    )


def open_url(client: Any, name: str = "f", **settings: Any) -> str:
    """The URL of a function that everybody may call."""
    answer = client.create_function_url_config(FunctionName=name, AuthType="NONE", **settings)
    permit_all(client, name)
    return str(answer["FunctionUrl"])


def permit_all(client: Any, name: str = "f") -> None:
    """Let everybody call through the function's URL."""
    client.add_permission(
        FunctionName=name,
        StatementId="all",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    client.add_permission(
        FunctionName=name,
        StatementId="invoke",
        Action="lambda:InvokeFunction",
        Principal="*",
        InvokedViaFunctionUrl=True,
    )


class Waiting:
    """A port at which functions wait until a test lets them on: by then it knows that they run.

    A function waits with `socket.create_connection(("127.0.0.1", port)).recv(1)`.
    """

    def __enter__(self) -> Self:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(60)
        self.port: int = self._server.getsockname()[1]
        self._there: list[socket.socket] = []
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._server, *self._there):
            each.close()

    def come(self, many: int = 1) -> None:
        """Come back when so many wait."""
        while len(self._there) < many:
            self._there.append(self._server.accept()[0])

    def let_on(self, many: int = 1) -> None:
        """All of them, when so many wait."""
        self.come(many)
        for each in self._there:
            with each:
                each.sendall(b"!")
        self._there.clear()


def until(look: Callable[[], T], seconds: float = 90) -> T:
    """What `look` gives, once it gives anything: other processes bring it about."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)
    return found


def refusal(call: Any, /, **members: Any) -> tuple[int, str, str]:
    """(status, code, sentence) of a call that must fail."""
    with pytest.raises(ClientError) as caught:
        call(**members)
    answer = caught.value.response
    error = answer["Error"]
    return answer["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]


def raw_client(url: str, service: str = "lambda", **settings: Any) -> Any:
    """A client that lets everything through to the emulator, once."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}, **settings),
    )


@contextmanager
def emulator_process(
    *options: str, before: tuple[str, ...] = (), stderr: IO[str] | None = None
) -> Iterator[tuple[RunningEmulator, Forked | subprocess.Popen[str]]]:
    """An emulator that a test may kill, and its process.

    before: what a Python is started with instead of `-m pelton` at once
    """
    words = ["emulator", "--port", "0", "--nuclio-port", "0", "--json", *options]
    with _started(words, before, stderr) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        try:
            yield RunningEmulator(ready["url"], ready["nuclio_url"]), process
        finally:
            process.terminate()
            process.wait(30)


def _started(
    words: list[str], before: tuple[str, ...], stderr: IO[str] | None
) -> Forked | subprocess.Popen[str]:
    if not before:
        return Forked(words, stderr=stderr)
    command = [sys.executable, *before, "-m", "pelton", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)


@contextmanager
def emulator_at(*options: str) -> Iterator[RunningEmulator]:
    """An emulator with options of its own, for as long as it is used."""
    with emulator_process(*options) as (emulator, _):
        yield emulator
