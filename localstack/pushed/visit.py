"""A client's request to an API of API Gateway, while ministack serves it.

ministack hands a function less than it was sent: header names are in lower case, header lines
joined.  So what the client sent is kept beside it, in the context of the task that serves it, which
ministack's threads inherit.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ..lambda_.tracing import HEADER, handed_on
from ..messages import Request

REST, HTTP = "REST", "HTTP"
Lines = list[tuple[str, str]]
_HOST = re.compile(r"([a-z0-9]+\.execute-api\.[a-z0-9.-]+?)(:\d+)?")


@dataclass(frozen=True, slots=True)
class Visit:
    """One request on its way through a proxy integration.

    kind:       of the API, REST or HTTP
    asked:      what ministack hands to its own function for that, by the names of its parameters
    client:     what the client sent, None where that is not known (a custom domain's name)
    variables:  of the stage, where ministack does not tell them by itself
    request_id: an HTTP API's, in the event and in the answer's headers
    """

    kind: str
    asked: Mapping[str, Any]
    client: Request | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    request_id: str = field(default_factory=lambda: new_id())

    @property
    def lines(self) -> Lines:
        """The header lines, with the names as the client wrote them as far as is known."""
        if self.client is None:
            return list(self.asked["headers"].items())
        fields, spelt = self.client.fields, self.client.spelt
        names = spelt if len(spelt) == len(fields) else [name for name, _ in fields]
        return [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, (_, value) in zip(names, fields, strict=True)
        ]

    @property
    def address(self) -> tuple[str, int]:
        """Where the client is, and the port that it came to."""
        if self.client is None:
            return "127.0.0.1", 443
        return self.client.client[0], self.client.server[1]

    def domain(self, api: str) -> str:
        """The API's host: as the client named it, else the one that the emulator gives it."""
        host = "" if self.client is None else self.client.headers.get("host", "")
        named = _HOST.fullmatch(host)
        return named[1] if named else f"{api}.execute-api.localhost"

    def trace(self, now: float) -> str:
        """The X-Amzn-Trace-Id that API Gateway hands on: the root of the trace alone."""
        given = "" if self.client is None else self.client.headers.get(HEADER, "")
        return handed_on(given, "", False, now).partition(";")[0]


CLIENT: ContextVar[Request | None] = ContextVar("the request of an API's client", default=None)
VISIT: ContextVar[Visit | None] = ContextVar("the request that a proxy serves", default=None)


def new_id() -> str:
    """An id as API Gateway makes them for requests.

    >>> new_id() != new_id(), len(new_id()), new_id()[-1]
    (True, 16, '=')
    """
    return base64.b64encode(os.urandom(11)).decode()
