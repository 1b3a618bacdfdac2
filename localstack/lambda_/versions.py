"""Versions: frozen copies of code and settings under a number."""

from __future__ import annotations

from dataclasses import replace

from .account import Account, Act, Answer, Values
from .errors import invalid, stale
from .names import LATEST, Reference, unqualified
from .paging import page
from .registry import new_build
from .settings import configuration, listed
from .states import Function


class Versions:
    """The operations on versions."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry

    def operations(self) -> dict[str, Act]:
        return {"PublishVersion": self.publish, "ListVersionsByFunction": self.list}

    async def publish(self, values: Values) -> Answer:
        function = self._function(values)
        if values.get("RevisionId", function.latest.revision_id) != function.latest.revision_id:
            raise stale()
        self._account.require_settled(function)
        asked, have = values.get("CodeSha256"), function.latest.code.sha256_base64
        if asked and asked != have:
            raise invalid(
                f"CodeSHA256 ({asked}) is different from current CodeSHA256 in $LATEST ({have}). "
                "Please try again with the CodeSHA256 in $LATEST."
            )
        return published(self._account, function, values)

    async def list(self, values: Values) -> Answer:
        function, place = self._function(values), self._account.place
        told = [listed(place, function, function.latest, LATEST)]
        told += [listed(place, function, each, n) for n, each in function.versions.items()]
        return page(values, told, "Versions")

    def _function(self, values: Values) -> Function:
        name = unqualified(self._account.place, values["FunctionName"])
        return self._registry.function(Reference(name))


def published(account: Account, function: Function, values: Values) -> Answer:
    """Publish $LATEST; what has not changed since the last version is that version still."""
    last = function.versions.get(str(function.published))
    if last is None or not last.same_as(function.latest):
        function.published += 1
        last = replace(
            function.latest.settled(),
            version=str(function.published),
            build=new_build(),
            description=values.get("Description", function.latest.description),
        )
        account.registry.publish(function, last)
    return configuration(account.place, function, last, last.version)
