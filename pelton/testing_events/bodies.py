"""How bodies stand in events: as text, in base64, with their digest."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any


def text_of(body: Any) -> tuple[str | None, bool]:
    if body is None:
        return None, False
    if isinstance(body, bytes):
        return base64.b64encode(body).decode(), True
    return (body if isinstance(body, str) else json.dumps(body)), False


def md5_of(body: Any) -> str:
    text = body if isinstance(body, str) else json.dumps(body)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def base64_of(body: Any) -> str:
    content = body if isinstance(body, (bytes, str)) else json.dumps(body)
    return base64.b64encode(content if isinstance(content, bytes) else content.encode()).decode()
