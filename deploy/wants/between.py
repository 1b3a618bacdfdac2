"""What lies between functions: the queues of graphs, the streams that functions read, and the
queues of what fails; and what must be there because it is somebody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeGuard, TypeVar

from ...handlers.function import Function
from ...handlers.triggers import DynamoDb, Kinesis, Sqs
from ...handlers.triggers.base import Trigger
from ...handlers.triggers.broker_handoff import BrokerHandoff
from ...handlers.triggers.sqs import Handoff
from ..errors import CannotPlan
from ..kinds.base import Resource
from ..kinds.queue import Queue
from ..kinds.stream import Stream
from ..place import Place

Functions = Sequence[Function[..., Any]]
Read = TypeVar("Read", bound=Trigger)


def is_given(trigger: Trigger) -> TypeGuard[Sqs]:
    """Whether a trigger's queue is somebody else's, and not one that a deploy makes."""
    return isinstance(trigger, Sqs) and not isinstance(trigger, Handoff)


def between(functions: Functions) -> Iterator[Resource]:
    """The queues and streams that these take from or send to, each once."""
    found: dict[str, Resource] = {}
    for each in (*_queues(functions), *_streams(functions)):
        found.setdefault(each.key, each)
    yield from found.values()


def _queues(functions: Functions) -> Iterator[Resource]:
    wanted: dict[str, Queue] = {}
    for function in functions:
        named = (*function.sends, *function.triggers)
        for each in (each for each in named if isinstance(each, Handoff)):
            queue = Queue(
                name=each.queue,
                function=function.name,
                visibility=each.visibility,
                dead_letter=each.dead_letter,
                receives=each.receives,
                ordered=each.ordered,
            )
            first = wanted.setdefault(each.queue, queue)
            if first != queue:
                raise CannotPlan(
                    f"function {function.name!r} wants another queue {each.queue!r} than function "
                    f"{first.function!r} does; give one of the two another name"
                )
    for it in wanted.values():
        if it.dead_letter:
            yield Queue(name=it.dead_letter, function=it.function, ordered=it.ordered)
    yield from wanted.values()


def _streams(functions: Functions) -> Iterator[Resource]:
    for function, each in _users(functions):
        if not _is_arn(each.stream):
            yield Stream(name=each.stream, function=function.name)
        if each.dead_letter:
            yield Queue(name=each.dead_letter, function=function.name)
    for function, table in _readers(functions, DynamoDb):
        if table.dead_letter:
            yield Queue(name=table.dead_letter, function=function.name)


def _users(functions: Functions) -> list[tuple[Function[..., Any], Kinesis]]:
    """Who reads a stream, or sends to one as a part of a graph."""
    return [
        (function, each)
        for function in functions
        for each in (*function.sends, *function.triggers)
        if isinstance(each, Kinesis)
    ]


def _readers(functions: Functions, kind: type[Read]) -> list[tuple[Function[..., Any], Read]]:
    """Who has a trigger of that kind."""
    return [
        (function, each)
        for function in functions
        for each in function.triggers
        if isinstance(each, kind)
    ]


def given_tables(functions: Functions) -> list[str]:
    """The tables whose changes are read, by name, each once."""
    names = (each.table for _, each in _readers(functions, DynamoDb) if not each.is_arn)
    return list(dict.fromkeys(names))


def _is_arn(stream: str) -> bool:
    return stream.startswith("arn:")


def not_deployed(functions: Functions, is_there: Callable[[list[str]], bool]) -> Iterator[str]:
    """A sentence for each queue that these send to and whose function is neither among them nor
    there already.

    is_there: whether anything is, under one of these keys
    """
    chosen = {each.name for each in functions}
    for function in functions:
        for each in function.sends:
            kinds = ("nuclio_function",) if isinstance(each, BrokerHandoff) else ("function",)
            keys = [f"{kind}:{each.function}" for kind in kinds]
            if each.function and each.function not in chosen and not is_there(keys):
                yield (
                    f"{function.name} sends to the queue {each.queue}, and the function "
                    f"{each.function}, which takes from it, is not deployed: what is sent waits "
                    f"there; deploy {each.function}, too"
                )


def held_up(functions: Functions) -> Iterator[str]:
    """A sentence for each stream of which one record can hold up a shard."""
    for function, each in _readers(functions, Kinesis):
        if each.retries < 0:
            yield (
                f"{function.name} reads the stream {each.name} without a dead_letter: a record "
                "that always fails holds up its shard for as long as the stream keeps it; give "
                f"kinesis({each.name!r}, dead_letter='QUEUE')"
            )
    for function, table in _readers(functions, DynamoDb):
        if table.retries < 0:
            yield (
                f"{function.name} reads the changes of table {table.name} without a dead_letter: "
                "one that always fails holds up its shard for the day that the stream keeps it; "
                f"give dynamodb({table.name!r}, dead_letter='QUEUE')"
            )


def refuse_missing_streams(functions: Functions, is_there: Callable[[str], bool]) -> None:
    """Raise `CannotPlan` for a stream that is given by its ARN and not there: it may be somebody
    else's, so none is made."""
    for function, trigger in _readers(functions, Kinesis):
        if _is_arn(trigger.stream) and not is_there(trigger.stream):
            raise CannotPlan(
                f"function {function.name!r} reads the stream {trigger.stream}, which is not "
                "there; create it first, or give its name alone, and the deploy makes it"
            )


def refuse_missing_queues(functions: Functions, place: Place) -> None:
    """Raise `CannotPlan` that names every queue which is listened to and not there."""
    missing = {
        trigger.queue: function
        for function in functions
        for trigger in function.triggers
        if is_given(trigger) and trigger.queue not in place.queues
    }
    if not missing:
        return
    heard = ", ".join(f"{queue!r} (function {each.name!r})" for queue, each in missing.items())
    calls = "\n".join(
        f"  {place.client('sqs')}.create_queue(QueueName={queue!r}{_hidden(each)})"
        for queue, each in missing.items()
    )
    raise CannotPlan(
        f"queues that functions listen to are not in account {place.account}, {place.region}: "
        f"{heard}; create them first, for example in Python:\n{calls}"
    )


def _hidden(function: Function[..., Any]) -> str:
    """How long a message must be hidden, where a queue's own 30 seconds are too short for it."""
    seconds = function.settings.timeout
    return f", Attributes={{'VisibilityTimeout': '{6 * seconds}'}}" if seconds > 30 else ""
