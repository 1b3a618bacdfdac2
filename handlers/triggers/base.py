"""What every trigger is: plain data with a kind; a platform's own form is made by the builders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..frozen import Frozen


class Trigger(Frozen):
    """The base of all kinds.

    kind:       the word for it everywhere ("http", "sqs", "kinesis", "s3", "cron" …)
    needs_body: a function with this trigger must take an event
    bridged:    there is a platform that does not read the source as it is asked for, so that a
                bridge of ours brings its events
    batches:    the source delivers several events at once, answered one by one
    bodiless:   it brings events without a body, which no input could be made of
    """

    kind: ClassVar[str] = ""
    needs_body: ClassVar[bool] = False
    batches: ClassVar[bool] = False
    bridged: ClassVar[bool] = False

    @property
    def bodiless(self) -> bool:
        return False

    def same_source(self, other: Trigger) -> bool:
        """Whether the two would bring the same events; one function may not have both."""
        return self == other

    def conflict(self, other: Trigger) -> tuple[str, str, str] | None:
        """Why two functions of an app may not have both: what this one does, what the other one
        does of that, and what to do; None where they may."""
        return None

    def to_dict(self) -> Mapping[str, Any]:
        """The trigger as plain data, `kind` first."""
        return {"kind": self.kind} | {name: getattr(self, name) for name in self.FIELDS}
