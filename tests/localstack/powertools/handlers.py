"""Handlers as a user of Powertools writes them; nothing in them knows where they run.

They are zipped as they are and run on the emulator beside the unmodified library in a layer.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import (
    ALBResolver,
    APIGatewayHttpResolver,
    APIGatewayRestResolver,
    LambdaFunctionUrlResolver,
    Response,
)
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.parameters import get_parameter, get_secret
from aws_lambda_powertools.utilities.parser import BaseModel, envelopes, event_parser
from aws_lambda_powertools.utilities.parser.models import SqsModel

logger, metrics, tracer = Logger(), Metrics(), Tracer()


@logger.inject_lambda_context(correlation_id_path="order")
def log(event: dict[str, Any], context: Any) -> str:
    logger.append_keys(shop="north")
    logger.info("taken", extra={"lines": 2})
    logger.debug("not at this level")
    try:
        raise ValueError("out of stock")
    except ValueError:
        logger.exception("refused")
    return str(context.aws_request_id)


@metrics.log_metrics(capture_cold_start_metric=True)
def count(event: dict[str, Any], context: Any) -> str:
    metrics.add_dimension(name="shop", value="north")
    metrics.add_metric(name="Orders", unit=MetricUnit.Count, value=3)
    return "counted"


@tracer.capture_lambda_handler
def trace(event: dict[str, Any], context: Any) -> int:
    tracer.put_annotation("order", event["order"])
    return add(1, 2)


@tracer.capture_method
def add(a: int, b: int) -> int:
    return a + b


def _routes(app: Any) -> Any:
    def read(number: str) -> dict[str, Any]:
        if number == "0":
            raise NotFoundError("no order 0")
        return {"order": number, "how": app.current_event.get_query_string_value("how", "")}

    def write() -> Response[str]:
        body = app.current_event.json_body
        lines = {"x-lines": str(len(body))}
        return Response(201, "application/json", app.current_event.body, lines)

    app.get("/orders/<number>")(read)
    app.post("/orders")(write)
    return app.resolve


rest = _routes(APIGatewayRestResolver())
http = _routes(APIGatewayHttpResolver())
url = _routes(LambdaFunctionUrlResolver())
alb = _routes(ALBResolver())


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


def settings(event: dict[str, Any], context: Any) -> list[Any]:
    return [
        get_parameter("/shop/name"),
        get_secret("shop-key"),
        get_parameter("/shop/limits", transform="json"),
    ]
