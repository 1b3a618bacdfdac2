"""Resource policies as whole documents: the same policies that AddPermission adds to.

The model says that PutResourcePolicy replaces what AddPermission put there; so both write one
policy, and each operation tells what the other wrote.
"""

from __future__ import annotations

import json
from typing import Any

from .account import Account, Act, Answer, Values
from .errors import AwsError, invalid, not_found, stale
from .names import LATEST, refer
from .permissions import check_length, compact
from .states import Function, Policy


class ResourcePolicies:
    """The operations on whole policies."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry

    def operations(self) -> dict[str, Act]:
        return {
            "PutResourcePolicy": self.put,
            "GetResourcePolicy": self.get,
            "DeleteResourcePolicy": self.delete,
        }

    async def put(self, values: Values) -> Answer:
        function, qualifier = self._place(values)
        _check_revision(values, function, qualifier)
        policy = read(values["Policy"])
        function.policies[qualifier] = policy
        self._registry.revise(function, qualifier)
        return _told(policy, function, qualifier)

    async def get(self, values: Values) -> Answer:
        function, qualifier = self._place(values)
        return _told(_policy(function, qualifier), function, qualifier)

    async def delete(self, values: Values) -> Answer:
        function, qualifier = self._place(values)
        _policy(function, qualifier)
        _check_revision(values, function, qualifier)
        del function.policies[qualifier]
        self._registry.revise(function, qualifier)
        return {}

    def _place(self, values: Values) -> tuple[Function, str]:
        reference = refer(self._account.place, values["ResourceArn"])
        if reference.qualifier == LATEST:
            raise invalid("We currently do not support adding policies for $LATEST.")
        function, _ = self._registry.version(reference)
        return function, reference.qualifier


def read(text: str) -> Policy:
    """A policy from its document.  Raises InvalidParameterValueException.

    >>> text = '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "lambda:*"}}'
    >>> list(read(text).statements.values())
    [{'Effect': 'Allow', 'Principal': '*', 'Action': 'lambda:*'}]
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unfit(f"it is not JSON ({error})") from None
    if not isinstance(document, dict) or not document.get("Statement"):
        raise _unfit("it has no Statement")
    given = document.pop("Statement")
    statements: dict[str, dict[str, Any]] = {}
    for number, each in enumerate(given if isinstance(given, list) else [given], start=1):
        _check_statement(each, number)
        # One without a Sid is under a name that no StatementId can be.
        name = each.get("Sid") or f"statement {number}"
        if name in statements:
            raise _unfit(f"the Sid {name} is there twice")
        statements[name] = each
    policy = Policy(statements, head=document)
    check_length(policy)
    return policy


def _check_statement(statement: Any, number: int) -> None:
    if not isinstance(statement, dict):
        raise _unfit(f"statement {number} is not an object")
    for name in ("Effect", "Principal", "Action"):
        if name not in statement:
            raise _unfit(f"statement {number} has no {name}")
    if not isinstance(statement.get("Sid", ""), str):
        raise _unfit(f"the Sid of statement {number} is not a string")
    if statement["Effect"] == "Deny":
        raise invalid(
            "The pelton emulator weighs Allow statements only: a policy with Deny is refused."
        )
    if statement["Effect"] != "Allow":
        raise _unfit(f"the Effect of statement {number} is neither Allow nor Deny")


def _check_revision(values: Values, function: Function, qualifier: str) -> None:
    revision_id = function.revision_id(qualifier)
    if values.get("RevisionId", revision_id) != revision_id:
        raise stale("GetResourcePolicy")


def _policy(function: Function, qualifier: str) -> Policy:
    policy = function.policies.get(qualifier)
    if policy is None:
        raise not_found("The resource you requested does not exist.")
    return policy


def _told(policy: Policy, function: Function, qualifier: str) -> Answer:
    told = compact(policy.document())
    return {"Policy": told, "RevisionId": function.revision_id(qualifier)}


def _unfit(why: str) -> AwsError:
    return invalid(f"The provided policy is not valid: {why}.")
