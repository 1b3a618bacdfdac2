"""Provisioned concurrency: what a version or an alias asks for, and how far it is.

What is asked for is kept with the function; how far it is, is asked of the execution side, which
begins again after a restart.  Refusals are in the words recorded on AWS.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from .account import Account, Act, Answer, Values
from .concurrency import ACCOUNT_LIMIT, LEAST_UNRESERVED, taken
from .errors import AwsError, conflict, invalid, not_found
from .names import LATEST, Reference, refer, unqualified
from .paging import page
from .records import Allocation, Provision
from .registry import Registry
from .states import Function, stamp

_UNPUBLISHED = "The function resource provided must be an alias or a published version."


class Provisioned:
    """The operations on provisioned concurrency."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry

    def operations(self) -> dict[str, Act]:
        return {
            "PutProvisionedConcurrencyConfig": self.put,
            "GetProvisionedConcurrencyConfig": self.get,
            "ListProvisionedConcurrencyConfigs": self.list,
            "DeleteProvisionedConcurrencyConfig": self.delete,
        }

    async def put(self, values: Values) -> Answer:
        function, qualifier = self._place(
            values,
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
        )
        _check_kind(self._registry, function, qualifier)
        self._check_conflict(function, qualifier)
        self._check_limits(function, qualifier, values["ProvisionedConcurrentExecutions"])
        function.provisioned[qualifier] = {
            "Requested": values["ProvisionedConcurrentExecutions"],
            "LastModified": _when(self._account.clock.time()),
            "Token": uuid4().hex,
        }
        self._registry.save(function)
        return self._told(function, qualifier)

    async def get(self, values: Values) -> Answer:
        function, qualifier = self._place(values)
        if qualifier not in function.provisioned:
            raise AwsError(
                "ProvisionedConcurrencyConfigNotFoundException",
                "No Provisioned Concurrency Config found for this function",
                404,
            )
        return self._told(function, qualifier)

    async def list(self, values: Values) -> Answer:
        name = unqualified(self._account.place, values["FunctionName"])
        function = self._registry.function(Reference(name))
        told = [
            {
                "FunctionArn": self._account.place.function_arn(name, qualifier),
                **self._told(function, qualifier),
            }
            for qualifier in sorted(function.provisioned)
        ]
        return page(values, told, "ProvisionedConcurrencyConfigs")

    async def delete(self, values: Values) -> Answer:
        """What is not there is deleted already."""
        function, qualifier = self._place(values)
        if function.provisioned.pop(qualifier, None) is not None:
            self._registry.save(function)
        return {}

    # -- parts
    def _place(
        self,
        values: Values,
        unpublished: str = _UNPUBLISHED,
    ) -> tuple[Function, str]:
        """The function and its version or alias; $LATEST is refused as `unpublished` says."""
        reference = refer(self._account.place, values["FunctionName"], values["Qualifier"])
        qualifier = reference.qualifier
        if qualifier == LATEST:
            raise invalid(unpublished)
        function = self._registry.functions.get(reference.name)
        if qualifier.isdecimal():
            if function is None or qualifier not in function.versions:
                raise self._registry.missing(reference)
        elif function is None or qualifier not in function.aliases:
            arn = self._account.place.function_arn(reference.name, qualifier)
            raise not_found(f"Cannot find alias arn: {arn}")
        elif function.aliases[qualifier].version == LATEST:
            raise invalid(unpublished)
        return function, qualifier

    def _check_conflict(self, function: Function, qualifier: str) -> None:
        """A version has one configuration: its own, or that of one alias."""
        mine = set(shares(function, qualifier, 0))
        for other in function.provisioned:
            if other == qualifier or not mine & set(shares(function, other, 0)):
                continue
            if qualifier in function.aliases:
                raise conflict(
                    "Alias can't be used for Provisioned Concurrency configuration on an already "
                    "Provisioned version"
                )
            raise conflict("Version is pointed by a Provisioned Concurrency alias")

    def _check_limits(self, function: Function, qualifier: str, wanted: int) -> None:
        total = wanted + sum(
            each["Requested"] for key, each in function.provisioned.items() if key != qualifier
        )
        if function.reserved_concurrency is not None:
            if total > function.reserved_concurrency:
                raise invalid(
                    "Requested Provisioned Concurrency should not be greater than the "
                    "reservedConcurrentExecution for function"
                )
            return
        left = ACCOUNT_LIMIT - taken(self._registry, besides=function)
        if total > left:
            raise invalid(
                "Specified ConcurrentExecutions for function is greater than account's unreserved "
                f"concurrency [{left}]."
            )
        if left - total < LEAST_UNRESERVED:
            raise invalid(
                "Specified ConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{LEAST_UNRESERVED}]."
            )

    def _told(self, function: Function, qualifier: str) -> dict[str, Any]:
        config = function.provisioned[qualifier]
        parts = [
            self._account.execution.allocation(version.build)
            for number in shares(function, qualifier, config["Requested"])
            if (version := function.versions.get(number)) is not None
        ]
        status = _status(parts)
        told = {
            "RequestedProvisionedConcurrentExecutions": config["Requested"],
            "AllocatedProvisionedConcurrentExecutions": sum(each.allocated for each in parts),
            "AvailableProvisionedConcurrentExecutions": sum(each.available for each in parts),
            "Status": status,
            "LastModified": config["LastModified"],
        }
        if status == "FAILED":
            reasons = [each.reason for each in parts if each.status == "FAILED"]
            told["StatusReason"] = reasons[0] if reasons else "The alias points to $LATEST."
        return told


