"""Whether a client needs this machine's certificates: reading them takes longer than most calls."""

from __future__ import annotations


def speaks_tls(address: str) -> bool:
    """Whether certificates are asked for at an address: httpx's `verify`.

    address: a URL; what is not plain HTTP counts as asking
    Source: httpx's documentation of `verify`, which reads all authorities for each client.

    >>> speaks_tls("http://127.0.0.1:4566"), speaks_tls("https://nuclio.example.com")
    (False, True)
    """
    return not address.lower().startswith("http://")
