"""Steps that are generators: an error between two items says its step, as any other error does.

The step's call is over before its first item is made, so no sequence sees what goes wrong then.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from ..compile import note


def noting(call: Callable[..., Any], path: str) -> Callable[..., Any]:
    """`call`, whose iterator notes an error of its own with the step's path."""

    def run(*values: Any, **named: Any) -> Any:
        made = call(*values, **named)
        if hasattr(made, "__aiter__"):
            return _async_items(made, path)
        return _items(made, path) if hasattr(made, "__next__") else made

    return run


def _items(made: Iterator[Any], path: str) -> Iterator[Any]:
    try:
        yield from made
    except Exception as error:
        note(error, path)
        raise


async def _async_items(made: AsyncIterator[Any], path: str) -> AsyncIterator[Any]:
    try:
        async for item in made:
            yield item
    except Exception as error:
        note(error, path)
        raise
    finally:
        if hasattr(made, "aclose"):  # `async for` leaves it open where it is left early
            await made.aclose()
