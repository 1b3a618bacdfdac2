"""What makes a function run: one kind a file, all of one shape (frozen data and a short maker)."""

from .base import Trigger
from .cron import Cron, cron
from .http import Http, http
from .kinesis import Kinesis, kinesis
from .sqs import Sqs, sqs

__all__ = ["Cron", "Http", "Kinesis", "Sqs", "Trigger", "cron", "http", "kinesis", "sqs"]
