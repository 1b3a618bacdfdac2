"""What the Open Inference Protocol answers when it cannot answer: one error, by HTTP status.

Both skins take what they say from here: REST the status, gRPC the code of that status.
"""

from __future__ import annotations

from ...handlers.errors import InvalidInput, MalformedBody, PeltonError, Reject, Retry, UnknownModel

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
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class ProtocolError(PeltonError):
    """A request that the protocol refuses; `status` is the HTTP status of the answer.

    >>> ProtocolError("no model 'x'", 404).grpc_code
    'NOT_FOUND'
    """

    def __init__(self, message: str, status: int = 400) -> None:
        self.status = status
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

    >>> known(Retry("warming up")).status
    503
    """
    if isinstance(error, ProtocolError):
        return error
    if isinstance(error, InvalidInput | MalformedBody):
        return ProtocolError(str(error), 400)
    if isinstance(error, UnknownModel):
        return ProtocolError(str(error), 503 if error.reason else 404)
    if isinstance(error, Reject):
        return ProtocolError(str(error), 422)
    if isinstance(error, Retry):
        return ProtocolError(str(error), 503)
    status = getattr(error, "status", None)
    if isinstance(error, PeltonError) and status.__class__ is int and status != 500:
        return ProtocolError(str(error), status)
    return (
        ProtocolError(str(error) or "timed out", 504) if isinstance(error, TimeoutError) else None
    )
