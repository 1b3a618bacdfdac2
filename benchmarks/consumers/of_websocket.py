"""A WebSocket's messages beside the library's own iterator."""

from __future__ import annotations

import time

from pelton.event_sources import Source
from pelton.event_sources.sources.websocket import WebSocket

from .shape import BODY, MESSAGES, Kept, all_of


class OfWebSocket(Kept):
    what = "WebSocket"

    @property
    def _flood(self) -> str:
        return f"{self.address}/flood/{MESSAGES}/{len(BODY)}"

    def source(self, name: str) -> Source:
        return WebSocket(self._flood, buffer=MESSAGES)

    async def put(self, name: str) -> None:
        """Nothing: the server sends as many as the path says, to who connects."""

    async def floor(self, name: str) -> float:
        from websockets.asyncio.client import connect

        start = time.perf_counter()
        async with connect(self._flood, proxy=None) as client:
            await all_of(client)
            return MESSAGES / (time.perf_counter() - start)
