"""Which web pages may call a port of the emulator, and under which host names.

A browser lets any page on the web send requests to this machine's loopback address, and a name
that somebody else controls can be made to mean it (DNS rebinding).  So a request that a page of
another origin sent is refused before anything runs, unless that origin was allowed, and so is
one for a Host that is not this machine's.  What is there to be called by pages (function URLs,
API Gateway's APIs) answers by its own CORS settings instead, as on AWS.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from .messages import Request, Response, plain

_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|\[::1\]")
_AWS = re.compile(r".+\.(localhost|amazonaws\.com(\.cn)?|lambda-url\.[a-z0-9-]+\.on\.aws)")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+?)\.?(:\d{0,5})?")
_PORTLESS = 1
_FROM_HERE = ("", "none", "same-origin")
_HOSTS_REMEMBERED = 256
_EXPOSED = "*, x-amzn-RequestId, x-amzn-ErrorType, x-amz-function-error, x-amz-log-result, ETag"
_BODY = 512 * 1024**2


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call the emulator, as its command line says.

    origins:     web origins whose pages may call every service; "*" is all
    hosts:       further names in Host headers; "*" is all
    verify:      whether signatures are checked, and calls without one refused
    credentials: secrets by access key that are good, beside "test" with "test", those that
                 functions are given, and those that IAM and STS hand out
    """

    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    verify: bool = False
    credentials: Mapping[str, str] = field(default_factory=dict)


def nothing_is_public(request: Request) -> bool:
    return False


def half_a_gigabyte(request: Request) -> int:
    return _BODY


class WebGate:
    """Judges requests by Host, Origin and Sec-Fetch-Site (`front.Gate`).

    bound:   the address that is listened on; a wildcard admits every IP address as a Host
    hosts:   further host names, exact or like "*.example.test"; "*" admits all
    origins: web origins whose pages may call, like "http://localhost:3000"; "*" admits all
    public:  whether a request is for something that answers pages by its own rules
    later:   whether whom the request is for will judge pages by its own rules: no page of an
             allowed origin, though, which needs none
    size:    the most bytes that a request's body may have

    >>> gate = WebGate("127.0.0.1", origins=["http://localhost:3000"])
    >>> page = {"host": "localhost:4566", "origin": "https://evil.test"}
    >>> gate.refuses(Request("POST", "/", page)).status
    403
    >>> gate.refuses(Request("POST", "/", {**page, "origin": "http://localhost:3000"}))
    >>> gate.refuses(Request("GET", "/", {"host": "rebound.evil.test"})).status
    403
    """

    def __init__(
        self,
        bound: str,
        hosts: Collection[str] = (),
        origins: Collection[str] = (),
        public: Callable[[Request], bool] = nothing_is_public,
        size: Callable[[Request], int] = half_a_gigabyte,
        later: Callable[[Request], bool] = nothing_is_public,
    ) -> None:
        self._later = later
        self._bound, self._public, self._size = bound.strip("[]"), public, size
        self._hosts = tuple(each.lower() for each in hosts)
        self._origins = frozenset(each.rstrip("/").lower() for each in origins)
        self._admitted: set[str] = set()  # Host headers that were judged, as they came

    def limit(self, request: Request) -> int:
        return self._size(request)

    def refuses(self, request: Request) -> Response | None:
        headers = request.headers
        host = headers.get("host")  # none is HTTP/1.0, which no browser speaks
        if host is not None and host not in self._admitted and not self._admits(host):
            return plain(
                403,
                f"the Host {host[:100]!r} is none of this emulator's: "
                "start it with --allow-host if it should be",
            )
        if "origin" in headers or "sec-fetch-site" in headers:
            return self._refuses_page(request)
        return None

    def marked(self, request: Request, response: Response) -> Response:
        """The answer, readable by a page of an allowed origin; its own rules' when public."""
        if self._public(request) or not self.trusts(request):
            return response
        kept = [each for each in response.headers if not _is_cors(each[0])]
        response.headers = [*kept, *_allowing(request), ("Access-Control-Expose-Headers", _EXPOSED)]
        return response

    def foreign(self, request: Request) -> bool:
        """Whether a page of an origin sent this that was not allowed, and is not the emulator's."""
        origin = request.headers.get("origin")
        return origin is not None and not (self.trusts(request) or _same(request))

    def trusts(self, request: Request) -> bool:
        """Whether the request's origin is one that was allowed by name."""
        origin = request.headers.get("origin", "").lower()
        return "*" in self._origins or origin in self._origins

    # -- hosts
    def _admits(self, host: str) -> bool:
        """Whether `host` is a name of this machine, of AWS, or allowed; then it is remembered."""
        parts = _HOST.fullmatch(host.lower())
        name = parts[_PORTLESS] if parts else ""
        known = bool(name) and self._is_known(name)
        if known and len(self._admitted) < _HOSTS_REMEMBERED:
            self._admitted.add(host)
        return known

    def _is_known(self, name: str) -> bool:
        if _LOOPBACK.fullmatch(name) or _AWS.fullmatch(name) or name.strip("[]") == self._bound:
            return True
        if any(fnmatchcase(name, pattern) for pattern in self._hosts):
            return True
        if self._bound not in ("", "0.0.0.0", "::"):
            return False
        # Rebinding needs a name: an address that was typed is as good as ours.
        return _is_address(name) or name == socket.gethostname().lower()

    # -- pages
    def _refuses_page(self, request: Request) -> Response | None:
        headers = request.headers
        if self._public(request):
            return None
        if "origin" not in headers:
            # A picture, a link or a form by GET: browsers name no origin, but where it came from.
            if headers["sec-fetch-site"] in _FROM_HERE or "*" in self._origins:
                return None
        elif self.trusts(request):
            return _preflight(request)
        elif _same(request):
            return None
        if self._later(request):
            return None
        origin = headers.get("origin", "another site")[:200]
        return plain(
            403,
            f"a web page of {origin} may not call this emulator: start it with "
            "--allow-origin if it should",
        )


def _same(request: Request) -> bool:
    """Whether the page is one of the address that it calls."""
    here = f"http://{request.headers.get('host', '')}"
    return request.headers.get("origin", "").lower() == here.lower()


def _preflight(request: Request) -> Response | None:
    """What a browser asks before a page's request, answered for an allowed origin."""
    method = request.headers.get("access-control-request-method")
    if request.method != "OPTIONS" or method is None:
        return None
    wanted = request.headers.get("access-control-request-headers", "*")
    return Response(
        204,
        [
            ("Access-Control-Allow-Methods", method),
            ("Access-Control-Allow-Headers", wanted),
            ("Access-Control-Allow-Private-Network", "true"),
            ("Access-Control-Max-Age", "600"),
        ],
    )


def _allowing(request: Request) -> list[tuple[str, str]]:
    return [
        ("Access-Control-Allow-Origin", request.headers["origin"]),
        ("Access-Control-Allow-Credentials", "true"),
        ("Vary", "Origin"),
    ]


def _is_cors(name: str) -> bool:
    return name.lower() in (
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "access-control-expose-headers",
    )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
