"""EventBridge: the events of a bus that fit a pattern."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..checks import placed, text
from ..errors import WrongUse
from .base import Trigger

DEFAULT = "default"


class EventBridge(Trigger):
    """See `eventbridge`."""

    kind: ClassVar[str] = "eventbridge"
    needs_body: ClassVar[bool] = True

    pattern: Mapping[str, Any] = {}
    bus: str = DEFAULT

    def __post_init__(self) -> None:
        text("eventbridge bus", self.bus)
        if not isinstance(self.pattern, Mapping) or not self.pattern:
            raise WrongUse(
                "eventbridge() needs a pattern, a source or a detail_type",
                advice='say eventbridge(source="shop") or give pattern={"source": ["shop"]}',
            )
        for name, values in self.pattern.items():
            if not isinstance(values, list | tuple | Mapping):
                raise WrongUse(
                    f"eventbridge pattern[{name!r}]={values!r} is no list of values",
                    advice=f"write {{{name!r}: [{values!r}]}}",
                )


@placed
def eventbridge(
    pattern: Mapping[str, Any] | None = None,
    *,
    source: str = "",
    detail_type: str = "",
    bus: str = DEFAULT,
) -> EventBridge:
    """Run the function for the events of a bus that fit; its input is an event's `detail`.  The
    source and the detail type are the event's headers `source` and `detail-type`.

    pattern: an event pattern as EventBridge takes it
    source, detail_type: the same for the two that most patterns are about

    >>> eventbridge(source="shop", detail_type="Ordered").pattern
    {'source': ['shop'], 'detail-type': ['Ordered']}
    """
    made = dict(pattern or {})
    if source:
        made["source"] = [source]
    if detail_type:
        made["detail-type"] = [detail_type]
    return EventBridge(made, bus)
