"""A statement of a Lambda function's own policy: who may call it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..versions.release import LIVE
from .base import OURS, Change, Resource

if TYPE_CHECKING:
    from ..targets.target import Target

_OURS = "pelton-"  # how the ids of our statements begin


@dataclass(frozen=True, kw_only=True)
class Permission(Resource):
    """A statement; its name is `FUNCTION/ID`, or `FUNCTION:ALIAS/ID` for who calls an alias.

    Two are one when their ids are: the id says who.

    url: only through the function's own URL
    """

    kind: ClassVar[str] = "permission"
    part: ClassVar[str] = "permissions"
    hangs: ClassVar[bool] = True

    action: str = field(default="lambda:InvokeFunction", compare=False)
    principal: str = field(default="*", compare=False)
    source_arn: str = field(default="", compare=False)
    source_account: str = field(default="", compare=False)
    url: bool = field(default=False, compare=False)

    @property
    def sid(self) -> str:
        return self.name.partition("/")[2]

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"function:{self.function.partition(':')[0]}", *self.after)

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        if have is None:
            said, cause = f"{self.principal} {self.action}", self.causes.get("", "")
            yield Change(self.part, f"statement {self.sid}", None, said, cause)

    def gone(self) -> Iterator[Change]:
        yield Change(self.part, f"statement {self.sid}", f"{self.principal} {self.action}", None)

    @classmethod
    def hanging(cls, target: Target, function: str) -> Iterator[Self]:
        for each in policy_of(target, function):
            if each.get("Sid", "").startswith(_OURS):
                yield cls(
                    name=f"{function}/{each['Sid']}",
                    function=function,
                    app=OURS,
                    action=str(each["Action"]),
                    principal=_principal(each),
                )

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        found = cls.hanging(target, name.partition("/")[0])
        return next((each for each in found if each.name == name), None)

    def create(self, target: Target) -> None:
        more: dict[str, Any] = {}
        if self.source_arn:
            more["SourceArn"] = self.source_arn
        if self.source_account:  # a bucket's name may be somebody else's tomorrow
            more["SourceAccount"] = self.source_account
        if self.action == "lambda:InvokeFunctionUrl":
            more["FunctionUrlAuthType"] = "NONE"
        elif self.url:
            more["InvokedViaFunctionUrl"] = True
        with target.aws.ignoring("ResourceConflictException"):
            target.aws.client("lambda").add_permission(
                FunctionName=self.function,
                StatementId=self.sid,
                Action=self.action,
                Principal=self.principal,
                **more,
            )

    def delete(self, target: Target) -> None:
        with target.aws.ignoring("ResourceNotFoundException"):
            target.aws.client("lambda").remove_permission(
                FunctionName=self.function, StatementId=self.sid
            )


def policy_of(target: Target, function: str) -> Sequence[Mapping[str, Any]]:
    """The statements of a function, or of its alias (`FUNCTION:ALIAS`); none where it is not
    there."""
    client = target.aws.client("lambda")
    try:
        policy = json.loads(client.get_policy(FunctionName=function)["Policy"])
    except client.exceptions.ResourceNotFoundException:
        return ()
    found: list[Mapping[str, Any]] = policy["Statement"]
    return found


def sources(target: Target, function: str, word: str) -> tuple[str, ...]:
    """The ARNs of what may call a function or its alias `live`, by statements of ours of a word
    ("s3", "sns" or "event")."""
    found: dict[str, None] = {}
    for called in (function, f"{function}:{LIVE}"):
        for each in target.once(f"policy {called}", partial(policy_of, target, called)):
            if each.get("Sid", "").startswith(f"{_OURS}{word}-"):
                conditions = each.get("Condition", {})
                arn = conditions.get("ArnLike", {}).get("AWS:SourceArn", "")
                found |= {arn: None} if arn else {}
    return tuple(found)


def _principal(statement: Mapping[str, Any]) -> str:
    principal = statement.get("Principal", "")
    return str(next(iter(principal.values()), "") if isinstance(principal, dict) else principal)
