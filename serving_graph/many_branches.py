"""Many values through a step with branches, where a branch would rather have them all at once.

The step's own function is asked twice over: its branches are stood for by what only says who was
asked, or by the answers that are there already.  So what it does with them is said once, in its
`join`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..handlers.failed import Failed
from .compile import Run
from .drive import drive
from .kit.base import Drop
from .many import Many
from .spec import Key

Join = Callable[[dict[Key, Run]], Run]


class _Asked(NamedTuple):
    """That a branch was asked, and with what."""

    key: Key
    value: Any


class _Place(NamedTuple):
    """In the place of a context: which of the answers that are there are meant."""

    answers: Mapping[Key, Sequence[Any]]
    number: int


def to_one(manys: Mapping[Key, Many], join: Join, *, is_async: bool) -> Many:
    """For a step that hands each value to one branch and gives its answer: a router."""
    asked = join({key: _says(key, is_async) for key in manys})

    async def waiting(values: Sequence[Any], context: Any) -> list[Any]:
        found = [await _outcome(asked, each, context, is_async) for each in values]
        for key, many in manys.items():
            places = [n for n, each in enumerate(found) if _is_for(each, key)]
            if places:
                answers = many([found[n].value for n in places], context)
                for n, answer in zip(places, await answers if is_async else answers, strict=True):
                    found[n] = answer
        return found

    return waiting if is_async else _plain(waiting)


def to_all(manys: Mapping[Key, Many], join: Join, *, is_async: bool) -> Many:
    """For a step that hands each value to every branch, once: parallel, an ensemble."""
    replay = join({key: _gives(key, is_async) for key in manys})

    async def waiting(values: Sequence[Any], context: Any) -> list[Any]:
        given = [many(values, context) for many in manys.values()]
        if is_async:
            import asyncio

            given = await asyncio.gather(*given)
        answers = dict(zip(manys, given, strict=True))
        return [
            await _outcome(replay, each, _Place(answers, number), is_async)
            for number, each in enumerate(values)
        ]

    return waiting if is_async else _plain(waiting)


def _plain(waiting: Any) -> Many:
    return lambda values, context: drive(waiting(values, context))


def _says(key: Key, is_async: bool) -> Run:
    async def later(value: Any, context: Any) -> Any:
        return _Asked(key, value)

    return later if is_async else lambda value, context: _Asked(key, value)


def _gives(key: Key, is_async: bool) -> Run:
    def now(value: Any, place: _Place) -> Any:
        answer = place.answers[key][place.number]
        if isinstance(answer, Failed):
            raise answer.error
        return answer

    async def later(value: Any, place: _Place) -> Any:
        return now(value, place)

    return later if is_async else now


async def _outcome(run: Run, value: Any, context: Any, is_async: bool) -> Any:
    try:
        answer = run(value, context)
        return await answer if is_async else answer
    except (Exception, Drop) as error:
        return Failed(error)


def _is_for(found: Any, key: Key) -> bool:
    return isinstance(found, _Asked) and found.key == key and type(found.key) is type(key)
