"""What the Open Inference Protocol answers when it cannot answer: one error, by HTTP status.

Both skins take what they say from here: REST the status, gRPC the code of that status.
"""

from __future__ import annotations

from ...handlers.errors import NotReady, Overloaded, PeltonError, UnknownModel
from ...runtime.refusals import BUG, SOON, after_of, status_of

# Source: the protocol's pages say "typically 400"; codes as gRPC's own guide pairs them with HTTP.
GRPC_CODES = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    409: "FAILED_PRECONDITION",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

# What clients of Triton ask for beside the protocol, which has health, metadata and infer alone.
# Sources: the Open Inference Protocol's specification; Triton's pages on its extensions.
NOT_HERE = {
    "ModelConfig": "a model's configuration is an extension of Triton's, which is not served here; "
    "what the model takes and gives is in its metadata",
    "ModelStatistics": "statistics are an extension of Triton's, which is not served here; what is "
    "counted is at /metrics",
}


class ProtocolError(PeltonError):
    """A request that the protocol refuses.

    status: the HTTP status of the answer
    after:  in how many seconds it is worth another try, where that is known

    >>> ProtocolError("no model 'x'", 404).grpc_code
    'NOT_FOUND'
    """

    def __init__(self, message: str, status: int = 400, *, after: float | None = None) -> None:
        # Its class says 500, as every error's does; this one has it said by who raises it.
        self.status, self.after = status, after  # type: ignore[misc]
        super().__init__(message)

    @property
    def grpc_code(self) -> str:
        return GRPC_CODES.get(self.status, "UNKNOWN")


class WrongTensor(ProtocolError):
    """A tensor that is not what it says, or not what the model takes; the message names it."""

    def __init__(self, name: str, what: str, *, output: bool = False) -> None:
        self.tensor = name
        side, status = ("output", 500) if output else ("input", 400)
        super().__init__(f"{side} {name!r} {what}", status)


def known(error: Exception) -> ProtocolError | None:
    """`error` as the protocol says it; None for a bug, which is the platform's to report.

    >>> known(NotReady("warming up")).status
    503
    """
    if isinstance(error, ProtocolError):
        return error
    if isinstance(error, UnknownModel) and error.reason:
        return ProtocolError(str(error), NotReady.status)
    if status_of(error) == BUG:
        return None
    after = after_of(error)
    if after is None and isinstance(error, Overloaded):
        after = SOON
    return ProtocolError(str(error), status_of(error), after=after)
