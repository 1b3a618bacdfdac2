"""What keeps states has two verbs, and the second one compares: nobody's change is lost.

A state is text (JSON), so that it can be anywhere.  A version is a number that is above zero and
different after every change; zero stands for a state that is not there.
"""

from __future__ import annotations

from typing import Protocol


class States(Protocol):
    """get: the state and its version; None where there is none
    put: keep the state where `version` is still the one that was read; whether that was so
    """

    def get(self, key: str) -> tuple[str, int] | None: ...

    def put(self, key: str, state: str, version: int) -> bool: ...
