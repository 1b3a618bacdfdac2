"""Lambda's API behind a real emulator and a real boto3, without a single sandbox.

`door` is for tests of the control plane: what it refuses and in which words, what it keeps and
tells.  Who needs functions that run takes `pelton_emulator` instead.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from pelton.localstack.lambda_.records import Call, Outcome, Throttled

from ..in_loop import Idle, InLoop

collect_ignore = ["stand_in_engine.py"]  # a program
ROLE = "arn:aws:iam::000000000000:role/lambda"


class Echo(Idle):
    """An execution side that runs nothing: the answer tells what was called."""

    async def invoke(self, call: Call) -> Outcome:
        if call.revision.reserved_concurrency == 0:
            raise Throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        told = {"arn": call.invoked_arn, "version": call.revision.version}
        return Outcome(json.dumps(told).encode(), "", lambda: b"END\n", call.revision.version)


class Door(InLoop):
    """That emulator, and a client of it."""

    ARN = "arn:aws:lambda:us-east-1:000000000000:function"

    def __init__(self, **settings: Any) -> None:
        super().__init__(Echo(), **settings)
        self.api = self.client()
        self._others: dict[str, Any] = {}

    def create(self, name: str = "f", **settings: Any) -> Any:
        given = {
            "FunctionName": name,
            "Runtime": "python3.12",
            "Role": ROLE,
            "Handler": "main.handler",
            "Code": {"ZipFile": self.archive("main.py")},
        }
        return self.api.create_function(**{**given, **settings})

    def call(self, operation: str, **members: Any) -> Any:
        """An operation by the model's own name, of the service before the colon."""
        service, _, name = operation.rpartition(":")
        client = self._other(service) if service else self.api
        answer = getattr(client, xform_name(name))(**members)
        if "Payload" in answer:
            answer["Payload"] = answer["Payload"].read()
        return answer

    def _other(self, service: str) -> Any:
        if service not in self._others:
            self._others[service] = self.client(service)
        return self._others[service]

    def refusal(self, operation: str, **members: Any) -> tuple[int, str, str | None]:
        """(status, x-amzn-ErrorType, sentence) of a call that must fail."""
        with pytest.raises(ClientError) as raised:
            self.call(operation, **members)
        answer = raised.value.response
        kind = answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-errortype"]
        assert kind == answer["Error"]["Code"]
        return answer["ResponseMetadata"]["HTTPStatusCode"], kind, answer["Error"]["Message"]

    def archive(self, *names: str, content: bytes = b"x = 1") -> bytes:
        memory = io.BytesIO()
        with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
            for name in names:
                info = zipfile.ZipInfo(name)
                info.external_attr = 0o644 << 16
                out.writestr(info, content, zipfile.ZIP_DEFLATED)
        return memory.getvalue()

    def close(self) -> None:
        for each in (self.api, *self._others.values()):
            each.close()
        super().close()


@pytest.fixture(scope="module")
def shared_door() -> Iterator[Door]:
    """One emulator a module, as the tests before left it."""
    opened = Door()
    yield opened
    opened.close()


@pytest.fixture
def door(shared_door: Door) -> Iterator[Door]:
    """The module's emulator, empty."""
    yield shared_door
    shared_door.run(shared_door.emulator.reset())


@pytest.fixture
def make_door() -> Iterator[Any]:
    """Makes emulators with settings of their own: `make_door(settle_delay=5.0, ...)`."""
    made: list[Door] = []

    def make(**settings: Any) -> Door:
        made.append(Door(**settings))
        return made[-1]

    yield make
    for each in made:
        each.close()
