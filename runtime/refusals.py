"""Errors by type: the HTTP answer that each becomes, and what it makes of a queue's record.

The one table of every adapter.  It knows no platform: an adapter writes the `Result` in its own
form, and acts on a record's verdict with its own means.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from ..handlers.context import Context
from ..handlers.errors import InvalidInput, MalformedBody, Overloaded, PeltonError, Reject
from ..handlers.event import Result

Verdict = Literal["invalid", "reject", "later", "failed"]

# What a caller is told to wait where an overloaded step does not know: seconds.
SOON = 1.0
BUG = 500
FAILED = "pelton-failed"


def status_of(error: BaseException) -> int:
    """The HTTP status of an error: its class's `status`, 500 for everything else.

    >>> status_of(Overloaded("full")), status_of(KeyError("x"))
    (429, 500)
    """
    return error.status if isinstance(error, PeltonError) else BUG


def refusal(error: BaseException) -> Result | None:
    """The answer to an HTTP caller: what is wrong, the step's path and its input's digest.

    None for a bug, which every platform has a way of its own to tell of.

    >>> refusal(Overloaded("score is full", after=2.5))
    Result(body={'error': 'score is full', 'details': []}, content_type='', cookies=(), \
headers={'retry-after': '3'}, status=429)
    """
    status = status_of(error)
    if status == BUG:
        return None
    invalid = isinstance(error, InvalidInput)
    body: dict[str, Any] = {
        "error": "the body does not fit" if invalid else str(error),
        "details": list(error.details) if isinstance(error, InvalidInput) else [],
    }
    after = after_of(error)
    if after is None and isinstance(error, Overloaded):
        after = SOON
    headers = {} if after is None else {"retry-after": str(-int(-after // 1))}
    return Result(body | where(error), status=status, headers=headers)


def after_of(error: BaseException) -> float | None:
    """Seconds after which it may go well; None where nobody knows."""
    after: Any = getattr(error, "after", None) if isinstance(error, PeltonError) else None
    return None if after is None else max(0.0, float(after))


def verdict(error: BaseException) -> Verdict:
    """What an error makes of the record of a queue that raised it.

    invalid: follows the trigger's `on_invalid`
    reject:  never again: to the dead letters
    later:   comes again, after `after_of` seconds where that is known; nothing is broken
    failed:  comes again, and is logged with its trace

    >>> verdict(MalformedBody("no JSON")), verdict(Overloaded("full")), verdict(KeyError("x"))
    ('invalid', 'later', 'failed')
    """
    if isinstance(error, (InvalidInput, MalformedBody)):
        return "invalid"
    if isinstance(error, Reject):
        return "reject"
    return "failed" if status_of(error) == BUG else "later"


def where(error: BaseException) -> dict[str, str]:
    """The path of the graph's step, and the digest of its input, as far as an error says them."""
    said = {name: getattr(error, name, "") for name in ("step", "input_digest")}
    return {name: text for name, text in said.items() if isinstance(text, str) and text}


def log_refusal(error: Exception, context: Context) -> None:
    """One line for an error that became an answer: with its trace where a graph's step raised it,
    or where it is not the caller's fault.  For a handler of that error alone (`except`)."""
    said, status = where(error), status_of(error)
    logger = context.logger
    if logger is None or (status < BUG and not said):
        return
    logger.exception("step failed" if said else "refused", status=status, **said)


def logged_refusal(error: Exception, context: Context) -> Result | None:
    """`refusal`, with its line in the log.  For a handler of that error alone (`except`)."""
    result = refusal(error)
    if result is not None:
        log_refusal(error, context)
    return result


def as_result(value: Any) -> Result:
    """Any encoded answer as a `Result`."""
    return value if value.__class__ is Result else Result(value)


def with_failed(result: Result, context: Context) -> Result:
    """The answer, its header `pelton-failed` naming the optional steps that did not answer.

    >>> context = Context()
    >>> context.failed.append({"step": "g/weather"})
    >>> with_failed(Result(1), context).headers
    {'pelton-failed': 'g/weather'}
    """
    if context.has_failed:
        # As JSON writes text: a header holds no letter that is not ASCII, and no new line.
        named = [json.dumps(each["step"])[1:-1] for each in context.failed]
        headers = {**result.headers, FAILED: ", ".join(named)}
        return Result(result.body, result.status, headers, result.content_type, result.cookies)
    return result
