"""Aliases: names for versions, with a share of the calls for a second one."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from .account import Account, Act, Answer, Values
from .errors import conflict, invalid, not_found, stale, untyped
from .names import LATEST, Reference, unqualified
from .paging import page
from .states import Alias, Function


class Aliases:
    """The operations on aliases."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry

    def operations(self) -> dict[str, Act]:
        return {
            "CreateAlias": self.create,
            "GetAlias": self.get,
            "UpdateAlias": self.update,
            "DeleteAlias": self.delete,
            "ListAliases": self.list,
        }

    async def create(self, values: Values) -> Answer:
        name, number = values["Name"], values["FunctionVersion"]
        # A function that is not there is told by the version that the alias wants of it.
        function = self._function(values, number)
        alias = Alias(name, number, values.get("Description", ""))
        alias.weights = self._weights(values, {})
        self._check(function, alias)
        if name in function.aliases:
            raise conflict(f"Alias already exists: {self._arn(function, name)}")
        function.aliases[name] = alias
        self._registry.save(function)
        return self._told(function, alias)

    async def get(self, values: Values) -> Answer:
        function = self._function(values)
        return self._told(function, self._alias(function, values["Name"]))

    async def update(self, values: Values) -> Answer:
        function = self._function(values)
        old = function.aliases.get(values["Name"])
        if old is None:  # in other words than elsewhere, as recorded
            raise not_found(f"Alias not found: {self._arn(function, values['Name'])}")
        if values.get("RevisionId", old.revision_id) != old.revision_id:
            raise stale()
        alias = Alias(
            old.name,
            values.get("FunctionVersion", old.version),
            values.get("Description", old.description),
            self._weights(values, old.weights),
            str(uuid4()),
        )
        self._check(function, alias)
        function.aliases[alias.name] = alias
        self._registry.save(function)
        return self._told(function, alias)

    async def delete(self, values: Values) -> Answer:
        name = unqualified(self._account.place, values["FunctionName"])
        function = self._registry.functions.get(name)
        if function is not None and function.aliases.pop(values["Name"], None) is not None:
            function.policies.pop(values["Name"], None)
            function.urls.pop(values["Name"], None)
            function.provisioned.pop(values["Name"], None)
            function.event_configs.pop(values["Name"], None)
            self._registry.save(function)
        return {}

    async def list(self, values: Values) -> Answer:
        function, wanted = self._function(values), values.get("FunctionVersion")
        told = [
            self._told(function, alias)
            for _, alias in sorted(function.aliases.items())
            if wanted in (None, alias.version, *alias.weights)
        ]
        return page(values, told, "Aliases")

    # -- parts
    def _function(self, values: Values, qualifier: str = "") -> Function:
        name = unqualified(self._account.place, values["FunctionName"])
        return self._registry.function(Reference(name, qualifier))

    def _alias(self, function: Function, name: str) -> Alias:
        found = function.aliases.get(name)
        if found is None:
            raise not_found(f"Cannot find alias arn: {self._arn(function, name)}")
        return found

    def _weights(self, values: Values, old: dict[str, float]) -> dict[str, float]:
        if "RoutingConfig" not in values:
            return old
        given = values["RoutingConfig"].get("AdditionalVersionWeights", {})
        return {version: float(share) for version, share in given.items()}

    def _check(self, function: Function, alias: Alias) -> None:
        if len(alias.weights) > 1:
            raise invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
        self._check_version(function, alias.version)
        if alias.version in alias.weights:
            raise invalid(
                f"Invalid function version {alias.version}. Function version {alias.version} is "
                "already included in routing configuration."
            )
        if alias.weights and alias.version == LATEST:
            raise untyped("$LATEST is not supported for an alias pointing to more than 1 version")
        for number in alias.weights:
            self._check_version(function, number)

    def _check_version(self, function: Function, number: str) -> None:
        if function.version(number) is None:
            raise not_found(f"Function not found: {self._arn(function, number)}")

    def _arn(self, function: Function, qualifier: str) -> str:
        return self._account.place.function_arn(function.name, qualifier)

    def _told(self, function: Function, alias: Alias) -> Answer:
        told: dict[str, Any] = {
            "AliasArn": self._arn(function, alias.name),
            "Name": alias.name,
            "FunctionVersion": alias.version,
            "Description": alias.description,
            "RevisionId": alias.revision_id,
        }
        if alias.weights:
            told["RoutingConfig"] = {"AdditionalVersionWeights": alias.weights}
        return told
