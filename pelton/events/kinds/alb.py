"""A request as an Application Load Balancer delivers it."""

from __future__ import annotations

from ...testing_events import alb
from .base import REQUEST, Kind, request_of

KIND = Kind(
    "alb",
    "a request to an Application Load Balancer",
    lambda asked: alb(asked.body, **request_of(asked)),
    takes=REQUEST,
)
