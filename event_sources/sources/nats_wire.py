"""What both kinds of NATS source share: a connection that does not hide that it is gone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..errors import Away

T = TypeVar("T")
_CONNECT = 5.0  # seconds for a server to answer


@dataclass(frozen=True)
class NatsOptions:
    """Who we are to the server; empty for what it does not ask.

    credentials: path of a .creds file;  tls: an `ssl.SSLContext`
    """

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    credentials: str = ""
    tls: Any = None

    def given(self) -> dict[str, Any]:
        """As nats-py names them."""
        named = {
            "user": self.user,
            "password": self.password,
            "token": self.token,
            "user_credentials": self.credentials,
            "tls": self.tls,
        }
        return {name: value for name, value in named.items() if value}


class Connection:
    """A connection to a NATS server, without nats-py's own reconnecting."""

    def __init__(self, url: str, options: NatsOptions | None) -> None:
        self.url, self._options = url, options or NatsOptions()
        self._client: Any = None
        self._gone = asyncio.Event()

    @property
    def client(self) -> Any:
        """nats-py's.  Raises `Away` where there is none."""
        if self._client is None:
            raise Away(f"{self.url}: there is no connection")
        return self._client

    async def open(self) -> None:
        import nats

        await self.close()
        self._gone, said = asyncio.Event(), list[str]()

        async def gone() -> None:
            self._gone.set()

        async def heard(error: Exception) -> None:
            # The last one only: of a slow consumer each message that is dropped is one.
            said[:] = [f"{type(error).__name__}: {error}".rstrip(": ")]

        with as_away(self.url, said=said):
            connecting = nats.connect(
                self.url.split(","),
                allow_reconnect=False,
                # Two tries: the client does not know a single one.
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=int(_CONNECT),
                error_cb=heard,
                disconnected_cb=gone,
                closed_cb=gone,
                **self._options.given(),
            )
            self._client = await asyncio.wait_for(connecting, _CONNECT * 2)

    async def alive(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` comes to.  Raises `Away` as soon as the connection is gone."""
        task, gone = asyncio.ensure_future(work), asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise Away(f"{self.url}: the connection is gone")
            return task.result()
        finally:
            gone.cancel()
            task.cancel()
            await asyncio.gather(task, gone, return_exceptions=True)

    async def flush(self) -> None:
        """Back when the server has read all that was said."""
        # A flush that is cancelled ends nats-py's reading for good.
        await asyncio.shield(self.client.flush(5))

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            # A server that is gone answers nothing; what was to be said comes again.
            with contextlib.suppress(Exception):
                await client.close()


@contextlib.contextmanager
def as_away(url: str, what: str = "", said: list[str] | None = None) -> Iterator[None]:
    """What nats-py raises for a server that is not there, or refuses, is `Away`.

    what: is said before;  said: what the server had told meanwhile is said behind
    """
    from nats.errors import Error

    try:
        yield
    except (Error, OSError) as error:
        words = f"{type(error).__name__}: {error}".rstrip(": ")
        told = [each for each in (url, what, words, *(said or [])[-1:]) if each]
        raise Away(": ".join(dict.fromkeys(told))) from error


def headers_of(raw: Any) -> dict[str, str]:
    """A message's headers as text."""
    return {str(name): str(value) for name, value in raw.headers.items()} if raw.headers else {}
