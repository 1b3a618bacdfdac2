"""Several values through the same steps, stage by stage where a step would rather have them all.

A step that is batched gets every value that reached it in one go, so that a list goes through in
full batches though one caller brings it.  All other steps take the values one by one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..handlers.errors import DeadlineExceeded
from ..handlers.failed import Failed
from .compile import Run, compile_sequence
from .deadline import time_left
from .drive import drive, lifted
from .kit.base import Bound, Drop

if TYPE_CHECKING:
    from .protocols import Track

Many = Callable[[Sequence[Any], Any], Any]  # values, context: the answers or `Failed`


def one_by_one(run: Run, *, is_async: bool, concurrency: int = 16) -> Many:
    """`run` for many values; those that wait run together, `concurrency` at a time."""

    def plain(values: Sequence[Any], context: Any) -> list[Any]:
        return [drive(_outcome(lifted(run), value, context)) for value in values]

    async def waiting(values: Sequence[Any], context: Any) -> list[Any]:
        async def one(number: int, value: Any) -> Any:
            return await _outcome(run, value, context)

        return await together(one, values, min(concurrency, len(values)))

    return waiting if is_async else plain


async def together(
    one: Callable[[int, Any], Awaitable[Any]], values: Iterable[Any], at_once: int
) -> list[Any]:
    """`one(number, value)` for each of them, so many at once, and the answers in their order; the
    first that fails ends the others."""
    import asyncio

    items, answers = enumerate(values), dict[int, Any]()

    async def work() -> None:
        for number, value in items:
            answers[number] = await one(number, value)

    workers = [asyncio.ensure_future(work()) for _ in range(at_once)]
    try:
        await asyncio.gather(*workers)
    except BaseException:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        raise
    return [answers[number] for number in sorted(answers)]


async def _outcome(run: Any, value: Any, context: Any) -> Any:
    try:
        if time_left(context) <= 0:
            raise DeadlineExceeded("the event's time was over before this one was begun")
        return await run(value, context)
    except (Exception, Drop) as error:
        return Failed(error)


def in_stages(stages: Sequence[Many], *, is_async: bool) -> Many:
    """The stages one after another, each given the values that came so far."""

    async def waiting(values: Sequence[Any], context: Any) -> list[Any]:
        found = list(values)
        for stage in stages:
            places = [n for n, each in enumerate(found) if not isinstance(each, Failed)]
            answers = stage([found[n] for n in places], context)
            for n, answer in zip(places, await answers if is_async else answers, strict=True):
                found[n] = answer
        return found

    def plain(values: Sequence[Any], context: Any) -> list[Any]:
        return drive(waiting(values, context))

    return waiting if is_async else plain


def staged(
    path: str, bound: Sequence[Bound], track: Track | None, *, is_async: bool, concurrency: int
) -> Many:
    """A sequence's steps for many values: what takes many is a stage of its own, what stands
    between is another."""
    stages, first = list[Many](), 0
    for part in _parts(bound):
        if part[0].many is not None:
            stages.append(_watched(part[0], first, track, is_async=is_async))
        else:
            shared = _Part(track, first) if track else None
            run = compile_sequence(path, part, is_async=is_async, track=shared)
            stages.append(one_by_one(run, is_async=is_async, concurrency=concurrency))
        first += len(part)
    return in_stages(stages, is_async=is_async)


def _parts(bound: Sequence[Bound]) -> list[list[Bound]]:
    parts: list[list[Bound]] = []
    for each in bound:
        if parts and each.many is None and parts[-1][-1].many is None:
            parts[-1].append(each)
        else:
            parts.append([each])
    return parts


def _watched(step: Bound, place: int, track: Track | None, *, is_async: bool) -> Many:
    """A step that takes many values, each of them told to who watches."""
    many = step.many
    assert many is not None
    if track is None:
        return many
    seen = track

    async def waiting(values: Sequence[Any], context: Any) -> list[Any]:
        began = seen.now()
        found = many(values, context)
        answers: list[Any] = await found if step.is_async else found
        ended = seen.now()
        for each in answers:
            seen.one(place, ended - began, each.error if isinstance(each, Failed) else None)
        return answers

    def plain(values: Sequence[Any], context: Any) -> list[Any]:
        return drive(waiting(values, context))

    return waiting if is_async else plain


class _Part:
    """What some of a sequence's steps tell, each for itself: a sequence in stages is not one run
    after another."""

    def __init__(self, track: Track, first: int) -> None:
        self._track, self._first = track, first
        self.now = track.now

    def seen(self, times: tuple[float, ...]) -> None:
        for place, (began, ended) in enumerate(pairwise(times)):
            self.one(place, ended - began)

    def failed(self, place: int, error: BaseException, times: tuple[float, ...]) -> None:
        self.seen(times)
        self.one(place, self.now() - times[-1], error)

    def one(self, place: int, seconds: float, error: BaseException | None = None) -> None:
        self._track.one(self._first + place, seconds, error)

    def whole(self, seconds: float) -> None:
        self._track.whole(seconds)


def answered(found: Any, dropped: Any, *, is_async: bool) -> Any:
    """What a graph gives for many values: `dropped` for an event that went no further."""

    def told(answers: list[Any]) -> list[Any]:
        return [dropped if _is_drop(each) else each for each in answers]

    async def later() -> list[Any]:
        return told(await found)

    return later() if is_async else told(found)


def _is_drop(answer: Any) -> bool:
    return isinstance(answer, Failed) and isinstance(answer.error, Drop)
