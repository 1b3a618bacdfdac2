"""What makes a function run: one kind a file, all of one shape (frozen data and a short maker).

A kind is loaded when it is asked for: few functions have more than one, and each cold start counts.
"""

from typing import TYPE_CHECKING

from ..lazily import lazily

if TYPE_CHECKING:
    from .base import Trigger as Trigger
    from .cron import Cron as Cron
    from .http import Http as Http
    from .kinesis import Kinesis as Kinesis
    from .sqs import Sqs as Sqs

_HOMES = {
    "Cron": ".cron",
    "Http": ".http",
    "Kinesis": ".kinesis",
    "Sqs": ".sqs",
    "Trigger": ".base",
}

__all__ = sorted(_HOMES)
__getattr__ = lazily(__name__, _HOMES)
