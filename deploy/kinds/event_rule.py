"""An EventBridge rule that calls a Lambda function for the events of a bus that fit a pattern."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..errors import CallFailed
from .base import OURS, Change, Resource
from .callee import callee, is_of, statements
from .subscription import canonical

if TYPE_CHECKING:
    from ..targets.target import Target

_TARGET = "function"  # the id of a rule's one target


@dataclass(frozen=True, kw_only=True)
class EventRule(Resource):
    """Its name is `BUS/RULE`.  pattern: as JSON, keys in order; arn: the function's."""

    kind: ClassVar[str] = "event_rule"
    platform: ClassVar[str] = "events"
    part: ClassVar[str] = "triggers"

    pattern: str = ""
    arn: str = field(default="", compare=False)

    @property
    def _which(self) -> dict[str, str]:
        bus, _, rule = self.name.rpartition("/")
        return {"Name": rule, "EventBusName": bus}

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"function:{self.function}", *self.after)

    @property
    def _called(self) -> str:
        bus, _, rule = self.name.rpartition("/")
        return f"rule {rule}" + (f" of bus {bus}" if bus != "default" else "")

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        old, cause = have.pattern if have else None, self.causes.get("", "")
        if old != self.pattern:
            yield Change(self.part, self._called, old, self.pattern, cause)
        elif have and have.arn != self.arn:
            was, will = callee(have.arn) or None, callee(self.arn)
            yield Change(self.part, f"{self._called} calls", was, will, cause)

    def gone(self) -> Iterator[Change]:
        yield Change(self.part, self._called, self.pattern, None)

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        events, blank = target.aws.client("events"), cls(name=name)
        try:
            told = events.describe_rule(**blank._which)
        except events.exceptions.ResourceNotFoundException:
            return None
        bus, rule = blank._which["EventBusName"], blank._which["Name"]
        targets = events.list_targets_by_rule(Rule=rule, EventBusName=bus).get("Targets", [])
        arn = next((each["Arn"] for each in targets if each["Id"] == _TARGET), "")
        return cls(
            name=name,
            function=callee(arn).partition(":")[0] or rule.partition(".")[0],
            app=OURS,
            after=statements([arn], "event", rule if bus == "default" else f"{bus}/{rule}"),
            pattern=canonical(told.get("EventPattern", "")),
            arn=arn,
        )

    @classmethod
    def pointing(cls, target: Target, function: str) -> Iterator[str]:
        """Rules with a pattern, of any bus, whose target is the function and whose name is one of
        ours."""
        for bus, rule in target.once("event rules", lambda: [*_patterned(target)]):
            blank = cls(name=f"{bus}/{rule}")
            if ".on" in rule and rule.startswith(function[:48]):
                found = cls.read(target, blank.name)
                if found is not None and is_of(found.arn, function):
                    yield blank.name

    def create(self, target: Target) -> None:
        events = target.aws.client("events")
        events.put_rule(**self._which, EventPattern=self.pattern, State="ENABLED")
        told = events.put_targets(
            Rule=self._which["Name"],
            EventBusName=self._which["EventBusName"],
            Targets=[{"Id": _TARGET, "Arn": self.arn}],
        )
        for each in told.get("FailedEntries", []):
            raise CallFailed(f"{self.words}: PutTargets: {each.get('ErrorMessage')}")

    def delete(self, target: Target) -> None:
        events = target.aws.client("events")
        bus, rule = self._which["EventBusName"], self._which["Name"]
        with target.aws.ignoring("ResourceNotFoundException"):
            events.remove_targets(Rule=rule, EventBusName=bus, Ids=[_TARGET])
            events.delete_rule(**self._which)


def _patterned(target: Target) -> Iterator[tuple[str, str]]:
    """(bus, rule) of each rule that has a pattern."""
    events = target.aws.client("events")
    for bus in _pages(events.list_event_buses, "EventBuses"):
        for rule in _pages(events.list_rules, "Rules", EventBusName=bus["Name"]):
            if rule.get("EventPattern"):
                yield bus["Name"], rule["Name"]


def _pages(call: Any, member: str, **which: str) -> Iterator[Mapping[str, Any]]:
    token: dict[str, str] = {}
    while True:
        page = call(**which, **token)
        yield from page.get(member, [])
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}
