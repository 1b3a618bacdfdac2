"""Steps that wait, where one takes the values of several: each starts when its own are there.

The plain form of the same needs none of this: there the generated function is a straight line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .compile import Run, compile_sequence
from .kit.base import Bound

if TYPE_CHECKING:
    from .protocols import Track


def compile_flow(path: str, steps: Sequence[Bound], track: Track | None) -> Run:
    """`compile_sequence` for an async flow: every step is a task of its own.

    The first error ends the whole flow; what still waits is cancelled, and waited for.
    """
    nodes = [_node(path, each, place, track) for place, each in enumerate(steps)]
    places = {each.name: place for place, each in enumerate(steps)}
    needs = [
        {name: places.get(name, -1) for name in each.after} or {"": place - 1}
        for place, each in enumerate(steps)
    ]

    async def run(value: Any, context: Any = None) -> Any:
        import asyncio

        tasks: list[Any] = []

        async def one(place: int) -> Any:
            wanted = needs[place]
            given = {name: await tasks[of] if of >= 0 else value for name, of in wanted.items()}
            alone = next(iter(given.values())) if len(given) == 1 else given
            return await nodes[place](alone, context)

        tasks += [asyncio.ensure_future(one(place)) for place in range(len(nodes))]
        try:
            return (await asyncio.gather(*tasks))[-1]
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    return _timed(run, track) if track else run


def _timed(run: Run, track: Track) -> Run:
    async def timed(value: Any, context: Any = None) -> Any:
        began = track.now()
        try:
            return await run(value, context)
        finally:
            track.whole(track.now() - began)

    return timed


def _node(path: str, step: Bound, place: int, track: Track | None) -> Run:
    alone = Bound(
        step.name,
        step.path,
        step.call,
        is_async=step.is_async,
        context=step.context,
        leaf=step.leaf,
    )
    part = _Part(track, place) if track else None
    return compile_sequence(path, [alone], is_async=True, track=part)


class _Part:
    """One step's share of a flow's track: steps of a flow overlap, so each tells for itself."""

    def __init__(self, track: Track, place: int) -> None:
        self._track, self._place = track, place

    def now(self) -> float:
        return self._track.now()

    def seen(self, times: tuple[float, ...]) -> None:
        self._track.one(self._place, times[1] - times[0])

    def failed(self, place: int, error: BaseException, times: tuple[float, ...]) -> None:
        self._track.one(self._place, self._track.now() - times[0], error)

    def one(self, place: int, seconds: float, error: BaseException | None = None) -> None:
        self._track.one(self._place, seconds, error)

    def whole(self, seconds: float) -> None:
        self._track.whole(seconds)
