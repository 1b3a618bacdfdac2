"""What an expression of the user's may be, as far as it can be told without running it.

Plain data.  An expression is a set of these; the empty set is "could be anything".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ANY = "*"


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the function's environment, and what is taken where it is not set."""

    name: str
    default: str = ANY


@dataclass(frozen=True, slots=True)
class Text:
    """A string: what is written, what a variable says, and `*` for what cannot be told."""

    parts: tuple[str | Variable, ...]

    def read(self, environment: Mapping[str, str]) -> str:
        """
        >>> Text(("orders-", Variable("STAGE"), "-", Variable("REGION"))).read({"STAGE": "dev"})
        'orders-dev-*'
        """
        return "".join(
            each if isinstance(each, str) else environment.get(each.name, each.default)
            for each in self.parts
        )


@dataclass(frozen=True, slots=True)
class Library:
    """The module boto3, or a session of it: what clients are made of."""


@dataclass(frozen=True, slots=True)
class Environ:
    """`os.environ`."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client of a service."""

    service: str


Identifiers = tuple[tuple[str, Text], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A resource of boto3's: a service's own (shape ""), or one of its parts, as a table is."""

    service: str
    shape: str = ""
    identifiers: Identifiers = ()


@dataclass(frozen=True, slots=True)
class Collection:
    """Many parts of a part: `bucket.objects`."""

    of: Part
    name: str


@dataclass(frozen=True, slots=True)
class Asks:
    """What calls an operation when it is called itself: a paginator's `paginate`, a waiter's
    `wait`; by then `given` is known of its arguments."""

    service: str
    operation: str


@dataclass(frozen=True, slots=True)
class Method:
    """A method of one of the above that was not called yet."""

    owner: Library | Environ | Client | Part | Collection | Asks
    name: str


@dataclass(frozen=True, slots=True)
class Module:
    """One of the user's modules."""

    name: str


@dataclass(frozen=True, slots=True)
class Definition:
    """A function or class of the user's, by module and qualified name."""

    module: str
    name: str


@dataclass(frozen=True, slots=True)
class OurContext:
    """What pelton gives a function beside its event."""


Value = (
    Text
    | Library
    | Environ
    | Client
    | Part
    | Collection
    | Asks
    | Method
    | Module
    | Definition
    | OurContext
)
Values = frozenset[Value]
UNKNOWN: Values = frozenset()


def text(written: str) -> Text:
    return Text((written,))
