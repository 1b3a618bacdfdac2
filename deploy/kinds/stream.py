"""A Kinesis stream that functions read: made on demand capacity, and never changed after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .base import Change, Resource
from .function import APP_TAG

if TYPE_CHECKING:
    from ..targets.target import Target


@dataclass(frozen=True, kw_only=True)
class Stream(Resource):
    """A stream, by its name."""

    kind: ClassVar[str] = "stream"
    platform: ClassVar[str] = "kinesis"
    part: ClassVar[str] = "triggers"
    tagged: ClassVar[bool] = True
    shared: ClassVar[bool] = True

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        if have is None:
            cause = self.causes.get("", "")
            yield Change(self.part, f"stream {self.name}", None, "on demand", cause)

    def gone(self) -> Iterator[Change]:
        yield Change(self.part, f"stream {self.name}", "there", None)

    def keeps(self) -> str:
        return "it may hold records that nobody has read; delete it with `pelton destroy`"

    def follows(self, action: str, changes: tuple[Change, ...]) -> str:
        if action == "delete":
            return "the records that it holds are lost"
        return "an on-demand stream costs by the hour, also when nothing comes"

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        client = target.aws.client("kinesis")
        try:
            client.describe_stream_summary(StreamName=name)
            tags = client.list_tags_for_stream(StreamName=name).get("Tags", [])
        except client.exceptions.ResourceNotFoundException:
            return None
        app = next((each["Value"] for each in tags if each["Key"] == APP_TAG), "")
        return cls(name=name, app=app)

    @classmethod
    def tagged_with(cls, target: Target, app: str) -> Iterator[str]:
        client = target.aws.client("kinesis")
        for page in client.get_paginator("list_streams").paginate():
            for name in page["StreamNames"]:
                found = cls.read(target, name)
                if found is not None and found.app == app:
                    yield name

    def create(self, target: Target) -> None:
        """A stream that grows with what is put there; come back when it can be read."""
        client = target.aws.client("kinesis")
        mode = {"StreamMode": "ON_DEMAND"}
        with target.aws.ignoring("ResourceInUseException"):
            client.create_stream(
                StreamName=self.name, StreamModeDetails=mode, Tags={APP_TAG: target.app}
            )
        pace = {"Delay": 1, "MaxAttempts": 300}
        client.get_waiter("stream_exists").wait(StreamName=self.name, WaiterConfig=pace)
        # Not every endpoint takes tags on the way.
        client.add_tags_to_stream(StreamName=self.name, Tags={APP_TAG: target.app})

    def delete(self, target: Target) -> None:
        with target.aws.ignoring("ResourceNotFoundException"):
            target.aws.client("kinesis").delete_stream(StreamName=self.name)


def is_there(target: Target, arn: str) -> bool:
    """Whether a stream is there, by its ARN (a consumer's is its stream's)."""
    client = target.aws.client("kinesis")
    with target.aws.named(f"stream {arn}"):
        try:
            client.describe_stream_summary(StreamARN=arn.partition("/consumer/")[0])
        except client.exceptions.ResourceNotFoundException:
            return False
    return True
