"""What the commands of a deployment import, each of them again and again: imported once, by the
process from which they are forked (see `commands`). It must run nothing, only import.
"""

from __future__ import annotations

import importlib
import pkgutil

import boto3.session
import botocore.endpoint
import botocore.signers
import h11
import httpcore
import httpx

import pelton.builders
import pelton.cli.deploy
import pelton.cli.invoke
import pelton.cli.logs
import pelton.deploy

OTHERS = (boto3, botocore, h11, httpcore, httpx)  # imported for what they import themselves


def _all_of(package: str, path: list[str]) -> None:
    for each in pkgutil.walk_packages(path, f"{package}."):
        if not each.name.endswith("_child"):  # those are programs
            importlib.import_module(each.name)


_all_of("pelton.deploy", pelton.deploy.__path__)
_all_of("pelton.builders", pelton.builders.__path__)
