"""Where HTTP meets a function URL: find the function, let the policy decide, call it.

What an event and a reply look like is in `urls`; this only joins it to the registry.
"""

from __future__ import annotations

import json
from uuid import uuid4

from ..front import Request, Response
from . import urls
from .account import Account
from .calls import REQUEST_LIMIT, make_call
from .names import Reference
from .records import Throttled
from .states import Function, Url
from .tracing import HEADER


class UrlDoor:
    """Serves every function URL of one account."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry

    async def __call__(self, url_id: str, path: str, request: Request) -> Response:
        found = self._find(url_id)
        if found is None:
            return _response(urls.forbidden())
        function, url = found
        if url.auth_type == "NONE" and not _open_to_all(function, url):
            return _response(urls.forbidden())
        if request.cut:
            return _response(urls.too_large(REQUEST_LIMIT))
        asked = urls.Request(
            request.method,
            path,
            request.query,
            tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in request.fields),
            request.body,
            request.client[0],
        )
        host = f"{url.id}.lambda-url.{self._account.place.region}.on.aws"
        event = urls.make_event(asked, url.id, host, self._account.clock.time())
        payload = json.dumps(event).encode()
        if len(payload) > REQUEST_LIMIT:  # of the event: base64 counts, as on AWS
            return _response(urls.too_large(REQUEST_LIMIT))
        return await self._call(function, url, payload, request.headers.get(HEADER, ""))

    async def _call(self, function: Function, url: Url, payload: bytes, trace: str) -> Response:
        await self._account.settled(function)
        reference = Reference(function.name, url.qualifier)
        call = make_call(self._registry, reference, payload, str(uuid4()), trace=trace)
        try:
            outcome = await self._account.execution.invoke(call)
        except Throttled:
            return Response(429, [("Content-Type", "application/json")], b'{"Message":null}')
        return _response(urls.make_reply(outcome))

    def _find(self, url_id: str) -> tuple[Function, Url] | None:
        for function in self._registry.functions.values():
            for url in function.urls.values():
                if url.id == url_id:
                    return function, url
        return None


def _open_to_all(function: Function, url: Url) -> bool:
    """Whether the resource policy lets anyone call: AuthType NONE alone does not."""
    policy = function.policies.get(url.qualifier)
    statements = policy.statements.values() if policy else ()
    return any(
        each["Effect"] == "Allow"
        and each["Principal"] in ("*", {"AWS": "*"})
        and _allows_urls(each["Action"])
        for each in statements
    )


def _allows_urls(action: str | list[str]) -> bool:
    actions = action if isinstance(action, list) else [action]
    return any(each in ("lambda:InvokeFunctionUrl", "lambda:*") for each in actions)


def _response(reply: urls.HttpReply) -> Response:
    return Response(reply.status, list(reply.headers), reply.body)
