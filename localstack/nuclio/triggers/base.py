"""What every trigger is, and what it is made with: one kind a file, all of this shape.

A trigger gets events from somewhere and gives them to its pool, one by one (`Pool.call`) or in
batches (`Pool.call_batch`); what the function acknowledges by itself comes back by `Pool.on_ack`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ...clock import Clock
from ...front import OPEN, Gate
from ..pool import Pool


class Trigger(Protocol):
    """A source of events for one function."""

    name: str
    kind: str

    async def start(self) -> None:
        """Give events from now on."""

    def retire(self) -> None:
        """No new event; one that is under way goes on to its end."""

    async def close(self) -> None:
        """Let go of everything."""


@dataclass
class Around:
    """What a trigger stands in.

    host:   the address that ports are opened on;  gate: who may call them
    code:   the function's folder, from which its relative paths go
    say:    writes into the function's log: level and message
    former: the HTTP trigger whose place the first one takes, with its port and its connections
    port:   the port to take when it is free and none is configured
    """

    host: str
    clock: Clock
    gate: Gate = OPEN
    code: Path = field(default_factory=Path)
    say: Callable[[str, str], None] = lambda level, message: None
    former: Any = None
    port: int = 0

    def take_place(self) -> tuple[Any, int]:
        """The predecessor and the preferred port, once: of several triggers the first has them."""
        found = self.former, self.port
        self.former, self.port = None, 0
        return found


# (name, settings, pool, around) -> a trigger.  Raises ValueError for settings that cannot be.
Make = Callable[[str, dict[str, Any], Pool, Around], Trigger]
