"""A store in a key-value bucket of NATS JetStream, for functions beside such queues.

One entry a key, each written only where nobody else has meanwhile.  The bucket must be there; its
own time to live is to be longer than answers are kept, or none.  nats-py is imported when the store
first speaks.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from ...handlers.errors import NotReady
from ..brokers.nats import NatsBroker
from .base import Claim, Store, new_token

_SOON = 1.0  # seconds after which to ask again, where another was faster


class NatsStore:
    """See `base.Store`.  url: "nats://127.0.0.1:4222/BUCKET"."""

    def __init__(self, url: str, now: Callable[[], float] = time.time) -> None:
        self.url, self.now = url, now
        where, _, self._bucket = url.rpartition("/")
        self._server = NatsBroker(where)
        self._ours: dict[str, int] = {}  # the number of the entry that each of our claims is

    def claim(self, key: str, seconds: float) -> Claim:
        now, token = self.now(), new_token()
        wanted = {"token": token, "ends": now + seconds}
        revision, there = self._read(key)
        if there is not None and there["ends"] > now:
            if "answer" in there:
                return Claim(answer=there["answer"])
            return Claim(after=there["ends"] - now)
        # What is over is written over, unless somebody else was faster.
        written = self._write(key, wanted, revision)
        if not written:
            return Claim(after=_SOON)
        self._ours[token] = written
        return Claim(token)

    def keep(self, key: str, token: str, answer: str, seconds: float) -> bool:
        kept = {"token": token, "ends": self.now() + seconds, "answer": answer}
        revision = self._ours.pop(token, 0)
        return bool(revision and self._write(key, kept, revision))

    def release(self, key: str, token: str) -> None:
        if revision := self._ours.pop(token, 0):
            self._write(key, {"token": token, "ends": 0.0}, revision)

    def close(self) -> None:
        self._server.close()

    def _read(self, key: str) -> tuple[int, dict[str, Any] | None]:
        """The entry as it is now, and its number; (0, None) where there is none."""

        async def read(js: Any) -> tuple[int, dict[str, Any] | None]:
            from nats.js.errors import KeyNotFoundError

            try:
                found = await (await self._entries(js)).get(_name(key))
            except KeyNotFoundError:
                return 0, None
            return found.revision, json.loads(found.value)

        return self._server.ask(read)

    def _write(self, key: str, entry: dict[str, Any], revision: int) -> int:
        """The number of the entry; 0 where somebody has written since that revision."""

        async def write(js: Any) -> int:
            from nats.js.errors import KeyWrongLastSequenceError

            entries, value = await self._entries(js), json.dumps(entry).encode()
            try:
                return int(await entries.update(_name(key), value, last=revision))
            except KeyWrongLastSequenceError:
                return 0

        return self._server.ask(write)

    async def _entries(self, js: Any) -> Any:
        from nats.js.errors import BucketNotFoundError

        try:
            return await js.key_value(self._bucket)
        except BucketNotFoundError:
            raise NotReady(
                f"there is no bucket {self._bucket!r} at {self._server.url}: create it, for "
                f"example by `nats kv add {self._bucket}`"
            ) from None


def _name(key: str) -> str:
    """A key as a subject takes it."""
    return sha256(key.encode()).hexdigest()


def at(url: str) -> Store:
    return NatsStore(url)
