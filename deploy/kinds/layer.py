"""A layer of dependencies, named by what is in it: the same content is published once.

Functions name it by its name; which version of it there is, is asked when a function takes it.
Layers have no tags and may be other apps' functions' too, so none is ever deleted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..errors import CallFailed
from .base import OURS, Change, Resource

if TYPE_CHECKING:
    from ..targets.target import Target

_ARN = re.compile(r"arn:[^:]+:lambda:[^:]*:\d*:layer:(pelton-[0-9a-f]{20}):\d+")


@dataclass(frozen=True, kw_only=True)
class Layer(Resource):
    """A layer.  sha256: of its zip, hex; bucket, path: where that is uploaded, "" when it goes with
    the request."""

    kind: ClassVar[str] = "layer"
    part: ClassVar[str] = "dependencies"
    shared: ClassVar[bool] = True
    on_demand: ClassVar[bool] = True

    sha256: str = field(default="", compare=False)
    bucket: str = field(default="", compare=False)
    path: str = field(default="", compare=False)
    zipped: int = field(default=0, compare=False)
    runtimes: tuple[str, ...] = field(default=(), compare=False)
    architectures: tuple[str, ...] = field(default=(), compare=False)

    @property
    def needs(self) -> tuple[str, ...]:
        archive = (f"archive:{self.bucket}/{self.path}",) if self.bucket else ()
        return (*archive, *self.after)

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        if have is None:
            yield Change(self.part, "layer", None, self.name, self.causes.get("", ""))

    def follows(self, action: str, changes: tuple[Change, ...]) -> str:
        if action != "create":
            return ""
        size = f"its {self.zipped / 1e6:.1f} MB count" if self.zipped else "it counts"
        return f"{size} towards the account's storage for code, until somebody deletes it"

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        return cls(name=name, app=OURS) if _newest(target, name) else None

    def create(self, target: Target) -> None:
        if _newest(target, self.name):
            return  # another app, or a deploy that was cut off, has published it
        if self.bucket:
            content: dict[str, Any] = {"S3Bucket": self.bucket, "S3Key": self.path}
        else:
            content = {"ZipFile": target.archives[self.sha256].read_bytes()}
        target.aws.client("lambda").publish_layer_version(
            LayerName=self.name,
            Description="requirements, by pelton",
            Content=content,
            CompatibleRuntimes=list(self.runtimes),
            CompatibleArchitectures=list(self.architectures),
        )

    def delete(self, target: Target) -> None:
        """Other functions may take it."""


def _newest(target: Target, name: str) -> str:
    """The ARN of a layer's newest version; "" where there is none."""
    found = target.aws.client("lambda").list_layer_versions(LayerName=name, MaxItems=1)
    versions = found.get("LayerVersions") or ()
    return str(versions[0]["LayerVersionArn"]) if versions else ""


def layers_of(configuration: Mapping[str, Any]) -> tuple[str, ...]:
    """The layers that a function has: ours by name, others by ARN.

    >>> arn = "arn:aws:lambda:eu-west-1:123456789012:layer"
    >>> given = [{"Arn": f"{arn}:pelton-0123456789abcdef0123:1"}, {"Arn": f"{arn}:tracing:7"}]
    >>> layers_of({"Layers": given})
    ('pelton-0123456789abcdef0123', 'arn:aws:lambda:eu-west-1:123456789012:layer:tracing:7')
    """
    arns = [str(each["Arn"]) for each in configuration.get("Layers") or ()]
    return tuple(found[1] if (found := _ARN.fullmatch(arn)) else arn for arn in arns)


def arns_of(target: Target, layers: Sequence[str]) -> list[str]:
    """The ARNs of a function's layers, as Lambda takes them."""
    found = []
    for each in layers:
        arn = each if each.startswith("arn:") else _newest(target, each)
        if not arn:
            raise CallFailed(f"layer {each!r} is not there; deploy again, which publishes it")
        found.append(arn)
    return found


def layer_keys(layers: Sequence[str]) -> tuple[str, ...]:
    """The keys of those that a deploy publishes."""
    return tuple(f"layer:{each}" for each in layers if not each.startswith("arn:"))
