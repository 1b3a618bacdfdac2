"""Chunks handed out a few ahead, outcomes given back in order: for engines that have futures."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..work import Chunk


def in_order(
    chunks: Iterable[Chunk],
    submit: Callable[[Chunk], Any],
    result: Callable[[Any], Any],
    *,
    ahead: int,
) -> Iterator[Any]:
    """Each chunk's result, `ahead` of them under way at the most.

    >>> list(in_order([Chunk(0, "ab"), Chunk(2, "c")], lambda each: each.rows, len, ahead=1))
    [2, 1]
    """
    waiting: deque[Any] = deque()
    for chunk in chunks:
        waiting.append(submit(chunk))
        if len(waiting) > ahead:
            yield result(waiting.popleft())
    while waiting:
        yield result(waiting.popleft())
