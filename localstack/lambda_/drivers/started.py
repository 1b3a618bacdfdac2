"""A program of a sandbox that has been started, whatever started it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

# (exit code, negative for a signal; peak memory of its largest process in KB)
OnExit = Callable[[int, int], None]


class Started(Protocol):
    """A runtime, or an extension's program.

    pid:   of its first process on this machine, 0 while that is not known
    fault: AWS's type and words for why it could not be run at all, "" both when it could
    """

    @property
    def pid(self) -> int: ...

    @property
    def fault(self) -> tuple[str, str]: ...

    async def known(self) -> None:
        """Come back when `pid` will not change any more."""

    def terminate(self) -> None:
        """SIGTERM for its first process."""

    def kill(self) -> None:
        """End it, and what it started, at once."""
