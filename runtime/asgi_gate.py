"""Which web pages may call a server of ours, and under which host names.

A browser lets any page on the web send requests to this machine's loopback address, and a name that
somebody else controls can be made to mean it (DNS rebinding).  So a request that a page of another
origin sent is refused before anything runs, unless that origin was allowed; and on a loopback
address one for a Host that is not this machine's.  Knows no function: it stands before an ASGI
application.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any

from ..handlers.event import Result
from .asgi_gone import Receive
from .asgi_stream import Send
from .asgi_wire import Scope, send_result

Served = Callable[[Scope, Receive, Send], Awaitable[None]]
_ASKED = (
    b"host",
    b"origin",
    b"sec-fetch-site",
    b"access-control-request-method",
    b"access-control-request-headers",
)
_FROM_HERE = ("", "none", "same-origin")


class WebGate:
    """An ASGI application behind a gate.

    bound:   the address that is listened on
    hosts:   further names in Host headers, exact or like "*.example.test"; "*" is all
    origins: web origins whose pages may call, like "http://localhost:3000"; "*" is all

    >>> gate = WebGate(None, "127.0.0.1", origins=["http://localhost:3000"])
    >>> gate.refuses("GET", {"host": "rebound.evil.test"}).status
    403
    >>> page = {"host": "localhost:8000", "origin": "https://evil.test"}
    >>> gate.refuses("POST", page).status
    403
    >>> gate.refuses("POST", {**page, "origin": "http://localhost:3000"})
    """

    def __init__(
        self,
        application: Any,
        bound: str,
        *,
        hosts: Collection[str] = (),
        origins: Collection[str] = (),
    ) -> None:
        self._application = application
        self._bound, self._here = bound.strip("[]").lower(), _is_loopback(bound)
        self._hosts = tuple(each.lower() for each in hosts)
        self._origins = frozenset(each.rstrip("/").lower() for each in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        headers = {
            name.decode("latin-1"): text.decode("latin-1")
            for name, text in scope["headers"]
            if name in _ASKED
        }
        refused = self.refuses(scope["method"], headers)
        if refused is not None:
            await send_result(send, refused, scope["method"])
        elif self._trusts(headers) and "origin" in headers:
            await self._application(scope, receive, _allowing(send, headers["origin"]))
        else:
            await self._application(scope, receive, send)

    def refuses(self, method: str, headers: Mapping[str, str]) -> Result | None:
        """The answer to a request that goes no further: a 403, or what a browser asks before a
        page's request of an allowed origin; None for one that does."""
        host = headers.get("host")  # none is HTTP/1.0, which no browser speaks
        if host is not None and not self._admits(host):
            return _no(
                f"the Host {host[:100]!r} is none of this server's: start it with --allow-host "
                "if it should be"
            )
        if "origin" in headers:
            if self._trusts(headers):
                return _preflight(method, headers)
            if _is_same(headers):
                return None
        elif headers.get("sec-fetch-site", "") in _FROM_HERE or not self._here or self._all:
            return None
        origin = headers.get("origin", "another site")[:200]
        return _no(
            f"a web page of {origin} may not call this server: start it with --allow-origin if "
            "it should"
        )

    @property
    def _all(self) -> bool:
        return "*" in self._origins

    def _trusts(self, headers: Mapping[str, str]) -> bool:
        return self._all or headers.get("origin", "").lower() in self._origins

    def _admits(self, host: str) -> bool:
        """On a loopback address its own names; elsewhere nobody knows all of a server's names."""
        name = _without_port(host.lower())
        if not self._here or any(fnmatchcase(name, pattern) for pattern in self._hosts):
            return True
        return name == self._bound or _is_loopback(name) or name.endswith(".localhost")


def _no(what: str) -> Result:
    return Result({"error": what, "details": []}, status=403)


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).strip("[]").rstrip(".")


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_same(headers: Mapping[str, str]) -> bool:
    """Whether the page is one of the address that it calls, be that behind TLS or not."""
    return headers["origin"].lower().partition("://")[2] == headers.get("host", "").lower()


def _preflight(method: str, headers: Mapping[str, str]) -> Result | None:
    """What a browser asks before a page's request, answered for an allowed origin."""
    wanted = headers.get("access-control-request-method")
    if method != "OPTIONS" or wanted is None:
        return None
    allowed = {
        "access-control-allow-origin": headers["origin"],
        "access-control-allow-methods": wanted,
        "access-control-allow-headers": headers.get("access-control-request-headers", "*"),
        "access-control-max-age": "600",
        "vary": "Origin",
    }
    return Result(b"", status=204, headers=allowed)


def _allowing(send: Send, origin: str) -> Send:
    """`send`, its answer readable by a page of the origin."""
    more = [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]

    async def allowing(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return allowing
