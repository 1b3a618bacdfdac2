"""A function's event source mappings: one for each queue and stream that Lambda reads for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...handlers.function import Function
from ...handlers.triggers import DynamoDb, Kinesis, RabbitMQ, Sqs
from ...handlers.triggers.sharded import Sharded
from ...handlers.triggers.sqs import Handoff
from ..errors import CannotPlan
from ..kinds.base import Resource
from ..kinds.broker_mapping import BrokerMapping
from ..kinds.queue_mapping import QueueMapping
from ..kinds.stream_mapping import StreamMapping
from ..kinds.table_mapping import TableMapping
from ..place import Place
from ..versions.release import LIVE
from .bridges import is_mapped
from .common import Built, after


def mappings(function: Function[..., Any], built: Built, place: Place) -> Iterator[Resource]:
    """In the order of its triggers; raises `CannotPlan` for a source that cannot be read."""
    for trigger in function.triggers:
        if isinstance(trigger, Sqs):
            yield _queue_mapping(function, trigger, built, place)
        if isinstance(trigger, Kinesis):
            yield _stream_mapping(function, trigger, built, place)
        if isinstance(trigger, DynamoDb):
            yield _table_mapping(function, trigger, built, place)
        if isinstance(trigger, RabbitMQ) and is_mapped(trigger):
            yield _broker_mapping(function, trigger, built)


def _queue_mapping(
    function: Function[..., Any], trigger: Sqs, built: Built, place: Place
) -> QueueMapping:
    queue: tuple[str, ...]
    if isinstance(trigger, Handoff):
        arn, queue, window = place.queue_arn(trigger.queue), (f"queue:{trigger.queue}",), 0
    else:
        arn, queue, window = _given(function, trigger, place), (), trigger.window
    return QueueMapping(
        name=f"{function.name}/{arn}",
        function=function.name,
        after=(*queue, *after(function)),
        causes=built.causes,
        batch=trigger.batch,
        window=window,
        alias=_alias(function),
    )


def _given(function: Function[..., Any], trigger: Sqs, place: Place) -> str:
    """The ARN of somebody else's queue, which must show a message long enough."""
    queue = place.queues[trigger.queue]
    if queue.visibility < function.settings.timeout:
        raise CannotPlan(
            f"queue {trigger.queue!r} shows a message again after {queue.visibility} s, before "
            f"function {function.name!r} must be done ({function.settings.timeout} s); raise "
            "its VisibilityTimeout (six times the function's timeout is usual)"
        )
    return queue.arn


def _stream_mapping(
    function: Function[..., Any], trigger: Kinesis, built: Built, place: Place
) -> StreamMapping:
    named = not trigger.stream.startswith("arn:")
    arn = place.stream_arn(trigger.stream) if named else trigger.stream
    after_stream = (f"stream:{trigger.stream}",) if named else ()
    return StreamMapping(**_of_shards(function, trigger, built, place, arn, after_stream))


def _table_mapping(
    function: Function[..., Any], trigger: DynamoDb, built: Built, place: Place
) -> TableMapping:
    arn = trigger.table if trigger.is_arn else place.tables.get(trigger.table, "")
    if not arn:
        raise CannotPlan(
            f"function {function.name!r} reads the changes of table {trigger.table!r}, which is "
            f"not in account {place.account}, {place.region}, or has no stream; switch its stream "
            f"on, for example in Python:\n  {place.client('dynamodb')}.update_table("
            f"TableName={trigger.table!r}, StreamSpecification={{'StreamEnabled': True, "
            "'StreamViewType': 'NEW_AND_OLD_IMAGES'})\n(where no account is asked, as in an "
            "export, give the stream's ARN in the table's place)"
        )
    return TableMapping(**_of_shards(function, trigger, built, place, arn))


def _broker_mapping(function: Function[..., Any], trigger: RabbitMQ, built: Built) -> BrokerMapping:
    return BrokerMapping(
        name=f"{function.name}/{trigger.broker}/{trigger.queue}",
        function=function.name,
        after=after(function),
        causes=built.causes,
        batch=trigger.batch,
        window=trigger.window,
        alias=_alias(function),
        virtual_host=trigger.virtual_host,
        secret=trigger.secret,
    )


def _of_shards(
    function: Function[..., Any],
    trigger: Sharded,
    built: Built,
    place: Place,
    arn: str,
    stream: tuple[str, ...] = (),
) -> dict[str, Any]:
    """What mappings of all streams of shards say.

    arn: of the stream;  stream: what it must wait for
    """
    letters = trigger.dead_letter
    return {
        "name": f"{function.name}/{arn}",
        "function": function.name,
        "after": (*stream, *((f"queue:{letters}",) if letters else ()), *after(function)),
        "alias": _alias(function),
        "causes": built.causes,
        "batch": trigger.batch,
        "window": trigger.window,
        "retries": trigger.retries,
        "failures": place.queue_arn(letters) if letters else "",
        "start": trigger.start,
    }


def _alias(function: Function[..., Any]) -> str:
    return LIVE if function.settings.versions else ""