def _check_kind(registry: Registry, function: Function, qualifier: str) -> None:
    """AWS's pages on SnapStart and on Managed Instances: both exclude provisioned concurrency."""
    for number in shares(function, qualifier, 0):
        version = function.versions.get(number)
        if version is None:
            continue
        if version.settings["SnapStart"]["ApplyOn"] != "None":
            raise invalid(
                "Provisioned concurrency is not supported for SnapStart enabled functions."
            )
        if registry.revision(function, version).max_concurrency:
            raise invalid(
                "Provisioned concurrency is not supported for functions that take several events "
                "at once in a sandbox (AWS_LAMBDA_MAX_CONCURRENCY)."
            )


def provisions(registry: Registry, name: str) -> dict[str, Provision]:
    """What the execution side should hold ready for function `name`, by revision key."""
    function = registry.functions.get(name)
    if function is None:
        return {}
    wanted: dict[str, Provision] = {}
    for qualifier, config in function.provisioned.items():
        for number, count in shares(function, qualifier, config["Requested"]).items():
            version = function.versions.get(number)
            if version is not None and count > 0:
                revision = registry.revision(function, version)
                wanted[revision.key] = Provision(revision, count, config["Token"])
    return wanted


def shares(function: Function, qualifier: str, count: int) -> dict[str, int]:
    """How many of `count` each version gets: all of them, or its share of an alias with weights.

    >>> from .function_code import Code
    >>> from .states import Alias, Version
    >>> f = Function("f", Version("$LATEST", {}, Code("", 0), ""))
    >>> f.aliases["live"] = Alias("live", "1", weights={"2": 0.25})
    >>> shares(f, "live", 8), shares(f, "3", 8)
    ({'1': 6, '2': 2}, {'3': 8})
    """
    alias = function.aliases.get(qualifier)
    if alias is None:
        return {qualifier: count}
    others = {number: round(count * share) for number, share in alias.weights.items()}
    return {alias.version: count - sum(others.values()), **others}


def _status(parts: list[Allocation]) -> str:
    states = {each.status for each in parts}
    if not parts or "FAILED" in states:
        return "FAILED"
    return "IN_PROGRESS" if "IN_PROGRESS" in states else "READY"


def _when(seconds: float) -> str:
    """A time as these configurations have it.

    >>> _when(0.5)
    '1970-01-01T00:00:00+0000'
    """
    return f"{stamp(seconds)[:19]}+0000"
