"""Asynchronous events on the disk: what was accepted stays until someone has taken its end.

One row an event, committed before it is acknowledged.  It knows when an event is due and what is
still to be delivered, and nothing of functions or destinations.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

_TABLE = """CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, payload BLOB NOT NULL, state TEXT NOT NULL)"""
# The table of the first version, whose events are taken over.
_OLD = (
    "SELECT invoked_arn, request_id, payload, client_context, trace_id, attempts, due, expires "
    "FROM async_events"
)
DEFAULT_RETRIES, DEFAULT_AGE = 2, 21_600


@dataclass(frozen=True, slots=True)
class Settings:
    """What becomes of an event that fails: MaximumRetryAttempts, MaximumEventAgeInSeconds, and
    the ARNs of its destinations and its dead-letter queue, "" for none."""

    retries: int = DEFAULT_RETRIES
    age_s: int = DEFAULT_AGE
    on_success: str = ""
    on_failure: str = ""
    dead_letter: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """What the last attempt was answered with.

    status: 200 of a function that ran, 429 of a throttle, 404 of a function that is gone, 400
            or 408 of a snapshot that could not be restored
    """

    status: int
    version: str = ""
    error: str = ""
    payload: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A document that is still to be handed over; `dead_letter` tells which of the two it is."""

    arn: str
    body: str
    dead_letter: bool = False
    attributes: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """An accepted event as it stands.

    attempts:   how often its function ran (or was not found)
    refusals:   how often in a row it was throttled, or could not be run
    due:        when it is to be looked at again
    condition:  "" until it has come to its end, then why; `deliveries` are what is left to do
    undelivered: how often in a row its destination did not take the first of them
    """

    id: int
    payload: bytes
    invoked_arn: str
    request_id: str
    client_context: str
    trace_id: str
    accepted: float
    due: float
    settings: Settings = field(default_factory=Settings)
    attempts: int = 0
    refusals: int = 0
    response: Response | None = None
    condition: str = ""
    ended: float = 0.0
    deliveries: tuple[Delivery, ...] = ()
    undelivered: int = 0

    def expires(self) -> float:
        """When it is too old to be tried."""
        return self.accepted + self.settings.age_s


class EventStore:
    """The events of one data directory.  Raises sqlite3.DatabaseError for a file of another make.

    >>> import tempfile
    >>> store = EventStore(Path(tempfile.mkdtemp()) / "events.sqlite")
    >>> event = store.add(Event(0, b"{}", "arn", "r", "", "", accepted=1.0, due=1.0))
    >>> store.keep(replace(event, attempts=1))
    >>> store.read(event.id).attempts, store.remove(event.id), store.read(event.id)
    (1, None, None)
    """

    def __init__(self, path: Path) -> None:
        # One emulator a directory: nobody else has reason to hold it, and all of us would wait.
        self._database = sqlite3.connect(path, isolation_level=None, timeout=0.2)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute(_TABLE)
        self._take_over()

    def add(self, event: Event) -> Event:
        """Keep a new event; on return it is on the disk.  The event with its number."""
        self._database.execute("PRAGMA synchronous=FULL")
        added = self._insert(event)
        # What follows survives a kill of this process all the same; after a failure of the machine
        # an event may be run or told once more, which it may be anyway.
        self._database.execute("PRAGMA synchronous=NORMAL")
        return added

    def _insert(self, event: Event) -> Event:
        row = self._database.execute(
            "INSERT INTO events (payload, state) VALUES (?, ?)", (event.payload, _state(event))
        )
        return replace(event, id=int(row.lastrowid or 0))

    def keep(self, event: Event) -> None:
        """Keep what has changed of an event."""
        self._database.execute(
            "UPDATE events SET state = ? WHERE id = ?", (_state(event), event.id)
        )

    def remove(self, number: int) -> None:
        self._database.execute("DELETE FROM events WHERE id = ?", (number,))

    def read(self, number: int) -> Event | None:
        row = self._database.execute(
            "SELECT payload, state FROM events WHERE id = ?", (number,)
        ).fetchone()
        return None if row is None else _event(number, bytes(row[0]), json.loads(row[1]))

    def numbers(self) -> list[int]:
        """Every event's number, in the order of their acceptance."""
        return [row[0] for row in self._database.execute("SELECT id FROM events ORDER BY id")]

    def clear(self) -> None:
        self._database.execute("DELETE FROM events")

    def close(self) -> None:
        self._database.close()

    def _take_over(self) -> None:
        found = "SELECT 1 FROM sqlite_master WHERE name = 'async_events'"
        if self._database.execute(found).fetchone() is None:
            return
        self._database.execute("BEGIN IMMEDIATE")
        for arn, request, payload, client, trace, attempts, due, expires in self._database.execute(
            _OLD
        ).fetchall():
            accepted = expires - DEFAULT_AGE
            self._insert(
                Event(0, payload, arn, request, client, trace, accepted, due, attempts=attempts)
            )
        self._database.execute("DROP TABLE async_events")
        self._database.execute("COMMIT")


def _state(event: Event) -> str:
    members = asdict(event)
    del members["id"], members["payload"]
    return json.dumps(members)


def _event(number: int, payload: bytes, state: dict[str, Any]) -> Event:
    response = state.pop("response")
    deliveries = [
        Delivery(**{**each, "attributes": {k: tuple(v) for k, v in each["attributes"].items()}})
        for each in state.pop("deliveries")
    ]
    return Event(
        number,
        payload,
        settings=Settings(**state.pop("settings")),
        response=None if response is None else Response(**response),
        deliveries=tuple(deliveries),
        **state,
    )
