"""Everything that one sandbox tells, in order: to its log stream, to the tail of its invocation, to
the subscribers among its extensions.

The format and the levels of the function's logging configuration are applied here: they decide
what is sent to CloudWatch Logs; subscribers get everything.  What was told waits in the journal
until the sink asks for it, so that telling costs an invocation next to nothing.

Source: AWS's "Log-level filtering" and "Configuring JSON and plain text log formats" pages.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections import deque
from collections.abc import Iterable
from typing import Protocol

from ...clock import Clock
from ..records import Call, Revision
from . import events, texts
from .events import Event, Record
from .lines import Lines

# Application levels, in the order of the levels of frames (2 is DEBUG, 6 is FATAL).
APPLICATION_LEVELS = {
    "TRACE": 1, "DEBUG": 2, "INFO": 3, "WARN": 4, "WARNING": 4, "ERROR": 5, "FATAL": 6,
    "CRITICAL": 6,
}  # fmt: skip
PLAIN = 3  # the level of what names none: INFO
# Bytes: of the tail that a caller may ask for, of what may wait for the sink, and of what makes
# the sink come at once.
TAIL, KEEP, URGENT = 4096, 16 << 20, 1 << 20
MOST_EARLY = 1000  # lines of an init that are kept for subscribers

Message = tuple[int, bytes]  # milliseconds since the epoch, text


def stream_name(now: float, revision: Revision, token: str) -> str:
    """`2026/01/01/[$LATEST]<32 hex>`, one per sandbox; in a log group that is not the function's
    own, the function's name stands before the version ("Log group" of the same pages)."""
    day = dt.datetime.fromtimestamp(now, dt.UTC)
    own = revision.log_group == f"/aws/lambda/{revision.name}"
    return f"{day:%Y/%m/%d}/{'' if own else revision.name}[{revision.version}]{token}"


class Sink(Protocol):
    """Where messages go in the end."""

    era: int

    def note(self, journal: Journal, urgent: bool = False) -> None:
        """`journal` has something to be taken; urgent: it is much."""


class Subscriber(Protocol):
    """Who else is told: a subscription to the Telemetry or the Logs API."""

    def line(self, source: str, at: int, message: bytes) -> None:
        """A message of the "function" or of an "extension"."""

    def event(self, kind: str, record: Record, at: int) -> None:
        """A platform event."""


