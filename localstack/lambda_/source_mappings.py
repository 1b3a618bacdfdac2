"""Event source mappings: their members, their states, the operations on them.

What a source takes is said by its `KIND` in `mappings`, what polls it is started and stopped here.
A mapping is kept with the state it is in and the one it is to reach, so that a restart goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from .account import Account, Act, Answer, Values
from .errors import AwsError, conflict, invalid, not_found
from .functions import check_tags
from .mapping_states import is_settled, passing
from .mappings.base import Kind
from .mappings.kinds import CLEARABLE, check, chosen, kind_of
from .names import refer
from .paging import page

# Kept with a mapping and never told.
_INNER = ("Tags", "Wanted")


class SourceMappings:
    """The operations on event source mappings."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry

    def operations(self) -> dict[str, Act]:
        return {
            "CreateEventSourceMapping": self.create,
            "GetEventSourceMapping": self.get,
            "UpdateEventSourceMapping": self.update,
            "DeleteEventSourceMapping": self.delete,
            "ListEventSourceMappings": self.list,
        }

    async def create(self, values: Values) -> Answer:
        kind = kind_of(values)
        mapping = {
            **kind.defaults,
            **chosen(kind, values),
            "EventSourceArn": values.get("EventSourceArn", ""),
        }
        check(kind, mapping)
        check_tags(values.get("Tags", {}))
        mapping["FunctionArn"] = self._function_arn(values["FunctionName"])
        await self._check_source(mapping)
        self._check_new(kind, mapping)
        wanted = "Enabled" if values.get("Enabled", True) else "Disabled"
        mapping |= {
            "UUID": str(uuid4()),
            "StateTransitionReason": kind.reason,
            "Tags": dict(values.get("Tags", {})),
        }
        if wanted == "Enabled":
            await self._account.sources.prepare(mapping)
            self._check_new(kind, mapping)  # meanwhile another one may have been made
        return self._move(mapping, "", wanted)

    async def get(self, values: Values) -> Answer:
        return self._told(self._mapping(values))

    async def update(self, values: Values) -> Answer:
        old = self._settled_mapping(values, "update")
        kind = kind_of(old)
        mapping = {**old, **chosen(kind, values)}
        for name in CLEARABLE:
            if name in values and not values[name]:
                mapping.pop(name, None)
        if "FunctionName" in values:
            mapping["FunctionArn"] = self._function_arn(values["FunctionName"])
        check(kind, mapping)
        wanted = old["State"]
        if "Enabled" in values:
            wanted = "Enabled" if values["Enabled"] else "Disabled"
        if mapping["FunctionArn"] != old["FunctionArn"]:
            self._check_new(kind, mapping)
            await self._check_source(mapping)
        elif wanted == "Enabled" != old["State"]:
            # One may be disabled, or changed, whose queue or function is gone.
            await self._check_source(mapping)
        # Meanwhile another request may have come: the checks above asked other services.
        return self._move(mapping, self._settled_mapping(values, "update")["State"], wanted)

    async def delete(self, values: Values) -> Answer:
        mapping = self._settled_mapping(values, "delete")
        return self._move(dict(mapping), mapping["State"], "")

    async def list(self, values: Values) -> Answer:
        source = values.get("EventSourceArn")
        function = None
        if "FunctionName" in values:
            function = self._function_arn(values["FunctionName"], must_exist=False)
        told = [
            self._told(each)
            for each in self._registry.mappings.values()
            if source in (None, each["EventSourceArn"]) and function in (None, each["FunctionArn"])
        ]
        return page(values, told, "EventSourceMappings", most=100)

    # -- states
    def _move(self, mapping: dict[str, Any], state: str, wanted: str) -> Answer:
        """Keep the mapping as it is on the way, answer so, and get it there."""
        mapping["State"] = passing(state, wanted)
        mapping["Wanted"] = wanted
        mapping["LastModified"] = self._account.clock.time()
        self._registry.save_mapping(mapping)
        self._account.sources.settle_later(mapping["UUID"], self._account.settle_delay)
        return self._told(mapping)

    # -- finding and checking
    def _mapping(self, values: Values) -> dict[str, Any]:
        found = self._registry.mappings.get(values["UUID"])
        if found is None:
            raise not_found("The resource you requested does not exist.")
        return found

    def _settled_mapping(self, values: Values, verb: str) -> dict[str, Any]:
        found = self._mapping(values)
        if not is_settled(found["State"]):
            raise AwsError(
                "ResourceInUseException",
                f"Cannot {verb} the event source mapping because it is in use.",
                400,
            )
        return found

    def _function_arn(self, text: str, must_exist: bool = True) -> str:
        reference = refer(self._account.place, text)
        if must_exist:
            try:
                self._registry.version(reference)
            except AwsError:
                raise invalid("Function does not exist") from None
        return self._account.place.function_arn(reference.name, reference.qualifier)

    def _check_new(self, kind: Kind, mapping: Mapping[str, Any]) -> None:
        source, function_arn = mapping["EventSourceArn"], mapping["FunctionArn"]
        for each in self._registry.mappings.values():
            if _reads(each) == _reads(mapping):
                name = refer(self._account.place, function_arn).name
                raise conflict(
                    f"{kind.conflict.format(arn=source, function=name)} Please update or delete "
                    f"the existing mapping with UUID {each['UUID']}"
                )

    async def _check_source(self, mapping: Mapping[str, Any]) -> None:
        """That the source is there, and its queue hides messages as long as the function runs."""
        reference = refer(self._account.place, mapping["FunctionArn"])
        try:
            _, version = self._registry.version(reference)
        except AwsError:
            raise invalid("Function does not exist") from None
        await self._account.around.check_source(
            mapping["EventSourceArn"], version.settings["Timeout"]
        )

    def _told(self, mapping: Mapping[str, Any]) -> Answer:
        told = {key: value for key, value in mapping.items() if key not in _INNER}
        told["EventSourceMappingArn"] = self._account.place.mapping_arn(mapping["UUID"])
        if first := kind_of(mapping).result:
            told["LastProcessingResult"] = self._account.sources.result(mapping["UUID"]) or first
        return told


def _reads(mapping: Mapping[str, Any]) -> tuple[Any, ...]:
    """Of which there may be one: a source for a function; of a broker, one of its queues."""
    return mapping["EventSourceArn"], mapping["FunctionArn"], mapping.get("Queues")
