"""Releases of one small function of Lambda's, without a build; a version answers its name and what
it was sent, by the URL of its alias `live`, and says which messages it took."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from typing import Any

from pelton.deploy.targets.aws import Account, Aws
from pelton.deploy.versions import verbs
from pelton.deploy.versions.aws import LambdaVersions
from pelton.deploy.versions.canary import Step
from pelton.deploy.versions.gates import parse

from .load import Load

ECHO = """
import base64, json, os

def handler(event, context):
    if "Records" in event:
        for each in event["Records"]:
            data = each.get("body") or base64.b64decode(each["kinesis"]["data"]).decode()
            print("took", data)
        return {"batchItemFailures": []}
    body = event.get("body", "")
    if body.endswith("fails") and os.environ["NUMBER"] == "bad":
        raise ValueError(body)
    return {"statusCode": 200, "body": os.environ["NUMBER"] + " " + body}
"""


class World:
    """A function with an alias `live`, its URL, and what a release of it takes."""

    def __init__(self, url: str) -> None:
        """At an emulator's address."""
        aws = Aws(Account(url, "us-east-1", "test", "test"))
        self.client, self.versions = aws.client("lambda"), LambdaVersions(aws)
        self._make()
        told = self.client.create_function_url_config(
            FunctionName="echo", Qualifier="live", AuthType="NONE"
        )
        self.client.add_permission(
            FunctionName="echo", Qualifier="live", StatementId="all", Principal="*",
            Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE",
        )  # fmt: skip
        self.client.add_permission(
            FunctionName="echo", Qualifier="live", StatementId="all-too", Principal="*",
            Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True,
        )  # fmt: skip
        self.url = told["FunctionUrl"]

    def _make(self) -> None:
        memory = io.BytesIO()
        with zipfile.ZipFile(memory, "w") as archive:
            info = zipfile.ZipInfo("main.py")
            info.external_attr = 0o644 << 16
            archive.writestr(info, ECHO)
        self.client.create_function(
            FunctionName="echo", Runtime="python3.12", Handler="main.handler",
            Role="arn:aws:iam::000000000000:role/r", Code={"ZipFile": memory.getvalue()},
            Environment=self._environment("first"), Timeout=20,
        )  # fmt: skip
        self.deploy("first", new=True)

    def _environment(self, number: str) -> dict[str, Any]:
        return {"Variables": {"NUMBER": number}}

    def deploy(self, number: str, *, hold: bool = False, new: bool = False) -> str:
        """Publish a version that answers `number`."""
        if not new:
            self.versions._aws.settle("echo")
            self.client.update_function_configuration(
                FunctionName="echo", Environment=self._environment(number)
            )
        version = self.versions.publish("echo")
        verbs.deployed(self.versions, "echo", version, hold=hold, now=0.0, by="ana")
        return version


def release_all_ways(world: World, load: Load, rounds: Iterable[int], dwell: int) -> None:
    """Deploy, canary, promote, rollback, remove what is old: each is seen to have happened."""
    for number in rounds:
        world.deploy(f"second{number}")
        load.until(f"second{number}")
        load.more(dwell)
        world.deploy(f"third{number}", hold=True)
        verbs.start(world.versions, "echo", [Step(0.3)], [parse("errors<1%")], now=0.0, by="ana")
        load.until(f"third{number}")
        load.more(dwell)
        verbs.promote(world.versions, "echo", {}, now=1.0, by="ana", force=True)
        load.more(dwell)
        verbs.roll_back(world.versions, "echo", now=2.0, by="ana")
        load.more(dwell)
        verbs.clean(world.versions, "echo", 2)
