"""The S3 bucket that archives go through: one an account and region, shared by all its apps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .base import Change, Resource

if TYPE_CHECKING:
    from ..targets.target import Target


@dataclass(frozen=True, kw_only=True)
class Bucket(Resource):
    """A bucket, by its name."""

    kind: ClassVar[str] = "bucket"
    platform: ClassVar[str] = "s3"
    part: ClassVar[str] = "code"
    shared: ClassVar[bool] = True
    on_demand: ClassVar[bool] = True

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        if have is None:
            yield Change(self.part, "bucket", None, self.name)

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        from botocore.exceptions import ClientError

        try:
            target.aws.client("s3").head_bucket(Bucket=name)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise
        return cls(name=name)

    def create(self, target: Target) -> None:
        client = target.aws.client("s3")
        region = client.meta.region_name
        # us-east-1 is the one region that must not be named.
        where = {} if region == "us-east-1" else {"LocationConstraint": region}
        settings = {"CreateBucketConfiguration": where} if where else {}
        with target.aws.ignoring("BucketAlreadyOwnedByYou"):
            client.create_bucket(Bucket=self.name, **settings)

    def delete(self, target: Target) -> None:
        """Other apps' archives are in it."""
