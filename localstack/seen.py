"""The calls of AWS that functions made: who, of which service, and what the request named.

A function's requests are known by the session token that its sandbox was given.  What is kept is
how a request addressed its service, never what it brought: of a body only members whose names say
that they name a resource.  It outlives a reset, so that a run of many tests is seen whole.  Which
operation a path means is for who reads the record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from .gateway import signed_for
from .messages import Handler, Request, Response
from .signatures.mark import function_of

MOST = 5_000  # different calls that are kept
_NAMES = re.compile(r"\w*(Name|Names|Arn|ARN|arn|Url|Id|Path|Group|Identifier|cluster|Source)")
_LONGEST = 300  # characters of a name
_READ = 256 * 1024  # bytes of a body that are looked into

Key = tuple[str, str, str, str, str, str, tuple[tuple[str, str], ...]]


class Seen:
    """The record.

    >>> seen = Seen()
    >>> headers = {"x-amz-security-token": "test#function=hello", "content-type":
    ...     "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.PutItem"}
    >>> seen.note(Request("POST", "/", headers, b'{"TableName": "t", "Item": {}}'), 200)
    >>> seen.told("hello")["calls"][0]["members"]
    {'TableName': 't'}
    """

    def __init__(self) -> None:
        self._calls: dict[Key, list[int]] = {}
        self._left_out = 0

    def note(self, request: Request, status: int) -> None:
        """Keep a request, if a function sent it."""
        function = function_of(request.headers.get("x-amz-security-token", ""))
        if not function:
            return
        key = _key(function, request)
        counts = self._calls.get(key)
        if counts is None:
            if len(self._calls) >= MOST:
                self._left_out += 1
                return
            counts = self._calls[key] = [0, 0]
        counts[0 if status < 400 else 1] += 1

    def told(self, function: str = "") -> Mapping[str, Any]:
        """The record as JSON has it, of one function or of all."""
        return {
            "calls": [
                _told(key, counts)
                for key, counts in self._calls.items()
                if not function or key[0] == function
            ],
            "left_out": self._left_out,
        }

    def noting(self, handler: Handler) -> Handler:
        """`handler`, of whose answers the record is kept."""

        async def answer(request: Request) -> Response:
            response = await handler(request)
            if "x-amz-security-token" in request.headers:
                self.note(request, response.status)
            return response

        return answer


def _key(function: str, request: Request) -> Key:
    target = request.headers.get("x-amz-target", "").rpartition(".")[2]
    members = dict(sorted(_members(request)))
    if "x-amz-copy-source" in request.headers:
        members["CopySource"] = request.headers["x-amz-copy-source"]
    operation = target or members.pop("Action", "")
    return (
        function,
        signed_for(request),
        request.method,
        request.path,
        request.query if len(request.query) < _LONGEST else "",
        operation,
        tuple(members.items()),
    )


def _members(request: Request) -> Iterator[tuple[str, str]]:
    """The members of a body that name something."""
    kind = request.headers.get("content-type", "")
    if len(request.body) > _READ:
        return
    if kind.startswith("application/x-www-form-urlencoded"):
        for name, value in parse_qsl(request.body.decode("utf-8", "replace")):
            if name == "Action" or _is_name(name, value):
                yield name, value
    elif "json" in kind and request.body[:1] == b"{":
        try:
            told = json.loads(request.body)
        except ValueError:
            return
        yield from ((name, value) for name, value in told.items() if _is_name(name, value))


def _is_name(name: str, value: object) -> bool:
    return isinstance(value, str) and len(value) < _LONGEST and bool(_NAMES.fullmatch(name))


def _told(key: Key, counts: list[int]) -> dict[str, Any]:
    function, service, method, path, query, operation, members = key
    return {
        "function": function,
        "service": service,
        "method": method,
        "path": path,
        "query": query,
        "operation": operation,
        "members": dict(members),
        "done": counts[0],
        "failed": counts[1],
    }
