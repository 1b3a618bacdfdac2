"""SNS: the messages of a topic, pushed one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..checks import placed, text
from ..errors import WrongUse
from .base import Trigger


class Sns(Trigger):
    """See `sns`."""

    kind: ClassVar[str] = "sns"
    needs_body: ClassVar[bool] = True
    batches: ClassVar[bool] = True

    topic: str = ""
    filter: Mapping[str, Any] | None = None
    scope: str = "attributes"

    def __post_init__(self) -> None:
        text("sns topic", self.topic)
        if not self.topic:
            raise WrongUse("sns() needs a topic's name or ARN")
        if self.topic.endswith(".fifo"):
            raise WrongUse(
                f"sns topic {self.topic!r} is a FIFO topic, which calls no function",
                advice="subscribe a FIFO queue to it, and give the function pelton.sqs(...)",
            )
        if self.filter is not None and not isinstance(self.filter, Mapping):
            raise WrongUse(
                f"sns filter={self.filter!r} is no filter policy",
                advice='map names to lists of values: {"kind": ["order"]}',
            )
        if self.scope not in ("attributes", "body"):
            raise WrongUse(f"sns scope={self.scope!r} is unknown", advice='say "body" or nothing')

    @property
    def name(self) -> str:
        """The topic's name, also where an ARN was given.

        >>> Sns("arn:aws:sns:eu-west-1:123456789012:orders").name
        'orders'
        """
        return self.topic.rpartition(":")[2]

    def same_source(self, other: Trigger) -> bool:
        return isinstance(other, Sns) and self.name == other.name


@placed
def sns(topic: str, *, filter: Mapping[str, Any] | None = None, scope: str = "attributes") -> Sns:
    """Run the function for the messages of a topic; its input is a message's text, or the JSON
    that the text is.  Attributes and the subject are the event's headers.

    filter: SNS's filter policy: only messages whose attributes (scope="body": whose JSON) fit it

    A message comes at least once; a function that fails is tried again by Lambda.

    >>> sns("orders", filter={"kind": ["new"]}).name
    'orders'
    """
    return Sns(topic, filter, scope)
