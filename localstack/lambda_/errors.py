"""Lambda's own errors, as its clients see them: a code, a status, a sentence.

The key of the sentence ("Message" or "message") and whether "Type" is there differ by
exception; both come from the service model.  Texts recorded on AWS stay as recorded.
"""

from __future__ import annotations

from collections.abc import Mapping


class AwsError(Exception):
    """An answer that is an error: `code` names the exception, `extra` adds members to its body.

    >>> error = AwsError("ResourceNotFoundException", "Function not found: x", 404)
    >>> str(error)
    'ResourceNotFoundException (404): Function not found: x'
    """

    def __init__(
        self, code: str, message: str | None, status: int, extra: Mapping[str, str] | None = None
    ) -> None:
        self.code, self.message, self.status = code, message, status
        self.typed = True  # whether "Type" is in the body, where the exception has it
        self.extra = dict(extra or {})
        super().__init__(f"{code} ({status}): {message}")


def invalid(message: str) -> AwsError:
    """400: a parameter has a value that the operation refuses."""
    return AwsError("InvalidParameterValueException", message, 400)


def untyped(message: str) -> AwsError:
    """400 as `invalid`, in the few answers that were recorded without "Type" in their body."""
    error = invalid(message)
    error.typed = False
    return error


def denied() -> AwsError:
    """403: it belongs to another account.  The sentence is null, as recorded."""
    return AwsError("AccessDeniedException", None, 403)


def not_found(message: str) -> AwsError:
    """404: what was named is not there."""
    return AwsError("ResourceNotFoundException", message, 404)


def conflict(message: str) -> AwsError:
    """409: it exists already, or is being changed."""
    return AwsError("ResourceConflictException", message, 409)


def stale(operation: str = "GetFunction/GetAlias") -> AwsError:
    """412: the caller's RevisionId is not the latest."""
    return AwsError(
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. "
        f"Call the {operation} API to retrieve the latest Revision Id",
        412,
    )


def too_large(message: str) -> AwsError:
    """413: the request or its archive is beyond a limit."""
    return AwsError("RequestEntityTooLargeException", message, 413)


def not_served(operation: str) -> AwsError:
    """501: an operation of Lambda that this emulator does not have yet, by name."""
    return AwsError(
        "NotImplementedException",
        f"The pelton emulator does not implement the Lambda operation {operation} yet "
        "(docs/fidelity.md lists what it implements).",
        501,
    )
