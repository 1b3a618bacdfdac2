"""How bodies stand in events: as text, in base64, with their digest."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any


def written(body: Any) -> str:
    """Text as it is, anything else as JSON."""
    return body if isinstance(body, str) else json.dumps(body)


def bytes_of(body: Any) -> bytes:
    """Bytes as they are, too."""
    return body if isinstance(body, bytes) else written(body).encode()


def text_of(body: Any) -> tuple[str | None, bool]:
    if body is None:
        return None, False
    if isinstance(body, bytes):
        return base64.b64encode(body).decode(), True
    return written(body), False


def md5_of(body: Any) -> str:
    return hashlib.md5(written(body).encode(), usedforsecurity=False).hexdigest()


def base64_of(body: Any) -> str:
    return base64.b64encode(bytes_of(body)).decode()
