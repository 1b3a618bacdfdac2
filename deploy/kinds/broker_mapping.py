"""A queue of a RabbitMQ broker of Amazon MQ that calls a Lambda function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from .mapping import SourceMapping


@dataclass(frozen=True, kw_only=True)
class BrokerMapping(SourceMapping):
    """See `SourceMapping`; its name is `FUNCTION/ARN/QUEUE`, as a broker has many.

    virtual_host: where in the broker the queue is
    secret:       the ARN of what Lambda logs in with

    >>> it = BrokerMapping(name="f/arn:aws:mq:r:0:broker:shop:b-1/orders", virtual_host="/eu")
    >>> it.arn, it.queue, it.source
    ('arn:aws:mq:r:0:broker:shop:b-1', 'orders', 'queue orders of broker shop')
    """

    kind: ClassVar[str] = "broker_mapping"
    service: ClassVar[str] = "mq"

    partial_failures: bool = False  # Lambda has none of these
    virtual_host: str = "/"
    secret: str = ""

    @property
    def arn(self) -> str:
        return self.name.split("/", 2)[1]

    @property
    def queue(self) -> str:
        return self.name.split("/", 2)[2]

    @property
    def source(self) -> str:
        return f"queue {self.queue} of broker {self.arn.split(':')[-2]}"

    def told(self, *, new: bool = False) -> str:
        login = self.secret.rpartition(":")[2]
        return (
            f"batch {self.batch}, window {self.window} s, a failed batch comes again, "
            f"virtual host {self.virtual_host}, secret {login}"
        )

    def members(self) -> dict[str, Any]:
        return {
            "BatchSize": self.batch,
            "MaximumBatchingWindowInSeconds": self.window,
            "SourceAccessConfigurations": [
                {"Type": "BASIC_AUTH", "URI": self.secret},
                {"Type": "VIRTUAL_HOST", "URI": self.virtual_host},
            ],
        }

    def new_members(self) -> dict[str, Any]:
        return {"Queues": [self.queue]}

    @classmethod
    def named(cls, function: str, each: Mapping[str, Any]) -> str:
        return f"{super().named(function, each)}/{','.join(each.get('Queues', []))}"

    @classmethod
    def told_by(cls, name: str, each: Mapping[str, Any]) -> Self:
        access = {it["Type"]: it["URI"] for it in each.get("SourceAccessConfigurations", [])}
        return replace(
            super().told_by(name, each),
            virtual_host=access.get("VIRTUAL_HOST", "/"),
            secret=access.get("BASIC_AUTH", ""),
        )
