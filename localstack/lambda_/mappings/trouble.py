"""What goes wrong outside a function: said once, and waited for longer each time.

A source that is gone, a function that is gone or throttled: polling on would only use up receives
and records' attempts.
"""

from __future__ import annotations

from collections.abc import Callable

from ...bell import Ear
from ..records import SourceMapping, Throttled
from .base import Tools

FIRST, LONGEST = 1.0, 4.0


class Trouble:
    """The trouble that one poller has.

    own: what is woken when the poller is to end
    say: how it is said, when another one says it for several
    """

    def __init__(
        self,
        tools: Tools,
        mapping: SourceMapping,
        own: Ear,
        say: Callable[[Exception], None] | None = None,
    ) -> None:
        self._tools, self._mapping, self._own = tools, mapping, own
        self.say = say or self._say
        self._count, self._said, self._until = 0, "", 0.0
        self.over = False

    @property
    def lasts(self) -> bool:
        return self._tools.clock.time() < self._until

    def met(self, error: Exception) -> None:
        """It happened (again): hold back for a while."""
        if not isinstance(error, Throttled):
            self.say(error)
        if self.lasts:
            return  # several batches met the same
        pause = min(FIRST * 2.0**self._count, LONGEST)
        self._count += 1
        self._until = self._tools.clock.time() + pause

    def _say(self, error: Exception) -> None:
        its = self._mapping
        line = (
            f"event source mapping {its.uuid} of {its.source_arn} to {its.function_arn}: "
            f"{error} (tried again until that is over)"
        )
        if line != self._said:
            self._said = line
            self._tools.report(line)

    def none(self) -> None:
        """It is over."""
        self._count, self._said = 0, ""

    async def wait(self) -> None:
        clock = self._tools.clock
        while self.lasts and not self.over:
            await self._own.pause(self._until - clock.time(), self._until)
