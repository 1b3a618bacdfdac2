"""A secret by reference as Nuclio has it: a variable that names a Secret of the cluster and a key.

Kubernetes gives the value to the function's pods, so it is in no configuration.  A name that is
none of Kubernetes' is written its way, so that one source serves both platforms.  Sources: the
function configuration's page (`env`), and Kubernetes' core API (SecretKeySelector).
"""

from __future__ import annotations

import re
from typing import Any

from ..handlers.secret import is_reference, parts_of
from .errors import BuildError

KEY = "value"  # of a secret that is one text
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_NAME_OF_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")


def variable(function: str, name: str, value: str) -> dict[str, Any]:
    """One entry of `spec.env`; raises `BuildError` for a secret that Kubernetes cannot have.

    >>> from pelton.handlers.secret import secret
    >>> variable("f", "DB", secret("shop/db", field="password"))["valueFrom"]
    {'secretKeyRef': {'name': 'shop-db', 'key': 'password'}}
    >>> variable("f", "LEVEL", "INFO")
    {'name': 'LEVEL', 'value': 'INFO'}
    """
    if not is_reference(value):
        return {"name": name, "value": value}
    store, asked, field = parts_of(value)
    if store != "secretsmanager" or asked.startswith("arn:"):
        what = "the ARN of one of AWS" if store == "secretsmanager" else "a parameter of AWS"
        raise BuildError(
            f"function {function}: environment {name} is a secret by {what}, which nothing on "
            'Nuclio reads: name it as in pelton.secret("shop/db", field="password"), which is '
            "there the Secret shop-db and its key password"
        )
    found, key = kubernetes_name(asked), field or KEY
    if not _NAME.fullmatch(found) or not _NAME_OF_KEY.fullmatch(key):
        raise BuildError(
            f"function {function}: environment {name} is the secret {asked!r}, key {key!r}, which "
            "no Secret of Kubernetes can be called: letters, digits, '-', '.' and '/'"
        )
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": found, "key": key}}}


def kubernetes_name(name: str) -> str:
    """A secret's name as Kubernetes can have it.

    >>> kubernetes_name("/Shop/db_main")
    'shop-db-main'
    """
    return re.sub(r"[/_]", "-", name.strip("/")).lower()
