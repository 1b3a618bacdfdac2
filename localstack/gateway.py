"""One port for all of AWS: each request goes to whoever serves it.

Lambda's own API and function URLs are ours, everything else is the embedded services'.  The
signature's scope decides; requests without one go by their path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import unquote

from .bucket_cors import BucketCors, bucket_of
from .front import Handler, Request, Response
from .messages import plain

_SCOPE = re.compile(r"Credential=[^/,]+/\d{8}/[^/,]*/([^/,]+)/aws4_request")
_QUERY_SCOPE = re.compile(
    r"X-Amz-Credential=[^&]*?(?:%2F|/)([a-z0-9-]+)(?:%2F|/)aws4_request", re.I
)
PUSH = "/_pelton/push/"
CLOCK = "/_pelton/clock"
DEBUG = "/_pelton/debug"
_URL_HOST = re.compile(r"([a-z0-9]+)\.lambda-url\.")
# What is an API's own traffic, and nothing but that: anything else is a call of AWS.
_API_HOST = re.compile(
    r"([a-f0-9]{8})\.execute-api\.(?:localhost|[a-z0-9-]+\.amazonaws\.com(?:\.cn)?)(:\d+)?"
)
_API_PATH = re.compile(
    r"(/_aws/execute-api/[a-z0-9]+/[\w$-]*|/restapis/[a-z0-9]+/[\w$-]+/_user_request_)([/?]|$)"
)
# The API and its stage, if they are said, and the connection.
CONNECTIONS = re.compile(r"(?:/_aws/execute-api/([a-z0-9]+)/([\w$-]+))?/@connections/([^/?]+)")
_DATED = re.compile(r"/20\d\d-\d\d-\d\d/")
_URL_BODY, _LAMBDA_BODY, _OTHER_BODY = 6 * 1024**2, 70_167_211, 512 * 1024**2

JsonAct = Callable[[Request], Awaitable[Mapping[str, Any] | None]]


class LambdaDoor(Protocol):
    """Lambda's API as the gateway sees it."""

    def addresses(self, path: str) -> bool: ...

    async def __call__(self, request: Request) -> Response: ...


class UrlDoor(Protocol):
    """Function URLs as the gateway sees them: the URL's id and the path below it."""

    async def __call__(self, url_id: str, path: str, request: Request) -> Response: ...


class Gateway:
    """Routes; `own` are the emulator's own pages, by "METHOD /_pelton/name".

    pages: answers those requests to S3 that pages of a `foreign` origin sent
    """

    def __init__(
        self,
        lambda_api: LambdaDoor,
        urls: UrlDoor,
        services: Handler,
        own: Mapping[str, JsonAct],
        code: Callable[[str], bytes | None],
        push: Callable[[str, bytes, Mapping[str, str]], Awaitable[Response]],
        clock: Handler,
        debug: Handler,
        pages: BucketCors | None = None,
        foreign: Callable[[Request], bool] = lambda request: False,
    ) -> None:
        self._pages, self._foreign = pages, foreign
        self._lambda, self._urls, self._services = lambda_api, urls, services
        self._own, self._code, self._push = own, code, push
        self._clock, self._debug = clock, debug

    async def __call__(self, request: Request) -> Response:
        path = request.path
        if path.startswith("/_pelton/"):
            return await self._page(request)
        if path.startswith("/_url/"):
            url_id, _, rest = path.removeprefix("/_url/").partition("/")
            return await self._urls(url_id, f"/{rest}", request)
        if by_host := _URL_HOST.match(request.headers.get("host", "")):
            return await self._urls(by_host[1], path, request)
        if is_api(request):
            return await self._services(request)
        if self._is_lambda(request):
            return await self._lambda(request)
        if request.cut:
            return plain(413, f"the emulator takes bodies of up to {_OTHER_BODY} bytes")
        if self._pages is not None and self._foreign(request):
            return await self._pages.answer(request, bucket_of(request, signed_for(request)))
        return await self._services(request)

    def _is_lambda(self, request: Request) -> bool:
        scope = signed_for(request)
        return scope == "lambda" if scope else self._lambda.addresses(request.path)

    async def _page(self, request: Request) -> Response:
        act = self._own.get(f"{request.method} {request.path}")
        if act is not None:
            answer = await act(request)
            return Response(204) if answer is None else _json(200, answer)
        path = request.path
        if path == CLOCK:
            return await self._clock(request)
        if path == DEBUG or path.startswith(f"{DEBUG}/"):
            return await self._debug(request)
        if path.startswith("/_pelton/code/") and request.method == "GET":
            content = self._code(path.rpartition("/")[2])
            if content is not None:
                return Response(200, [("Content-Type", "application/zip")], content)
        if path.startswith(PUSH) and request.method == "POST":
            return await self._push(unquote(path.removeprefix(PUSH)), request.body, request.headers)
        return _json(404, {"message": f"nothing is at {request.method} {request.path}"})


