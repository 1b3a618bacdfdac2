"""What every store does: let one worker claim a piece of work, and keep what it came to.

A claim that is neither kept nor released in its time (its worker was killed) is anybody's again.
A store knows nothing of graphs; answers are text to it.
"""

from __future__ import annotations

from typing import Protocol

from ...handlers.errors import Retry
from ...handlers.frozen import Frozen


class Busy(Retry):
    """Another worker is at this very piece of work, or was when it ended: again later."""


class Claim(Frozen):
    """What a store says to who wants to begin.

    token:  says that the work is yours; "" when it is not
    answer: what the work came to, when it is done; None when it is not
    after:  seconds until another's claim ends, when the work is neither yours nor done
    """

    token: str = ""
    answer: str | None = None
    after: float = 0.0


class Store(Protocol):
    """Claims and answers by key; `url` names the store to another process."""

    url: str

    def claim(self, key: str, seconds: float) -> Claim:
        """Begin the work of `key`, for `seconds` at the most."""

    def keep(self, key: str, token: str, answer: str, seconds: float) -> bool:
        """The work is done: keep its answer for `seconds`.  False when the claim was over and
        another has begun, or is done."""

    def release(self, key: str, token: str) -> None:
        """The work failed: the next who wants to may begin at once."""

    def close(self) -> None:
        """Give connections back."""


def new_token() -> str:
    from uuid import uuid4

    return uuid4().hex
