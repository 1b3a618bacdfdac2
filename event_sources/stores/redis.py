"""A store in Redis: a key a message, which Redis itself forgets when its time is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..sources.redis_wire import as_away, connect, let_go
from .base import Claim, new_token

_DONE = b"done"
# Only whose token it is may say so.
_KEEP = (
    "if redis.call('get',KEYS[1])==ARGV[1] then redis.call('set',KEYS[1],'done','PX',ARGV[2]) end"
)
_RENEW = "if redis.call('get',KEYS[1])==ARGV[1] then redis.call('pexpire',KEYS[1],ARGV[2]) end"
_RELEASE = "if redis.call('get',KEYS[1])==ARGV[1] then redis.call('del',KEYS[1]) end"


class RedisStore:
    """url: "redis://127.0.0.1:6379/0";  prefix: of its keys, "mark:" and "note:" before those of
    marks and notes"""

    def __init__(self, url: str, prefix: str = "pelton:done:") -> None:
        self.url, self._prefix = url, prefix
        self._client: Any = None

    async def claim(self, keys: Sequence[str], seconds: float) -> list[Claim]:
        tokens = [new_token() for _ in keys]
        with as_away(self.url):
            async with self._redis().pipeline(transaction=False) as line:
                for key, token in zip(keys, tokens, strict=True):
                    line.set(self._prefix + key, token, nx=True, px=_ms(seconds))
                    line.get(self._prefix + key)
                    line.pttl(self._prefix + key)
                told = await line.execute()
        each = zip(tokens, told[0::3], told[1::3], told[2::3], strict=True)
        return [_claim(*one) for one in each]

    async def keep(self, tokens: Mapping[str, str], seconds: float) -> None:
        await self._each(_KEEP, tokens, _ms(seconds))

    async def release(self, tokens: Mapping[str, str]) -> None:
        await self._each(_RELEASE, tokens)

    async def renew(self, tokens: Mapping[str, str], seconds: float) -> None:
        await self._each(_RENEW, tokens, _ms(seconds))

    async def mark(self, key: str) -> float | None:
        with as_away(self.url):
            told = await self._redis().get(f"mark:{self._prefix}{key}")
        return None if told is None else float(told)

    async def set_mark(self, key: str, value: float) -> None:
        with as_away(self.url):
            await self._redis().set(f"mark:{self._prefix}{key}", repr(value))

    async def note(self, key: str) -> str:
        with as_away(self.url):
            told = await self._redis().get(f"note:{self._prefix}{key}")
        return "" if told is None else str(told.decode())

    async def set_note(self, key: str, text: str) -> None:
        with as_away(self.url):
            await self._redis().set(f"note:{self._prefix}{key}", text)

    async def _each(self, script: str, tokens: Mapping[str, str], *more: int) -> None:
        with as_away(self.url):
            async with self._redis().pipeline(transaction=False) as line:
                for key, token in tokens.items():
                    line.eval(script, 1, self._prefix + key, token, *more)
                await line.execute()

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await let_go(client)

    def _redis(self) -> Any:
        if self._client is None:
            self._client = connect(self.url)
        return self._client


def _claim(token: str, ours: Any, value: bytes | None, left: int) -> Claim:
    if ours:
        return Claim(token)
    return Claim(done=True) if value == _DONE else Claim(after=max(left, 0) / 1000)


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
