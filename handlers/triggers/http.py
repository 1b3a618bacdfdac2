"""HTTP: a function URL on Lambda, an HTTP trigger on Nuclio."""

from __future__ import annotations

from typing import ClassVar

from ..checks import placed, text
from ..errors import WrongUse
from .base import Trigger

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "ANY")


class Http(Trigger):
    """See `http`."""

    kind: ClassVar[str] = "http"

    method: str = "POST"
    path: str = "/"

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise WrongUse(
                f"http method {self.method!r} is unknown", advice=f"use one of {', '.join(METHODS)}"
            )
        text("http path", self.path)
        if not self.path.startswith("/"):
            raise WrongUse(f"http path {self.path!r} must start with '/'")


@placed
def http(method: str = "POST", path: str = "/") -> Http:
    """Run the function for HTTP requests.

    >>> http("POST", "/delay").to_dict()
    {'kind': 'http', 'method': 'POST', 'path': '/delay'}
    """
    text("http method", method)
    return Http(method.upper(), path)
