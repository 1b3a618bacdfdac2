"""Which dead letters are meant: data, and no clock of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .kept import Kept


@dataclass(frozen=True)
class Wanted:
    """Those that fit all that is said; every one where nothing is.

    reason: is somewhere in its reason, in any case; * stands for anything
    key:    is its key; * stands for anything
    older, younger: it was given up so many seconds ago at least, or at the most; one that does not
            say when is not meant
    most:   so many, the oldest; 0 for all
    """

    reason: str = ""
    key: str = ""
    older: float = 0.0
    younger: float = 0.0
    most: int = 0

    def fits(self, letter: Kept, now: float) -> bool:
        """
        >>> letter = Kept("1", b"", key="ann", reason="ValueError: no JSON", at=100.0)
        >>> Wanted(reason="valueerror:*json", key="a*").fits(letter, 160.0)
        True
        >>> Wanted(older=60.1).fits(letter, 160.0), Wanted(younger=60).fits(letter, 160.0)
        (False, True)
        """
        if self.reason and not _pattern(self.reason, re.IGNORECASE).search(letter.reason):
            return False
        if self.key and not _pattern(self.key).fullmatch(letter.key):
            return False
        if not (self.older or self.younger):
            return True
        if letter.at is None:
            return False
        age = now - letter.at
        return age >= self.older and (not self.younger or age <= self.younger)


def _pattern(text: str, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))), flags | re.DOTALL)
