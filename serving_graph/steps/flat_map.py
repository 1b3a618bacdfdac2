"""The same steps for every item of a list, the lists that they give put into one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, get_origin, overload

from ..compile import Run, note
from ..fit import fits, members, plain, type_name
from ..kit.base import Branches, Step
from ..kit.items import item_type, list_of
from ..refer import Place, place, wrong
from ..spec import StepSpec
from .call import steps_of
from .map import Map

if TYPE_CHECKING:
    from ..protocols import Made, Waits

I = TypeVar("I")  # noqa: E741 - the field's own letter
O = TypeVar("O")  # noqa: E741


class FlatMap(Map):
    """See `flat_map`."""

    kind = "flat_map"

    def __init__(self, branches: Branches, concurrency: int, name: str, at: Place) -> None:
        super().__init__(branches, concurrency, name, at)
        given = self.branches[0][1][-1].output_type
        if not fits(given, Iterable) or any(map(_is_no_list, members(given))):
            raise wrong(
                f"flat_map {name!r}: its steps give {type_name(given)}, which is no list of items",
                "use map, which keeps one answer for each item",
                at=at,
            )
        self.output_type = list_of(item_type(given))

    def shaped(self, each: Run, path: str) -> Run:
        def flat(values: Any, context: Any) -> list[Any]:
            return _flat(each(values, context), path)

        async def flat_and_wait(values: Any, context: Any) -> list[Any]:
            return _flat(await each(values, context), path)

        return flat_and_wait if self.is_async else flat


def _is_no_list(given: Any) -> bool:
    origin = get_origin(plain(given)) or plain(given)
    return isinstance(origin, type) and issubclass(origin, (str, bytes, Mapping))


def _flat(answers: list[Any], path: str) -> list[Any]:
    found: list[Any] = []
    for answer in answers:
        if isinstance(answer, (str, bytes, Mapping)) or not isinstance(answer, Iterable):
            error = TypeError(f"{answer!r:.60} ({type(answer).__name__}) is no list of items")
            note(error, path, answer)
            raise error
        found += answer
    return found


@overload
def flat_map(
    step: Waits[I, Iterable[O]], *, concurrency: int = 16, name: str = "flat_map"
) -> Step[Iterable[I], list[O]]: ...
@overload
def flat_map(
    step: Made[I, Iterable[O]], *, concurrency: int = 16, name: str = "flat_map"
) -> Step[Iterable[I], list[O]]: ...


def flat_map(step: Any, *, concurrency: int = 16, name: str = "flat_map") -> Step[Any, Any]:
    """`map` for a step that gives a list for each item: one list of all their items, in order.

    Raises `GraphError` for a concurrency below one, and for a step that gives no list (a string or
    a dict is none); where its type is not known, `TypeError` at run.

    >>> from pelton import Graph, steps
    >>> (Graph("words", list[str]) >> steps.flat_map(str.split))(["a b", "c"])
    ['a', 'b', 'c']
    """
    return FlatMap((("", steps_of(step)),), concurrency, name, place())


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    return FlatMap(branches, spec.option("concurrency"), spec.name, at)
