"""What hangs on a function beside its code: permissions, tags, reserved concurrency.

And the few settings that clients read and never change here.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from .account import Account, Act, Answer, Values
from .errors import conflict, invalid, not_found, stale
from .names import LATEST, Reference, refer, unqualified
from .states import Function, Policy

ACCOUNT_LIMIT, UNRESERVED_LEAST = 1000, 100
_CODE_SIZES = {
    "CodeSizeUnzipped": 262144000,
    "CodeSizeZipped": 52428800,
    "TotalCodeSize": 80530636800,
}


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
        function, qualifier = self._find(values)
        policy = function.policies.get(qualifier) or Policy()
        self._check_revision(policy, values)
        sid = values["StatementId"]
        if sid in policy.statements:
            raise conflict(
                f"The statement id ({sid}) provided already exists. Please provide a new "
                "statement id, or remove the existing statement."
            )
        statement = self._statement(function, qualifier, values)
        statements = {**policy.statements, sid: statement}
        function.policies[qualifier] = Policy(statements, str(uuid4()))
        self._registry.save(function)
        return {"Statement": json.dumps(statement, separators=(",", ":"))}

    async def remove(self, values: Values) -> Answer:
        function, qualifier = self._find(values)
        policy, sid = function.policies.get(qualifier), values["StatementId"]
        if policy is None:
            raise not_found("No policy is associated with the given resource.")
        self._check_revision(policy, values)
        if sid not in policy.statements:
            raise not_found(f"Statement {sid} is not found in resource policy.")
        left = {key: each for key, each in policy.statements.items() if key != sid}
        if left:
            function.policies[qualifier] = Policy(left, str(uuid4()))
        else:
            del function.policies[qualifier]
        self._registry.save(function)
        return {}

    async def get(self, values: Values) -> Answer:
        function, qualifier = self._find(values)
        policy = function.policies.get(qualifier)
        if policy is None:
            raise not_found("The resource you requested does not exist.")
        document = {
            "Version": "2012-10-17",
            "Id": "default",
            "Statement": list(policy.statements.values()),
        }
        text = json.dumps(document, separators=(",", ":"))
        return {"Policy": text, "RevisionId": policy.revision_id}

    def _find(self, values: Values) -> tuple[Function, str]:
        reference = refer(self._account.place, values["FunctionName"], values.get("Qualifier"))
        if reference.qualifier == LATEST:
            raise invalid("We currently do not support adding policies for $LATEST.")
        function, _ = self._registry.version(reference)
        return function, reference.qualifier

    def _check_revision(self, policy: Policy, values: Values) -> None:
        if values.get("RevisionId", policy.revision_id) != policy.revision_id:
            raise stale("GetPolicy")

    def _statement(self, function: Function, qualifier: str, values: Values) -> dict[str, Any]:
        condition: dict[str, dict[str, str]] = {}
        if "SourceArn" in values:
            condition["ArnLike"] = {"AWS:SourceArn": values["SourceArn"]}
        equal = {
            "AWS:SourceAccount": values.get("SourceAccount"),
            "lambda:EventSourceToken": values.get("EventSourceToken"),
            "lambda:FunctionUrlAuthType": values.get("FunctionUrlAuthType"),
            "aws:PrincipalOrgID": values.get("PrincipalOrgID"),
        }
        if known := {name: value for name, value in equal.items() if value is not None}:
            condition["StringEquals"] = known
        if "InvokedViaFunctionUrl" in values:
            said = str(values["InvokedViaFunctionUrl"]).lower()
            condition["Bool"] = {"lambda:InvokedViaFunctionUrl": said}
        statement: dict[str, Any] = {
            "Sid": values["StatementId"],
            "Effect": "Allow",
            "Principal": _principal(values["Principal"]),
            "Action": values["Action"],
            "Resource": self._account.place.function_arn(function.name, qualifier),
        }
        return statement | ({"Condition": condition} if condition else {})


def _principal(text: str) -> Any:
    if text == "*":
        return "*"
    if text.isdigit():
        return {"AWS": f"arn:aws:iam::{text}:root"}
    return {"Service": text} if text.endswith(".amazonaws.com") else {"AWS": text}


class Tags:
    """The operations on tags of functions."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry

    def operations(self) -> dict[str, Act]:
        return {"TagResource": self.tag, "UntagResource": self.untag, "ListTags": self.list}

    async def tag(self, values: Values) -> Answer:
        from .functions import check_tags

        function = self._function(values["Resource"])
        tags = {**function.tags, **values["Tags"]}
        check_tags(tags)
        function.tags = tags
        self._registry.save(function)
        return {}

    async def untag(self, values: Values) -> Answer:
        function = self._function(values["Resource"])
        gone = set(values["TagKeys"])
        function.tags = {key: each for key, each in function.tags.items() if key not in gone}
        self._registry.save(function)
        return {}

    async def list(self, values: Values) -> Answer:
        return {"Tags": self._function(values["Resource"]).tags}

    def _function(self, arn: str) -> Function:
        reference = refer(self._account.place, arn)
        if reference.qualifier:
            raise invalid(
                "Tags on function aliases and versions are not supported. Please specify a "
                "function ARN."
            )
        return self._registry.function(reference)


class Settings:
    """Reserved concurrency, and what is only read."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry

    def operations(self) -> dict[str, Act]:
        return {
            "PutFunctionConcurrency": self.reserve,
            "GetFunctionConcurrency": self.get_reserved,
            "DeleteFunctionConcurrency": self.unreserve,
            "GetAccountSettings": self.account_settings,
            "GetFunctionCodeSigningConfig": self.code_signing,
            "GetFunctionRecursionConfig": self.recursion,
        }

    async def reserve(self, values: Values) -> Answer:
        function, wanted = self._function(values), values["ReservedConcurrentExecutions"]
        others = self._reserved() - (function.reserved_concurrency or 0)
        if wanted > ACCOUNT_LIMIT - others:
            raise invalid(
                "Specified ConcurrentExecutions for function is greater than account's unreserved "
                f"concurrency [{ACCOUNT_LIMIT - others}]."
            )
        if ACCOUNT_LIMIT - others - wanted < UNRESERVED_LEAST:
            raise invalid(
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_LEAST}]."
            )
        function.reserved_concurrency = wanted
        self._registry.save(function)
        return {"ReservedConcurrentExecutions": wanted}

    async def get_reserved(self, values: Values) -> Answer:
        reserved = self._function(values).reserved_concurrency
        return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

    async def unreserve(self, values: Values) -> Answer:
        function = self._function(values)
        function.reserved_concurrency = None
        self._registry.save(function)
        return {}

    async def account_settings(self, values: Values) -> Answer:
        size = sum(each.latest.code.size for each in self._registry.functions.values())
        return {
            "AccountLimit": {
                **_CODE_SIZES,
                "ConcurrentExecutions": ACCOUNT_LIMIT,
                "UnreservedConcurrentExecutions": ACCOUNT_LIMIT - self._reserved(),
            },
            "AccountUsage": {"TotalCodeSize": size, "FunctionCount": len(self._registry.functions)},
        }

    async def code_signing(self, values: Values) -> Answer:
        return {"FunctionName": self._function(values).name}

    async def recursion(self, values: Values) -> Answer:
        return {"RecursiveLoop": self._function(values).recursive_loop}

    def _reserved(self) -> int:
        return sum(each.reserved_concurrency or 0 for each in self._registry.functions.values())

    def _function(self, values: Values) -> Function:
        name = unqualified(self._account.place, values["FunctionName"])
        return self._registry.function(Reference(name))
