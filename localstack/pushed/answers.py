"""What a function answers to a proxy integration: whether it is well-formed, and how it is told on.

ministack passes on what has a statusCode, and takes everything else for a page; so all that is not
to be passed on as it is becomes an answer of API Gateway's own here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from ..lambda_ import urls

Members = dict[str, Any]


def own(status: int, message: str, **headers: str) -> Members:
    """An answer of API Gateway's own, as a result.

    >>> own(500, "no")["body"]["body"]
    '{"message":"no"}'
    """
    body = json.dumps({"message": message}, separators=(",", ":"))
    told = {"Content-Type": "application/json", **headers}
    return {"body": {"statusCode": status, "headers": told, "body": body}}


def passed_on(answer: Mapping[str, Any]) -> Members | None:
    """An answer with statusCode, headers and body, in ministack's form; None for a malformed one.

    Scalars pass for text, as in AWS's own reader; objects and lists do not.  What belongs to the
    connection is left out of the headers.

    >>> passed_on({"statusCode": "201", "headers": {"a": True}, "body": None})
    {'statusCode': 201, 'headers': {'a': 'true'}, 'body': '', 'isBase64Encoded': False}
    >>> passed_on({"statusCode": 200, "body": {"a": 1}})
    """
    said = {
        name: answer[name] for name in ("statusCode", "headers") if answer.get(name) is not None
    }
    head, body = urls.head_of(said), text(answer.get("body"), "")
    encoded = answer.get("isBase64Encoded") or False
    if head is None or body is None or not isinstance(encoded, bool):
        return None
    if encoded and not _decodes(body):
        return None
    headers = {name: text(value) for name, value in said.get("headers", {}).items() if _own(name)}
    return {"statusCode": head[0], "headers": headers, "body": body, "isBase64Encoded": encoded}


def with_multiple(told: Members, given: Any) -> Members | None:
    """`told` with the multiValueHeaders that the function gave, which take the others' place.

    >>> with_multiple({"headers": {"A": "1", "b": "2"}}, {"a": ["3", 4]})
    {'headers': {'b': '2', 'a': ['3', '4']}}
    """
    if given is None:
        return told
    if not isinstance(given, dict) or not all(isinstance(each, list) for each in given.values()):
        return None
    every = [{name: value} for name, values in given.items() for value in values]
    if any(urls.head_of({"headers": each}) is None for each in every):
        return None
    multiple = {
        name: [text(each) for each in values] for name, values in given.items() if _own(name)
    }
    again = {name.lower() for name in multiple}
    single = {name: each for name, each in told["headers"].items() if name.lower() not in again}
    return {**told, "headers": {**single, **{k: v for k, v in multiple.items() if v}}}


def text(value: Any, nothing: str | None = None) -> str | None:
    """A scalar as text, `nothing` for null, None for what has no text.

    >>> text(5), text(True), text("a"), text([]), text(None, "")
    ('5', 'true', 'a', None, '')
    """
    if value is None:
        return nothing
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # half a pair is no text
    return str(value) if isinstance(value, int | float) else None


def _own(name: str) -> bool:
    return name.lower() not in urls.HOP_BY_HOP


def _decodes(body: str) -> bool:
    """Whether a body that is said to be base64 is that."""
    try:
        base64.b64decode(body, validate=True)
    except ValueError:
        return False
    return True
