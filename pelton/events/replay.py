"""Recorded events called again, and how the answers differ from those that were recorded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from .recording import Recorded, parsed

_ABSENT: Any = object()
_OF_A_FAILURE = {"lambda": ("stackTrace", "requestId"), "nuclio": ("body",)}
MOST = 5  # differences of one answer that are told

# (event) -> (answer, "" or how it failed)
Caller = Callable[[Any], tuple[Any, str]]


@dataclass(frozen=True, slots=True)
class Difference:
    """One place of an answer: `path` "" for the whole."""

    path: str
    was: Any
    now: Any

    def __str__(self) -> str:
        was = "nothing" if self.was is _ABSENT else repr(self.was)
        now = "nothing" if self.now is _ABSENT else repr(self.now)
        return f"{self.path or 'answer'}: {was} -> {now}"


@dataclass(frozen=True, slots=True)
class Replayed:
    """One event, called again; `answer` and `error` as they are now."""

    recorded: Recorded
    answer: Any
    error: str
    differences: tuple[Difference, ...]


def replay(
    events: Iterable[Recorded], call: Caller, ignore: Collection[str] = ()
) -> Iterator[Replayed]:
    """Call each event again, in their order.

    ignore: members whose values may differ, by name, with `*`: ids, times
    """
    for each in events:
        answer, error = call(each.event)
        yield Replayed(each, answer, error, tuple(_compared(each, answer, error, ignore)))


def _compared(
    was: Recorded, answer: Any, error: str, ignore: Collection[str]
) -> Iterator[Difference]:
    if was.error != error:
        yield Difference("error", was.error or "none", error or "none")
    if was.streamed:
        return  # nothing to compare with
    ignore = (*ignore, *was.redacted)
    if was.error and error:  # what tells where it was raised is another's for each deploy
        ignore = (*ignore, *_OF_A_FAILURE.get(was.platform, ()))
    yield from differences(was.answer, answer, ignore)


def differences(
    was: Any, now: Any, ignore: Collection[str] = (), path: str = ""
) -> Iterator[Difference]:
    """Where two answers differ; documents inside of texts (an HTTP answer's body) are compared as
    such.

    >>> [str(each) for each in differences({"body": '{"n": 1}'}, {"body": '{"n": 2, "m": 0}'})]
    ['/body/m: nothing -> 0', '/body/n: 1 -> 2']
    """
    if isinstance(was, str) and isinstance(now, str) and was != now:
        if was[:1] in ("{", "[") and now[:1] in ("{", "["):
            opened = parsed(was), parsed(now)
            if all(not isinstance(each, str) for each in opened):
                yield from differences(*opened, ignore, path)
                return
    if isinstance(was, dict) and isinstance(now, dict):
        for name in sorted({*was, *now}):
            if not any(fnmatchcase(name.lower(), pattern.lower()) for pattern in ignore):
                inner = was.get(name, _ABSENT), now.get(name, _ABSENT)
                yield from differences(*inner, ignore, f"{path}/{name}")
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for number, inner in enumerate(zip(was, now, strict=True)):
            yield from differences(*inner, ignore, f"{path}/{number}")
    elif was != now:
        yield Difference(path, was, now)
