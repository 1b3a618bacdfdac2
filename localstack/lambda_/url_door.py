"""Where HTTP meets a function URL: find the function, decide who may, call it, give its answer.

What an event and a reply look like is in `urls`, who may call in `url_access`, what pages of other
origins are told in `url_cors`; this only joins them to the registry and to the call.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from email.utils import formatdate
from functools import lru_cache
from time import time
from typing import Any

from ..messages import BrokenOff, Request, Response
from ..signatures.check import Signatures
from ..signatures.read import Unsigned
from ..signatures.words import refusal
from . import url_access, url_cors, urls
from .account import Account
from .calls import REQUEST_LIMIT, make_call, new_request_id
from .names import Reference
from .records import Call, RestoreFailed, Throttled
from .states import Function, Url
from .streamed_calls import Started, start
from .streams import DELIMITER, HTTP_INTEGRATION
from .tracing import HEADER

_PRELUDE = 1024 * 1024  # bytes that a stream's status and headers may have


class UrlDoor:
    """Serves every function URL of one account.

    signatures: checks the signatures of AWS_IAM URLs; None takes every one that is there
    """

    def __init__(self, account: Account, signatures: Signatures | None = None) -> None:
        self._account, self._registry = account, account.registry
        self._signatures = signatures
        # By the URL's id, as long as no function changes: what it is, and whether all may call it.
        self._known: dict[str, tuple[Function, Url]] = {}
        self._open: dict[str, bool] = {}
        self._seen = -1

    async def __call__(self, url_id: str, path: str, request: Request) -> Response:
        found = self._find(url_id)
        if found is None:
            return _response(urls.forbidden(), new_request_id())
        function, url = found
        cors = url.cors or {}
        if cors and url_cors.is_preflight(request.method, request.headers):
            headers = url_cors.preflight(cors, request.headers)
            return _response(urls.HttpReply(200, headers, b""), new_request_id())
        response = await self._admitted(function, url, path, request)
        response.headers += url_cors.on_answers(cors, request.headers)
        return response

    async def _admitted(
        self, function: Function, url: Url, path: str, request: Request
    ) -> Response:
        """The answer of the function, or of who keeps its door."""
        request_id, identity = new_request_id(), None
        if url.auth_type == "AWS_IAM":
            try:
                key = url_access.signer(request, self._signatures)
            except Unsigned as error:
                if error.kind == "missing":
                    return _response(urls.unsigned(), request_id)
                error.service = "lambda"
                return refusal(request, error)
            identity = url_access.identity(key, self._account.place.account)
        elif not self._is_open(function, url):
            return _response(urls.forbidden(), request_id)
        if request.cut:
            return _response(urls.too_large(REQUEST_LIMIT), request_id)
        await self._account.settled(function)
        trace = request.headers.get(HEADER, "")
        reference = Reference(function.name, url.qualifier)
        call = make_call(self._registry, reference, b"", request_id, trace=trace)
        payload = json.dumps(self._event(url, path, request, call, identity)).encode()
        if len(payload) > REQUEST_LIMIT:  # of the event: base64 counts, as on AWS
            return _response(urls.too_large(REQUEST_LIMIT), request_id)
        return await self._call(call.with_payload(payload), url)

    def _event(
        self,
        url: Url,
        path: str,
        request: Request,
        call: Call,
        identity: dict[str, Any] | None,
    ) -> dict[str, Any]:
        place = self._account.place
        asked = urls.Request(
            request.method,
            path,
            request.query,
            tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in request.fields),
            request.body,
            request.client[0],
            request.server[1],
        )
        return urls.make_event(
            asked,
            url.id,
            f"{url.id}.lambda-url.{place.region}.on.aws",
            self._account.clock.time(),
            call.request_id,
            call.trace_id,
            place.account if identity else "anonymous",
            identity,
        )

    async def _call(self, call: Call, url: Url) -> Response:
        try:
            if url.invoke_mode == "RESPONSE_STREAM":
                return await _streamed(await start(self._account.execution, call), call)
            outcome = await self._account.execution.invoke(call)
        except Throttled as error:
            return _response(urls.too_many(error.reason), call.request_id)
        except RestoreFailed:
            return _response(urls.bad_gateway(), call.request_id, call.trace_id)
        return _response(urls.make_reply(outcome), call.request_id, call.trace_id)

    def _find(self, url_id: str) -> tuple[Function, Url] | None:
        if self._seen != self._registry.changes:
            self._seen = self._registry.changes
            self._open.clear()
            self._known = {
                url.id: (function, url)
                for function in self._registry.functions.values()
                for url in function.urls.values()
            }
        return self._known.get(url_id)

    def _is_open(self, function: Function, url: Url) -> bool:
        found = self._open.get(url.id)
        if found is None:
            found = self._open[url.id] = url_access.open_to_all(function, url)
        return found


# -- RESPONSE_STREAM
async def _streamed(started: Started, call: Call) -> Response:
    """The function's response as it comes; one that came whole is given as it is.

    AWS tells no form of a whole answer here: statusCode and body are not looked for in it.
    """
    if not started.streams:
        outcome = await started.task
        if outcome.error:
            return _response(urls.bad_gateway(), call.request_id, call.trace_id)
        reply = urls.HttpReply(200, (("content-type", "application/json"),), outcome.payload)
        return _response(reply, call.request_id, call.trace_id)
    pieces = aiter(started.stream)
    status, first = 200, b""
    headers: urls.Headers = (("content-type", started.stream.content_type),)
    if started.stream.content_type == HTTP_INTEGRATION:
        head, first = await _prelude(pieces)
        if head is None:
            started.stream.discard()
            return _response(urls.bad_gateway(), call.request_id, call.trace_id)
        status, headers = head
    response = _response(urls.HttpReply(status, headers, b""), call.request_id, call.trace_id)
    response.chunks = _rest(first, pieces, started)
    return response


async def _prelude(
    pieces: AsyncIterator[bytes],
) -> tuple[tuple[int, urls.Headers] | None, bytes]:
    """Status and headers that a stream begins with (None: it does not), and what came after."""
    begun = b""
    async for piece in pieces:
        begun += piece
        told, found, rest = begun.partition(DELIMITER)
        if found:
            return _head(told), rest
        if len(begun) > _PRELUDE:
            break
    return None, b""


def _head(told: bytes) -> tuple[int, urls.Headers] | None:
    try:
        answer = json.loads(told)
    except ValueError:
        return None
    return urls.head_of(answer) if isinstance(answer, dict) else None


async def _rest(
    first: bytes, pieces: AsyncIterator[bytes], started: Started
) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for piece in pieces:
        yield piece
    outcome = await started.task
    if outcome.error:
        raise BrokenOff


def _response(reply: urls.HttpReply, request_id: str, trace_id: str = "") -> Response:
    headers = [
        ("Date", _date(int(time()))),
        *reply.headers,
        ("x-amzn-RequestId", request_id),
    ]
    if trace_id:
        headers.append(("X-Amzn-Trace-Id", trace_id))
    return Response(reply.status, headers, reply.body)


@lru_cache(1)
def _date(now: int) -> str:
    """The header of every answer of one second."""
    return formatdate(now, usegmt=True)
