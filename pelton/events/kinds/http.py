"""A request as function URLs and HTTP APIs deliver it (payload format 2.0)."""

from __future__ import annotations

from ...testing_events import http_v2
from .base import REQUEST, Kind, request_of

KIND = Kind(
    "http",
    "a request to a function URL or an HTTP API",
    lambda asked: http_v2(asked.body, **request_of(asked)),
    takes=REQUEST,
)
