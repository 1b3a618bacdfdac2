"""What is loaded once per worker: who names the same file and settings shares one loaded model.

A lease is a share in it: the first one loads the model and the last one closes it.  Knows no kind
of model.
"""

from __future__ import annotations

from _thread import RLock
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from .repository import ModelMetadata


class _Entry:
    def __init__(self) -> None:
        self.lock, self.holders, self.model = RLock(), 0, None


class Shared:
    """The loaded models of a worker, by key; `SHARED` is the process's own.

    >>> shared = Shared()
    >>> first, second = shared.take("key", list), shared.take("key", list)
    >>> first is second, len(shared)
    (True, 1)
    >>> shared.give_back("key"), shared.give_back("key"), len(shared)
    (False, True, 0)
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._entries: dict[Hashable, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: Hashable) -> Any:
        """What is loaded under `key`, without a share in it; None where nothing is."""
        entry = self._entries.get(key)
        return None if entry is None else entry.model

    def take(self, key: Hashable, load: Callable[[], Any]) -> Any:
        """The model under `key`, by `load` when nobody has it; whoever comes meanwhile waits.

        Raises what `load` raises; the next one to come tries again.
        """
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            entry.holders += 1
        try:
            with entry.lock:
                if entry.model is None:
                    entry.model = load()
                return entry.model
        except BaseException:
            self._leave(key)
            raise

    def give_back(self, key: Hashable) -> bool:
        """Whether nobody holds the model under `key` any more: then it has to be closed."""
        return self._leave(key)

    def _leave(self, key: Hashable) -> bool:
        with self._lock:
            entry = self._entries[key]
            entry.holders -= 1
            if not entry.holders:
                del self._entries[key]
            return not entry.holders


SHARED = Shared()


class Lease:
    """A share in a model: loaded when it is the first, closed when it is the last.

    make:    makes the model, which is not loaded yet
    key:     says what tells this model from others, when it is loaded
    warm_up: a sample that the model answers once, before anybody else's value; None for none
    """

    def __init__(
        self,
        make: Callable[[], Any],
        key: Callable[[], Hashable],
        warm_up: Any = None,
        *,
        shared: Shared = SHARED,
    ) -> None:
        self._make, self._key, self._warm_up, self._shared = make, key, warm_up, shared
        self._taken: Hashable = None
        self.model: Any = None

    def load(self, context: Any = None) -> None:
        key = self._key()
        self.model = self._shared.take(key, lambda: self._loaded(context))
        self._taken = key

    def _loaded(self, context: Any) -> Any:
        model = self._make()
        try:
            model.load(context)
            if self._warm_up is not None:
                self._warm(model)
        except Exception:
            model.close()
            raise
        return model

    def _warm(self, model: Any) -> None:
        try:
            model.warm(self._warm_up)
        except Exception as error:  # a sample that does not fit is no fault of an event's sender
            raise ValueError(f"the warm-up failed: {type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Give the share back; nothing happens when there is none."""
        model, self.model = self.model, None
        if model is not None and self._shared.give_back(self._taken):
            model.close()

    @property
    def metadata(self) -> ModelMetadata:
        found: ModelMetadata = self.model.metadata
        return found

    def infer(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.model.infer(inputs)
        return found
