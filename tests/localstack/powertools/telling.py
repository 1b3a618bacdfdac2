"""Handlers that tell: lines of JSON, metrics, traces."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

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
