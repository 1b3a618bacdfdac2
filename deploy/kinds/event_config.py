"""How asynchronous events of a Lambda function end: tries, time, and who is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .base import Change, Resource

if TYPE_CHECKING:
    from ..targets.target import Target


@dataclass(frozen=True, kw_only=True)
class EventConfig(Resource):
    """Of the function with its name, or of an alias of it (`FUNCTION:ALIAS`).

    retries, seconds: None for Lambda's own; the others ARNs
    """

    kind: ClassVar[str] = "event_config"
    part: ClassVar[str] = "configuration"
    hangs: ClassVar[bool] = True
    sought: ClassVar[bool] = False
    setting: ClassVar[bool] = True
    shown: ClassVar[tuple[str, ...]] = ("retries", "seconds", "on_failure", "on_success")

    retries: int | None = None
    seconds: int | None = None
    on_failure: str = ""
    on_success: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"function:{self.name.partition(':')[0]}", *self.after)

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        for each in self.differences(self.shown, have):
            old, new = (None if value == "" else value for value in (each.old, each.new))
            if old != new:
                yield Change(each.part, f"asynchronous {each.what}", old, new, each.cause)

    def gone(self) -> Iterator[Change]:
        yield Change(self.part, "settings of asynchronous events", "there", None)

    @classmethod
    def hanging(cls, target: Target, function: str) -> Iterator[Self]:
        found = cls.read(target, function)
        if found is not None:
            yield found

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        client = target.aws.client("lambda")
        try:
            told = client.get_function_event_invoke_config(FunctionName=name)
        except client.exceptions.ResourceNotFoundException:
            return None
        ends = told.get("DestinationConfig") or {}
        return cls(
            name=name,
            function=name,
            retries=told.get("MaximumRetryAttempts"),
            seconds=told.get("MaximumEventAgeInSeconds"),
            on_failure=(ends.get("OnFailure") or {}).get("Destination", ""),
            on_success=(ends.get("OnSuccess") or {}).get("Destination", ""),
        )

    def create(self, target: Target) -> None:
        """A put: what is not said here goes back to Lambda's own."""
        ends = {"OnFailure": self.on_failure, "OnSuccess": self.on_success}
        members: dict[str, Any] = {
            "DestinationConfig": {k: {"Destination": arn} if arn else {} for k, arn in ends.items()}
        }
        if self.retries is not None:
            members["MaximumRetryAttempts"] = self.retries
        if self.seconds is not None:
            members["MaximumEventAgeInSeconds"] = self.seconds
        client = target.aws.client("lambda")
        call = client.put_function_event_invoke_config
        # A new permission of the role takes a while to be seen, too.
        target.aws.patiently(lambda: call(FunctionName=self.name, **members), _not_yet)

    def delete(self, target: Target) -> None:
        with target.aws.ignoring("ResourceNotFoundException"):
            target.aws.client("lambda").delete_function_event_invoke_config(FunctionName=self.name)


def _not_yet(error: Any) -> bool:
    return "does not have permissions to call" in str(error)
