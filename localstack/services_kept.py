"""What the embedded services keep at a clean stop, and whether it was kept.

ministack writes one file a service, goes on where one cannot be written, and says so in its log
alone; a stop that has lost a queue must not look like one that has not.  It knows the words of that
log, and no service.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOST = re.compile(r"Persistence: (?:failed to save|error getting state for) ([^:]+): (.*)", re.S)


class NotKept(Exception):
    """What services held at the end is not on the disk, in a sentence."""


@contextmanager
def all_kept(folder: Path) -> Iterator[None]:
    """Raises NotKept at the end, when a service could not be written into the folder meanwhile."""
    lost: dict[str, str] = {}

    def hear(record: logging.LogRecord) -> bool:
        found = _LOST.fullmatch(record.getMessage())
        if found:
            lost[found[1]] = found[2]
        return not found

    logger = logging.getLogger("persistence")
    logger.addFilter(hear)
    try:
        yield
    finally:
        logger.removeFilter(hear)
    if lost:
        raise NotKept(_said(folder, lost))


def _said(folder: Path, lost: dict[str, str]) -> str:
    """
    >>> print(_said(Path("data"), {"s3": "disk full", "sqs": "disk full"}))
    what s3, sqs held at the end was not kept in data: disk full; it has what was kept there before
    """
    why = ", ".join(dict.fromkeys(lost.values()))
    return (
        f"what {', '.join(lost)} held at the end was not kept in {folder}: {why}; it has what "
        "was kept there before"
    )
