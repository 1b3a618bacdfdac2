"""Sandboxes that wait for calls of a Lambda function's alias: provisioned concurrency.

Source: Lambda's API reference, PutProvisionedConcurrencyConfig; its developer guide, "Configuring
provisioned concurrency for a function".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .base import Change, Resource

if TYPE_CHECKING:
    from ..targets.target import Target

_NONE = ("ProvisionedConcurrencyConfigNotFoundException", "ResourceNotFoundException")


@dataclass(frozen=True, kw_only=True)
class Provisioned(Resource):
    """Of the alias that is its name (`FUNCTION:ALIAS`).  count: how many wait."""

    kind: ClassVar[str] = "provisioned_concurrency"
    part: ClassVar[str] = "configuration"
    hangs: ClassVar[bool] = True
    sought: ClassVar[bool] = False
    setting: ClassVar[bool] = True

    count: int = 0

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"function:{self.name.partition(':')[0]}", *self.after)

    @property
    def _which(self) -> dict[str, str]:
        function, _, alias = self.name.partition(":")
        return {"FunctionName": function, "Qualifier": alias}

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        old = have.count if have else None
        cause = self.causes.get("provisioned", self.causes.get("", ""))
        if old != self.count:
            yield Change(self.part, "sandboxes that wait", old, self.count, cause)

    def gone(self) -> Iterator[Change]:
        yield Change(self.part, "sandboxes that wait", self.count, None)

    def follows(self, action: str, changes: tuple[Change, ...]) -> str:
        if action == "delete":
            return "a call may have to wait until a sandbox has started"
        return (
            "sandboxes that wait are paid for by the second, whether they are called or not; "
            "Lambda takes minutes to have them, and calls meanwhile start their own as before"
        )

    @classmethod
    def hanging(cls, target: Target, function: str) -> Iterator[Self]:
        found = cls.read(target, function) if ":" in function else None
        if found is not None:
            yield found

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        with target.aws.ignoring(*_NONE):
            told = target.aws.client("lambda").get_provisioned_concurrency_config(
                **cls(name=name)._which
            )
            count = told["RequestedProvisionedConcurrentExecutions"]
            return cls(name=name, function=name, count=count)
        return None

    def create(self, target: Target) -> None:
        call = target.aws.client("lambda").put_provisioned_concurrency_config
        call(**self._which, ProvisionedConcurrentExecutions=self.count)

    def delete(self, target: Target) -> None:
        with target.aws.ignoring(*_NONE):
            target.aws.client("lambda").delete_provisioned_concurrency_config(**self._which)
