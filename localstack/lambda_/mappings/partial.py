"""What a function's answer says about its batch, when it reports items that failed.

Source: AWS's pages on partial batch responses.  Nothing at all, an empty object, a list that is
missing, null or empty: everything is done.  An answer that cannot be read, an identifier that is
null, empty, under another key, or not one of the batch: nothing is done.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any


def failed_items(answer: bytes, identifiers: Collection[str]) -> set[str] | None:
    """The identifiers of the batch that are not done; None when the answer fails all of it.

    >>> failed_items(b'{"batchItemFailures": [{"itemIdentifier": "b"}]}', ["a", "b"])
    {'b'}
    >>> failed_items(b"null", ["a"]), failed_items(b'"no object"', ["a"])
    (set(), None)
    """
    try:
        told = json.loads(answer or b"null")
    except ValueError:
        return None
    if told is None:
        return set()
    if not isinstance(told, dict):
        return None
    listed = told.get("batchItemFailures")
    if listed is None:
        return set()
    if not isinstance(listed, list):
        return None
    found = [_identifier(each) for each in listed]
    return {each for each in found if each} if all(each in identifiers for each in found) else None


def _identifier(item: Any) -> str:
    found = item.get("itemIdentifier") if isinstance(item, dict) else None
    return found if isinstance(found, str) else ""
