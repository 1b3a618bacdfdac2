"""A subscription of a Lambda function to an SNS topic."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .base import OURS, Change, Resource
from .callee import callee, is_of, statements
from .permission import sources

if TYPE_CHECKING:
    from ..targets.target import Target

_DIFFERENT = "already exists with different attributes"


@dataclass(frozen=True, kw_only=True)
class Subscription(Resource):
    """Its name is `FUNCTION/TOPIC'S ARN`.

    filter:   the filter policy as JSON, keys in order; "" for none
    scope:    "attributes" or "body"
    function_arn: whom it calls
    arns:     live only: its own by whom it calls; two where a deploy was cut off between them
    """

    kind: ClassVar[str] = "subscription"
    platform: ClassVar[str] = "sns"
    part: ClassVar[str] = "triggers"

    filter: str = ""
    scope: str = "attributes"
    function_arn: str = field(default="", compare=False)
    arns: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def topic(self) -> str:
        return self.name.partition("/")[2]

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"function:{self.name.partition('/')[0]}", *self.after)

    @property
    def _told(self) -> str:
        of = "" if self.scope == "attributes" else " of the body"
        return f"messages that fit {self.filter}{of}" if self.filter else "all messages"

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        old, cause = have._told if have else None, self.causes.get("", "")
        if old != self._told:
            yield Change(self.part, f"topic {_short(self.topic)}", old, self._told, cause)
        if have is not None and set(have.arns) != {self.function_arn}:
            was = ", ".join(sorted(map(callee, have.arns)))
            what = f"topic {_short(self.topic)} calls"
            yield Change(self.part, what, was, callee(self.function_arn), cause)

    def follows(self, action: str, changes: tuple[Change, ...]) -> str:
        """SNS changes nobody's address: the new one is there before the old one goes."""
        if action == "update" and any(each.what.endswith(" calls") for each in changes):
            return "a message that is published at that moment may come twice"
        return ""

    def gone(self) -> Iterator[Change]:
        yield Change(self.part, f"topic {_short(self.topic)}", self._told, None)

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        function, _, topic = name.partition("/")
        sns = target.aws.client("sns")
        try:
            found = list(_listed(sns, topic))
        except sns.exceptions.NotFoundException:
            return None
        ours = {
            each["Endpoint"]: each["SubscriptionArn"]
            for each in found
            if each["Protocol"] == "lambda" and is_of(each["Endpoint"], function)
        }
        return cls._from(sns, name, dict(sorted(ours.items()))) if ours else None

    @classmethod
    def _from(cls, sns: Any, name: str, ours: Mapping[str, str]) -> Self:
        called, arn = list(ours.items())[-1]  # an alias before the function itself
        told = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        body = told.get("FilterPolicyScope") == "MessageBody"
        function, _, topic = name.partition("/")
        return cls(
            name=name,
            function=function,
            app=OURS,
            after=statements(ours, "sns", topic),
            filter=canonical(told.get("FilterPolicy", "")),
            scope="body" if body else "attributes",
            function_arn=called,
            arns=ours,
        )

    @classmethod
    def pointing(cls, target: Target, function: str) -> Iterator[str]:
        """Subscriptions carry no tags: those of the function that a statement of ours goes with."""
        for topic in sources(target, function, "sns"):
            yield f"{function}/{topic}"

    def create(self, target: Target) -> None:
        sns = target.aws.client("sns")
        attributes = {"FilterPolicy": self.filter, "FilterPolicyScope": self._scope}
        try:
            sns.subscribe(
                TopicArn=self.topic,
                Protocol="lambda",
                Endpoint=self.function_arn,
                Attributes=attributes if self.filter else {},
                ReturnSubscriptionArn=True,
            )
        except sns.exceptions.InvalidParameterException as error:
            have = self.read(target, self.name) if _DIFFERENT in str(error) else None
            if have is None or self.function_arn not in have.arns:
                raise
            self._set(target, have.arns[self.function_arn])

    @property
    def _scope(self) -> str:
        return "MessageBody" if self.scope == "body" else "MessageAttributes"

    def update(self, target: Target, have: Self) -> None:
        if arn := have.arns.get(self.function_arn):
            self._set(target, arn)
        else:
            self.create(target)
        self._unsubscribe(target, [a for f, a in have.arns.items() if f != self.function_arn])

    def _set(self, target: Target, arn: str) -> None:
        sns = target.aws.client("sns")
        told = (("FilterPolicyScope", self._scope), ("FilterPolicy", self.filter or "{}"))
        for name, value in told:
            sns.set_subscription_attributes(
                SubscriptionArn=arn, AttributeName=name, AttributeValue=value
            )

    def delete(self, target: Target) -> None:
        have = self if self.arns else self.read(target, self.name)
        if have is not None:
            self._unsubscribe(target, have.arns.values())

    def _unsubscribe(self, target: Target, arns: Iterable[str]) -> None:
        for arn in arns:
            with target.aws.ignoring("NotFound", "NotFoundException"):
                target.aws.client("sns").unsubscribe(SubscriptionArn=arn)


def canonical(policy: str) -> str:
    """A filter policy or a pattern in one spelling; "" for none.

    >>> canonical('{"b":["1"], "a":["2"]}'), canonical("{}")
    ('{"a": ["2"], "b": ["1"]}', '')
    """
    told = json.loads(policy) if policy else {}
    return json.dumps(told, sort_keys=True) if told else ""


def _listed(sns: Any, topic: str) -> Iterator[Mapping[str, str]]:
    pages = sns.get_paginator("list_subscriptions_by_topic")
    for page in pages.paginate(TopicArn=topic):
        yield from page["Subscriptions"]


def _short(arn: str) -> str:
    return arn.rpartition(":")[2]
