"""Stores, one a file, all of one shape (`base.Store`): where `once` keeps what is done.

Loaded when one is used, with the client library that it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ..refer import meant, wrong

if TYPE_CHECKING:
    from .base import Store

# The scheme of a store's URL: its module here.
KINDS = {"dynamodb": "dynamodb", "memory": "memory", "nats": "nats", "sqlite": "sqlite"}

_open: dict[str, Store] = {}


def store_at(url: str) -> Store:
    """The store of this process that a URL names: "memory:", "sqlite:FILE", "dynamodb:TABLE",
    "nats://HOST:PORT/BUCKET".

    Raises `GraphError` for a scheme that no store has.

    >>> store_at("memory:orders") is store_at("memory:orders")
    True
    """
    check(url)
    if url not in _open:
        scheme = url.partition(":")[0]
        _open[url] = import_module(f".{KINDS[scheme]}", __package__).at(url)
    return _open[url]


def check(url: str) -> None:
    """Raise `GraphError` for a URL that names no store."""
    scheme, colon, place = str(url).partition(":")
    if not colon or scheme not in KINDS:
        raise wrong(f"{url!r} names no store", meant(scheme, [f"{each}:" for each in KINDS]))
    if not place and scheme != "memory":
        raise wrong(f"{url!r} does not say which {scheme} store", f'write "{scheme}:NAME"')
    if scheme == "nats" and (not place.startswith("//") or not place[2:].partition("/")[2]):
        raise wrong(f"{url!r} does not say which bucket", 'write "nats://HOST:PORT/BUCKET"')
