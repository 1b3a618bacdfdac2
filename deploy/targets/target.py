"""Where resources are read and made: an account, a dashboard, and the artifacts to upload."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...builders.artifacts.image_context import Image
from .aws import Aws
from .nuclio import Nuclio


@dataclass(frozen=True, slots=True)
class Target:
    """What every kind of resource is given.

    app:      the app that tags are to name
    archives: the zips at hand, by their SHA-256 in hex
    images:   the contexts of images at hand, by their digest
    many:     so many functions are read that one long list is less than a short one for each
    """

    aws: Aws
    nuclio: Nuclio | None = None
    app: str = ""
    archives: Mapping[str, Path] = field(default_factory=dict)
    images: Mapping[str, tuple[Path, Image]] = field(default_factory=dict)
    many: bool = False
    _known: dict[str, Any] = field(default_factory=dict)
    _locks: dict[str, threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def once(self, what: str, read: Callable[[], Any]) -> Any:
        """What `read` gives, asked for once in the life of this target."""
        with self._lock:
            lock = self._locks.setdefault(what, threading.Lock())
        with lock:
            if what not in self._known:
                self._known[what] = read()
            return self._known[what]
