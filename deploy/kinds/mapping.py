"""What the kinds of event source mappings have in common; `queue_mapping`, `stream_mapping`,
`table_mapping` and `broker_mapping` are the kinds.

A mapping is tagged with its app.  One that is neither tagged nor remembered by a state is somebody
else's and is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..versions.release import LIVE
from .base import Change, Resource
from .function import APP_TAG

if TYPE_CHECKING:
    from ..targets.target import Target

_BUSY = ("ResourceInUseException", "ResourceConflictException")


@dataclass(frozen=True, kw_only=True)
class SourceMapping(Resource):
    """A mapping; its name is `FUNCTION/ARN`, the ARN that of the source.  `window` in seconds.

    alias: what the source calls of the function, "" for the function itself
    uuid: live only
    """

    part: ClassVar[str] = "triggers"
    hangs: ClassVar[bool] = True
    service: ClassVar[str]  # as ARNs have it

    batch: int = 10
    window: int = 0
    partial_failures: bool = True
    alias: str = ""
    uuid: str = field(default="", compare=False)

    @property
    def arn(self) -> str:
        return self.name.partition("/")[2]

    @property
    def called(self) -> str:
        """What the source calls: the function, or an alias of it."""
        name = self.name.partition("/")[0]
        return f"{name}:{self.alias}" if self.alias else name

    @property
    def source(self) -> str:
        """The source in a plan's words."""
        raise NotImplementedError

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"function:{self.name.partition('/')[0]}", *self.after)

    def told(self, *, new: bool = False) -> str:
        """The mapping in a plan's words."""
        partial = "" if self.partial_failures else ", no partial failures"
        return f"batch {self.batch}, window {self.window} s{partial}"

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        cause = self.causes.get("", "")
        if have is None:
            yield Change(self.part, self.source, None, self.told(new=True), cause)
        elif have != self:
            old, new = have.told(), self.told()
            if have.alias != self.alias:
                old, new = f"{old}, calls {have.called}", f"{new}, calls {self.called}"
            yield Change(self.part, self.source, old, new, cause)

    def gone(self) -> Iterator[Change]:
        yield Change(self.part, self.source, self.told(), None)

    def instead_of(self, have: Self) -> str:
        if have.name.partition("/")[0] != self.name.partition("/")[0]:
            return ""
        return f"a mapping's source cannot be changed; what is left in {have.source} is not read"

    def members(self) -> dict[str, Any]:
        """The mapping as Lambda takes it, new or changed."""
        return {
            "BatchSize": self.batch,
            "MaximumBatchingWindowInSeconds": self.window,
            "FunctionResponseTypes": ["ReportBatchItemFailures"] if self.partial_failures else [],
        }

    def new_members(self) -> dict[str, Any]:
        """What Lambda takes only of a new one."""
        return {}

    @classmethod
    def told_by(cls, name: str, each: Mapping[str, Any]) -> Self:
        """A mapping as Lambda says it."""
        return cls(
            name=name,
            function=name.partition("/")[0],
            batch=each["BatchSize"],
            window=each.get("MaximumBatchingWindowInSeconds", 0),
            partial_failures="ReportBatchItemFailures" in each.get("FunctionResponseTypes", []),
            alias=each.get("FunctionArn", "").partition(":function:")[2].partition(":")[2],
            uuid=each["UUID"],
        )

    @classmethod
    def hanging(cls, target: Target, function: str) -> Iterator[Self]:
        name = function.partition(":")[0]  # of an alias: Lambda lists its own apart
        for each in _of(target, function):
            source = each.get("EventSourceArn", "")
            if f":{cls.service}:" in source and each.get("State") != "Deleting":
                yield cls.told_by(cls.named(name, each), each)

    @classmethod
    def named(cls, function: str, each: Mapping[str, Any]) -> str:
        """What the mapping of a function is called that Lambda says so."""
        return f"{function}/{each.get('EventSourceArn', '')}"

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        from dataclasses import replace

        function, arn = name.partition("/")[0], cls(name=name).arn
        client = target.aws.client("lambda")
        for each in _of_function(target, function, EventSourceArn=arn):
            if each.get("State") != "Deleting" and cls.named(function, each) == name:
                mapping, tags = each.get("EventSourceMappingArn", ""), dict[str, str]()
                if mapping:
                    tags = client.list_tags(Resource=mapping).get("Tags", {})
                return replace(cls.told_by(name, each), app=tags.get(APP_TAG, ""))
        return None

    def create(self, target: Target) -> None:
        client = target.aws.client("lambda")

        def make() -> None:
            have = self.read(target, self.name)  # as left by a run that was killed
            if have is not None:
                self.update(target, have)
                return
            client.create_event_source_mapping(
                EventSourceArn=self.arn,
                FunctionName=self.called,
                Tags={APP_TAG: target.app},
                **self.members(),
                **self.new_members(),
            )

        target.aws.patiently(make, _is_busy)

    def update(self, target: Target, have: Self) -> None:
        client = target.aws.client("lambda")
        if have != self:
            call = client.update_event_source_mapping
            # A source goes on where it stands, whatever it calls from now on.
            named = {"FunctionName": self.called} if have.alias != self.alias else {}
            members = {**named, **self.members()}
            target.aws.patiently(lambda: call(UUID=have.uuid, **members), _is_busy)

    def delete(self, target: Target) -> None:
        call = target.aws.client("lambda").delete_event_source_mapping
        with target.aws.ignoring("ResourceNotFoundException"):
            target.aws.patiently(lambda: call(UUID=self.uuid), _is_busy)


def _of(target: Target, function: str) -> Iterator[Mapping[str, Any]]:
    """The mappings of a function, of whatever source."""
    if not target.many:
        known = target.once(
            f"mappings {function}", lambda: [*_listed(target, FunctionName=function)]
        )
        yield from known
        return
    for each in target.once("mappings", lambda: [*_listed(target)]):
        if each.get("FunctionArn", "").endswith(f":function:{function}"):
            yield each


def _of_function(target: Target, function: str, **which: str) -> Iterator[Mapping[str, Any]]:
    """Those that call the function, and those that call its alias `live`."""
    yield from _listed(target, FunctionName=function, **which)
    yield from _listed(target, FunctionName=f"{function}:{LIVE}", **which)


def _listed(target: Target, **which: str) -> Iterator[Mapping[str, Any]]:
    pages = target.aws.client("lambda").get_paginator("list_event_source_mappings")
    for page in pages.paginate(**which):
        yield from page["EventSourceMappings"]


def _is_busy(error: Any) -> bool:
    """It is being made, changed or deleted: that goes by."""
    return error.response.get("Error", {}).get("Code") in _BUSY
