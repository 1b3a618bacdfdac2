"""States in a worker's own memory: as they are, of so many keys at the most."""

from __future__ import annotations

from _thread import allocate_lock
from collections import OrderedDict
from typing import Any

from ...handlers.errors import Overloaded


class MemoryStates:
    """See `base.States`; the states are objects here, as nothing has to carry them.

    keys: how many are kept
    full: what a key above that means: "refuse" (`Overloaded`) or "forget" (the state that was not
          asked for the longest goes)

    >>> states = MemoryStates(keys=1, full="forget")
    >>> states.put("a", [1], 0), states.put("a", [2], 0), states.put("b", [3], 0)
    (True, False, True)
    >>> states.get("a"), states.get("b")
    (None, ([3], 2))
    """

    def __init__(self, keys: int, full: str) -> None:
        self._keys, self._full = keys, full
        self._states: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._last, self._lock = 0, allocate_lock()

    def __len__(self) -> int:
        return len(self._states)

    def get(self, key: str) -> tuple[Any, int] | None:
        with self._lock:
            found = self._states.get(key)
            if found is not None:
                self._states.move_to_end(key)
            return found

    def put(self, key: str, state: Any, version: int) -> bool:
        with self._lock:
            if self._states.get(key, (None, 0))[1] != version:
                return False
            if not version and len(self._states) >= self._keys:
                self._make_room()
            self._last += 1  # one count for all, so that a key forgotten and back has a new one
            self._states[key] = state, self._last
            self._states.move_to_end(key)
            return True

    def _make_room(self) -> None:
        if self._full == "refuse":
            raise Overloaded(f"there are states of {self._keys} keys, as many as are kept")
        self._states.popitem(last=False)


def at(place: str, *, keys: int, full: str) -> MemoryStates:
    return MemoryStates(keys, full)
