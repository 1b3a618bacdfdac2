"""The values of secrets by reference, asked for once a worker.  Loaded when one is asked for.

A value is kept for as long as the worker lives: a secret that is changed is seen by new workers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..handlers.secret import parts_of

_values: dict[str, str] = {}


def value_of(variable: str, reference: str) -> str:
    """What a reference stands for; raises KeyError with what to do."""
    if reference not in _values:
        _values[reference] = _ask(variable, reference)
    return _values[reference]


def _ask(variable: str, reference: str) -> str:
    import boto3
    from botocore.exceptions import ClientError

    store, name, field = parts_of(reference)
    try:
        found = stored(boto3.client, store, name)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise KeyError(
            f"secret {variable!r} is {name!r} of {store}, which cannot be read ({code}): does it "
            "exist, and may the function's role read it?"
        ) from None
    return _field(found, variable, field) if field else found


def stored(client: Callable[[str], Any], store: str, name: str) -> str:
    """What a store of the account keeps under a name, whole; raises what botocore does.

    client: makes one by the name of a service
    """
    if store == "ssm":
        told = client("ssm").get_parameter(Name=name, WithDecryption=True)
        return str(told["Parameter"]["Value"])
    told = client("secretsmanager").get_secret_value(SecretId=name)
    return str(told["SecretString"] if "SecretString" in told else told["SecretBinary"].decode())


def _field(found: str, variable: str, field: str) -> str:
    try:
        return str(json.loads(found)[field])
    except (ValueError, KeyError, TypeError):
        # Never the value itself, which would be in a log then.
        raise KeyError(
            f"secret {variable!r} has no field {field!r}, or is no JSON object"
        ) from None
