"""Messages of a JetStream consumer, by one standing request at a time.

nats-py's own `fetch` leaves its request at the server when it is cancelled, which then sends to
nobody; here what comes for a request is kept for the next who asks.
Source: NATS's JetStream wire API reference, "Fetching from a pull consumer".
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from typing import Any

from ..errors import Away

_OVER = ("404", "408")  # nothing there, and the request's time is over
_HEARTBEAT = "100"


class Pull:
    """Of `durable`, a consumer of `stream`.

    lost_after: seconds after its time in which a request is answered, or was lost: a server that
                hands a consumer to another one may forget it
    """

    def __init__(self, client: Any, stream: str, durable: str, *, lost_after: float = 5.0) -> None:
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._inbox = client.new_inbox()
        self._subscription: Any = None
        self._came: deque[Any] = deque()
        self._asked = 0  # messages that the standing request may still bring
        self._lost_after, self._lost_at = lost_after, 0.0
        self._refused = ""
        self._changed = asyncio.Event()

    async def open(self) -> None:
        self._subscription = await self._client.subscribe(self._inbox, cb=self._heard)

    async def take(self, most: int, seconds: float) -> list[Any]:
        """Up to `most` messages; none when there was none within `seconds`."""
        if not self._came:
            await self._ask(most, seconds)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
        if self._refused:
            raise Away(self._refused)
        return [self._came.popleft() for _ in range(min(most, len(self._came)))]

    async def end(self) -> list[Any]:
        """Ask for nothing more; what came and was not taken.  The server reads what a client says
        in order: what is said after this is not answered by another message."""
        if self._subscription is not None:
            subscription, self._subscription = self._subscription, None
            await subscription.unsubscribe()
        left, self._came = list(self._came), deque()
        return left

    async def _ask(self, most: int, seconds: float) -> None:
        self._changed.clear()
        now = asyncio.get_running_loop().time()
        if self._asked <= 0 or now > self._lost_at:
            self._asked, self._lost_at = most, now + seconds + self._lost_after
            wanted = {"batch": most, "expires": int(seconds * 1e9)}
            await self._client.publish(self._subject, json.dumps(wanted).encode(), self._inbox)

    async def _heard(self, message: Any) -> None:
        status = (message.headers or {}).get("Status", "") if not message.data else ""
        if not status:
            self._came.append(message)
            self._asked -= 1
        elif status != _HEARTBEAT:
            self._asked = 0
            if status not in _OVER:
                self._refused = f"{status} {message.headers.get('Description', '')}".strip()
        self._changed.set()
