"""An EventBridge rule that calls a Lambda function at its times."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .base import OURS, Change, Resource
from .callee import callee

if TYPE_CHECKING:
    from ..targets.target import Target

_TARGET = "function"  # the id of a rule's one target


@dataclass(frozen=True, kw_only=True)
class Rule(Resource):
    """A rule, by its name.  `expression` in EventBridge's words; `arn` the function's."""

    kind: ClassVar[str] = "rule"
    platform: ClassVar[str] = "lambda"
    part: ClassVar[str] = "triggers"
    hangs: ClassVar[bool] = True

    expression: str = ""
    arn: str = field(default="", compare=False)

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"function:{self.function}", *self.after)

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        old, cause = have.expression if have else None, self.causes.get("", "")
        if old != self.expression:
            yield Change(self.part, f"rule {self.name}", old, self.expression, cause)
        elif have and have.arn != self.arn:
            was, will = callee(have.arn) or None, callee(self.arn)
            yield Change(self.part, f"rule {self.name} calls", was, will, cause)

    def gone(self) -> Iterator[Change]:
        yield Change(self.part, f"rule {self.name}", self.expression, None)

    @classmethod
    def hanging(cls, target: Target, function: str) -> Iterator[Self]:
        client, prefix = target.aws.client("events"), rule_prefix(function)
        if target.many:
            rules = target.once("rules", lambda: [*_listed(client)])
        else:
            rules = _listed(client, NamePrefix=prefix)
        for rule in rules:
            if rule.get("ScheduleExpression") and rule["Name"].startswith(prefix):
                yield cls._from(client, function, rule)

    @classmethod
    def _from(cls, client: Any, function: str, rule: Mapping[str, Any]) -> Self:
        targets = client.list_targets_by_rule(Rule=rule["Name"]).get("Targets", [])
        return cls(
            name=rule["Name"],
            function=function,
            app=OURS,
            expression=rule["ScheduleExpression"],
            arn=next((each["Arn"] for each in targets if each["Id"] == _TARGET), ""),
        )

    def create(self, target: Target) -> None:
        events = target.aws.client("events")
        events.put_rule(Name=self.name, ScheduleExpression=self.expression, State="ENABLED")
        events.put_targets(Rule=self.name, Targets=[{"Id": _TARGET, "Arn": self.arn}])

    def delete(self, target: Target) -> None:
        events = target.aws.client("events")
        with target.aws.ignoring("ResourceNotFoundException"):
            events.remove_targets(Rule=self.name, Ids=[_TARGET])
            events.delete_rule(Name=self.name)


def _listed(client: Any, **which: str) -> Iterator[Mapping[str, Any]]:
    token: dict[str, str] = {}
    while True:
        page = client.list_rules(**which, **token)
        yield from page.get("Rules", [])
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}


def rule_prefix(function: str) -> str:
    """How the names of a function's rules begin; '.' is in no function's name, so no other
    function's rules begin so.

    >>> rule_prefix("hello")
    'hello.cron'
    """
    if len(function) <= 52:
        return f"{function}.cron"
    return f"{function[:40]}.{hashlib.sha256(function.encode()).hexdigest()[:8]}.cron"
