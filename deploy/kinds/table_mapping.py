"""The stream of a DynamoDB table that calls a Lambda function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...handlers.triggers.dynamodb import table_name
from .stream_mapping import StreamMapping


@dataclass(frozen=True, kw_only=True)
class TableMapping(StreamMapping):
    """See `StreamMapping`.

    >>> TableMapping(name="f/arn:aws:dynamodb:r:0:table/orders/stream/2026").source
    'table orders'
    """

    kind: ClassVar[str] = "table_mapping"
    service: ClassVar[str] = "dynamodb"

    @property
    def source(self) -> str:
        return f"table {table_name(self.arn)}"
