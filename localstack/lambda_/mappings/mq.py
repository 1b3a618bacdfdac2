"""Amazon MQ: what a mapping of a broker's queue takes.

RabbitMQ's brokers are read, by `mq_poller`; a broker is a server that somebody runs, and `Brokers`
knows its address by its ARN.  ActiveMQ's, which Lambda reads by OpenWire, are refused.  Source:
AWS's pages on Lambda with Amazon MQ and on filtering its messages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from ..errors import invalid
from .base import Kind, Mapped
from .filters import patterns_of

_ACCESS = ("BASIC_AUTH", "VIRTUAL_HOST")
EVERY = ""  # in the place of an ARN: all that have no address of their own


@dataclass(frozen=True, slots=True)
class Brokers:
    """Where the servers are that stand for brokers of Amazon MQ.

    addresses: "amqp://HOST:PORT" by the broker's ARN, or by `EVERY`

    >>> Brokers({"": "amqp://127.0.0.1:5672"}).url("arn:aws:mq:r:0:broker:b:b-1", "shop", "a", "p")
    'amqp://a:p@127.0.0.1:5672/shop'
    """

    addresses: Mapping[str, str] = field(default_factory=dict)

    def address(self, arn: str) -> str:
        """The server's, "" when nobody has said one."""
        return self.addresses.get(arn) or self.addresses.get(EVERY, "")

    def url(self, arn: str, virtual_host: str, user: str, password: str) -> str:
        """The same for one who logs in."""
        told = urlsplit(self.address(arn))
        who = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"{told.scheme}://{who}@{told.netloc}/{quote(virtual_host, safe='')}"


def virtual_host(mapped: Mapped) -> str:
    return next((e["URI"] for e in _access(mapped) if e.get("Type") == "VIRTUAL_HOST"), "/")


def secret(mapped: Mapped) -> str:
    """The ARN of the secret with user and password."""
    return next(e["URI"] for e in _access(mapped) if e.get("Type") == "BASIC_AUTH")


def _access(mapped: Mapped) -> list[dict[str, str]]:
    return list(mapped.get("SourceAccessConfigurations") or [])


def missing(arn: str) -> str:
    """Why a broker without an address is not read."""
    return (
        f"The pelton emulator does not know where the broker {arn} is: start it with "
        f"--mq {arn}=amqp://HOST:PORT, or with --mq amqp://HOST:PORT for every broker."
    )


def _check(mapped: Mapped) -> None:
    access = _access(mapped)
    if not mapped.get("Queues"):
        raise invalid("Queues must be specified for this event source.")
    if not access:
        raise invalid("Required 'sourceAccessConfigurations' parameter is missing.")
    given = [each.get("Type") for each in access]
    if "BASIC_AUTH" not in given:
        raise invalid("SourceAccessConfigurations of this event source need BASIC_AUTH.")
    for kind in given:
        if kind not in _ACCESS:
            raise invalid(f"SourceAccessConfigurations of this event source take no {kind}.")
        if given.count(kind) > 1:
            raise invalid(f"SourceAccessConfigurations have {kind} more than once.")
    _check_patterns(mapped)


def _check_patterns(mapped: Mapped) -> None:
    """Filters see the data of a message and nothing else."""
    for each in patterns_of(mapped):
        if set(json.loads(each)) - {"data"}:
            raise invalid("Filters of this event source may have the key data only.")


KIND = Kind(
    name="mq",
    defaults={"BatchSize": 100, "MaximumBatchingWindowInSeconds": 0},
    takes=frozenset({"Queues", "SourceAccessConfigurations", "FilterCriteria"}),
    reason="USER_INITIATED",
    conflict='The event source arn (" {arn} ") and function (" {function} ") provided mapping '
    "already exists.",
    check=_check,
    result="No records processed",
)
