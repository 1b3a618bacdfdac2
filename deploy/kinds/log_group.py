"""The log group of a Lambda function, and how long it keeps lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .base import Change, Resource
from .function import APP_TAG

if TYPE_CHECKING:
    from ..targets.target import Target

PREFIX = "/aws/lambda/"


@dataclass(frozen=True, kw_only=True)
class LogGroup(Resource):
    """A log group.  days: 0 for ever.  One that Lambda made by itself is taken over."""

    kind: ClassVar[str] = "log_group"
    platform: ClassVar[str] = "logs"
    tagged: ClassVar[bool] = True
    shared: ClassVar[bool] = True

    days: int = 0

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        old = _words(have.days) if have else None
        if old != (new := _words(self.days)):
            cause = self.causes.get("log_days", self.causes.get("", ""))
            yield Change(self.part, f"log {self.name} kept", old, new, cause)

    def gone(self) -> Iterator[Change]:
        yield Change(self.part, f"log {self.name}", f"kept {_words(self.days)}", None)

    def keeps(self) -> str:
        return (
            f"it holds what the function wrote, and its lines stay kept {_for(self.days)}; "
            "`pelton destroy` deletes it"
        )

    def follows(self, action: str, changes: tuple[Change, ...]) -> str:
        if action == "delete":
            return "what the function wrote is lost"
        if action != "update" or not changes:
            return ""
        old, new = (_days(str(each)) for each in (changes[0].old, changes[0].new))
        if new < old:
            return "older lines are deleted"
        return "lines are kept for longer, which costs by the GB and month"

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        for each in _listed(target, name):
            if each["logGroupName"] == name:
                days = each.get("retentionInDays", 0)
                return cls(name=name, app=_app_of(target, each), days=days)
        return None

    @classmethod
    def tagged_with(cls, target: Target, app: str) -> Iterator[str]:
        """Those that Lambda made keep their lines for ever: their tags are not asked for."""
        for each in _listed(target, PREFIX):
            if each.get("retentionInDays") and _app_of(target, each) == app:
                yield each["logGroupName"]

    def create(self, target: Target) -> None:
        logs = target.aws.client("logs")
        with target.aws.ignoring("ResourceAlreadyExistsException"):
            logs.create_log_group(logGroupName=self.name, tags={APP_TAG: target.app})
        if self.days:
            logs.put_retention_policy(logGroupName=self.name, retentionInDays=self.days)
        else:
            logs.delete_retention_policy(logGroupName=self.name)

    def delete(self, target: Target) -> None:
        with target.aws.ignoring("ResourceNotFoundException"):
            target.aws.client("logs").delete_log_group(logGroupName=self.name)


def _listed(target: Target, prefix: str) -> Iterator[Mapping[str, Any]]:
    pages = target.aws.client("logs").get_paginator("describe_log_groups")
    for page in pages.paginate(logGroupNamePrefix=prefix):
        yield from page["logGroups"]


def _app_of(target: Target, group: Mapping[str, Any]) -> str:
    arn = group["arn"].removesuffix(":*")
    told = target.aws.client("logs").list_tags_for_resource(resourceArn=arn)
    return str(told.get("tags", {}).get(APP_TAG, ""))


def _days(words: str) -> float:
    """
    >>> _days("14 days"), _days("for ever")
    (14.0, inf)
    """
    return float("inf") if words == _words(0) else float(words.partition(" ")[0])


def _for(days: int) -> str:
    return f"for {_words(days)}" if days else _words(days)


def _words(days: int) -> str:
    """
    >>> _words(1), _words(14), _words(0)
    ('1 day', '14 days', 'for ever')
    """
    return f"{days} day{'' if days == 1 else 's'}" if days else "for ever"
