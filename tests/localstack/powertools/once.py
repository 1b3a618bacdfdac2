"""An idempotent handler: its state is in DynamoDB, so no sandbox does an order twice."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent,
)

made = 0


@idempotent(
    persistence_store=DynamoDBPersistenceLayer(table_name="idempotency"),
    config=IdempotencyConfig(event_key_jmespath="order"),
)
def once(event: dict[str, Any], context: Any) -> dict[str, Any]:
    global made
    if event.get("fail"):
        raise RuntimeError("not yet")
    made += 1
    return {"made": made, "request": context.aws_request_id}
