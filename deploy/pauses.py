"""How long is waited between two looks at something that is under way elsewhere.

Knows nothing of what is looked at: what is soon done, as on an emulator, is soon seen, and what
takes its time is not asked after all the time.
"""

from __future__ import annotations

from collections.abc import Iterator

_FIRST = 0.02


def growing(longest: float) -> Iterator[float]:
    """Seconds, without end: each half as long again as the one before, up to `longest`.

    >>> from itertools import islice
    >>> [round(each, 3) for each in islice(growing(0.2), 8)]
    [0.02, 0.03, 0.045, 0.068, 0.101, 0.152, 0.2, 0.2]
    """
    pause = _FIRST
    while True:
        yield min(pause, longest)
        pause = min(1.5 * pause, longest)
