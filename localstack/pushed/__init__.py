"""What the embedded services push to functions, as AWS sends it: one source a file, of one shape.

ministack's events and its way with answers differ from AWS's in places.  Each source here says
whether an event is its own, gives the event as AWS words it, and the function's answer as ministack
has to be told it so that AWS's comes out.  Nothing is sent or waited for here.
"""

from __future__ import annotations

from typing import Any, Protocol

from . import http_api, rest_api, s3, sns
from .visit import Visit

__all__ = ["Source", "Visit", "source_of"]


class Source(Protocol):
    """One service that pushes; `visit` is the request that API Gateway serves, None for others."""

    def recognises(self, event: Any, visit: Visit | None) -> bool:
        """Whether this source sent the event."""

    def event(self, event: Any, visit: Visit | None) -> Any:
        """The event as AWS sends it; the one given is left as it is."""

    def result(self, result: dict[str, Any], visit: Visit | None) -> dict[str, Any]:
        """What ministack is told: {"body"}, with {"error"} or {"throttle"} where it failed."""


_SOURCES: tuple[Source, ...] = (rest_api, http_api, sns, s3)


def source_of(event: Any, visit: Visit | None) -> Source | None:
    """Whose event this is, None where nothing is to be mended.

    >>> source_of({"Records": [{"EventSource": "aws:sns", "Sns": {}}]}, None) is sns
    True
    >>> source_of({"detail-type": "order", "source": "shop"}, None)
    """
    return next((each for each in _SOURCES if each.recognises(event, visit)), None)
