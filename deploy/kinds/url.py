"""A Lambda function's own URL, open to the public."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .base import OURS, Change, Resource

if TYPE_CHECKING:
    from ..targets.target import Target

STATEMENT = "pelton-url"  # of the function's policy: says that the URL is ours


@dataclass(frozen=True, kw_only=True)
class Url(Resource):
    """The URL of a function, or of an alias of it (`FUNCTION:ALIAS`), by that name.

    routes: methods and paths, which are in the code
    """

    kind: ClassVar[str] = "url"
    part: ClassVar[str] = "triggers"
    hangs: ClassVar[bool] = True
    sought: ClassVar[bool] = False

    routes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"function:{self.name.partition(':')[0]}", *self.after)

    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        if have is None:
            cause = self.causes.get("", "")
            yield Change(self.part, "url", None, ", ".join(("public", *self.routes)), cause)

    def gone(self) -> Iterator[Change]:
        yield Change(self.part, "url", "public", None)

    def follows(self, action: str, changes: tuple[Change, ...]) -> str:
        gone = "callers of the address get an error; a new URL has another address"
        return gone if action in ("delete", "replace") else ""

    @classmethod
    def hanging(cls, target: Target, function: str) -> Iterator[Self]:
        client = target.aws.client("lambda")
        try:
            client.get_function_url_config(FunctionName=function)
        except client.exceptions.ResourceNotFoundException:
            return
        yield cls(name=function, function=function)

    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        for found in cls.hanging(target, name):
            client = target.aws.client("lambda")
            sids: set[str] = set()
            with target.aws.ignoring("ResourceNotFoundException"):
                policy = json.loads(client.get_policy(FunctionName=name)["Policy"])
                sids = {each.get("Sid", "") for each in policy["Statement"]}
            return cls(name=name, function=found.function, app=OURS if STATEMENT in sids else "")
        return None

    def create(self, target: Target) -> None:
        with target.aws.ignoring("ResourceConflictException"):
            target.aws.client("lambda").create_function_url_config(
                FunctionName=self.name, AuthType="NONE"
            )

    def delete(self, target: Target) -> None:
        with target.aws.ignoring("ResourceNotFoundException"):
            target.aws.client("lambda").delete_function_url_config(FunctionName=self.name)
