"""What functions ask for that read Kinesis: streams, the queues of what fails, and mappings.

Pure, like `wanted` and `plan`, of which it is the part for streams.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..handlers.function import Function
from ..handlers.triggers import Kinesis
from . import instructions as do
from .errors import CannotPlan
from .instructions import Change, Instruction
from .states import Live, StreamMapping, StreamState, Wanted

if TYPE_CHECKING:
    from .wanted import Place


def streams_of(functions: Sequence[Function[..., Any]]) -> tuple[StreamState, ...]:
    """The streams that these read, or send to, and name without an ARN, each once."""
    named = {e.stream: f.name for f, e in reversed(_users(functions)) if not _is_arn(e.stream)}
    return tuple(StreamState(stream, function) for stream, function in reversed(named.items()))


def letters_of(functions: Sequence[Function[..., Any]]) -> tuple[StreamState, ...]:
    """The queues of what these cannot take from their streams, each once."""
    named = {e.dead_letter: f.name for f, e in reversed(_users(functions)) if e.dead_letter}
    return tuple(StreamState(queue, function) for queue, function in reversed(named.items()))


def refuse_missing_streams(
    functions: Sequence[Function[..., Any]], is_there: Callable[[str], bool]
) -> None:
    """Raise `CannotPlan` for a stream that is given by its ARN and not there: it may be somebody
    else's, so none is made."""
    for function, trigger in _readers(functions):
        if _is_arn(trigger.stream) and not is_there(trigger.stream):
            raise CannotPlan(
                f"function {function.name!r} reads the stream {trigger.stream}, which is not "
                "there; create it first, or give its name alone, and the deploy makes it"
            )


def held_up(functions: Sequence[Function[..., Any]]) -> tuple[str, ...]:
    """A sentence for each stream of which one record can hold up a shard."""
    return tuple(
        f"{function.name} reads the stream {each.name} without a dead_letter: a record that always "
        "fails holds up its shard for as long as the stream keeps it; give "
        f"kinesis({each.name!r}, dead_letter='QUEUE')"
        for function, each in _readers(functions)
        if each.retries < 0
    )


def stream_mapping(trigger: Kinesis, place: Place) -> StreamMapping:
    """What the trigger is on Lambda."""
    given = trigger.stream
    return StreamMapping(
        stream=trigger.name,
        arn=given if _is_arn(given) else place.stream_arn(given),
        batch=trigger.batch,
        window=trigger.window,
        retries=trigger.retries,
        failures=place.queue_arn(trigger.dead_letter) if trigger.dead_letter else "",
        start=trigger.start,
    )


def make_streams(wanted: Wanted, live: Live) -> Iterator[Instruction]:
    """Instructions for the streams and queues that are not there."""
    for each in wanted.streams:
        if each.name not in live.streams:
            change = Change(f"stream {each.name}", None, "on demand")
            yield do.CreateStream(function=each.function, stream=each.name, changes=(change,))
    for each in wanted.letters:
        if each.name not in live.letters:
            change = Change(f"queue {each.name}", None, "standard")
            yield do.CreateLetters(function=each.function, queue=each.name, changes=(change,))


def words(mapping: StreamMapping, *, new: bool = False) -> str:
    """A mapping in a plan's words.

    >>> words(StreamMapping("clicks", "arn"), new=True)
    'batch 100, window 0 s, retries while the stream keeps a record, from LATEST'
    """
    again = mapping.retries
    said = [
        f"batch {mapping.batch}",
        f"window {mapping.window} s",
        f"{again} retries" if again >= 0 else "retries while the stream keeps a record",
    ]
    if mapping.failures:
        said.append(f"failures to {mapping.failures.rpartition(':')[2]}")
    said += [] if mapping.bisect else ["no halving"]
    said += [] if mapping.partial_failures else ["no partial failures"]
    said += [f"from {mapping.start}"] if new else []
    return ", ".join(said)


def _readers(
    functions: Sequence[Function[..., Any]],
) -> list[tuple[Function[..., Any], Kinesis]]:
    return [
        (function, each)
        for function in functions
        for each in function.triggers
        if isinstance(each, Kinesis)
    ]


def _users(
    functions: Sequence[Function[..., Any]],
) -> list[tuple[Function[..., Any], Kinesis]]:
    """Who reads a stream, or sends to one as a part of a graph."""
    return [
        (function, each)
        for function in functions
        for each in (*function.sends, *function.triggers)
        if isinstance(each, Kinesis)
    ]


def _is_arn(stream: str) -> bool:
    return stream.startswith("arn:")
