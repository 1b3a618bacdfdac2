"""What both kinds of NATS source share: a connection that does not hide that it is gone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ..errors import Away, WrongSource
from .nats_access import NatsOptions, options_of
from .refusal import why

T = TypeVar("T")
_SCHEMES = ("nats", "tls", "ws", "wss")
_CONNECT = 5.0  # seconds for a server to answer
_LOOK = 5.0  # seconds between two looks whether the client has ended
_HEAD = b"NATS/1.0\r\n\r\n"  # what stands around headers
_REFUSED = 1.0  # seconds for one that has refused us to end the connection
_NOT_IN = "uthorization Violation"  # as the server says it
_NO_TLS = "take a server that does, or an address nats: without ca="


class Connection:
    """A connection to a NATS server, without nats-py's own reconnecting."""

    def __init__(self, url: str, options: NatsOptions | Mapping[str, Any] | None) -> None:
        _check(url)
        self.url, self._options = url, options_of(options)
        self.secure = self._options.secure or "tls:" in url
        self._client: Any = None
        self._gone = asyncio.Event()

    @property
    def client(self) -> Any:
        """nats-py's.  Raises `Away` where there is none."""
        if self._client is None:
            raise Away(f"{shown(self.url)}: there is no connection")
        return self._client

    async def open(self) -> None:
        from nats.aio.client import Client
        from nats.errors import UnexpectedEOF

        await self.close()
        with as_away(self.url):
            given = self._options.given(secure=self.secure)
        if self.secure:
            await self._refuse_plain()
        self._gone, said = asyncio.Event(), list[str]()

        async def gone() -> None:
            self._gone.set()

        async def heard(error: Exception) -> None:
            # The last one only: of a slow consumer each message that is dropped is one.
            said[:] = [f"{type(error).__name__}: {error}".rstrip(": ")]
            if isinstance(error, (UnexpectedEOF, OSError)):
                self._gone.set()

        with as_away(self.url, said=said, tls=self.secure, why_not=self._options.why_not):
            client = self._client = Client()
            connecting = client.connect(
                self.url.split(","),
                allow_reconnect=False,
                # Two tries: the client does not know a single one.
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=int(_CONNECT),
                error_cb=heard,
                disconnected_cb=gone,
                closed_cb=gone,
                **given,
            )
            try:
                await asyncio.wait_for(connecting, _CONNECT * 2)
                self._gone.clear()  # of the first try, or of the connection before
            except BaseException:
                await self._end(_REFUSED)  # nats-py leaves it open
                raise

    async def _refuse_plain(self) -> None:
        """nats-py speaks plainly, password and all, with a server that knows no TLS: before it
        does, look at what each server says of itself."""
        for each in self.url.split(","):
            with contextlib.suppress(OSError, TimeoutError, ValueError):  # nats-py will say why
                info = await _said_first(each.strip())
                if not (info.get("tls_required") or info.get("tls_available")):
                    raise Away(
                        f"{shown(each)}: the server speaks no TLS, which is asked for: {_NO_TLS}"
                    )

    async def alive(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` comes to.  Raises `Away` as soon as the connection is gone."""
        task, gone = asyncio.ensure_future(work), asyncio.ensure_future(self._gone.wait())
        both, first = {task, gone}, asyncio.FIRST_COMPLETED
        try:
            # nats-py does not say so when words that it still had to send could not be sent.
            while not (await asyncio.wait(both, timeout=_LOOK, return_when=first))[0]:
                if self.client.is_closed:
                    break
            if not task.done():
                raise Away(f"{shown(self.url)}: the connection is gone")
            return task.result()
        finally:
            gone.cancel()
            task.cancel()
            await asyncio.gather(task, gone, return_exceptions=True)

    def check_size(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Raises `Away` for what the server does not take: sent, it would end the connection."""
        most = self.client.max_payload
        size = len(body) + sum(len(f"{name}: {headers[name]}\r\n".encode()) for name in headers)
        if size + len(_HEAD) > most:
            raise Away(
                f"{shown(self.url)}: a message of {len(body)} bytes is {size} with its headers, "
                f"more than the server's max_payload of {most}"
            )

    async def flush(self) -> None:
        """Back when the server has read all that was said."""
        # A flush that is cancelled ends nats-py's reading for good.
        await asyncio.shield(self.client.flush(5))

    async def close(self) -> None:
        await self._end(_CONNECT)

    async def _end(self, seconds: float) -> None:
        client, self._client = self._client, None
        if client is not None:
            # A server that is gone answers nothing; what was to be said comes again.  After a
            # handshake that failed, nats-py waits for an end that does not come.
            with contextlib.suppress(Exception):
                async with asyncio.timeout(seconds):
                    await client.close()
            _let_go(client)


def _check(url: str) -> None:
    """Raises `WrongSource` for another server's address: nats-py takes its scheme for a host.

    >>> _check("redis://ann:hidden@host:6379")
    Traceback (most recent call last):
    pelton.event_sources.errors.WrongSource: 'redis://host:6379' is no address of a NATS server: \
write it as "nats://HOST:4222"
    """
    for each in url.split(","):
        scheme, mark, _ = each.strip().partition("://")
        if mark and scheme not in _SCHEMES:
            raise WrongSource(
                f'{shown(each)!r} is no address of a NATS server: write it as "nats://HOST:4222"'
            )


def _let_go(client: Any) -> None:
    """Close what nats-py has left open: when its last words cannot be sent, it goes no further, and
    what its tasks have ended with nobody asks for."""
    if (transport := getattr(client, "_transport", None)) is not None:
        transport.close()
    for name in ("_flusher_task", "_reading_task"):
        if (task := getattr(client, name, None)) is not None:
            task.add_done_callback(_asked)


def _asked(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()


async def _said_first(url: str) -> dict[str, Any]:
    """A server's INFO, which it says before it is told anything."""
    parts = urlsplit(url)
    async with asyncio.timeout(_CONNECT):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 4222)
        try:
            found: dict[str, Any] = json.loads((await reader.readline()).removeprefix(b"INFO "))
            return found
        finally:
            writer.close()


@contextlib.contextmanager
def as_away(
    url: str,
    what: str = "",
    said: list[str] | None = None,
    *,
    tls: bool = False,
    why_not: Callable[[], str] = lambda: "",
) -> Iterator[None]:
    """What nats-py raises for a server that is not there, or refuses, is `Away`.

    what:    is said before;  said: what the server had told meanwhile is said behind
    why_not: of a server that does not let us in, what is known here of why
    """
    from nats.errors import Error

    try:
        yield
    except (Error, OSError, ModuleNotFoundError) as error:
        words = [f"{type(error).__name__}: {error}".rstrip(": "), *(said or [])[-1:]]
        theirs = ": ".join(dict.fromkeys(words))
        ours = why_not() if _NOT_IN in theirs else ""
        told = f"{ours} ({theirs})" if ours else why(theirs, tls=tls, early=said is not None)
        raise Away(": ".join(each for each in (shown(url), what, told) if each)) from error


def shown(url: str) -> str:
    """Addresses as a sentence may say them.

    >>> shown("nats://ann:secret@one:4222, two:4222")
    'nats://one:4222, two:4222'
    """
    return ", ".join(re.sub(r"[^/]*@", "", each.strip()) for each in url.split(","))


def without_conditions(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers that may go to another stream, or come again: what a message expected of its own
    would have it refused.

    >>> without_conditions({"a": "b", "Nats-Expected-Last-Sequence": "7"})
    {'a': 'b'}
    """
    return {name: headers[name] for name in headers if not name.startswith("Nats-Expected-")}


def headers_of(raw: Any) -> dict[str, str]:
    """A message's headers as text."""
    return {str(name): str(value) for name, value in raw.headers.items()} if raw.headers else {}
