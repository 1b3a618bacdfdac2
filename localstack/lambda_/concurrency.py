"""Reserved concurrency, and the account's limits."""

from __future__ import annotations

from .account import Account, Act, Answer, Values
from .errors import invalid
from .names import LATEST, Reference, unqualified
from .registry import Registry
from .states import Function

ACCOUNT_LIMIT = 1000
LEAST_UNRESERVED = 100


class Concurrency:
    """The operations on concurrency."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry

    def operations(self) -> dict[str, Act]:
        return {
            "PutFunctionConcurrency": self.put,
            "GetFunctionConcurrency": self.get,
            "DeleteFunctionConcurrency": self.delete,
            "GetAccountSettings": self.settings,
        }

    async def put(self, values: Values) -> Answer:
        # A missing function is told by its $LATEST here (recorded), by its name elsewhere.
        function, wanted = self._function(values, LATEST), values["ReservedConcurrentExecutions"]
        provisioned = sum(each["Requested"] for each in function.provisioned.values())
        if wanted < provisioned:
            raise invalid(
                f" ReservedConcurrentExecutions  {wanted} should not be lower than function's "
                f"total provisioned concurrency [{provisioned}]."
            )
        left = ACCOUNT_LIMIT - taken(self._registry, besides=function)
        if left - wanted < LEAST_UNRESERVED:
            raise invalid(
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{LEAST_UNRESERVED}]."
            )
        function.reserved_concurrency = wanted
        self._registry.save(function)
        return {"ReservedConcurrentExecutions": wanted}

    async def get(self, values: Values) -> Answer:
        return {"ReservedConcurrentExecutions": self._function(values).reserved_concurrency}

    async def delete(self, values: Values) -> Answer:
        function = self._function(values)
        function.reserved_concurrency = None
        self._registry.save(function)
        return {}

    async def settings(self, values: Values) -> Answer:
        functions = self._registry.functions.values()
        size = sum(
            version.code.size for f in functions for version in (f.latest, *f.versions.values())
        )
        size += sum(code.size for code in self._registry.layers.codes())
        return {
            "AccountLimit": {
                "TotalCodeSize": 80_530_636_800,
                "CodeSizeUnzipped": 262_144_000,
                "CodeSizeZipped": 52_428_800,
                "ConcurrentExecutions": ACCOUNT_LIMIT,
                "UnreservedConcurrentExecutions": ACCOUNT_LIMIT - taken(self._registry),
            },
            "AccountUsage": {"TotalCodeSize": size, "FunctionCount": len(functions)},
        }

    def _function(self, values: Values, qualifier: str = "") -> Function:
        name = unqualified(self._account.place, values["FunctionName"])
        return self._registry.function(Reference(name, qualifier))


def taken(registry: Registry, besides: Function | None = None) -> int:
    """How much of the account's concurrency functions have for themselves.

    What a function provisions is part of what it reserves, where it reserves.
    """
    return sum(_own(each) for each in registry.functions.values() if each is not besides)


class Left:
    """What the account has left for functions that reserve nothing; counted anew after changes."""

    def __init__(self, registry: Registry) -> None:
        self._registry, self._changes, self._left = registry, -1, 0

    def __call__(self) -> int:
        if self._changes != self._registry.changes:
            self._changes = self._registry.changes
            self._left = ACCOUNT_LIMIT - taken(self._registry)
        return self._left


def _own(function: Function) -> int:
    if function.reserved_concurrency is not None:
        return function.reserved_concurrency
    return sum(each["Requested"] for each in function.provisioned.values())
