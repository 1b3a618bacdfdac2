"""A directory: each file that is put there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from ..checks import placed
from .from_broker import DeliveryWords, FromBroker, named


class Directory(FromBroker):
    """See `directory`."""

    kind: ClassVar[str] = "directory"

    path: str = ""
    pattern: str = "*"
    keep: bool = True
    ordered: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        named("directory", path=self.path, pattern=self.pattern)

    @property
    def name(self) -> str:
        return self.path

    @property
    def source(self) -> tuple[str, Mapping[str, Any]]:
        settings = {"pattern": self.pattern, "keep": self.keep, "ordered": self.ordered}
        return "directory", {"path": self.path, **settings}


@placed
def directory(
    path: str,
    *,
    pattern: str = "*",
    keep: bool = True,
    ordered: bool = False,
    **words: Unpack[DeliveryWords],
) -> Directory:
    """Run the function for each file that is put into a folder; its input is what is in the file,
    and the file's name is the event's key.

    pattern: names that are meant, as "*.csv"
    keep:    what is done is kept in `.done`; else it is deleted
    ordered: by name, one after the other
    batch, window, attempts, dead_letter, workers, max_age, backoff: of the delivery, see the
             how-to on event sources; dead_letter is a folder

    Neither Lambda nor Nuclio reads a folder: `pelton bridge` does, and calls.

    >>> directory("inbox", pattern="*.csv").name
    'inbox'
    """
    return Directory(path=path, pattern=pattern, keep=keep, ordered=ordered, **words)
