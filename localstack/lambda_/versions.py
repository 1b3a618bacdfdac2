"""Versions: frozen copies of code and settings under a number."""

from __future__ import annotations

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
        refuse_publish_to(values)
        if values.get("RevisionId", function.latest.revision_id) != function.latest.revision_id:
            raise stale()
        self._account.require_settled(function)
        asked, have = values.get("CodeSha256"), function.latest.code.told_sha256
        if asked and asked != have:
            raise invalid(
                f"CodeSHA256 ({asked}) is different from current CodeSHA256 in $LATEST ({have}). "
                "Please try again with the CodeSHA256 in $LATEST."
            )
        answer = published(self._account, function, values)
        if function.unsettled:
            self._account.settle_later(function)
        return answer

    async def list(self, values: Values) -> Answer:
        function, place = self._function(values), self._account.place
        numbers = [LATEST, *function.versions]
        answer = page(values, numbers, "Versions")
        found = [(number, function.version(number)) for number in answer["Versions"]]
        # Only what the page shows is told: the cost of a page is its own, however many there are.
        answer["Versions"] = [
            listed(place, function, each, number) for number, each in found if each
        ]
        return answer

    def _function(self, values: Values) -> Function:
        name = unqualified(self._account.place, values["FunctionName"])
        return self._registry.function(Reference(name))


def published(
    account: Account, function: Function, values: Values, *, pending: bool = False
) -> Answer:
    """Publish $LATEST; what has not changed since the last version is that version still.

    A version that is made together with its function's code is Pending until that is settled, and
    one with a snapshot until this is taken; all others are Active at once.  $LATEST has a new
    RevisionId after it (recorded on AWS).
    """
    last = function.versions.get(str(function.published))
    if last is None or not last.same_as(function.latest):
        snapshot = function.latest.settings["SnapStart"]["ApplyOn"] != "None"
        function.published += 1
        description = values.get("Description", function.latest.description)
        last = function.latest.published(
            function.published, new_build(), description, pending or snapshot
        )
        function.latest = function.latest.revised()
        account.registry.publish(function, last)
    return configuration(account.place, function, last, last.version)


def refuse_publish_to(values: Values) -> None:
    """Raises InvalidParameterValueException: what it publishes to is not there."""
    if values.get("PublishTo"):
        raise invalid("The pelton emulator does not support PublishTo yet.")
