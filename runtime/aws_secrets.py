"""The values of secrets by reference, asked for once a worker.  Loaded when one is asked for.

A value is kept for as long as the worker lives: a secret that is changed is seen by new workers.
"""

from __future__ import annotations

import json
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
        found = _in_ssm(boto3, name) if store == "ssm" else _in_secrets_manager(boto3, name)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise KeyError(
            f"secret {variable!r} is {name!r} of {store}, which cannot be read ({code}): does it "
            "exist, and may the function's role read it?"
        ) from None
    return _field(found, variable, field) if field else found


def _in_ssm(boto3: Any, name: str) -> str:
    told = boto3.client("ssm").get_parameter(Name=name, WithDecryption=True)
    return str(told["Parameter"]["Value"])


def _in_secrets_manager(boto3: Any, name: str) -> str:
    told = boto3.client("secretsmanager").get_secret_value(SecretId=name)
    return str(told["SecretString"] if "SecretString" in told else told["SecretBinary"].decode())


def _field(found: str, variable: str, field: str) -> str:
    try:
        return str(json.loads(found)[field])
    except (ValueError, KeyError, TypeError):
        # Never the value itself, which would be in a log then.
        raise KeyError(
            f"secret {variable!r} has no field {field!r}, or is no JSON object"
        ) from None
