"""Files that are there whole or not at all: written beside their place, then moved to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import BuildError


def write_whole(path: Path, data: bytes) -> None:
    """Write a file, and its folder where that is not there; a failure leaves nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def said(what: str, out: Path) -> Iterator[None]:
    """Turn what the disk refuses into a sentence.

    >>> with said("function double", Path("/build")):
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
    pelton.builders.errors.BuildError: function double cannot be written into /build: No space \
left on device; make room there, or build into another folder (--out of `pelton build`)
    """
    try:
        yield
    except OSError as error:
        raise BuildError(
            f"{what} cannot be written into {out}: {error.strerror or error}; make room there, or "
            "build into another folder (--out of `pelton build`)"
        ) from error
