"""A request as REST APIs deliver it (payload format 1.0)."""

from __future__ import annotations

from ...testing_events import http_v1
from .base import REQUEST, Kind, request_of

KIND = Kind(
    "http-v1",
    "a request to a REST API",
    lambda asked: http_v1(asked.body, **request_of(asked)),
    takes=REQUEST,
)
