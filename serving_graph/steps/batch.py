"""A list in chunks, for what takes many values at once."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from types import GenericAlias
from typing import TYPE_CHECKING, Any

from ..kit.base import Bound, Branches, Step
from ..kit.items import item_type, list_of
from ..refer import Place, place, wrong
from ..spec import StepSpec, canonical

if TYPE_CHECKING:
    from ..run import Worker


class Batch(Step[Any, Any]):
    """See `batch`."""

    def __init__(self, size: int, name: str, at: Place) -> None:
        super().__init__(StepSpec("batch", name, options=canonical({"size": size})), at)
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise wrong(f"batch {name!r}: size={size!r} holds nothing", "give one or more", at=at)
        self.size = size
        self.input_type = GenericAlias(Iterable, (Any,))
        self.output_type = list_of(list_of(Any))

    def taking(self, given: Any) -> Step[Any, Any]:
        return self.giving(list_of(list_of(item_type(given))))

    def bind(self, worker: Worker, path: str) -> Bound:
        size = self.size

        def chunks(values: Iterable[Any]) -> list[list[Any]]:
            rest = iter(values)
            return list(iter(lambda: list(islice(rest, size)), []))

        return Bound(self.name, path, chunks, leaf=True)


def batch(size: int, *, name: str = "batch") -> Step[Iterable[Any], list[list[Any]]]:
    """A step that cuts a list into lists of `size` items; the last one may be shorter.

    Of values that come one by one, in calls of their own, it makes no batches: that is `batched`.

    Raises `GraphError` for a size below one.

    >>> from pelton import Graph, steps
    >>> (Graph("sums", list[int]) >> steps.batch(2) >> steps.map(sum))([1, 2, 3])
    [3, 3]
    """
    return Batch(size, name, place())


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    return Batch(spec.option("size"), spec.name, at)
