"""Requests as the payload 2.0 events of function URLs, and a handler's answers as responses.

Source: AWS's page on invoking function URLs.  The events are made as everywhere on the app's side
(`runtime.payload_2`), but that a text which is none keeps its bytes: a URL would put others there.
"""

from __future__ import annotations

import base64
import json
import os
import time
from functools import lru_cache
from typing import Any

from ..localstack.front import Request, Response
from ..localstack.lambda_.urls import HOP_BY_HOP, is_text
from ..runtime.payload_2 import payload_2

JSON = ("content-type", "application/json")
LIMIT_MS = 900_000  # what a function is told that it has left; nobody ends it here
_text_type = lru_cache(256)(is_text)


class RunContext:
    """What Lambda's own context has, of a call here."""

    __slots__ = ("aws_request_id", "function_name")
    memory_limit_in_mb, function_version, log_stream_name = "128", "$LATEST", "run"
    identity = client_context = None

    def __init__(self, function_name: str, request_id: str) -> None:
        self.function_name, self.aws_request_id = function_name, request_id

    def get_remaining_time_in_millis(self) -> int:
        return LIMIT_MS

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:us-east-1:000000000000:function:{self.function_name}"

    @property
    def log_group_name(self) -> str:
        return f"/aws/lambda/{self.function_name}"


def new_id() -> str:
    """A request id, in the form of a UUID.

    >>> [len(each) for each in new_id().split("-")]
    [8, 4, 4, 4, 12]
    """
    text = os.urandom(16).hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def make_event(request: Request, request_id: str, now: float) -> dict[str, Any]:
    """The event of a request.

    >>> event = make_event(Request("POST", "/a?b=c", {"content-type": "text/plain"}, b"hi"), "1", 0)
    >>> event["rawPath"], event["queryStringParameters"], event["body"]
    ('/a', {'b': 'c'}, 'hi')
    """
    event = payload_2(
        request.method,
        request.target,
        _once(request),
        b"",
        request_id=request_id,
        api="run",
        source_ip=request.client[0],
        now=now,
    )
    if request.body:
        event["body"], event["isBase64Encoded"] = _body(request.body, event["headers"])
    return event


def _once(request: Request) -> dict[str, str]:
    """Each header once; lines of one name are joined as a function URL does it."""
    if len(request.fields) <= len(request.headers):
        return request.headers
    found: dict[str, str] = {}
    for name, value in [(k.decode("latin-1"), v.decode("latin-1")) for k, v in request.fields]:
        between = "; " if name == "cookie" else ","
        found[name] = f"{found[name]}{between}{value}" if name in found else value
    return found


def _body(body: bytes, headers: dict[str, str]) -> tuple[str, bool]:
    if _text_type(headers.get("content-type", "")):
        try:
            return body.decode(), False
        except UnicodeDecodeError:  # a function URL would put other bytes in their place
            pass
    return base64.b64encode(body).decode(), True


def make_response(answer: Any) -> Response:
    """A handler's answer as a function URL gives it: with a statusCode as it says, else as JSON.

    >>> make_response({"a": 1})
    Response(status=200, headers=[('content-type', 'application/json')], body=b'{"a": 1}', \
chunks=None)
    """
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return said(200, answer)
    raw = answer.get("body") or ""
    data = base64.b64decode(raw) if answer.get("isBase64Encoded") else raw.encode()
    given = answer.get("headers") or {}
    headers = [(name, str(given[name])) for name in given if name.lower() not in HOP_BY_HOP]
    headers += [("set-cookie", each) for each in answer.get("cookies") or ()]
    return Response(int(answer["statusCode"]), headers, data)


def said(status: int, value: Any) -> Response:
    text = value if isinstance(value, str) else json.dumps(value)
    return Response(status, [JSON], text.encode())


class Stamp:
    """The time of answers, as text that is written once a second."""

    def __init__(self) -> None:
        self._second = -1
        self.date = self.log = ""

    def at(self, now: float) -> Stamp:
        """
        >>> Stamp().at(0).date
        'Thu, 01 Jan 1970 00:00:00 GMT'
        """
        if int(now) != self._second:
            from email.utils import formatdate

            self._second = int(now)
            self.date = formatdate(self._second, usegmt=True)
            self.log = time.strftime("%d/%b/%Y %H:%M:%S", time.localtime(self._second))
        return self
