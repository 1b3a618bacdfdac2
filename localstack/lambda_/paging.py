"""Lists in pages, as the API gives them: MaxItems of them, and a Marker for the rest."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import invalid

MOST = 50


def page(
    values: Mapping[str, Any], items: Sequence[Any], name: str, most: int = MOST
) -> dict[str, Any]:
    """The page of `items` that a request asks for, under `name`.

    >>> first = page({"MaxItems": 1}, ["a", "b"], "Items")
    >>> page({"Marker": first["NextMarker"]}, ["a", "b"], "Items")
    {'Items': ['b']}
    """
    start = _position(values.get("Marker"))
    end = start + min(int(values.get("MaxItems", most)), most)
    answer: dict[str, Any] = {name: list(items[start:end])}
    if end < len(items):
        answer["NextMarker"] = base64.b64encode(str(end).encode()).decode()
    return answer


def _position(marker: str | None) -> int:
    if not marker:
        return 0
    try:
        return max(0, int(base64.b64decode(marker, validate=True)))
    except (binascii.Error, ValueError):
        raise invalid("The pagination marker is not one that a list gave.") from None
