"""How a delivery is, for whoever looks at it."""

from __future__ import annotations

from dataclasses import dataclass

STARTING, READY, UNHEALTHY, STOPPED = "starting", "ready", "unhealthy", "stopped"
STANDBY = "standby"


@dataclass(frozen=True, slots=True)
class Status:
    """
    state:  "starting" until the source is open, "ready", "unhealthy" while it cannot be reached
            or its dead letters cannot be buried, "standby" while another worker reads it, "stopped"
    reason: of "unhealthy" and "standby", one sentence; else ""
    paused: nothing is taken and nothing handed out until `resume`
    """

    state: str = STARTING
    reason: str = ""
    paused: bool = False

    def __str__(self) -> str:
        return f"{self.state}: {self.reason}" if self.reason else self.state
