"""What every place for a state does: read, write if nobody else did, and hold a lock."""

from __future__ import annotations

import getpass
import json
import os
import socket
import time
from contextlib import AbstractContextManager
from typing import Any, Protocol

from ..errors import Locked
from .document import State


class Store(Protocol):
    """One state of one app in one place.  `where` it is, for people."""

    where: str

    def read(self) -> State | None:
        """What the last deploy left; None where there was none.  Raises `StateError`."""

    def write(self, state: State) -> State:
        """Keep it, with the next serial; raises `StateError` where somebody else has written."""

    def lock(self, what: str) -> AbstractContextManager[None]:
        """Hold the lock; raises `Locked`, which names who has it."""

    def held(self) -> str:
        """Who has the lock now, in words; "" for nobody."""

    def unlock(self) -> str:
        """Break the lock; who had it, or "" for nobody."""


def holder(what: str) -> dict[str, Any]:
    """Who is about to take a lock."""
    return {
        "who": f"{_user()}@{socket.gethostname()}",
        "process": os.getpid(),
        "what": what,
        "since": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
    }


def told(text: str) -> str:
    """Whose lock this is, in words.

    >>> told('{"who": "ada@lovelace", "process": 7, "what": "deploy", "since": "noon"}')
    'ada@lovelace (process 7, deploy), since noon'
    """
    try:
        it = json.loads(text)
        return f"{it['who']} (process {it['process']}, {it['what']}), since {it['since']}"
    except (ValueError, KeyError, TypeError):
        return "somebody who did not say who"


def locked(where: str, text: str) -> Locked:
    return Locked(
        f"the state {where} is locked by {told(text)}; wait for it to end, or, where it has died, "
        "break the lock with `pelton state unlock FILE`"
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
