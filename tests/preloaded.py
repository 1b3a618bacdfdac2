"""What commands import and read, each of them again and again: had once, by the process from which
they are forked (see `forked`).  It must start nothing, and ask nobody.
"""

from __future__ import annotations

import gc
import importlib
import pkgutil

import boto3.session
import botocore.endpoint
import botocore.signers
import h11
import httpcore
import httpx
import hypercorn.protocol.h2
import hypercorn.protocol.ws_stream
import pydantic
import pytest
import uvloop

import pelton.builders
import pelton.cli.deploy
import pelton.cli.dev
import pelton.cli.emulator
import pelton.cli.invoke
import pelton.cli.logs
import pelton.cli.run
import pelton.deploy
import pelton.localstack.emulator
import pelton.pytest_plugin
import pelton.runner.server
from pelton.builders.parts import graph_part, shipped
from pelton.builders.reach import reached
from pelton.deploy.targets.aws import Account, Aws

# Imported for what they import themselves: those of the emulator's services, and of the apps.
OTHERS = (boto3, botocore, h11, httpcore, httpx, hypercorn, pytest, uvloop)


SERVICES = ("lambda", "iam", "sqs", "kinesis", "s3", "sns", "events", "logs", "apigatewayv2")


class First(pydantic.BaseModel):
    """The first model of a process looks through all that is installed."""

    n: int


def _all_of(package: str, path: list[str]) -> None:
    for each in pkgutil.walk_packages(path, f"{package}."):
        if not each.name.endswith("_child"):  # those are programs
            importlib.import_module(each.name)


_all_of("pelton.deploy", pelton.deploy.__path__)
_all_of("pelton.builders", pelton.builders.__path__)
# The models of services; making a client calls nobody.
_account = Aws(Account("http://127.0.0.1:1", "us-east-1", "a", "b"))
for _service in SERVICES:
    _account.client(_service)
# What goes along with every function.
_places = {**shipped({}), **graph_part([b"from_spec"])}
reached(_places, _places, _places.__getitem__)
# Each process that is forked would walk, and so copy, all of it.
gc.collect()
gc.freeze()
