"""What may be set of a delivery, checked when it is written down."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..errors import WrongSource


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses that grow: `first` seconds, then each `factor` times the one before, `longest` at
    the most.

    >>> [Backoff(first=1, longest=5).pause(tries) for tries in (1, 2, 3, 4)]
    [1.0, 2.0, 4.0, 5.0]
    """

    first: float = 0.5
    factor: float = 2.0
    longest: float = 300.0

    def __post_init__(self) -> None:
        if self.first < 0 or self.factor < 1 or self.longest < self.first:
            raise WrongSource(
                f"{self} does not grow: first is 0 or more, factor 1 or more, longest not below "
                "first"
            )

    def pause(self, tries: int) -> float:
        """Seconds to wait after that many tries."""
        growth = min(max(0, tries - 1), 64)  # 2 ** 64 s are enough, and no float overflows
        return float(min(self.longest, self.first * self.factor**growth))


@dataclass(frozen=True, slots=True)
class Rules:
    """How messages are delivered.

    batch:     messages a call at the most
    window:    seconds that the first message of a batch waits for the others
    most_bytes: of a batch's bodies together; 0 without a limit.  One message always goes
    workers:   batches in hand at one time
    in_flight: messages held at one time, those that wait to be tried again included: nothing more
               is taken from the broker meanwhile
    attempts:  tries of a message before it is given up; 0 for ever
    handouts:  times that the broker may hand a message out before it is given up, where it counts:
               what kills its worker is never seen to fail.  Who only waited when a worker ended is
               counted too, so keep it well above what restarts you expect; 0 for ever
    max_age:   seconds after which a message is given up whatever its tries; 0 for ever
    retry:     the pauses before a message is tried again
    bisect:    a batch that fails as a whole goes again in halves, until who fails is alone; without
               it, each message of it has failed
    ordered:   keep the order within a lane; False hands messages out as they come
    remember:  ids of messages done here that are known when they come again, because their
               acknowledgement was lost

    >>> Rules(batch=0)
    Traceback (most recent call last):
    pelton.event_sources.errors.WrongSource: batch=0 is less than 1
    """

    batch: int = 1
    window: float = 0.0
    most_bytes: int = 0
    workers: int = 1
    in_flight: int = 1000
    attempts: int = 0
    handouts: int = 20
    max_age: float = 0.0
    retry: Backoff = field(default_factory=Backoff)
    bisect: bool = True
    ordered: bool = True
    remember: int = 10_000

    def __post_init__(self) -> None:
        for name in ("batch", "workers", "in_flight"):
            if getattr(self, name) < 1:
                raise WrongSource(f"{name}={getattr(self, name)} is less than 1")
        for name in ("window", "most_bytes", "attempts", "handouts", "max_age", "remember"):
            if getattr(self, name) < 0:
                raise WrongSource(f"{name}={getattr(self, name)} is less than 0")
        if self.in_flight < self.batch:
            raise WrongSource(
                f"in_flight={self.in_flight} is less than batch={self.batch}: no batch would be "
                "full"
            )
