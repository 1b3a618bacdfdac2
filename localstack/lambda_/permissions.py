"""Resource policies: who may call a function, statement by statement."""

from __future__ import annotations

import json
import re
from typing import Any

from .account import Account, Act, Answer, Values
from .errors import AwsError, conflict, invalid, not_found, stale
from .names import LATEST, Reference, refer
from .states import Function, Policy

_PRINCIPAL = re.compile(
    r"\*|\d{12}|arn:aws[a-z-]*:(iam|sts)::.+|[a-z0-9.-]+\.amazonaws\.com(\.cn)?"
)
_ACCOUNT = re.compile(r"\d{12}")
_ALIAS = re.compile(r"(?!\d+$)[a-zA-Z0-9-_]+")
POLICY_LIMIT = 20_480  # bytes


class Permissions:
    """The operations on resource policies."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry

    def operations(self) -> dict[str, Act]:
        return {
            "AddPermission": self.add,
            "RemovePermission": self.remove,
            "GetPolicy": self.get,
        }

    async def add(self, values: Values) -> Answer:
        function, qualifier = self._place(values)
        policy = function.policies.get(qualifier, Policy())
        self._check_revision(values, function, qualifier)
        name = values["StatementId"]
        if name in policy.statements:
            raise conflict(
                f"The statement id ({name}) provided already exists. Please provide a new "
                "statement id, or remove the existing statement."
            )
        arn = self._account.place.function_arn(function.name, qualifier)
        statement = _statement(values, arn)
        wanted = Policy({**policy.statements, name: statement}, head=policy.head)
        check_length(wanted)
        function.policies[qualifier] = wanted
        self._registry.revise(function, qualifier)
        return {"Statement": compact(statement)}

    async def remove(self, values: Values) -> Answer:
        reference = self._refer(values)
        if reference.name not in self._registry.functions:
            arn = self._account.place.function_arn(reference.name)
            raise not_found(f"No policy found for: {arn}")
        function, qualifier = self._place(values)
        policy = function.policies.get(qualifier)
        if policy is None:
            raise not_found("No policy is associated with the given resource.")
        name = values["StatementId"]
        if name not in policy.statements:
            raise not_found(f"Statement {name} is not found in resource policy.")
        self._check_revision(values, function, qualifier)
        del policy.statements[name]
        if not policy.statements:
            del function.policies[qualifier]
        self._registry.revise(function, qualifier)
        return {}

    async def get(self, values: Values) -> Answer:
        reference = self._refer(values)
        function = self._registry.functions.get(reference.name)
        policy = function.policies.get(reference.qualifier) if function else None
        if function is None or policy is None:
            raise not_found("The resource you requested does not exist.")
        told = compact(policy.document())
        return {"Policy": told, "RevisionId": function.revision_id(reference.qualifier)}

    def _refer(self, values: Values) -> Reference:
        reference = refer(self._account.place, values["FunctionName"], values.get("Qualifier"))
        if reference.qualifier == LATEST:
            raise invalid("We currently do not support adding policies for $LATEST.")
        return reference

    def _place(self, values: Values) -> tuple[Function, str]:
        """The function and the qualifier that a policy is of; the words differ by what is missing:
        a version, an alias, or what could be neither."""
        reference = self._refer(values)
        name, qualifier = reference.name, reference.qualifier
        function = self._registry.function(Reference(name))
        if qualifier and qualifier not in (*function.aliases, *function.versions):
            if _ALIAS.fullmatch(qualifier):
                arn = self._account.place.function_arn(name, qualifier)
                raise not_found(f"Cannot find alias arn: {arn}")
            raise self._registry.missing(reference)
        return function, qualifier

    def _check_revision(self, values: Values, function: Function, qualifier: str) -> None:
        revision_id = function.revision_id(qualifier)
        if values.get("RevisionId", revision_id) != revision_id:
            raise stale("GetPolicy")


def check_length(policy: Policy) -> None:
    """Raises PolicyLengthExceededException for a policy beyond AWS's quota."""
    size = len(compact(policy.document()).encode())
    if size > POLICY_LIMIT:
        raise AwsError(
            "PolicyLengthExceededException",
            f"The final policy size ({size}) is bigger than the limit ({POLICY_LIMIT}).",
            400,
        )


def compact(value: Any) -> str:
    """JSON as policies are told in."""
    return json.dumps(value, separators=(",", ":"))


def _statement(values: Values, arn: str) -> dict[str, Any]:
    given = values["Principal"]
    if not _PRINCIPAL.fullmatch(given):
        raise invalid(
            "The provided principal was invalid. Please check the principal and try again."
        )
    statement = {
        "Sid": values["StatementId"],
        "Effect": "Allow",
        "Principal": principal(given),
        "Action": values["Action"],
        "Resource": arn,
    }
    condition = _condition(values)
    return {**statement, "Condition": condition} if condition else statement


def principal(text: str) -> Any:
    """A caller as policies write it.

    >>> principal("123456789012")
    {'AWS': 'arn:aws:iam::123456789012:root'}
    """
    if text == "*":
        return "*"
    if _ACCOUNT.fullmatch(text):
        return {"AWS": f"arn:aws:iam::{text}:root"}
    return {"AWS": text} if text.startswith("arn:") else {"Service": text}


def _condition(values: Values) -> dict[str, Any]:
    equal: dict[str, str] = {}
    if account := values.get("SourceAccount"):
        equal["AWS:SourceAccount"] = account
    if organisation := values.get("PrincipalOrgID"):
        equal["aws:PrincipalOrgID"] = organisation
    if token := values.get("EventSourceToken"):
        equal["lambda:EventSourceToken"] = token
    if auth := values.get("FunctionUrlAuthType"):
        equal["lambda:FunctionUrlAuthType"] = auth
    condition: dict[str, Any] = {"StringEquals": equal} if equal else {}
    if values.get("InvokedViaFunctionUrl") is not None:
        condition["Bool"] = {
            "lambda:InvokedViaFunctionUrl": str(values["InvokedViaFunctionUrl"]).lower()
        }
    if source := values.get("SourceArn"):
        condition["ArnLike"] = {"AWS:SourceArn": source}
    return condition
