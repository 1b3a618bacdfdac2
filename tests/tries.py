"""How many examples a property is tried with that has a number of its own.

A bare number would be the same in the exhaustive run, which is there to try more.
"""

from __future__ import annotations

from hypothesis import settings

ORDINARY = 20  # of a property that has none, as `tests/conftest.py` says to hypothesis
FULL = 40  # of such a one, where a property with a number of its own has just that


def tries(full: int) -> int:
    """As many times `full` as properties without a number have `FULL` in this run: half of it in
    the ordinary one, which has minutes for all, and a dozen times that in the exhaustive one."""
    current = settings.default
    assert current is not None
    return max(1, full * current.max_examples // FULL)
