"""What a delivery has counted since it began."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """
    received:   messages taken from the broker, each counted once
    done:       of those, handled and to be acknowledged
    failed:     tries that failed and were blamed on a message
    bisected:   batches that failed as a whole and were halved
    buried:     messages given up, safe among the dead letters
    repeated:   messages that came again while they were held, or after they were done here
    reconnects: times the source was opened again
    """

    received: int = 0
    done: int = 0
    failed: int = 0
    bisected: int = 0
    buried: int = 0
    repeated: int = 0
    reconnects: int = 0
