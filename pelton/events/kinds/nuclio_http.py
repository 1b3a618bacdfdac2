"""A request as a Nuclio function sees it, on the wire between processor and wrapper."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from .base import REQUEST, Asked, Kind, as_text


def _make(asked: Asked) -> dict[str, Any]:
    """Members and their names: the processor's frame (`localstack.nuclio.wire`)."""
    given = {"Content-Type": "application/json", **asked.headers}
    text = "" if asked.body is None else as_text(asked.body)
    query = f"?{urlencode(asked.query)}" if asked.query else ""
    return {
        "body": json.loads(text) if text and not isinstance(asked.body, str) else text,
        "content_type": given["Content-Type"],
        "trigger": {"kind": "http", "name": "default-http"},
        "fields": dict(asked.query),
        "headers": given,
        "method": asked.method,
        "path": asked.path,
        "url": asked.path + query,
    }


KIND = Kind("nuclio-http", "a request to a Nuclio function", _make, takes=REQUEST)
