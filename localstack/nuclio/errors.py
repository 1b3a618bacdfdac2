"""What the dashboard refuses, with its HTTP status, and what stops a function's deployment."""

from __future__ import annotations


class Refused(Exception):
    """A request that the dashboard does not carry out."""

    def __init__(self, status: int, message: str) -> None:
        self.status, self.message = status, message
        super().__init__(message)


class DeployFailed(Exception):
    """A function cannot be built or started; the message stands in its status."""
