"""Dead letters in a table of PostgreSQL: rows, of what was notified to a channel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, ClassVar, Unpack

from ...sources.access import LooseWords
from ...sources.postgres import Postgres
from ..kept import Kept, of_headers
from ..place import NotSent, Place, missing, origin

_PAGE = 100
_LONGEST = 7_999  # bytes of a notification (PostgreSQL's documentation, "NOTIFY")


class PostgresPlace(Place):
    """
    place: the table, "NAME" or "SCHEMA.NAME"
    url:   "postgresql://USER:PASSWORD@HOST:5432/DATABASE"
    tls, user, password, ca, cert, cert_key, verify: as of the source
    """

    kind: ClassVar[str] = "postgres"
    words: ClassVar[frozenset[str]] = frozenset({"url", "tls", *LooseWords.__annotations__})

    def __init__(
        self, place: str, *, url: str, tls: bool = False, **access: Unpack[LooseWords]
    ) -> None:
        super().__init__()
        self.place = place
        self._source = Postgres(url, channel="none", tls=tls, **access)
        self._connection: Any = None

    async def open(self) -> None:
        from psycopg import sql

        self._connection = await self._source.connect()
        if not self.place:
            return
        self._table = sql.Identifier(*self.place.split("."))
        if not await self._source.is_there(self._connection, self._table):
            raise missing("table", self.place)

    async def _do(self, statement: str, *values: Any) -> Any:
        from psycopg import sql

        table = {"table": self._table} if self.place else {}
        with self._source.as_away(f"table {self.place!r}" if self.place else ""):
            return await self._connection.execute(sql.SQL(statement).format(**table), values)

    async def letters(self) -> AsyncIterator[Kept]:
        (newest,) = await (await self._do("select coalesce(max(id), 0) from {table}")).fetchone()
        behind = 0
        while behind < newest:
            found = await self._do(
                "select id, channel, body, headers, extract(epoch from at)::float8 from {table} "
                "where id > %s and id <= %s order by id limit %s",
                *(behind, newest, _PAGE),
            )
            rows = await found.fetchall()
            for id, channel, body, headers, at in rows:
                told = {str(name): str(value) for name, value in headers.items()}
                letter = of_headers(str(id), body.encode(), told)
                yield replace(letter, topic=letter.topic or channel, at=letter.at or at)
            behind = rows[-1][0] if rows else newest

    async def send(self, letter: Kept, to: str = "") -> None:
        """To all who listen then; PostgreSQL does not say whether anybody does."""
        where = origin(letter, to)
        if len(letter.body) > _LONGEST:
            raise NotSent(f"a notification has at most {_LONGEST} bytes, and it {len(letter.body)}")
        try:
            body = letter.body.decode()
        except UnicodeDecodeError:
            raise NotSent("a notification is a text, and it is none") from None
        await self._do("select pg_notify(%s, %s)", where, body)

    async def remove(self, letter: Kept) -> None:
        await self._do("delete from {table} where id = %s", int(letter.id))

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
