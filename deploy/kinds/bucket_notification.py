"""What a bucket tells a Lambda function of: its entries in the bucket's notifications.

A bucket has one document for all whom it tells; only the entries whose ids are ours are touched.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .base import OURS, Change, Resource
from .callee import callee, statements
from .permission import sources

if TYPE_CHECKING:
    from ..targets.target import Target

_LISTS = (
    "TopicConfigurations",
    "QueueConfigurations",
    "LambdaFunctionConfigurations",
    "EventBridgeConfiguration",
)
_FUNCTIONS = "LambdaFunctionConfigurations"
# The document is read, changed and written: one at a time in this process.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class BucketNotification(Resource):
    """Its name is `FUNCTION/BUCKET`.  entries: ("EVENT EVENT", prefix, suffix); arn: the
    function's."""

    kind: ClassVar[str] = "bucket_notification"
    platform: ClassVar[str] = "s3"
    part: ClassVar[str] = "triggers"

    entries: tuple[tuple[str, str, str], ...] = ()
    arn: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        # A saved plan has lists for tuples.
        object.__setattr__(self, "entries", tuple((e[0], e[1], e[2]) for e in self.entries))

    @property
    def bucket(self) -> str:
        return self.name.partition("/")[2]

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"function:{self.name.partition('/')[0]}", *self.after)

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        cause = self.causes.get("", "")
        if have is None or have.entries != self.entries:
            old = have._words if have else None
            yield Change(self.part, f"bucket {self.bucket}", old, self._words, cause)
        elif have.arn != self.arn:
            what = f"bucket {self.bucket} calls"
            yield Change(self.part, what, callee(have.arn), callee(self.arn), cause)

    def gone(self) -> Iterator[Change]:
        yield Change(self.part, f"bucket {self.bucket}", self._words, None)

    @property
    def _words(self) -> str:
        return "; ".join(
            events + (f" of {prefix}*{suffix}" if prefix or suffix else "")
            for events, prefix, suffix in self.entries
        )

    def _id(self, place: int) -> str:
        return f"{self.ids}{place}"

    @property
    def ids(self) -> str:
        """How the ids of this function's entries begin; '/' is in no function's name."""
        return f"pelton/{self.name.partition('/')[0]}/"

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        blank = cls(name=name)
        with target.aws.ignoring("NoSuchBucket"):
            told = _told(target, blank.bucket).get(_FUNCTIONS, [])
            ours = [each for each in told if each.get("Id", "").startswith(blank.ids)]
            if ours:
                arns = [each["LambdaFunctionArn"] for each in ours]
                return cls(
                    name=name,
                    function=name.partition("/")[0],
                    app=OURS,
                    after=statements(arns, "s3", blank.bucket),
                    entries=tuple(_entry(e) for e in sorted(ours, key=lambda each: each["Id"])),
                    arn=arns[0] if len(set(arns)) == 1 else ", ".join(sorted(set(arns))),
                )
        return None

    @classmethod
    def pointing(cls, target: Target, function: str) -> Iterator[str]:
        """Buckets are told by the statements that let them call: an account may have any number."""
        for arn in sources(target, function, "s3"):
            yield f"{function}/{arn.rpartition(':')[2]}"

    def create(self, target: Target) -> None:
        ours = [
            _members(self._id(place), entry, self.arn) for place, entry in enumerate(self.entries)
        ]
        self._write(target, ours)

    def delete(self, target: Target) -> None:
        with target.aws.ignoring("NoSuchBucket"):
            self._write(target, [])

    def _write(self, target: Target, ours: list[dict[str, Any]]) -> None:
        with _one_at_a_time:
            told = _told(target, self.bucket)
            others = [e for e in told.get(_FUNCTIONS, []) if not e["Id"].startswith(self.ids)]
            if not ours and len(others) == len(told.get(_FUNCTIONS, [])):
                return
            told[_FUNCTIONS] = [*others, *ours]
            target.aws.client("s3").put_bucket_notification_configuration(
                Bucket=self.bucket, NotificationConfiguration=told
            )


def _told(target: Target, bucket: str) -> dict[str, Any]:
    told = target.aws.client("s3").get_bucket_notification_configuration(Bucket=bucket)
    return {name: told[name] for name in _LISTS if name in told}


def _members(name: str, entry: tuple[str, str, str], arn: str) -> dict[str, Any]:
    events, *ends = entry
    rules = [
        {"Name": word, "Value": value}
        for word, value in zip(("prefix", "suffix"), ends, strict=True)
        if value
    ]
    return {
        "Id": name,
        "LambdaFunctionArn": arn,
        "Events": [f"s3:{each}" for each in events.split()],
        **({"Filter": {"Key": {"FilterRules": rules}}} if rules else {}),
    }


def _entry(told: Mapping[str, Any]) -> tuple[str, str, str]:
    rules = told.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    ends = {each["Name"].lower(): each["Value"] for each in rules}
    events = " ".join(each.removeprefix("s3:") for each in told["Events"])
    return events, ends.get("prefix", ""), ends.get("suffix", "")
