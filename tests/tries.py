"""How many examples a property is tried with that has a number of its own.

A bare number would be the same in the exhaustive run, which is there to try more.
"""

from __future__ import annotations

from hypothesis import settings

ORDINARY = 40  # of a property that has none, as `tests/conftest.py` says to hypothesis


def tries(usual: int) -> int:
    """`usual` in the ordinary run; in another, as many times that as other properties have."""
    current = settings.default
    assert current is not None
    return usual * current.max_examples // ORDINARY
