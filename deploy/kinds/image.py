"""A container image, built from its context by this machine's engine and pushed where it says.

Its tag is made of its content, so it is never changed.  Without a registry in its name it is the
engine's own, which is where the emulator takes images from.  Images are never deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .base import OURS, Change, Resource

if TYPE_CHECKING:
    from ..targets.target import Target


@dataclass(frozen=True, kw_only=True)
class Image(Resource):
    """An image, by its reference `repository:tag`.  digest: of its context; pushed: whether its
    name is a registry's."""

    kind: ClassVar[str] = "image"
    platform: ClassVar[str] = "images"
    part: ClassVar[str] = "code"
    shared: ClassVar[bool] = True
    on_demand: ClassVar[bool] = True

    digest: str = field(default="", compare=False)
    pushed: bool = field(default=False, compare=False)

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        if have is None:
            yield Change(self.part, "image", None, self.name, self.causes.get("", ""))

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        """Only an image of this machine's engine is known to be there; pushing one that a registry
        has sends nothing anew."""
        from ...builders.engines import find_engine
        from ...builders.errors import BuildError

        try:
            there = not _is_pushed(name) and find_engine().has(name)
        except BuildError:
            return None  # `create` says what is missing
        return cls(name=name, app=OURS) if there else None

    def create(self, target: Target) -> None:
        from ...builders.engines import find_engine

        context, image = target.images[self.digest]
        engine = find_engine()
        engine.build(context, image)
        if self.pushed:
            engine.push(self.name)

    def delete(self, target: Target) -> None:
        """Versions of functions may run it."""


def _is_pushed(reference: str) -> bool:
    """Whether a name says a registry: its first part has a dot or a port, as engines tell it.

    >>> _is_pushed("123.dkr.ecr.eu-west-1.amazonaws.com/shop:a"), _is_pushed("pelton/shop:a")
    (True, False)
    """
    registry, slash, _ = reference.partition("/")
    return bool(slash) and ("." in registry or ":" in registry)


def image_of(reference: str, digest: str, function: str, causes: Mapping[str, str]) -> Image:
    """The image that a function asks for."""
    return Image(
        name=reference,
        function=function,
        digest=digest,
        pushed=_is_pushed(reference),
        causes=causes,
    )
