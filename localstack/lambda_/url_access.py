"""Who may call a function URL.

AuthType NONE asks nothing of the caller, but the function's policy must let everybody: both
lambda:InvokeFunctionUrl and, since October 2025, lambda:InvokeFunction.  AWS_IAM wants a signature
for the service lambda; IAM's policies are not weighed.  Source: AWS's page on control of access to
function URLs; the sentence of a 403 as recorded on AWS.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..messages import Request
from ..signatures.check import Signatures
from ..signatures.read import Unsigned, read
from .states import Function, Url

_URL, _FUNCTION = "lambda:InvokeFunctionUrl", "lambda:InvokeFunction"


def open_to_all(function: Function, url: Url) -> bool:
    """Whether the resource policy lets anybody call through the URL."""
    policy = function.policies.get(url.qualifier)
    statements = list(policy.statements.values()) if policy else []
    known = {
        "lambda:functionurlauthtype": url.auth_type.lower(),
        "lambda:invokedviafunctionurl": "true",
    }
    return all(
        any(_allows(statement, action, known) for statement in statements)
        for action in (_URL, _FUNCTION)
    )


def signer(request: Request, signatures: Signatures | None) -> str:
    """The access key that signed; with `signatures` the signature is checked.  Raises Unsigned."""
    signed = read(request)
    if signed.service != "lambda":
        raise Unsigned(
            "wrong", "Credential should be scoped to correct service: 'lambda'.", "lambda"
        )
    return signatures.caller(request).access_key if signatures else signed.access_key


def identity(access_key: str, account: str) -> dict[str, Any]:
    """`requestContext.authorizer` of a signed request: every key is the account's root here."""
    return {
        "iam": {
            "accessKey": access_key,
            "accountId": account,
            "callerId": account,
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": f"arn:aws:iam::{account}:root",
            "userId": account,
        }
    }


def _allows(statement: Mapping[str, Any], action: str, known: Mapping[str, str]) -> bool:
    if statement["Effect"] != "Allow" or statement["Principal"] not in ("*", {"AWS": "*"}):
        return False
    actions = statement["Action"]
    actions = actions if isinstance(actions, list) else [actions]
    if not {action, "lambda:*", "*"} & set(actions):
        return False
    return all(
        known.get(key.lower()) == str(value).lower()
        for operator, asked in (statement.get("Condition") or {}).items()
        for key, value in (asked.items() if operator in ("StringEquals", "Bool") else [("", "")])
    )
