"""A client that goes away before it is answered: seen at once, and what it waited for is ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

Receive = Callable[[], Awaitable[dict[str, Any]]]


def watch(receive: Receive) -> asyncio.Future[None]:
    """Done when the client has gone; to be cancelled when it has been answered."""
    return asyncio.ensure_future(_disconnect(receive))


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def either(coming: Awaitable[Any], gone: asyncio.Future[None], *, on_gone: Any) -> Any:
    """What comes; when the client goes first, None, after `on_gone` was called with the task.

    It is waited for whatever it then does: what is on a thread cannot be interrupted, and its place
    is not free before it has ended.
    """
    task = asyncio.ensure_future(coming)
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        on_gone(task)
        await asyncio.wait({task})
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not task.cancelled():
        task.exception()  # nobody is there any more to be told
    return None
