"""The mark in a session token that says which function it was given to."""

from __future__ import annotations

MARK = "#function="


def token_of(token: str, function: str) -> str:
    """The session token that a function's sandbox is given."""
    return f"{token}{MARK}{function}"


def without_mark(token: str) -> str:
    """
    >>> without_mark(token_of("test", "hello")), without_mark("else")
    ('test', 'else')
    """
    return token.partition(MARK)[0]


def function_of(token: str) -> str:
    """The function that a token was given to; "" for nobody's.

    >>> function_of(token_of("test", "hello")), function_of("test")
    ('hello', '')
    """
    return token.partition(MARK)[2]
