"""The states of a deployed function, as data; no clock, no process, no request is here.

state                            next
(new)                            waitingForBuild, imported
waitingForBuild                  building
building                         waitingForResourceConfiguration, error
waitingForResourceConfiguration  ready, error, scaledToZero (as before a restart)
ready, error                     waitingForBuild (deployed again)
imported                         waitingForBuild (asked to be ready, or put without its marks)
ready                            waitingForScaleResourceToZero … (see scaling.py)

Source: functionconfig's FunctionState in nuclio/nuclio; whatever is not settled there is being
provisioned, and is neither changed nor deleted before it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

WAITING, BUILDING = "waitingForBuild", "building"
STARTING, READY, ERROR = "waitingForResourceConfiguration", "ready", "error"
IMPORTED, UNHEALTHY, ZERO = "imported", "unhealthy", "scaledToZero"
TO_ZERO, FROM_ZERO = "waitingForScaleResourceToZero", "waitingForScaleResourceFromZero"
SETTLED = frozenset({READY, ERROR, IMPORTED, UNHEALTHY, ZERO})
AGAIN = frozenset({WAITING, IMPORTED})
RUNNING = frozenset({READY, TO_ZERO, ZERO, FROM_ZERO, UNHEALTHY})

NEXT = {
    "": {WAITING, IMPORTED},
    WAITING: {BUILDING, ERROR},
    BUILDING: {STARTING, READY, ERROR},
    STARTING: {READY, ERROR, ZERO},
    READY: {*AGAIN, READY, TO_ZERO, FROM_ZERO, UNHEALTHY},
    TO_ZERO: {ZERO, READY},
    ZERO: {*AGAIN, FROM_ZERO},
    FROM_ZERO: {READY, UNHEALTHY},
    UNHEALTHY: {*AGAIN, FROM_ZERO, READY},
    ERROR: AGAIN,
    IMPORTED: AGAIN,
}


@dataclass(slots=True)
class Status:
    """What a function's document says of it: its state, why, and what was logged on the way.

    addresses: where it answers, once it has
    """

    state: str = ""
    message: str = ""
    logs: list[dict[str, Any]] = field(default_factory=list)
    http_port: int = 0
    addresses: list[str] = field(default_factory=list)

    @property
    def settled(self) -> bool:
        """Whether it may be changed or deleted now.

        >>> [Status(state).settled for state in ("building", "ready", "error")]
        [False, True, True]
        """
        return self.state in SETTLED

    def log(self, level: str, message: str, now: float) -> None:
        """Add a line; `now` is seconds since the epoch, a line has milliseconds."""
        line = {"level": level, "message": message, "time": now * 1000, "name": "deployer"}
        self.logs.append(line)

    def enter(self, state: str, message: str, now: float) -> None:
        """Go to a state and say so; of a bad one the message is the function's as well."""
        if state not in NEXT.get(self.state, {state}):
            raise ValueError(f"no function goes from {self.state or '(new)'} to {state}")
        self.state = state
        bad = state in (ERROR, UNHEALTHY)
        self.message = message if bad else ""
        self.log("error" if bad else "info", message or f"Function is {state}", now)

    def shown(self) -> dict[str, Any]:
        """The document's `status`."""
        told: dict[str, Any] = {"state": self.state, "logs": list(self.logs)}
        if self.message:
            told["message"] = self.message
        if self.http_port:
            told["httpPort"] = self.http_port
        if self.addresses:
            told["internalInvocationUrls"] = list(self.addresses)
            told["externalInvocationUrls"] = list(self.addresses)
        return told
