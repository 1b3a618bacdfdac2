"""PostgreSQL's LISTEN and NOTIFY: what transactions notify a channel of, to all who listen then.

A notification is sent when its transaction commits, to each session that listens, and kept by
nobody: a worker that is away or is killed loses it, and each worker gets every one.  PostgreSQL
folds equal ones of one transaction into one, and takes texts of less than 8,000 bytes.
Source: PostgreSQL's documentation, "NOTIFY".
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import json
import uuid
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, ClassVar, Unpack
from urllib.parse import urlsplit

from ..errors import Away, WrongSource
from ..message import Letter, Message
from ..source import Promises, Source
from .access import LooseAccess, LooseWords
from .buffer import Buffer
from .refusal import why

_CONNECT = 5  # seconds for a server to answer
# A connection that is cut without a word is seen within a minute.
_ALIVE: dict[str, Any] = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 4}
_NO_FILE = "/dev/null/none"  # nor can there be one
_TABLE = """create table if not exists {} (
    id bigserial primary key, at timestamptz not null default now(),
    channel text not null, body text not null, headers jsonb not null)"""


class Postgres(Source):
    """
    url:     "postgresql://USER:PASSWORD@HOST:5432/DATABASE"; where `tls` does not say it, its
             sslmode= holds as libpq has it
    channel: its name, as it is written between quotes: letters of any case count
    buffer:  notifications that wait here at the most; then none is read from the connection
    user, password: where the address does not say them
    tls:     speak TLS or not at all, and look at the server's certificate (sslmode=verify-full);
             naming one of the files asks for it, too
    ca, cert, cert_key: files of the authorities that are believed, "" for the machine's, and of our
             own certificate and its key, where the server asks for one
    verify:  whether the server's certificate must be by one of them, and for its name; False goes
             before what the address says of that (sslmode=require)

    Dead letters go to a table, "NAME" or "SCHEMA.NAME", which is made where it is not there.
    """

    kind: ClassVar[str] = "postgres"
    promises: ClassVar[Promises] = Promises(
        redelivers=False,
        ordered_by="channel",
        across_workers=False,
        dead_letters="table",
        note="sent at commit to all who listen then: each worker gets every notification",
    )

    def __init__(
        self,
        url: str,
        *,
        channel: str,
        buffer: int = 1000,
        tls: bool = False,
        **access: Unpack[LooseWords],
    ) -> None:
        scheme, mark, _ = url.partition("://")
        if mark and scheme not in ("postgresql", "postgres"):  # libpq would say all of it
            raise WrongSource(
                'postgres: an address is written as "postgresql://HOST:5432/DATABASE"'
            )
        if not channel or len(channel.encode()) > 63 or "\0" in channel:
            raise WrongSource(f"postgres: channel={channel!r} is no name of at most 63 bytes")
        self.url, self.channel = url, channel
        self._who = LooseAccess(**access)
        self._tls = self._who.files
        # By the words beside the address, or by the address itself.
        in_url = "sslmode=" in url and "sslmode=disable" not in url
        self._asked = tls or bool(self._tls) or (in_url and not self._tls.verify)
        self.tls = self._asked or in_url
        self._buffer = Buffer(buffer)
        self._connection: Any = None
        self._pump: asyncio.Task[None] | None = None
        self._run, self._numbers = uuid.uuid4().hex[:8], count()

    async def open(self) -> None:
        from psycopg import sql

        self._buffer.reopen()
        self._connection = await self.connect()
        with self.as_away():
            # What comes together with the answer is given to who asks so, and only to them.
            self._connection.add_notify_handler(
                lambda told: self._buffer.extend([self._message(told.payload.encode())])
            )
            listen = sql.SQL("listen {}").format(sql.Identifier(self.channel))
            await self._connection.execute(listen)  # from now on it is heard
        self._pump = asyncio.get_running_loop().create_task(self._hear(self._connection))

    async def connect(self) -> Any:
        """One of the driver's, to the server."""
        from psycopg import AsyncConnection

        with self.as_away():
            return await AsyncConnection.connect(
                self.url, autocommit=True, connect_timeout=_CONNECT, **_ALIVE, **self._access()
            )

    def _access(self) -> dict[str, Any]:
        """What is said beside the address, as libpq names it; it goes before what that says."""
        said = {"user": self._who.user, "password": self._who.password}
        if self._asked:
            self._tls.look()
            # libpq knows the machine's own authorities by that name, and by no other.
            said |= {"sslmode": "verify-full", "sslrootcert": self._tls.ca or "system"}
            if not self._tls.verify:  # it looks nevertheless, where there is a file of authorities
                said |= {"sslmode": "require", "sslrootcert": _NO_FILE}
            said |= {"sslcert": self._tls.cert, "sslkey": self._tls.key}
        return {name: value for name, value in said.items() if value}

    async def _hear(self, connection: Any) -> None:
        try:
            with self.as_away():
                await self._read(connection.pgconn, connection.info.encoding)
        except Away as error:
            self._buffer.fail(error)

    async def _read(self, wire: Any, encoding: str) -> None:
        """By the driver's layer beneath its iterator, which says more of each than is asked here.

        Never more than there is room for; the rest waits in the socket.
        """
        buffer, plain = self._buffer, codecs.lookup(encoding).name == "utf-8"
        while True:
            await _readable(wire.socket)
            wire.consume_input()
            while found := self._parsed(wire, buffer.room, "" if plain else encoding):
                buffer.extend(found)
                await buffer.until_room()

    def _parsed(self, wire: Any, most: int, encoding: str) -> list[Message]:
        """encoding: that of the connection, where it is not UTF-8, in which bodies are"""
        found, told, made = list[Message](), wire.notifies, self._message
        while len(found) < most and (each := told()) is not None:
            body = each.extra
            found.append(made(body.decode(encoding).encode() if encoding else body))
        return found

    def _message(self, body: bytes) -> Message:
        name = self.channel
        return Message(f"{self._run}-{next(self._numbers)}", body, name, "", name)

    async def receive(self, most: int, seconds: float) -> Sequence[Message]:
        return await self._buffer.take(most, seconds)

    async def ack(self, messages: Sequence[Message]) -> None:
        """Nothing: nobody waits for it."""

    async def bury(self, letter: Letter, place: str) -> None:
        from psycopg import sql

        table = sql.Identifier(*place.split("."))
        values = (
            letter.message.topic,
            letter.message.body.decode(),
            json.dumps(letter.headers()),
        )
        # A connection of its own: the other one does nothing but listen.
        connection = await self.connect()
        try:
            with self.as_away(f"table {place!r}"):
                if not await self.is_there(connection, table):
                    await self._make(connection, sql.SQL(_TABLE).format(table))
                into = sql.SQL("insert into {} (channel, body, headers) values (%s, %s, %s)")
                await connection.execute(into.format(table), values)
        finally:
            await connection.close()

    async def is_there(self, connection: Any, table: Any) -> bool:
        """So that who may write into a table need not be who may make one."""
        found = await connection.execute("select to_regclass(%s)", (table.as_string(connection),))
        return (await found.fetchone())[0] is not None

    async def _make(self, connection: Any, statement: Any) -> None:
        from psycopg import errors

        with contextlib.suppress(errors.UniqueViolation, errors.DuplicateTable):
            await connection.execute(statement)  # another may make it at the same time

    async def close(self) -> None:
        pump, self._pump = self._pump, None
        connection, self._connection = self._connection, None
        if pump is not None:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
        if connection is not None:
            await connection.close()

    @property
    def _shown(self) -> str:
        """Where it is, without who we are."""
        parts = urlsplit(self.url)
        return f"{parts.hostname or 'localhost'}:{parts.port or 5432}{parts.path}"

    @contextlib.contextmanager
    def as_away(self, what: str = "") -> Iterator[None]:
        """What psycopg raises for a server that is not there, or refuses, is `Away`."""
        from psycopg import Error

        try:
            yield
        except (Error, OSError) as error:
            where = f"postgres at {self._shown}{', ' if what else ''}{what}"
            said = str(error) or type(error).__name__
            told = why(said, tls=self.tls, early=self._connection is None)
            raise Away(f"{where}: {told}") from error


async def _readable(socket: int) -> None:
    """Come back when there is something to read, be it the end."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(socket, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(socket)
