"""An uploaded artifact: an object whose name is made of its content, so it is never changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .base import OURS, Change, Resource

if TYPE_CHECKING:
    from ..targets.target import Target


@dataclass(frozen=True, kw_only=True)
class Archive(Resource):
    """A zip in a bucket; its name is `BUCKET/KEY`.  sha256: of the zip, hex."""

    kind: ClassVar[str] = "archive"
    platform: ClassVar[str] = "s3"
    part: ClassVar[str] = "code"
    on_demand: ClassVar[bool] = True

    sha256: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"bucket:{self._place[0]}", *self.after)

    @property
    def _place(self) -> tuple[str, str]:
        bucket, _, key = self.name.partition("/")
        return bucket, key

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        if have is None:
            yield Change(self.part, "archive", None, f"s3://{self.name}")

    def gone(self) -> Iterator[Change]:
        yield Change(self.part, "archive", f"s3://{self.name}", None)

    def follows(self, action: str, changes: tuple[Change, ...]) -> str:
        stays = "it stays there, which costs by the GB and month, until `pelton destroy`"
        return stays if action == "create" else ""

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        from botocore.exceptions import ClientError

        bucket, _, key = name.partition("/")
        try:
            target.aws.client("s3").head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise
        return cls(name=name, function=key.partition("/")[0], app=OURS)

    def create(self, target: Target) -> None:
        bucket, key = self._place
        with target.archives[self.sha256].open("rb") as archive:
            target.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=archive)

    def delete(self, target: Target) -> None:
        bucket, key = self._place
        with target.aws.ignoring("NoSuchBucket"):
            target.aws.client("s3").delete_object(Bucket=bucket, Key=key)
