"""What every store does: let one worker claim a message, and remember that it is done.

A claim that is neither kept nor released in its time (its worker was killed) is anybody's again,
and not before, whatever the machines take for the time of day (`clocks`).
Beside the claims it keeps marks and notes: how far somebody has come, as a number or a text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4


@dataclass(frozen=True, slots=True)
class Claim:
    """What a store says to who wants to begin on a key.

    token: says that it is yours; "" when it is not
    done:  it is done already
    after: seconds until another's claim ends, when it is neither yours nor done
    """

    token: str = ""
    done: bool = False
    after: float = 0.0


class Store(Protocol):
    """Claims by key.  Every call may raise `Away` or OSError."""

    async def claim(self, keys: Sequence[str], seconds: float) -> list[Claim]:
        """Begin on each of these, for `seconds` at the most; keys are each named once."""

    async def keep(self, tokens: Mapping[str, str], seconds: float) -> None:
        """These keys are done: remember it for `seconds`.  A claim that is over is passed over."""

    async def release(self, tokens: Mapping[str, str]) -> None:
        """These keys have failed: the next who wants to may begin at once."""

    async def renew(self, tokens: Mapping[str, str], seconds: float) -> None:
        """These are still in hand: their claims last for `seconds` from now on.  One that is over
        is passed over."""

    async def mark(self, key: str) -> float | None:
        """The mark of that key; None where none was set.  Its keys are no claim's."""

    async def set_mark(self, key: str, value: float) -> None:
        """Set the mark of that key; it is never forgotten."""

    async def note(self, key: str) -> str:
        """The note of that key; "" where none was set.  Its keys are no mark's and no claim's."""

    async def set_note(self, key: str, text: str) -> None:
        """Set the note of that key; it is never forgotten."""

    async def close(self) -> None:
        """Give connections back."""


def new_token() -> str:
    return uuid4().hex
