"""`Failed`: in a list of answers, what was raised in the place of one."""

from __future__ import annotations

from typing import NamedTuple


class Failed(NamedTuple):
    """In the place of an answer, where many are given: what was raised.

    >>> Failed(ValueError("too large")).error
    ValueError('too large')
    """

    error: BaseException
