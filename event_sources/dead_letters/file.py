"""Dead letters to a file, one JSON object a line, on disk before the message is acknowledged."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..message import Letter
from ..source import Source


class ToFile:
    """To the end of `path`; it is made when it is not there.

    Several processes may write to one file; a full disk leaves no half of a line in it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    async def bury(self, source: Source, letter: Letter) -> None:
        line = json.dumps(as_dict(letter), ensure_ascii=False) + "\n"
        # Half of a surrogate pair (a file's name may have one) is escaped, as JSON escapes it.
        await asyncio.to_thread(self._append, line.encode("utf-8", "backslashreplace"))

    def _append(self, line: bytes) -> None:
        with self._locked() as descriptor:
            end = os.fstat(descriptor).st_size
            if os.write(descriptor, line) < len(line):
                os.ftruncate(descriptor, end)
                raise OSError(f"{self.path}: the disk is full")
            os.fsync(descriptor)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        """The file of that path, which may be another one when it is ours to write to: a redrive
        puts one there without the letters that were sent again."""
        while True:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if self._is(descriptor):
                    yield descriptor
                    return
            finally:
                os.close(descriptor)

    def _is(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(descriptor))
        except FileNotFoundError:
            return False


def as_dict(letter: Letter) -> dict[str, Any]:
    """A letter as plain data; a body that is no text as base64 under `body_base64`.

    >>> from pelton.event_sources import Message
    >>> as_dict(Letter(Message("7", b"{", "orders"), "no JSON", 3, 0.0, "nats"))["body"]
    '{'
    """
    message = letter.message
    try:
        body = {"body": message.body.decode()}
    except UnicodeDecodeError:
        body = {"body_base64": base64.b64encode(message.body).decode()}
    return {
        "reason": letter.reason,
        "attempts": letter.attempts,
        "at": letter.at,
        "source": letter.source,
        "id": message.id,
        "topic": message.topic,
        "key": message.key,
        "partition": message.partition,
        "position": message.position,
        "timestamp": message.timestamp,
        "headers": dict(message.headers),
        **body,
    }
