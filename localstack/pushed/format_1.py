"""What the events of a REST API and of an HTTP API's format 1.0 have in common.

Source: AWS's pages on both proxy integrations, and events of a REST API that were recorded on AWS:
a name that comes twice is there with its last value, and with all of them in a second member (the
pages' own sample has the first value of a query's field, the last of a header; the recorded events
have the last of both).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from .visit import Lines, Visit

# Members of an identity that are null where a request is not signed.
NOBODY = dict.fromkeys(
    (
        "accessKey",
        "accountId",
        "caller",
        "cognitoAuthenticationProvider",
        "cognitoAuthenticationType",
        "cognitoIdentityId",
        "cognitoIdentityPoolId",
        "principalOrgId",
        "user",
        "userArn",
    )
)
_UNSEEN = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "expect", "upgrade"})
_FORWARDED = ("x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "x-amzn-trace-id")
Members = dict[str, Any]


def header_lines(visit: Visit, now: float) -> Lines:
    """The lines that the function sees, with those that API Gateway itself adds."""
    ip, port = visit.address
    lines = [(name, value) for name, value in visit.lines if name.lower() not in _UNSEEN]
    given = {name.lower(): value for name, value in lines}
    before = given.get("x-forwarded-for")
    added = {
        "x-forwarded-for": f"{before}, {ip}" if before else ip,
        "x-forwarded-port": given.get("x-forwarded-port", str(port)),
        "x-forwarded-proto": given.get("x-forwarded-proto", "http"),
        "x-amzn-trace-id": visit.trace(now),
    }
    kept = [(name, value) for name, value in lines if name.lower() not in _FORWARDED]
    return [*kept, *((_titled(name), value) for name, value in added.items())]


def with_multiple(name: str, lines: Lines) -> Members:
    """A member with the last value of each name, and its multi-value one; null for no lines.

    Names that differ in their case alone are one, as it was written first.

    >>> with_multiple("headers", [("A", "1"), ("a", "2")])
    {'headers': {'A': '2'}, 'multiValueHeaders': {'A': ['1', '2']}}
    """
    found: dict[str, list[str]] = {}
    first: dict[str, str] = {}
    fold = name == "headers"
    for key, value in lines:
        found.setdefault(first.setdefault(key.lower() if fold else key, key), []).append(value)
    multiple = f"multiValue{name[0].upper()}{name[1:]}"
    if not found:
        return {name: None, multiple: None}
    return {name: {key: values[-1] for key, values in found.items()}, multiple: found}


def query_lines(query: str) -> Lines:
    """
    >>> query_lines("x=1&x=2&y=&z=a%20b")
    [('x', '1'), ('x', '2'), ('y', ''), ('z', 'a b')]
    """
    return parse_qsl(query, keep_blank_values=True)


def _titled(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))
