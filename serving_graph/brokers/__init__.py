"""Brokers, one a file, all of one shape (`base.Broker`): what carries messages between functions.

Loaded when one is used, with the client library that it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ..refer import meant, wrong

if TYPE_CHECKING:
    from .base import Broker

# The scheme of a broker's URL: its module here.
KINDS = {"kafka": "kafka", "kinesis": "kinesis", "memory": "memory", "nats": "nats", "sqs": "sqs"}

# The kind of a queue outside of AWS: what a function needs to send to it.
CLIENTS = {"kafka": "confluent-kafka>=2.6", "nats": "nats-py>=2.9"}


def broker_at(url: str) -> Broker:
    """The broker that a URL names: "sqs:" (AWS), "sqs://127.0.0.1:4566", the same with
    "kinesis", "nats://127.0.0.1:4222", "kafka://127.0.0.1:9092".

    Raises `GraphError` for a scheme that no broker has, and without the address of one's own.

    >>> broker_at("memory:")
    <broker memory:>
    """
    scheme, colon, address = url.partition(":")
    if not colon or scheme not in KINDS:
        raise wrong(f"{url!r} names no broker", meant(scheme, list(KINDS)))
    if scheme in CLIENTS and not address.strip("/"):
        raise wrong(f"{url!r} names no broker", f"give its address: {scheme}://HOST:PORT")
    made: Broker = import_module(f".{KINDS[scheme]}", __package__).at(url)
    return made
