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
