"""PostgreSQL's notifications beside psycopg's own iterator."""

from __future__ import annotations

import time

from pelton.event_sources import Source
from pelton.event_sources.sources.postgres import Postgres

from .shape import BODY, MESSAGES, Pushed, all_of


class OfPostgres(Pushed):
    what = "PostgreSQL"

    def source(self, name: str) -> Source:
        return Postgres(self.address, channel=name, buffer=MESSAGES)

    async def put(self, name: str) -> None:
        """In one transaction; equal ones would be one."""
        from psycopg import AsyncConnection

        said = "select pg_notify(%s, %s || n) from generate_series(1, %s) n"
        async with await AsyncConnection.connect(self.address) as client:
            await client.execute(said, (name, BODY.decode(), MESSAGES))

    async def floor(self, name: str) -> float:
        """It has as many at once as the socket gives, and makes of each no more than a tuple."""
        from psycopg import AsyncConnection, sql

        async with await AsyncConnection.connect(self.address, autocommit=True) as client:
            await client.execute(sql.SQL("listen {}").format(sql.Identifier(name)))
            start = time.perf_counter()
            await self.put(name)
            await all_of(client.notifies())
            return MESSAGES / (time.perf_counter() - start)
