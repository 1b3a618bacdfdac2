"""Clients that ask again and again while something is released, and check every answer."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Coroutine
from typing import Any
from urllib.parse import urlsplit

TEXT = {"content-type": "text/plain"}


class Load:
    """Some clients at once; an answer is `VERSION BODY`, with the body that was sent."""

    def __init__(self, url: str, clients: int) -> None:
        self.url, self.count = url, clients
        self.answers: Counter[str] = Counter()
        self.seen: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._done, self._reached, self._goal = asyncio.Event(), asyncio.Event(), 0

    async def during(self, work: Coroutine[Any, Any, None]) -> None:
        """Ask until `work` is done; the first answer that is wrong ends both."""
        async with asyncio.TaskGroup() as group:
            for number in range(self.count):
                group.create_task(self._ask(number))
            await work
            self._done.set()

    async def more(self, answers: int) -> None:
        """Come back when there are so many more."""
        self._goal = len(self.answers) + answers
        self._reached.clear()
        await self._reached.wait()

    async def _ask(self, client: int) -> None:
        """One client on one connection, by plain HTTP: a client library would be most of the
        load."""
        parts = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        number = 0
        try:
            while not self._done.is_set():
                body = f"{client}-{number}"
                writer.write(_request(parts.path, parts.netloc, body))
                status, text = await _answer(reader)
                assert status == 200, (status, text)
                version, echo = text.split()
                assert echo == body
                self.answers[echo] += 1
                self.seen[version].set()
                if len(self.answers) >= self._goal:
                    self._reached.set()
                number += 1
        finally:
            writer.close()
            await writer.wait_closed()


def _request(path: str, host: str, body: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/plain\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, str]:
    """An answer's status and body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    _, _, length = head.partition("content-length:")
    body = await reader.readexactly(int(length.partition("\r\n")[0]))
    return int(head.split()[1]), body.decode()
