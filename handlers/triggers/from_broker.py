"""What triggers of brokers share: the words of a delivery, and the source that they mean.

`source` is plain data, as `pelton.event_sources.source_of` takes it; nothing here loads a client.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypedDict

from ..checks import in_range, text
from ..errors import WrongUse
from ..secret import is_reference
from .base import Trigger

BACKOFF = (0.5, 300.0)  # seconds


class DeliveryWords(TypedDict, total=False):
    """What each maker takes as `**words` and hands on to its class, which has the defaults; what
    they mean is said at `FromBroker`."""

    batch: int
    window: int
    attempts: int
    dead_letter: str
    workers: int
    max_age: int
    backoff: tuple[float, float]


class FromBroker(Trigger):
    """The base of broker triggers.

    batch:       messages a call at the most
    window:      seconds to wait for a full batch
    attempts:    tries before a message is given up; 0: it is tried until it is done
    dead_letter: where it goes then: a subject, stream or folder of the same broker
    workers:     calls at one time; messages of one key never overtake each other
    max_age:     seconds after which a message is given up, whatever its tries; 0: at no age
    backoff:     seconds before a message is tried again, and at the most; each pause is twice the
                 one before
    """

    needs_body: ClassVar[bool] = True
    batches: ClassVar[bool] = True
    bridged: ClassVar[bool] = True
    alone: ClassVar[bool] = False  # one bridge of several reads it, by a store that they share
    of_aws: ClassVar[bool] = False  # it is read by the account's own API
    # What fails goes back to the broker, which counts, unless we give it up.
    returns: ClassVar[bool] = False
    handouts: ClassVar[int] = 20  # as `Rules.handouts`
    ahead: ClassVar[int] = 1000  # messages that one bridge may hold, at least

    batch: int = 1
    window: int = 0
    attempts: int = 0
    dead_letter: str = ""
    workers: int = 1
    max_age: int = 0
    backoff: tuple[float, float] = BACKOFF

    def __post_init__(self) -> None:
        kind = self.kind
        in_range(f"{kind} batch", self.batch, 1, 10_000)
        in_range(f"{kind} window", self.window, 0, 300, " seconds")
        in_range(f"{kind} attempts", self.attempts, 0, 10_000)
        in_range(f"{kind} workers", self.workers, 1, 1000)
        in_range(f"{kind} max_age", self.max_age, 0, 10_000_000, " seconds")
        text(f"{kind} dead_letter", self.dead_letter)
        _check_backoff(kind, self.backoff)
        ends = "attempts" if self.attempts else "max_age" if self.max_age else ""
        if bool(ends) != bool(self.dead_letter):
            has, lacks = (ends, "dead_letter") if ends else ("dead_letter", "attempts")
            raise WrongUse(
                f"{kind} has {has}= and no {lacks}=",
                advice="say after how many attempts a message is given up, and where it goes then",
            )

    @property
    def name(self) -> str:
        """What the source is called: the subject, stream, channel or folder."""
        raise NotImplementedError

    @property
    def source(self) -> tuple[str, Mapping[str, Any]]:
        """The source's word and its settings."""
        raise NotImplementedError

    def source_for(self, function: str) -> tuple[str, Mapping[str, Any]]:
        """The same, for the function of that name."""
        return self.source

    def check_native(self, *words: str, reads: str) -> None:
        """Raise for the first of `words` that is asked for: Nuclio's own trigger has none of them.

        reads: what the bridge reads instead
        """
        if asked := self.first_of(*words):
            raise WrongUse(
                f"{self.kind} has native=True and {asked}=, which Nuclio's own trigger has not",
                advice=f"leave native= away: `pelton bridge` reads the {reads} then",
            )

    def first_of(self, *words: str) -> str:
        """The first of these words that is asked for; "" when none is."""
        usual = type(self)
        return next((e for e in words if getattr(self, e) != getattr(usual, e)), "")

    def same_source(self, other: Trigger) -> bool:
        return isinstance(other, FromBroker) and self.source == other.source


def _check_backoff(kind: str, backoff: object) -> None:
    """Two numbers, of which the second is not the smaller one."""
    told = backoff if isinstance(backoff, tuple) else ()
    if len(told) == 2 and all(type(each) in (int, float) for each in told):
        if 0 <= told[0] <= told[1]:
            return
    raise WrongUse(
        f"{kind} backoff={backoff!r} is no pair of pauses",
        advice="give the seconds before the second try, and the most: backoff=(0.5, 300)",
    )


def named(kind: str, **names: object) -> None:
    """Each of these is a string that says something."""
    for word, value in names.items():
        text(f"{kind} {word}", value)
        if not value:
            raise WrongUse(f"{kind}() needs {word}=")


def address(kind: str, url: str, *schemes: str) -> None:
    """`url` is one of a server of that kind."""
    named(kind, url=url)
    if is_reference(url):
        raise WrongUse(
            f"{kind} url= is a secret, and it is not the address that is one",
            advice="write the address, and the secret as password=",
        )
    if url.partition("://")[0] not in schemes:
        raise WrongUse(
            f"{kind} url={url.rpartition('@')[2]!r} is no address of such a server",
            advice=f'write it as "{schemes[0]}://HOST:PORT"',
        )
    for each in url.split(","):
        _check_port(kind, each)


def _check_port(kind: str, url: str) -> None:
    """Of one server: a port is a number.  (The standard library's parser costs a cold start.)"""
    rest = url.rpartition("://")[2]
    for mark in "/?#":
        rest = rest.partition(mark)[0]
    host, colon, port = rest.rpartition("@")[2].rpartition("]")[2].rpartition(":")
    if colon and port and not (port.isascii() and port.isdigit() and int(port) < 65_536):
        raise WrongUse(
            f"{kind}: {host}:{port} is no address of a server",
            advice="a port is a number below 65536; write / and @ in a password as %2F and %40",
        )
