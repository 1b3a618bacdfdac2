"""Settings beside a function that clients read after every deploy; mostly constant here."""

from __future__ import annotations

from .account import Account, Act, Answer, Values
from .names import Reference, refer, unqualified
from .states import Function


class Extras:
    """Code signing, recursion and runtime management, as far as clients need them."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry

    def operations(self) -> dict[str, Act]:
        return {
            "GetFunctionCodeSigningConfig": self.code_signing,
            "GetFunctionRecursionConfig": self.recursion,
            "PutFunctionRecursionConfig": self.put_recursion,
            "GetRuntimeManagementConfig": self.runtime_management,
        }

    async def code_signing(self, values: Values) -> Answer:
        # Never 404 for a zip function: clients take that for a missing function.
        return {"FunctionName": self._function(values).name}

    async def recursion(self, values: Values) -> Answer:
        return {"RecursiveLoop": self._function(values).recursive_loop}

    async def put_recursion(self, values: Values) -> Answer:
        function = self._function(values)
        function.recursive_loop = values["RecursiveLoop"]
        self._registry.save(function)
        return {"RecursiveLoop": function.recursive_loop}

    async def runtime_management(self, values: Values) -> Answer:
        reference = refer(self._account.place, values["FunctionName"], values.get("Qualifier"))
        function, _ = self._registry.version(reference)
        arn = self._account.place.function_arn(function.name, reference.qualifier)
        return {"UpdateRuntimeOn": "Auto", "FunctionArn": arn}

    def _function(self, values: Values) -> Function:
        name = unqualified(self._account.place, values["FunctionName"])
        return self._registry.function(Reference(name))
