"""Files of a folder, as `pelton bridge` brings them: in one batch."""

from __future__ import annotations

import uuid
from pathlib import Path

from ...testing_events import directory
from .base import Asked, CannotMake, as_bytes, many
from .broker import broker_kind


def _publish(url: str, asked: Asked) -> str:
    """Each is written under a name with a dot in front, then renamed: nobody reads half of it."""
    folder, several = Path(asked.source), len(asked.bodies) > 1
    for number, body in enumerate(asked.bodies):
        name = asked.key or f"{uuid.uuid4().hex}.json"
        to = folder / (f"{number}-{name}" if several and asked.key else name)
        try:
            hidden = to.with_name(f".{to.name}")
            hidden.write_bytes(as_bytes(body))
            hidden.rename(to)
        except OSError as error:
            raise CannotMake(f"directory {asked.source!r}: {error}") from error
    return f"{many(len(asked.bodies), 'file')} to folder {asked.source}"


KIND = broker_kind(
    "directory",
    "files of a folder",
    lambda asked: directory(*asked.bodies, path=asked.source or "inbox", name=asked.key or "file"),
    _publish,
    takes=frozenset({"source", "key"}),
)
