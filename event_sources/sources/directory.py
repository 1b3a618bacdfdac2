"""A directory: each file that is put there is a message, claimed by a rename.

    inbox/orders.csv                        waits
    inbox/.claimed/WORKER/2~orders.csv      in hand, the second time
    inbox/.done/orders.csv                  done (or deleted)
    inbox/.failed/orders.csv                given up, with orders.csv.reason.json beside it

A rename within a file system is whole or not at all, so of several workers one has it.  A worker
touches its folder while it lives; what one that is silent for longer than the lease has claimed is
claimed from it.  Put files there whole: write them under a name with a dot in front, then rename.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
import uuid
from collections.abc import Iterable, Sequence
from fnmatch import translate
from itertools import chain, count
from pathlib import Path
from typing import ClassVar

from ..dead_letters.file import as_dict
from ..errors import Away
from ..message import Letter, Message
from ..source import Promises, Source

CLAIMED, DONE, REASON = ".claimed", ".done", ".reason.json"
SOON, SELDOM = 0.05, 1.0  # seconds between two looks


class Directory(Source):
    """
    path:    the folder
    pattern: names that are meant, as "*.csv"
    keep:    what is done is kept in `.done`; else it is deleted
    settle:  seconds for which a file must not have changed: for writers that do not rename
    ordered: by name, one after the other
    lease:   seconds of silence after which a worker is taken for dead
    """

    kind: ClassVar[str] = "directory"
    lease: float
    promises: ClassVar[Promises] = Promises(
        redelivers=True,
        counts=True,
        ordered_by="folder (by name), if asked",
        across_workers=False,
        extends=True,
        requeues=True,
        dead_letters="folder",
        note="one file system, whose renames are whole",
    )

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        pattern: str = "*",
        keep: bool = True,
        settle: float = 0.0,
        ordered: bool = False,
        lease: float = 30.0,
    ) -> None:
        self.path, self.pattern, self.keep = Path(path), pattern, keep
        self.settle, self.ordered, self.lease = settle, ordered, lease
        self._fits = re.compile(translate(pattern)).match
        self.worker = uuid.uuid4().hex[:12]
        self._mine = self.path / CLAIMED / self.worker
        self._look_again = 0.0
        self._buried: set[str] = set()  # ids that stand in another folder, and not yet acknowledged
        # When each of the others was last seen to say that it lives: by our own clock, because the
        # machine's may be set meanwhile.
        self._seen: dict[Path, tuple[float, float]] = {}

    async def open(self) -> None:
        if not self.path.is_dir():
            raise Away(f"there is no folder {self.path}")
        for each in (self._mine, *([self.path / DONE] if self.keep else [])):
            each.mkdir(parents=True, exist_ok=True)

    # -- receiving
    async def receive(self, most: int, seconds: float) -> Sequence[Message]:
        end, pause = time.monotonic() + seconds, SOON
        while True:
            found = self._claim(most)
            left = end - time.monotonic()
            if found or left <= 0:
                return found
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 2, SELDOM)

    def _claim(self, most: int) -> list[Message]:
        if not self.path.is_dir():
            raise Away(f"there is no folder {self.path}")
        found: list[Message] = []
        for file, attempt in chain(self._of_the_dead(), self._waiting()):
            if (message := self._take(file, attempt)) is not None:
                found.append(message)
                if len(found) == most:
                    break
        return found

    def _waiting(self) -> Iterable[tuple[str, int]]:
        """Files that wait, by name.  Paths are texts here: there may be very many of them."""
        fits, folder = self._fits, str(self.path)
        with os.scandir(folder) as entries:
            names = sorted(each.name for each in entries if each.is_file())
        for name in names:
            if name[0] != "." and fits(name) and self._has_settled(file := f"{folder}/{name}"):
                yield file, 1

    def _has_settled(self, file: str) -> bool:
        if not self.settle:
            return True
        try:
            return time.time() - os.stat(file).st_mtime >= self.settle
        except FileNotFoundError:  # another worker has it
            return False

    def _of_the_dead(self) -> Iterable[tuple[str, int]]:
        """What workers have claimed that are silent for longer than the lease."""
        now = time.monotonic()
        if now < self._look_again:
            return
        self._look_again = now + self.lease / 2
        self._live()
        for folder in sorted((self.path / CLAIMED).iterdir()):
            if folder == self._mine or not self._is_silent(folder, now):
                continue
            for file in sorted(folder.iterdir()):
                yield str(file), int(file.name.partition("~")[0]) + 1
            _remove_if_empty(folder)

    def _is_silent(self, folder: Path, now: float) -> bool:
        """Whether its worker has said nothing for a lease; both by the time that stands there and,
        where that is of a clock that was ahead, by what has passed since we saw it first."""
        touched = _touched(folder)
        said, seen = self._seen.get(folder, (0.0, 0.0))
        if said != touched:
            self._seen[folder] = touched, (seen := now)
        return time.time() - touched >= self.lease or now - seen >= self.lease

    def _take(self, file: str, attempt: int) -> Message | None:
        name = os.path.basename(file)
        if attempt > 1:  # from among what is claimed
            name = name.partition("~")[2]
        claim = f"{self._mine}/{attempt}~{name}"
        if os.path.exists(claim):  # another of the same name came while that is in hand: after it
            return None
        try:
            os.rename(file, claim)
            with open(claim, "rb", 0) as claimed:
                told, body = os.fstat(claimed.fileno()), claimed.read()
        except FileNotFoundError:  # another worker was first
            return None
        return Message(
            # A name may come again with other content: the file itself is meant.
            id=f"{name}:{told.st_ino}:{told.st_mtime_ns}",
            body=body,
            topic=str(self.path),
            key=name,
            lane=str(self.path) if self.ordered else name,
            position=name,
            timestamp=told.st_mtime,
            attempt=attempt,
            raw=Path(claim),
        )

    # -- telling
    async def ack(self, messages: Sequence[Message]) -> None:
        for each in messages:
            claim: Path = each.raw
            if self.keep and each.id not in self._buried:
                _move(claim, self.path / DONE / each.key)
            else:
                claim.unlink(missing_ok=True)
            self._buried.discard(each.id)

    async def requeue(self, messages: Sequence[Message]) -> None:
        for each in messages:
            if not (self.path / each.key).exists():
                _move(each.raw, self.path / each.key)

    async def extend(self, messages: Sequence[Message]) -> None:
        self._live()

    def _live(self) -> None:
        """Say that this worker lives."""
        try:
            os.utime(self._mine)
        except FileNotFoundError:
            raise Away(f"{self._mine} is gone") from None

    async def bury(self, letter: Letter, place: str) -> None:
        folder = self.path / place
        folder.mkdir(parents=True, exist_ok=True)
        reason = as_dict(letter)
        for name in ("body", "body_base64"):  # the file itself stands beside it
            reason.pop(name, None)
        to = _free(folder, letter.message)
        to.write_bytes(letter.message.body)
        to.with_name(to.name + REASON).write_text(json.dumps(reason, indent=2) + "\n")
        self._buried.add(letter.message.id)

    async def close(self) -> None:
        _remove_if_empty(self._mine)


def _free(folder: Path, message: Message) -> Path:
    """Where a dead letter goes: not over another one, whose file had the same name."""
    for number in count(1):
        to = folder / (message.key if number == 1 else f"{message.key}~{number}")
        if _id_in(to.with_name(to.name + REASON)) in ("", message.id):
            return to
    raise AssertionError("numbers do not end")


def _id_in(reason: Path) -> str:
    """Whose dead letter that is; "" of none, or of one that was not written to its end."""
    try:
        return str(json.loads(reason.read_text())["id"])
    except (FileNotFoundError, ValueError):
        return ""


def _touched(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return time.time()


def _move(file: Path, to: Path) -> None:
    try:
        file.replace(to)
    except FileNotFoundError:
        return  # claimed from us, or moved before


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # there is something in it, or it is gone
