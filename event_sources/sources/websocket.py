"""WebSocket: what a server sends to a client that has connected, read as that client.

Nothing is acknowledged and nothing kept: what is sent while nobody is connected, or was taken by a
worker that is killed, is lost, and what a second connection is sent is the server's own matter.
Source: RFC 6455, "The WebSocket Protocol".
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Unpack
from urllib.parse import SplitResult, urlsplit, urlunsplit

from ..dead_letters.file import ToFile
from ..errors import Away, WrongSource
from ..message import Letter, Message
from ..source import Promises, Source
from .access import LooseAccess, LooseWords
from .buffer import Buffer
from .refusal import why as why_of

_CONNECT = 10.0  # seconds for a server to answer
_CLOSE = 1.0  # seconds for it to say good-bye
_TEXT, _BINARY = {"message-type": "text"}, {"message-type": "binary"}


class WebSocket(Source):
    """
    url:       "wss://HOST/PATH", "ws:" without TLS; user and password may be in it
    subscribe: what is sent first, after each connecting: text as a text message, bytes as a binary
               one; "" for nothing
    headers:   of the request that opens the connection: {"Authorization": "Bearer …"}
    ordered:   one message after the other; else as many at once as there are workers
    buffer:    messages that wait here at the most; then none is read from the connection
    largest:   bytes of a message; one that is larger ends the connection, with code 1009
    ping:      seconds of silence after which the server is asked whether it is there; after as many
               more without an answer it is not
    user, password: where the address does not say them (HTTP's Basic authentication)
    ca, cert, cert_key, verify: files of the authorities that are believed, "" for the machine's,
               and of our own certificate and its key, where the server asks for one; and whether
               the server's certificate must be of one of them, and for its name

    Dead letters go to a file of this machine, one JSON object a line.
    """

    kind: ClassVar[str] = "websocket"
    promises: ClassVar[Promises] = Promises(
        redelivers=False,
        ordered_by="connection, by default",
        across_workers=False,
        dead_letters="file",
        note="sent once, over a connection that is open then: each worker is a connection",
    )

    def __init__(
        self,
        url: str,
        *,
        subscribe: str | bytes = "",
        headers: Mapping[str, str] | None = None,
        ordered: bool = True,
        buffer: int = 1000,
        largest: int = 1_048_576,
        ping: float = 20.0,
        **access: Unpack[LooseWords],
    ) -> None:
        self.subscribe, self.headers = subscribe, dict(headers or {})
        self.shown = shown(url, self.headers)
        who = LooseAccess(**access)
        self.url = _alone(url) if who.user or who.password else url
        self._who = _basic(who) if who.user or who.password else {}
        self._lane = self.shown if ordered else ""
        self._largest, self._ping, self._tls = largest, ping, who.files
        if not url.startswith("wss:"):
            self._tls.not_with("websocket", self.shown)
        self._buffer = Buffer(buffer)
        self._connection: Any = None
        self._tasks: list[asyncio.Task[None]] = []
        self._run, self._heard = uuid.uuid4().hex[:8], 0

    # -- opening
    async def open(self) -> None:
        self._buffer.reopen()
        with self._as_away():
            self._connection = await self._connect()
            if self.subscribe:
                await self._connection.send(self.subscribe)
        loop = asyncio.get_running_loop()
        for work in (self._hear, self._watch):
            self._tasks.append(loop.create_task(self._or_fail(work, self._connection)))

    async def _connect(self) -> Any:
        from websockets.asyncio.client import connect

        try:
            return await connect(
                self.url,
                additional_headers={**self.headers, **self._who},
                proxy=None,
                open_timeout=_CONNECT,
                close_timeout=_CLOSE,
                # A pong waits behind messages that nobody reads: see `_watch`.
                ping_interval=None,
                max_size=self._largest,
                **self._where(),
            )
        except ssl.SSLError:  # of which some are ValueErrors as well
            raise
        except ValueError as error:  # among others a redirect to where it is not followed
            raise Away(self._said(str(error))) from error

    def _where(self) -> dict[str, Any]:
        """With a host that is said, no redirect takes our headers to another one."""
        parts = urlsplit(self.url)
        if parts.scheme == "ws":
            return {"host": parts.hostname, "port": parts.port or 80}
        return {"host": parts.hostname, "port": parts.port or 443, "ssl": self._context()}

    def _context(self) -> ssl.SSLContext:
        return self._tls.context()

    # -- hearing
    async def _hear(self, connection: Any) -> None:
        """In a task of its own: who takes messages may be busy."""
        buffer = self._buffer
        while True:
            message = self._message(await connection.recv())
            if buffer.full:
                await buffer.put(message)
            else:
                buffer.add(message)

    async def _watch(self, connection: Any) -> None:
        """See that a server that is silent is there.  Only while one message is waited for: when
        there is no room for the next, the answer is behind what nobody reads."""
        answer, heard = None, -1
        while True:
            await asyncio.sleep(self._ping)
            if self._buffer.full or self._heard != heard:
                answer, heard = None, self._heard
            elif answer is None or answer.done():
                answer = await connection.ping()
            else:
                raise Away(self._said("it does not answer a ping"))

    async def _or_fail(self, work: Callable[[Any], Awaitable[None]], connection: Any) -> None:
        try:
            with self._as_away():
                await work(connection)
        except Away as error:
            self._buffer.fail(error)

    def _message(self, raw: str | bytes) -> Message:
        body, headers = (raw.encode(), _TEXT) if isinstance(raw, str) else (raw, _BINARY)
        self._heard += 1
        return Message(
            id=f"{self._run}-{self._heard}",
            body=body,
            topic=self.shown,
            lane=self._lane,
            headers=headers,
            raw=self._connection,
        )

    async def receive(self, most: int, seconds: float) -> Sequence[Message]:
        return await self._buffer.take(most, seconds)

    # -- telling
    async def ack(self, messages: Sequence[Message]) -> None:
        """Nothing: nobody waits for it."""

    async def answer(self, message: Message, body: str | bytes) -> bool:
        """Send something back over the connection that a message came by, text as a text message,
        bytes as a binary one; False where that connection is no more.

        A later one is another conversation: nothing is sent there.
        """
        from websockets.exceptions import ConnectionClosed

        if message.raw is None or message.raw is not self._connection:
            return False
        try:
            await message.raw.send(body)
        except (ConnectionClosed, OSError):
            return False
        return True

    async def bury(self, letter: Letter, place: str) -> None:
        """To a file: the server would not know what it is."""
        await ToFile(place).bury(self, letter)

    async def close(self) -> None:
        tasks, self._tasks = self._tasks, []
        connection, self._connection = self._connection, None
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if connection is not None:
            with contextlib.suppress(OSError):
                await connection.close()

    # -- saying
    def _said(self, why: str) -> str:
        return f"websocket at {self.shown}: {' '.join(why.split())}"

    @contextlib.contextmanager
    def _as_away(self) -> Iterator[None]:
        """What the library raises for a server that is not there, refuses or leaves is `Away`."""
        from websockets.exceptions import WebSocketException

        try:
            yield
        except (WebSocketException, OSError, EOFError) as error:
            raise Away(
                self._said(
                    why_of(
                        why(error), tls=self.url.startswith("wss:"), early=self._connection is None
                    )
                )
            ) from error


def why(error: Exception) -> str:
    """What ended a connection, or refused it, in words."""
    from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI

    if isinstance(error, InvalidStatus):
        answer = error.response
        told = (answer.body or b"")[:200].decode(errors="replace").strip()
        said = f"refused with {answer.status_code} {answer.reason_phrase}".strip()
        return f"{said}: {told}" if told else said
    if isinstance(error, ConnectionClosed):
        if error.rcvd is not None and error.rcvd_then_sent is not False:
            return f"the server has closed it: {error.rcvd}"
        if error.sent is not None:
            return f"closed for what the server sent: {error.sent}"
        return "the connection has ended without a close code"
    if isinstance(error, InvalidURI):  # its own words have the whole address
        return f"the address is not valid: {error.msg}"
    return str(error) or type(error).__name__


def shown(url: str, headers: Mapping[str, str]) -> str:
    """The address without user, password and query, in which there may be a token.

    Raises `WrongSource` for one that is no WebSocket's, and for headers that cannot be sent.

    >>> shown("wss://me:secret@api.example.com/v1?token=secret", {})
    'wss://api.example.com/v1'
    """
    parts = urlsplit(url)
    host = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if not _is_address(parts):
        raise WrongSource(
            f'websocket url={host + parts.path!r} is no address "wss://HOST:PORT/PATH", '
            "with user and password or neither, and without a fragment"
        )
    for name, value in headers.items():
        if not (name.isascii() and name.isprintable() and value.isascii() and value.isprintable()):
            raise WrongSource(f"websocket header {name!r} is no line of ASCII characters")
    return host + parts.path


def _basic(who: LooseAccess) -> dict[str, str]:
    """Source: RFC 7617, "The 'Basic' HTTP Authentication Scheme".

    >>> _basic(LooseAccess(user="Aladdin", password="open sesame"))
    {'Authorization': 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=='}
    """
    if ":" in who.user:
        raise WrongSource("websocket user= has a colon, which no such name may have")
    both = base64.b64encode(f"{who.user}:{who.password}".encode()).decode()
    return {"Authorization": f"Basic {both}"}


def _alone(url: str) -> str:
    """An address without who we are.

    >>> _alone("wss://ann:hidden@host:1/a?b=c")
    'wss://host:1/a?b=c'
    """
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _is_address(parts: SplitResult) -> bool:
    try:
        port = parts.port != 0
    except ValueError:
        return False
    both = (parts.username is None) == (parts.password is None)
    return bool(port and both and parts.hostname) and (
        parts.scheme in ("ws", "wss") and not parts.fragment
    )
