"""How a bridge calls a deployed function, by each platform's own API.

A function that is not there, has no room or cannot be reached is nobody's fault among the messages:
they come again, and no try is counted.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from ..deploy.asking import invoke_live
from ..deploy.tls import speaks_tls
from ..deploy.where import Where, connect
from ..event_sources import Failed

if TYPE_CHECKING:
    import httpx

Call = Callable[[dict[str, Any]], Awaitable[Any]]
# What says that nobody has begun on a batch: not found (yet), throttled, no worker free.  408 does
# not: it is what Nuclio says of a handler that took longer than its function may.
NOT_NOW = frozenset({404, 429, 502, 503, 504})


@asynccontextmanager
async def caller(where: Where, name: str) -> AsyncIterator[Call]:
    """Calls the function `name` where it is deployed; gives its answer, or raises `Failed`."""
    if where.platforms != ("nuclio",):
        yield _on_lambda(where, name)
        return
    import httpx

    address = where.nuclio_address
    verify = speaks_tls(address)
    async with httpx.AsyncClient(timeout=900, trust_env=False, verify=verify) as client:
        yield _on_nuclio(client, address, name)


def _on_lambda(where: Where, name: str) -> Call:
    from botocore.exceptions import BotoCoreError, ClientError

    aws, _ = connect(where)
    client = aws.client("lambda")

    def call_now(payload: bytes) -> Any:
        try:
            answer = invoke_live(client, name, payload)
        except (BotoCoreError, ClientError) as error:
            raise Failed(f"function {name}: {error}", blame=_is_large(error)) from error
        body = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            said = body if isinstance(body, dict) else {}
            raise Failed(f"{said.get('errorType', 'Error')}: {said.get('errorMessage', body)}")
        return body

    async def call(payload: dict[str, Any]) -> Any:
        return await asyncio.to_thread(call_now, json.dumps(payload).encode())

    return call


def _is_large(error: Exception) -> bool:
    """Whether Lambda did not take the payload for its size: the one refusal that halving mends."""
    # By its status: the service's own name for it is not the one in its model.
    said: dict[str, Any] = getattr(error, "response", {})
    return bool(said.get("ResponseMetadata", {}).get("HTTPStatusCode") == 413)


def _on_nuclio(client: httpx.AsyncClient, address: str, name: str) -> Call:
    import httpx

    headers = {
        "content-type": "application/json",
        "x-pelton-bridge": "1",
        "x-nuclio-function-name": name,
        "x-nuclio-function-namespace": "nuclio",
    }
    url = f"{address.rstrip('/')}/api/function_invocations"

    async def call(payload: dict[str, Any]) -> Any:
        try:
            answer = await client.post(url, content=json.dumps(payload), headers=headers)
        except httpx.HTTPError as error:
            raise Failed(f"nuclio at {address}: {error}", blame=False) from error
        if answer.status_code >= 400:
            said = f"function {name} answered {answer.status_code}: {answer.text[:500]}"
            raise Failed(said, blame=answer.status_code not in NOT_NOW)
        try:
            return answer.json()
        except ValueError:
            return answer.text

    return call
