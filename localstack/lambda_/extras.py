"""Settings beside a function: its runtime's updates, and what recursion does.

There is one version of each runtime here, and no loop is looked for: the settings are kept and
told, and where they would mean something that does not happen a line says so.
"""

from __future__ import annotations

from .account import Account, Act, Answer, Values
from .errors import invalid
from .names import Reference, refer, unqualified
from .states import Function


class Extras:
    """Recursion and runtime management."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry

    def operations(self) -> dict[str, Act]:
        return {
            "GetFunctionRecursionConfig": self.recursion,
            "PutFunctionRecursionConfig": self.put_recursion,
            "GetRuntimeManagementConfig": self.runtime_management,
            "PutRuntimeManagementConfig": self.put_runtime_management,
        }

    async def recursion(self, values: Values) -> Answer:
        return {"RecursiveLoop": self._function(values).recursive_loop}

    async def put_recursion(self, values: Values) -> Answer:
        function = self._function(values)
        function.recursive_loop = values["RecursiveLoop"]
        self._registry.save(function)
        return {"RecursiveLoop": function.recursive_loop}

    async def runtime_management(self, values: Values) -> Answer:
        reference = refer(self._account.place, values["FunctionName"], values.get("Qualifier"))
        function, version = self._registry.version(reference)
        arn = self._account.place.function_arn(function.name, reference.qualifier)
        kept = function.runtime_updates.get(version.version, {"UpdateRuntimeOn": "Auto"})
        return {**kept, "FunctionArn": arn}

    async def put_runtime_management(self, values: Values) -> Answer:
        reference = refer(self._account.place, values["FunctionName"], values.get("Qualifier"))
        function, version = self._registry.version(reference)
        function.runtime_updates[version.version] = self._wanted(function, values)
        self._registry.save(function)
        return await self.runtime_management(values)

    def _wanted(self, function: Function, values: Values) -> dict[str, str]:
        """The mode, with its runtime's version where the mode is Manual and only there."""
        mode, arn = values["UpdateRuntimeOn"], values.get("RuntimeVersionArn")
        if mode != "Manual":
            if arn:
                raise invalid(f"RuntimeVersionArn goes with the mode Manual, not with {mode}.")
            return {"UpdateRuntimeOn": mode}
        if not arn:
            raise invalid("RuntimeVersionArn is required when UpdateRuntimeOn is Manual.")
        self._account.around.warn(
            f"warning: function {function.name} asks for {arn}; it runs on the one version of its "
            "runtime that is here"
        )
        return {"UpdateRuntimeOn": mode, "RuntimeVersionArn": arn}

    def _function(self, values: Values) -> Function:
        name = unqualified(self._account.place, values["FunctionName"])
        return self._registry.function(Reference(name))
