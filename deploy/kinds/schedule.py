"""A schedule of EventBridge Scheduler that calls a Lambda function by a time zone's clock."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .base import OURS, Change, Resource
from .callee import callee, is_of

if TYPE_CHECKING:
    from ..targets.target import Target

# What the function gets: a tick as EventBridge's own rules send it.  Scheduler fills in what stands
# in <>.  Source: its user guide, "Adding context attributes".
_TICK = {
    "version": "0",
    "id": "<aws.scheduler.execution-id>",
    "detail-type": "Scheduled Event",
    "source": "aws.scheduler",
    "time": "<aws.scheduler.scheduled-time>",
    "resources": ["<aws.scheduler.schedule-arn>"],
    "detail": {},
}


@dataclass(frozen=True, kw_only=True)
class Schedule(Resource):
    """Of the group "default".  expression in EventBridge's words; arn the function's; role_arn of
    the role that it calls with."""

    kind: ClassVar[str] = "schedule"
    platform: ClassVar[str] = "scheduler"
    part: ClassVar[str] = "triggers"

    expression: str = ""
    timezone: str = "UTC"
    arn: str = field(default="", compare=False)
    role_arn: str = field(default="", compare=False)

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"function:{self.function}", *self.after)

    @property
    def tick(self) -> str:
        """What the function gets, as JSON."""
        return json.dumps(_TICK)

    @property
    def _told(self) -> str:
        return f"{self.expression} in {self.timezone}"

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        old, cause = have._told if have else None, self.causes.get("", "")
        if old != self._told:
            yield Change(self.part, f"schedule {self.name}", old, self._told, cause)
            return
        was, will = callee(have.arn) if have else None, callee(self.arn)
        if was != will:
            yield Change(self.part, f"schedule {self.name} calls", was or None, will, cause)
        if have and have.role_arn != self.role_arn:
            what = f"schedule {self.name} role_arn"
            yield Change(self.part, what, have.role_arn, self.role_arn, cause)

    def gone(self) -> Iterator[Change]:
        yield Change(self.part, f"schedule {self.name}", self._told, None)

    def follows(self, action: str, changes: tuple[Change, ...]) -> str:
        return "EventBridge Scheduler costs by the call" if action == "create" else ""

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        scheduler = target.aws.client("scheduler")
        try:
            told = scheduler.get_schedule(Name=name)
        except scheduler.exceptions.ResourceNotFoundException:
            return None
        return cls(
            name=name,
            function=callee(told["Target"]["Arn"]).partition(":")[0],
            app=OURS,
            expression=told["ScheduleExpression"],
            timezone=told.get("ScheduleExpressionTimezone") or "UTC",
            arn=told["Target"]["Arn"],
            role_arn=told["Target"]["RoleArn"],
        )

    @classmethod
    def pointing(cls, target: Target, function: str) -> Iterator[str]:
        """Schedules carry no tags: those whose target is the function and whose name is ours."""
        for each in target.once("schedules", lambda: [*_listed(target)]):
            ours = ".at" in each["Name"] and each["Name"].startswith(function[:48])
            if ours and is_of(each.get("Target", {}).get("Arn", ""), function):
                yield each["Name"]

    def create(self, target: Target) -> None:
        scheduler = target.aws.client("scheduler")
        try:
            call = scheduler.create_schedule
            target.aws.patiently(lambda: call(**self._members()), _not_yet)
        except scheduler.exceptions.ConflictException:
            scheduler.update_schedule(**self._members())

    def update(self, target: Target, have: Self) -> None:
        call = target.aws.client("scheduler").update_schedule
        target.aws.patiently(lambda: call(**self._members()), _not_yet)

    def _members(self) -> dict[str, Any]:
        return {
            "Name": self.name,
            "ScheduleExpression": self.expression,
            "ScheduleExpressionTimezone": self.timezone,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": self.arn, "RoleArn": self.role_arn, "Input": self.tick},
        }

    def delete(self, target: Target) -> None:
        with target.aws.ignoring("ResourceNotFoundException"):
            target.aws.client("scheduler").delete_schedule(Name=self.name)


def _listed(target: Target) -> Iterator[Mapping[str, Any]]:
    pages = target.aws.client("scheduler").get_paginator("list_schedules")
    for page in pages.paginate(GroupName="default"):
        yield from page.get("Schedules", [])


def _not_yet(error: Any) -> bool:
    """In IAM a new role is there before Scheduler can take it."""
    return "must allow AWS EventBridge Scheduler to assume the role" in str(error)
