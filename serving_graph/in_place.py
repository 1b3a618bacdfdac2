"""All tries of one event in one call, where a platform hands out nothing again by itself.

Nuclio's triggers of brokers acknowledge an event when the function has answered, whatever it has
answered.  So a part of a graph answers when the event is done, or safe among the dead letters, and
not before.  A worker that is killed meanwhile has acknowledged nothing: the event comes again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..runtime.call import maybe_await

if TYPE_CHECKING:
    from ..handlers.context import Context
    from .segments import Segment

_LEAST = 1.0  # seconds of a pause, where all tries are used up and the event is still not done


def until_done(
    segment: Segment,
    text: str,
    name: str,
    fresh: Callable[[], Context],
    *,
    seconds: float,
    once: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Come back when the event is done; how often it was tried.

    text:    the message;  name: what the platform calls it
    fresh:   the context of a try
    seconds: for all tries: a pause is shortened so that those which are left still fit
    once:    seconds of one try
    """
    ends, tries = clock() + seconds, 1
    attempts = segment.source.attempts if segment.source else 1
    while failed := segment.work(fresh()).records([(text, name, tries, None)]):
        ((_, pause),) = failed
        room = ends - clock() - once * max(1, attempts - tries)
        # What waits for a broker goes on beyond the end, but it does not spin.
        sleep(min(pause, max(room, _LEAST if tries >= attempts else 0.0)))
        tries += 1
    return tries


def straight_through(segment: Segment, text: str, context: Context) -> int:
    """The message through the rest of the graph, at once."""
    maybe_await(segment(json.loads(text), context))
    return 1
