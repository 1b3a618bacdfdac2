"""What every kind of event is: a name, the words that it takes, how it is made, how it is sent.

Adding one: a file beside this with a `KIND`, and its name in `kinds/__init__.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...handlers.errors import PeltonError


class CannotMake(PeltonError):
    """An event that cannot be made or sent as it was asked for; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants in events.

    bodies:  one for each message, JSON-ready; text and bytes as they are
    source:  the queue, topic, bucket, stream or bus; "" for the kind's own example
    key:     an object's key or a record's partition key
    method, path, headers, query: of a request
    members: further ones of the kind, by name
    """

    bodies: tuple[Any, ...] = ()
    source: str = ""
    key: str = ""
    method: str = "POST"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> Any:
        """The first; None of none."""
        return self.bodies[0] if self.bodies else None


Make = Callable[[Asked], dict[str, Any]]
# (client of a service by name, what is wanted) -> what was sent, for people
Send = Callable[[Callable[[str], Any], Asked], str]
# (the broker's address, what is wanted) -> the same
Publish = Callable[[str, Asked], str]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind.

    takes:   which of `Asked` it heeds, beside the bodies
    members: the further ones that it knows, and what each means
    batches: one event has all the bodies; others have one body each
    send:    into a service of AWS;  publish: to a broker.  Neither: nothing but a call of the
             function brings one
    url:     how the broker's address is written, "nats://HOST:PORT"; "" where it needs none
    """

    name: str
    about: str
    make: Make
    takes: frozenset[str] = frozenset()
    members: Mapping[str, str] = field(default_factory=dict)
    batches: bool = False
    send: Send | None = None
    publish: Publish | None = None
    url: str = ""

    @property
    def example(self) -> Any:
        """The body of one of whose body nothing is said; None of a kind that may be without."""
        return {} if self.batches else None

    def check(self, asked: Asked) -> None:
        """Raises `CannotMake` for members that the kind does not know."""
        for name in asked.members:
            if name not in self.members:
                known = ", ".join(self.members) or "none"
                raise CannotMake(f"{self.name} events have no member {name!r}; they have {known}")

    def events(self, asked: Asked) -> list[dict[str, Any]]:
        """The events; raises as `check` does.

        >>> from . import KINDS
        >>> [len(KINDS[name].events(Asked(bodies=(1, 2)))) for name in ("sqs", "sns")]
        [1, 2]
        """
        self.check(asked)
        if self.batches or len(asked.bodies) < 2:
            return [self.make(asked)]
        return [self.make(alone) for alone in each_alone(asked)]


def each_alone(asked: Asked) -> list[Asked]:
    """The same once for each body."""
    return [replace(asked, bodies=(body,)) for body in asked.bodies] or [asked]


def many(count: int, what: str) -> str:
    """For people.

    >>> many(1, "message"), many(2, "message")
    ('1 message', '2 messages')
    """
    return f"{count} {what}{'' if count == 1 else 's'}"


def as_text(body: Any) -> str:
    """A body as sources that carry text have it."""
    if isinstance(body, bytes):
        return body.decode()
    return body if isinstance(body, str) else json.dumps(body)


def as_bytes(body: Any) -> bytes:
    """A body as sources that carry bytes have it."""
    return body if isinstance(body, bytes) else as_text(body).encode()


REQUEST = frozenset({"method", "path", "headers", "query"})


def request_of(asked: Asked) -> dict[str, Any]:
    """The words of a request, as the factories take them."""
    return {name: getattr(asked, name) for name in sorted(REQUEST)}
