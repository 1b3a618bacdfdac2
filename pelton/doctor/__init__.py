"""What this machine has of what pelton needs: one check a file, all of one shape.

A check is a module with `look(ask)`, which yields findings and changes nothing.  To add one: a file
here, its name in `CHECKS`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from .finding import Ask, Finding

__all__ = ["CHECKS", "Ask", "Finding", "examine"]

CHECKS = (
    "interpreters",
    "packages",
    "versions",
    "uv",
    "namespaces",
    "engines",
    "ports",
    "proxies",
    "disk",
)


def examine(ask: Ask) -> Iterator[Finding]:
    """Every finding, in the order of `CHECKS`."""
    for name in CHECKS:
        yield from import_module(f".{name}", __name__).look(ask)
