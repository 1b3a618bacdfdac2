"""Sandboxes that have no event: who takes the next one of their revision, and who is let go.

The one that was at work last is taken first: it is the warmest, and the others come of age.
"""

from __future__ import annotations

from collections.abc import Callable

from .sandbox import Sandbox

Kept = dict[str, list[Sandbox]]  # by the key of their revision


class Idle:
    """Those that calls have started.

    discard: ends a sandbox
    """

    def __init__(self, discard: Callable[[Sandbox], None]) -> None:
        self._discard = discard
        self.kept: Kept = {}

    def keep(self, sandbox: Sandbox) -> None:
        """It has no event any more."""
        self.kept.setdefault(sandbox.revision.key, []).append(sandbox)

    def take(self, key: str) -> Sandbox | None:
        """One that lives; those that have ended meanwhile are discarded."""
        idle = self.kept.get(key)
        while idle:
            sandbox = idle.pop()
            if sandbox.alive:
                return sandbox
            self._discard(sandbox)
        return None


def discard_where(
    kept: Kept, unwanted: Callable[[Sandbox], bool], discard: Callable[[Sandbox], None]
) -> None:
    """Let go of those among the kept that are not wanted any more."""
    for key, sandboxes in list(kept.items()):
        for sandbox in [each for each in sandboxes if unwanted(each)]:
            sandboxes.remove(sandbox)
            discard(sandbox)
        if not sandboxes:
            del kept[key]
