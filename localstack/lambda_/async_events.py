"""InvocationType=Event: accepted means kept, on disk, until it is done or given up.

An event gets up to three attempts under one request id; the second comes one delay after the
first, the third two delays after the second (a minute and two on AWS).  An event that is throttled
waits without losing an attempt, up to its age.  What was accepted before a kill goes on after it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

from ..clock import Clock
from .records import Call, Execution, Throttled

TABLE = """CREATE TABLE IF NOT EXISTS async_events (
    id TEXT PRIMARY KEY, invoked_arn TEXT NOT NULL, request_id TEXT NOT NULL, payload BLOB NOT NULL,
    client_context TEXT NOT NULL, trace_id TEXT NOT NULL, attempts INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL, due REAL NOT NULL, expires REAL NOT NULL)"""
THROTTLED_PAUSE = 1.0
COLUMNS = (
    "id, invoked_arn, request_id, payload, client_context, trace_id, attempts, max_attempts, "
    "due, expires"
)

# (invoked ARN, payload, request id, client context, trace id) -> the call as things are now, or
# None when the function is gone.
Resolve = Callable[[str, bytes, str, str, str], Awaitable[Call | None]]
Report = Callable[[str], None]


class AsyncEvents:
    """The queue behind asynchronous invocation (`records.AsyncQueue`).

    resolve: finds the function again for each attempt, so that a new version takes over
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        execution: Execution,
        resolve: Resolve,
        retry_delay: float = 60.0,
        report: Report = lambda line: None,
    ) -> None:
        self._clock, self._execution, self._resolve = clock, execution, resolve
        self._retry_delay, self._report = retry_delay, report
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute(TABLE)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Go on with what was accepted before this process began."""
        for (event_id,) in self._database.execute("SELECT id FROM async_events").fetchall():
            self._begin(event_id)

    async def accept(self, call: Call, *, max_attempts: int, max_age_s: float) -> None:
        event_id, now = uuid.uuid4().hex, self._clock.time()
        self._database.execute(
            f"INSERT INTO async_events ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?)",
            (
                event_id,
                call.invoked_arn,
                call.request_id,
                call.payload,
                call.client_context,
                call.trace_id,
                0,
                max_attempts,
                now,
                now + max_age_s,
            ),
        )
        self._begin(event_id)

    def pending(self) -> int:
        """How many events are accepted and not done."""
        (count,) = self._database.execute("SELECT count(*) FROM async_events").fetchone()
        return int(count)

    def _begin(self, event_id: str) -> None:
        task = asyncio.get_running_loop().create_task(self._work(event_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, event_id: str) -> None:
        while (row := self._row(event_id)) is not None:
            arn, request_id, payload, client, trace, attempts, most, due, expires = row
            await self._clock.sleep(due - self._clock.time())
            if self._clock.time() > expires and (attempts or due < expires):
                return self._give_up(event_id, request_id, "its maximum age is reached")
            call = await self._resolve(arn, payload, request_id, client, trace)
            if call is None:
                return self._give_up(event_id, request_id, f"{arn} does not exist any more")
            try:
                outcome = await self._execution.invoke(call)
            except Throttled:
                self._later(event_id, attempts, THROTTLED_PAUSE)
                continue
            if not outcome.error:
                return self._done(event_id)
            if attempts + 1 >= most:
                return self._give_up(event_id, request_id, f"{most} attempts failed")
            self._later(event_id, attempts + 1, self._retry_delay * (attempts + 1))

    def _row(
        self, event_id: str
    ) -> tuple[str, str, bytes, str, str, int, int, float, float] | None:
        row: tuple[str, str, bytes, str, str, int, int, float, float] | None
        row = self._database.execute(
            "SELECT invoked_arn, request_id, payload, client_context, trace_id, attempts, "
            "max_attempts, due, expires FROM async_events WHERE id = ?",
            (event_id,),
        ).fetchone()
        return row

    def _later(self, event_id: str, attempts: int, delay: float) -> None:
        self._database.execute(
            "UPDATE async_events SET attempts = ?, due = ? WHERE id = ?",
            (attempts, self._clock.time() + delay, event_id),
        )

    def _done(self, event_id: str) -> None:
        self._database.execute("DELETE FROM async_events WHERE id = ?", (event_id,))

    def _give_up(self, event_id: str, request_id: str, why: str) -> None:
        self._done(event_id)
        self._report(f"asynchronous event {request_id} was dropped: {why}")

    async def reset(self) -> None:
        """Forget every event."""
        await self._stop()
        self._database.execute("DELETE FROM async_events")

    async def _stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Stop working; what is not done stays on disk."""
        await self._stop()
        self._database.close()
