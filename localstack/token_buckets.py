"""Token buckets: how many requests may come at once, and how many a second after that.

What API Gateway throttles the routes of a stage by.  Nothing waits here and no clock is read.
Sources: API Gateway's developer guide, "Protect your WebSocket APIs" and "Throttle requests to your
HTTP APIs" (a token a request, route settings over the stage's default ones).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Limits:
    """rate: requests a second;  burst: the size of the bucket"""

    rate: float
    burst: float


def limits_of(stage: Mapping[str, Any], route: str) -> Limits | None:
    """The limits of a route in a stage, as GetStage tells the stage; None for none.

    Without a burst it is a second's requests.

    >>> stage = {"defaultRouteSettings": {"throttlingRateLimit": 5, "throttlingBurstLimit": 9}}
    >>> limits_of({**stage, "routeSettings": {"join": {"throttlingBurstLimit": 2}}}, "join")
    Limits(rate=5.0, burst=2.0)
    >>> limits_of({}, "join")
    """
    usual = stage.get("defaultRouteSettings") or {}
    own = (stage.get("routeSettings") or {}).get(route) or {}
    rate = _first(own.get("throttlingRateLimit"), usual.get("throttlingRateLimit"))
    if rate is None:
        return None
    burst = _first(own.get("throttlingBurstLimit"), usual.get("throttlingBurstLimit"))
    return Limits(float(rate), float(rate if burst is None else burst))


def _first(own: Any, usual: Any) -> Any:
    return usual if own is None else own


class TokenBuckets:
    """Buckets by what they are for; each is full at first.

    >>> buckets, limits = TokenBuckets(), Limits(rate=1, burst=2)
    >>> [buckets.take("route", limits, now) for now in (0, 0, 0, 0.5, 1, 1)]
    [True, True, False, False, True, False]
    """

    def __init__(self) -> None:
        self._left: dict[Hashable, tuple[float, float]] = {}  # tokens, and when

    def take(self, key: Hashable, limits: Limits | None, now: float) -> bool:
        """Whether there is a token for a request; without limits there always is.

        now: seconds, never less than before
        """
        if limits is None:
            return True
        tokens, then = self._left.get(key, (limits.burst, now))
        tokens = min(limits.burst, tokens + max(0.0, now - then) * limits.rate)
        there = tokens >= 1
        self._left[key] = (tokens - 1 if there else tokens, now)
        return there
