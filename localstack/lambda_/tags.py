"""Tags of functions, event source mappings and code signing configurations, by ARN."""

from __future__ import annotations

from collections.abc import Callable

from .account import Account, Act, Answer, Values
from .errors import invalid, not_found
from .functions import check_tags
from .names import Reference, refer


class Tags:
    """The operations on tags."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry

    def operations(self) -> dict[str, Act]:
        return {"TagResource": self.tag, "UntagResource": self.untag, "ListTags": self.list}

    async def tag(self, values: Values) -> Answer:
        tags, save = self._tags(values["Resource"])
        if not values["Tags"]:
            raise invalid("An error occurred and the request cannot be processed.")
        check_tags({**tags, **values["Tags"]})
        tags.update(values["Tags"])
        save()
        return {}

    async def untag(self, values: Values) -> Answer:
        tags, save = self._tags(values["Resource"])
        for key in values["TagKeys"]:
            tags.pop(key, None)
        save()
        return {}

    async def list(self, values: Values) -> Answer:
        return {"Tags": dict(self._tags(values["Resource"])[0])}

    def _tags(self, arn: str) -> tuple[dict[str, str], Callable[[], None]]:
        """The tags of a resource, and what keeps them when they changed."""
        if ":event-source-mapping:" in arn:
            mapping = self._registry.mappings.get(arn.rpartition(":")[2])
            if mapping is None:
                raise not_found(f"Event source mapping not found: {arn}")
            return mapping.setdefault("Tags", {}), lambda: self._registry.save_mapping(mapping)
        if ":code-signing-config:" in arn:
            return self._tags_of_signing(arn)
        if ":capacity-provider:" in arn:
            raise not_found(f"Capacity provider not found: {arn}")
        if ":function:" not in arn:
            raise not_found(f"The pelton emulator has no tags for {arn}")
        reference = refer(self._account.place, arn)
        if reference.qualifier:
            raise invalid(
                "Tags on function aliases and versions are not supported. "
                "Please specify a function ARN."
            )
        function = self._registry.function(Reference(reference.name))
        return function.tags, lambda: self._registry.revise(function)

    def _tags_of_signing(self, arn: str) -> tuple[dict[str, str], Callable[[], None]]:
        config = self._registry.signing.get(arn)
        if config is None:
            raise not_found(f"The Lambda code signing configuration {arn} can not be found.")
        return config.setdefault("Tags", {}), lambda: self._registry.signing.put(arn, config)
