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

    def __repr__(self) -> str:
        """What is said of it, for sentences: no password is in it.

        >>> from .redis import redis
        >>> redis(url="redis://ann:hidden@cache:6379/0", stream="orders", password="hidden")
        redis(password='…', url='redis://…@cache:6379/0', stream='orders', group='pelton')
        """
        said = (
            each for each in self.__dict__.items() if each[1] != getattr(type(self), each[0], None)
        )
        return (
            f"{self.kind}({', '.join(f'{name}={_shown(name, value)!r}' for name, value in said)})"
        )

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


def _shown(name: str, value: object) -> object:
    if name in ("password", "token", "headers"):
        return "…"
    if not (isinstance(value, str) and "://" in value):
        return value
    scheme, _, rest = value.partition("?")[0].partition("://")
    host = rest.rpartition("@")[2]
    return f"{scheme}://{host}" if host == rest else f"{scheme}://…@{host}"