def is_public(request: Request) -> bool:
    """Whether pages of any origin may send this: a function URL, or an API of API Gateway, which
    have CORS settings of their own.

    >>> is_public(Request("POST", "/_url/abc/")), is_public(Request("POST", "/"))
    (True, False)
    """
    host, path = request.headers.get("host", ""), request.path
    if path.startswith("/_pelton/") or "/@connections" in path:
        return False
    return path.startswith("/_url/") or _URL_HOST.match(host) is not None or is_api(request)


def is_api(request: Request) -> bool:
    """Whether this is a client's request to an API of API Gateway.

    >>> is_api(Request("GET", "/", {"host": "0123abcd.execute-api.eu-west-1.amazonaws.com"}))
    True
    >>> is_api(Request("GET", "/_aws/execute-api/0123abcd/live?a=b"))
    True
    """
    host = request.headers.get("host", "")
    named = "execute-api" in host and _API_HOST.fullmatch(host) is not None
    return named or _API_PATH.match(request.target) is not None


def is_connections(request: Request) -> bool:
    """Whether this is for `@connections`, of an API or, where its endpoint is the whole
    emulator's, of whichever has the connection.

    >>> is_connections(Request("POST", "/_aws/execute-api/0123abcd/live/@connections/Aa%3D"))
    True
    >>> is_connections(Request("GET", "/bucket/@connections/a"))
    False
    """
    if "/@connections/" not in request.target:
        return False
    return CONNECTIONS.fullmatch(at_home(request).path) is not None


def at_home(request: Request) -> Request:
    """A request to an API by the path that the services have for it, if it came by a host's name.

    Under a host's name the services look at the path first, for pages of their own ("/health",
    and "/_ministack/reset", which wipes them): no page of another origin may ask for those, and an
    API may have such routes.

    >>> host = "0123abcd.execute-api.eu-west-1.amazonaws.com"
    >>> found = at_home(Request("GET", "/prod/health?a=b", {"host": host}))
    >>> found.target, found.headers
    ('/_aws/execute-api/0123abcd/prod/health?a=b', {'host': 'localhost'})
    """
    named = _API_HOST.fullmatch(request.headers.get("host", ""))
    if named is None:
        return request
    host = f"localhost{named[2] or ''}"
    line = (b"host", host.encode())
    fields = [line if name == b"host" else (name, value) for name, value in request.fields]
    target = f"/_aws/execute-api/{named[1]}{request.target}"
    headers = {**request.headers, "host": host}
    return replace(request, target=target, headers=headers, fields=fields)


def is_for_a_bucket(request: Request) -> bool:
    """Whether a page's request is S3's alone, which then goes by the bucket's CORS rules; without
    an Origin (a picture) it may only read."""
    if "origin" not in request.headers and request.method not in ("GET", "HEAD"):
        return False
    if "upgrade" in request.headers:  # a WebSocket is none of S3's
        return False
    return bucket_of(request, signed_for(request)) != ""


def body_limit(request: Request) -> int:
    """The most bytes that a request's body may have, by what it is for."""
    if request.path.startswith("/_url/") or _URL_HOST.match(request.headers.get("host", "")):
        return _URL_BODY
    return _LAMBDA_BODY if _DATED.match(request.target) else _OTHER_BODY


def signed_for(request: Request) -> str:
    """The service that a request was signed for, "" when it was not signed.

    >>> signed_for(Request("GET", "/", {"authorization": "AWS4-HMAC-SHA256 "
    ...     "Credential=a/20260101/us-east-1/sqs/aws4_request, Signature=0"}))
    'sqs'
    """
    found = _SCOPE.search(request.headers.get("authorization", ""))
    if found is None and "X-Amz-Credential" in request.query:
        found = _QUERY_SCOPE.search(request.query)
    return found[1] if found else ""


def _json(status: int, body: Mapping[str, Any]) -> Response:
    return Response(status, [("Content-Type", "application/json")], json.dumps(body).encode())
