"""`Delivery`: how an event came to where it is, when it came through queues or may come again.

Adapters and brokers make it; steps read it at `context.delivery`.  Knows no broker.
"""

from __future__ import annotations

from .frozen import Frozen


class Delivery(Frozen):
    """How an event came here.

    idempotency_key: the same however often the event is delivered, and in every function on its way
    correlation_id:  the request id of the first event, for logs and traces
    attempt:         how often it has been delivered here; 1 the first time
    traceparent:     W3C trace context; "" where nobody gave one
    queue:           the queue it came from; "" where it came from none

    >>> Delivery("7").attempt
    1
    """

    idempotency_key: str
    correlation_id: str = ""
    attempt: int = 1
    traceparent: str = ""
    queue: str = ""
