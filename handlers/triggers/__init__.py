"""What makes a function run: one kind a file, all of one shape (frozen data and a short maker)."""

from .base import Trigger
from .cron import Cron, cron
from .http import Http, http
from .sqs import Sqs, sqs

__all__ = ["Cron", "Http", "Sqs", "Trigger", "cron", "http", "sqs"]