class Journal:
    """One sandbox's; `group` and `stream` are where its messages go, `era` is the sink's when it
    was made."""

    def __init__(self, sink: Sink, clock: Clock, revision: Revision) -> None:
        self.group, self.era = revision.log_group, sink.era
        self.stream = stream_name(clock.time(), revision, secrets.token_hex(16))
        self.subscribers: list[Subscriber] = []
        self.lines = Lines(self._function_line)
        self._sink, self._clock = sink, clock
        self._json = revision.log_format == "JSON"
        self._lowest = APPLICATION_LEVELS.get(revision.application_level, PLAIN)
        self._lowest_system = texts.SYSTEM_LEVELS.get(revision.system_level, texts.INFO)
        self._begun: tuple[int, Call] | None = None
        self._init: tuple[int, Event] | None = None
        # What the function printed before its first event, for who subscribes in that time.
        self._early: list[Message] | None = []
        self._waiting: list[Message] = []
        self._size, self._left_out, self._last = 0, 0, 0
        self._tail: deque[bytes] = deque()
        self._tail_size = 0

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return int(self._clock.time() * 1000)

    def subscribe(self, subscriber: Subscriber) -> None:
        """Tell `subscriber` from now on, and what of the init was told before it asked: the init's
        start, and what the runtime, which starts as soon as all have registered, has printed."""
        if self._init is not None:
            at, (kind, record) = self._init
            subscriber.event(kind, record, at)
        for at, message in self._early or ():
            subscriber.line("function", at, message)
        self.subscribers.append(subscriber)

    # -- what is told
    def read(self, data: bytes) -> None:
        """What the function's process has written."""
        self.lines.add(data, self.now())

    def extension_line(self, at: int, message: bytes, level: int = 0) -> None:
        """What an extension's process has written."""
        self._open()
        for subscriber in self.subscribers:
            subscriber.line("extension", at, message)
        self._line(at, message)

    def _function_line(self, at: int, message: bytes, level: int) -> None:
        self._open()
        if self._early is not None and len(self._early) < MOST_EARLY:
            self._early.append((at, message))
        for subscriber in self.subscribers:
            subscriber.line("function", at, message)
        if not self._json or (level or _printed_level(message)) >= self._lowest:
            self._line(at, message)

    def tell(self, event: Event, at: int = 0) -> None:
        """A platform event that is now, or at a time (milliseconds)."""
        self._open()
        self._tell(event, at or self.now())

    def fault(self, text: str) -> None:
        """Why an invocation was ended by the platform; the same text in both formats."""
        self._open()
        at = self.now()
        for subscriber in self.subscribers:
            subscriber.event("platform.fault", {"fault": text}, at)
        self._write(at, text.encode())

    def say(self, text: bytes) -> None:
        """A line of the emulator's own; of no invocation, and no subscriber's."""
        self._write(self.now(), text, in_tail=False)

    # -- an invocation
    def begin(self, call: Call) -> None:
        """An invocation is dispatched now; its start is told when something else is."""
        self._begun, self._early = (self.now(), call), None
        if self.subscribers:
            self._open()

    def begin_at_once(self, call: Call) -> None:
        """The same where invocations overlap: its start is told before another begins."""
        self.begin(call)
        self._open()

    def preview(self, *last: Event) -> bytes:
        """The tail as it would be if these events were the last ones; nothing is told."""
        at = self.now()
        self.lines.flush(at)
        self._open()
        told = (self._render(event, at) for event in last)
        return b"".join([*self._tail, *told])[-TAIL:]

    def close(self, *last: Event) -> bytes:
        """The last events of an invocation; its whole tail, as the caller may ask for it."""
        at = self.now()
        self.lines.flush(at)
        self._open()
        for event in last:
            self._tell(event, at)
        self._sink.note(self)
        return self.take_tail()

    @property
    def plain(self) -> bool:
        """Whether what is told is lines of text for the log stream, and nothing else."""
        return not self._json and not self.subscribers

    def close_plain(self, call: Call, report: str) -> bytes:
        """As `close`, for the usual invocation of a plain journal: START and END are made here, and
        nothing is made that nobody reads."""
        at = self.now()
        self.lines.flush(at)
        told = texts.end_line(call.request_id).encode(), report.encode()
        begun, self._begun = self._begun, None
        if begun is not None:  # nothing was printed
            start = texts.start_line(call.request_id, call.revision.version).encode()
            self._last = max(begun[0], self._last)
            self._waiting.append((self._last, start))
            told_all = b"".join((*self._tail, start, *told))
        else:
            told_all = b"".join((*self._tail, *told))
        at = self._last = max(at, self._last)
        self._waiting += ((at, told[0]), (at, told[1]))
        self._size += len(told_all)
        self._tail.clear()
        self._tail_size = 0
        self._sink.note(self, self._size > URGENT)
        return told_all[-TAIL:]

    def take_tail(self) -> bytes:
        """What was told since the last invocation, the end of it."""
        tail = b"".join(self._tail)
        self._tail.clear()
        self._tail_size = 0
        return tail[-TAIL:]

    # -- the sink's side
    def take(self) -> Iterable[Message]:
        """What waits; it is the sink's from now on."""
        waiting, self._waiting, self._size = self._waiting, [], 0
        if self._left_out:
            note = f"[{self._left_out} messages left out by the emulator: too many at once]\n"
            waiting.append((self._last, note.encode()))
            self._left_out = 0
        return waiting

    # -- inside
    def _open(self) -> None:
        if self._begun is not None:
            (at, call), self._begun = self._begun, None
            self._tell(events.start(call), at)

    def _tell(self, event: Event, at: int) -> None:
        kind, record = event
        if kind == "platform.initStart":
            self._init = at, event
        for subscriber in self.subscribers:
            subscriber.event(kind, record, at)
        message = self._render(event, at)
        if message:
            self._write(at, message, kind != "platform.initStart")

    def _render(self, event: Event, at: int) -> bytes:
        """The event in the function's log; b"" when format or level leave it out."""
        kind, record = event
        if not self._json:
            return texts.as_text(kind, record).encode()
        if kind == "platform.end" or texts.level(kind, record) < self._lowest_system:
            return b""
        return texts.as_json(kind, record, at)

    def _line(self, at: int, message: bytes) -> None:
        if self._size > KEEP:
            self._left_out += 1
        else:
            self._write(at, message)

    def _write(self, at: int, message: bytes, in_tail: bool = True) -> None:
        # A stream's times never go back: what is read later may have been framed earlier.
        at = self._last = max(at, self._last)
        if not self._waiting:
            self._sink.note(self)
        self._waiting.append((at, message))
        self._size += len(message)
        if self._size > URGENT:
            self._sink.note(self, urgent=True)
        if in_tail:
            self._tail.append(message)
            self._tail_size += len(message)
            while self._tail_size - len(self._tail[0]) >= TAIL:
                self._tail_size -= len(self._tail.popleft())


def _printed_level(message: bytes) -> int:
    """The level that a printed line names: {"level": …} of a JSON object; plain text is never
    filtered, as nothing says that it is."""
    if not message.startswith(b"{"):
        return max(APPLICATION_LEVELS.values())
    try:
        document = json.loads(message)
    except (ValueError, RecursionError):
        return max(APPLICATION_LEVELS.values())
    return APPLICATION_LEVELS.get(str(document.get("level", "")).upper(), PLAIN)
