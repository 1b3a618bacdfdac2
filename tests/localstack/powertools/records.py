"""Messages of a queue as models, as data classes, and one by one."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.parser import BaseModel, envelopes, event_parser
from aws_lambda_powertools.utilities.parser.models import SqsModel


class Order(BaseModel):
    id: int
    lines: list[str]


@event_parser(model=Order, envelope=envelopes.SqsEnvelope)
def parse(event: list[Order], context: Any) -> list[int]:
    return [len(order.lines) for order in event]


@event_parser(model=SqsModel)
def parse_whole(event: SqsModel, context: Any) -> list[str]:
    return [record.eventSourceARN for record in event.Records]


@event_source(data_class=SQSEvent)
def classes(event: SQSEvent, context: Any) -> list[Any]:
    return [
        [record.body, record.queue_url, record.attributes.approximate_receive_count]
        for record in event.records
    ]


processor = BatchProcessor(event_type=EventType.SQS)


def _record(record: Any) -> None:
    if record.body == "bad":
        raise ValueError("bad record")
    print("done", record.body)


def batch(event: dict[str, Any], context: Any) -> Any:
    return process_partial_response(
        event=event, record_handler=_record, processor=processor, context=context
    )


def records(event: dict[str, Any], context: Any) -> Any:
    """The handler of this module that the event names: they share a sandbox, and its imports."""
    return globals()[event["handler"]](event["event"], context)
