"""What makes a function run: one kind a file, all of one shape (frozen data and a short maker).

A stream's is loaded when it is asked for: few functions read one, and each cold start counts.
"""

from typing import TYPE_CHECKING

from .base import Trigger
from .cron import Cron, cron
from .http import Http, http
from .sqs import Sqs, sqs

if TYPE_CHECKING:
    from .kinesis import Kinesis

__all__ = ["Cron", "Http", "Kinesis", "Sqs", "Trigger", "cron", "http", "sqs"]


def __getattr__(name: str) -> object:
    if name == "Kinesis":
        from .kinesis import Kinesis

        return Kinesis
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
