"""Many callers' values as one call of a step that takes a list of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    TypeVar,
    overload,
)

from ..batching.batcher import Batcher
from ..batching.loop import Loops
from ..batching.rows import Counts, Rows
from ..batching.threads import Threads
from ..batching.types import answer_of, item_of, takes
from ..batching.work import Work
from ..drive import lifted
from ..kit.base import Bound, Branches, Step
from ..kit.field import check_field, reader
from ..kit.hold import Holder
from ..kit.signature import Signature
from ..refer import Place, holds_state, place, reference, resolve, wrong
from ..spec import StepSpec, canonical
from .call import steps_of

if TYPE_CHECKING:
    from ..run import Worker

I = TypeVar("I")  # noqa: E741 - the field's own letter
O = TypeVar("O")  # noqa: E741

_MODEL_FILES = ("onnx", "pickled", "skops")  # kinds that take a row, rows or an array


class Batched(Holder):
    """See `batched`."""

    def __init__(self, branches: Branches, given: Mapping[str, Any], name: str, at: Place) -> None:
        self.given = dict(given)
        _check(self.given, name, at)
        options = {**self.given, "key": _written(self.given["key"], name, at)}
        super().__init__("batched", name, branches, at, options=canonical(options))
        steps = self.branches[0][1]
        self._check_inner(steps)
        self.waits = self.is_async
        self.is_async, self.either = self.is_async or self.given["is_async"], True
        self.model = len(steps) == 1 and steps[0].spec.kind in _MODEL_FILES
        self.takes = takes(steps[0].input_type, self)
        self.input_type, self.output_type = self._types(steps)
        self._check_key()

    def _check_inner(self, steps: tuple[Step[Any, Any], ...]) -> None:
        for each in steps:
            what = f"batched {self.name!r}: step {each.name!r} inside it"
            if each.drops or each.ends:
                why = f"{what} would let a whole batch go no further"
                raise wrong(why, "put it before batched(), or after", at=self.place)
            if _is_batched(each):
                raise wrong(f"{what} is batched already", "once is enough", at=self.place)
            if _is_single(each):
                why = f"{what} is to run once for an event, and a batch is many events in one call"
                raise wrong(why, "put it before batched(), or after", at=self.place)
            if each.streams:
                raise wrong(f"{what} gives a stream, not an answer a row", at=self.place)

    def _types(self, steps: tuple[Step[Any, Any], ...]) -> tuple[Any, Any]:
        taken, gives = steps[0].input_type, steps[-1].output_type
        if self.given["rows"] == "many" or self.model:
            return taken, gives
        return item_of(taken), answer_of(gives, self)

    def _check_key(self) -> None:
        key = self.given["key"]
        if isinstance(key, str):
            check_field(
                f"batched {self.name!r} keeps the order by", key, self.input_type, self.place
            )
        elif key is not None:
            self.references = (reference(key),)
            signature = Signature(key, f"{self.name}'s key", self.place)
            if signature.is_async or signature.context:
                what = f"batched {self.name!r}: key={key.__name__} is no plain def of the value"
                raise wrong(what, at=self.place)

    def bind(self, worker: Worker, path: str) -> Bound:
        bound = worker.bound(self.branches[0][1], path, is_async=self.waits)
        run = worker.compiled(bound, path, is_async=self.waits)
        given = self.given
        limits = {"queue": given["room"], "concurrency": given["concurrency"]}
        work = Work(
            self._rows(bound[0].model),
            run if self.waits else lifted(run),
            worker.clock,
            worker.count(),
            partial(Batcher, given["max_rows"], given["max_wait"], **limits),
            path=path,
            last=bound[-1].path,
            alone=self.model,
            key_of=reader(given["key"]) if isinstance(given["key"], str) else given["key"],
            refuse=given["full"] == "refuse",
            counter=partial(worker.counter, path),
        )
        engine = Loops(work, waits=self.waits) if self.is_async else Threads(work)
        worker.gauge(path, "queue_depth", engine.depth)
        return Bound(
            self.name,
            path,
            engine.call,
            is_async=self.is_async,
            context="context",
            many=engine.many,
        )

    def _rows(self, model: Any) -> Rows:
        counts: Counts = self.given["rows"] or ("either" if self.model else "one")
        depth = 1
        if self.model and model is not None:
            depth = self._row_depth(model)
        by_shape = self.given["group"] == "shape"
        most = self.given["max_rows"]
        return Rows(counts, self.takes, by_shape=by_shape, max_rows=most, depth=depth)

    def _row_depth(self, model: Any) -> int:
        """How many lists are inside one another in a row of the model.  Raises `ValueError` for a
        model whose batch has a fixed size."""
        inputs = model.metadata.inputs
        fixed = [each for each in inputs if each.shape and each.shape[0] > 0]
        if fixed:
            raise ValueError(
                f"batched {self.name!r}: the model takes exactly {fixed[0].shape[0]} row(s) for "
                f"{fixed[0].name!r}; export it with a free first dimension, or do without batched()"
            )
        return max(1, len(inputs[0].shape) - 1) if len(inputs) == 1 else 1


@overload
def batched(
    step: type[Any] | Callable[[list[I]], list[O]] | Step[list[I], list[O]],
    *,
    max_rows: int = 64,
    max_wait: float = 0.005,
    rows: Literal["one"] | None = None,
    group: Literal["shape", "any"] = "shape",
    key: str | Callable[[I], Any] | None = None,
    concurrency: int = 1,
    room: int = 1024,
    full: Literal["refuse", "wait"] = "refuse",
    is_async: bool = False,
    name: str = "batched",
) -> Step[I, O]: ...
@overload
def batched(
    step: Any,
    *,
    max_rows: int = 64,
    max_wait: float = 0.005,
    rows: Literal["one", "many"] | None = None,
    group: Literal["shape", "any"] = "shape",
    key: str | Callable[[Any], Any] | None = None,
    concurrency: int = 1,
    room: int = 1024,
    full: Literal["refuse", "wait"] = "refuse",
    is_async: bool = False,
    name: str = "batched",
) -> Step[Any, Any]: ...


def batched(
    step: Any,
    *,
    max_rows: int = 64,
    max_wait: float = 0.005,
    rows: Literal["one", "many"] | None = None,
    group: Literal["shape", "any"] = "shape",
    key: str | Callable[[Any], Any] | None = None,
    concurrency: int = 1,
    room: int = 1024,
    full: Literal["refuse", "wait"] = "refuse",
    is_async: bool = False,
    name: str = "batched",
) -> Step[Any, Any]:
    """A step that takes one value and gives one answer, made of `step`, which takes a list of
    values and gives as many answers in order: values of several callers go through in one call.

    step:        takes a list, a numpy array with rows in axis 0, or a dict of such columns, as
                 its annotation says; gives a list, an array or a dict of columns.  An exception
                 in the place of an answer fails that value.  Or a model file (`onnx`, `skops`):
                 a value is then a row, rows or an array, as it is without `batched`
    max_rows:    rows a call, at the most; a value that holds more goes through in parts
    max_wait:    seconds that a value waits for others, at the most; it does not wait when no
                 other event is inside the graph, nor when events come more rarely than that
    rows:        "one": a value is a row; "many": it holds rows itself (a list, an array, a dict
                 of columns), and its answer as many
    group:       "shape": only rows that could be stacked share a call; "any": all do
    key:         a field, or a function of the value: values of one key are begun in the order in
                 which they came, whatever their shapes
    concurrency: calls at the same time
    room:        rows that may wait; then a caller is refused (`Overloaded`, 429) or, with
                 full="wait", waits for room
    is_async:    whether it makes its graph async, so that events on one loop are put together;
                 where another step waits, the graph is async anyway

    In a plain graph the callers are threads.  Inside `map`, for `Graph.many` and for the records of
    a queue, all values go through in full batches.  When a call raises, its halves are tried, so
    that a bad value fails alone; errors that speak of the service (429, 503, 504, a broken
    connection) fail the call's values at once.  A value whose deadline passes while it waits gets
    `DeadlineExceeded`; one whose caller is cancelled leaves its batch.

    Raises `GraphError` for a step that takes or gives no list, and for limits that let nothing
    through.

    >>> from pelton import Graph, steps
    >>> def double(numbers: list[int]) -> list[int]:
    ...     return [2 * n for n in numbers]
    >>> graph = Graph("double", list[int]) >> steps.map(steps.batched(double, max_rows=2))
    >>> graph([1, 2, 3])
    [2, 4, 6]
    """
    given = {
        "max_rows": max_rows,
        "max_wait": max_wait,
        "rows": rows,
        "group": group,
        "key": key,
        "concurrency": concurrency,
        "room": room,
        "full": full,
        "is_async": is_async,
    }
    return Batched((("", steps_of(step)),), given, name, place())


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    import json

    given = json.loads(spec.options)
    key = given["key"]
    given["key"] = resolve(key["function"]) if isinstance(key, dict) else key
    return Batched(branches, given, spec.name, at)


def _check(given: Mapping[str, Any], name: str, at: Place) -> None:
    for option in ("max_rows", "concurrency", "room"):
        if not isinstance(given[option], int) or given[option] < 1:
            raise wrong(f"batched {name!r}: {option}={given[option]!r} lets nothing through", at=at)
    if not 0 <= given["max_wait"] < float("inf"):
        what = f"batched {name!r}: max_wait={given['max_wait']!r} is no number of seconds"
        raise wrong(what, at=at)
    choices = {"rows": ("one", "many", None), "group": ("shape", "any"), "full": ("refuse", "wait")}
    for option, known in choices.items():
        if given[option] not in known:
            said = " or ".join(repr(each) for each in known if each)
            raise wrong(f"batched {name!r}: {option}={given[option]!r}", f"use {said}", at=at)


def _written(key: Any, name: str, at: Place) -> Any:
    if key is None or (isinstance(key, str) and key):
        return key
    if not callable(key) or not hasattr(key, "__qualname__") or holds_state(key):
        raise wrong(f"batched {name!r}: key={key!r:.60} is neither a field nor a function", at=at)
    return {"function": reference(key)}


def _is_single(step: Step[Any, Any]) -> bool:
    return step.single or any(_is_single(each) for _, held in step.branches for each in held)


def _is_batched(step: Step[Any, Any]) -> bool:
    held = (each for _, steps in step.branches for each in steps)
    return step.spec.kind == "batched" or any(map(_is_batched, held))
