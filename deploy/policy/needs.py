"""`Call`: what a line asks of AWS.  `Need`: an action on a resource that it must be allowed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .actions import PASS_ROLE, actions_of, passed_role
from .arns import Account, arns_of, names_nothing
from .services import service
from .values import ANY


@dataclass(frozen=True, slots=True)
class Call:
    """One call of AWS's API.

    given: what is known of its members, `*` in what cannot be told
    why:   where it is made: "app.py:12", or in words
    """

    service: str
    operation: str
    given: Mapping[str, str] = field(default_factory=dict)
    why: str = ""

    @property
    def name(self) -> str:
        return f"{self.service}.{self.operation}"


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """An action on one resource, by its ARN, and why."""

    action: str
    resource: str
    why: str = ""


def needs_of(calls: Iterable[Call], where: Account) -> Iterator[Need]:
    """What the calls need.

    >>> for need in needs_of([Call("s3", "HeadObject", {"Bucket": "b"}, "app.py:3")], Account()):
    ...     print(need)
    Need(action='s3:GetObject', resource='arn:aws:s3:::b/*', why='app.py:3')
    """
    for call in calls:
        known = service(call.service)
        if known is None:
            continue
        for action in actions_of(known, call.operation, call.given):
            for resource in _resources(action, call, where):
                yield Need(action, resource, call.why)


def _resources(action: str, call: Call, where: Account) -> tuple[str, ...]:
    if action == PASS_ROLE:
        role = call.given.get(passed_role(call.service, call.operation), ANY)
        return (role if role.startswith("arn:") else ANY,)
    if action == "s3:GetObject" and call.operation in ("CopyObject", "UploadPartCopy"):
        source = call.given.get("CopySource", ANY)
        bucket, _, key = source.lstrip("/").partition("/")
        return arns_of(action, {"Bucket": bucket, "Key": key or ANY}, where)
    return arns_of(action, call.given, where)


def wide(needs: Iterable[Need]) -> tuple[str, ...]:
    """A sentence for each need of which the resource cannot be told from the code."""
    found: dict[str, None] = {}
    for need in needs:
        if _is_open(need) and not names_nothing(need.action):
            sentence = (
                f"{need.why}: {need.action} is allowed on {need.resource}: the name is not "
                "written there; write it, or take it from a variable of the function's environment"
            )
            found[sentence] = None
    return tuple(found)


def _is_open(need: Need) -> bool:
    """Whether the resource is any of its kind.

    >>> _is_open(Need("sqs:SendMessage", "arn:aws:sqs:*:*:*"))
    True
    >>> _is_open(Need("s3:GetObject", "arn:aws:s3:::orders/*"))
    False
    """
    if need.resource == ANY:
        return True
    service, name = need.resource.split(":")[2], need.resource.split(":", 5)[-1]
    if service == "s3":
        return name.startswith(ANY)
    return name.removesuffix(":*").rpartition("/")[2].rpartition(":")[2] == ANY
