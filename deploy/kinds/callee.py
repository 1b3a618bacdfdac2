"""Whom a source calls, a function or its alias `live`, and the statement that lets it.

Names and ARNs alone: no client, no kind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from ..versions.release import LIVE

_OF = ":function:"


def callee(arn: str) -> str:
    """The function that an ARN names, with its alias where it names one.

    >>> callee("arn:aws:lambda:eu-west-1:111111111111:function:take:live"), callee("")
    ('take:live', '')
    """
    return arn.partition(_OF)[2]


def is_of(arn: str, function: str) -> bool:
    """Whether an ARN names a function, or its alias `live`.

    >>> is_of("arn:aws:lambda:r:1:function:take:live", "take"), is_of("x:function:take:2", "take")
    (True, False)
    """
    return callee(arn) in (function, f"{function}:{LIVE}")


def of_uri(uri: str) -> str:
    """The function's ARN in what API Gateway calls; an HTTP API takes the ARN itself.

    >>> of_uri(invocation("arn:aws:lambda:eu-west-1:1:function:take"))
    'arn:aws:lambda:eu-west-1:1:function:take'
    """
    return uri.partition("/functions/")[2].removesuffix("/invocations") or uri


def invocation(arn: str) -> str:
    """The URI by which other kinds of APIs call a function.

    >>> invocation("arn:aws:lambda:r:1:function:f")
    'arn:aws:apigateway:r:lambda:path/2015-03-31/functions/arn:aws:lambda:r:1:function:f/invocations'
    """
    _, partition, _, region, *_ = arn.split(":")
    place = f"arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions"
    return f"{place}/{arn}/invocations"


def sid(word: str, source: str) -> str:
    """The id of the statement that lets a source call.

    >>> sid("s3", "inbox")
    'pelton-s3-caadbcff'
    """
    return f"pelton-{word}-{hashlib.sha256(source.encode()).hexdigest()[:8]}"


def statements(arns: Iterable[str], word: str, source: str) -> tuple[str, ...]:
    """The keys of the statements that let a source call what these ARNs name."""
    called = dict.fromkeys(filter(None, map(callee, arns)))
    return tuple(f"permission:{each}/{sid(word, source)}" for each in called)
