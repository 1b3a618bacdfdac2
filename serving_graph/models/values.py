"""What flows through a graph, as the arrays of a model and back: rows, dicts of features, arrays.

The form of the value decides the form of the answer: one row gives one answer, several rows give
a list, an array gives an array.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ...handlers.errors import InvalidInput
from .repository import Tensor
from .tensors import Nan, fit, refuse, shortcut

Form = Literal["row", "rows", "array"]


class Reader:
    """Values to arrays.

    inputs:   what the model takes
    features: the columns' names in the model's order, for values that are dicts
    nan:      whether not-a-number is refused or allowed, see `tensors.fit`
    """

    def __init__(self, inputs: Sequence[Tensor], features: Sequence[str] | None, nan: Nan) -> None:
        self.inputs, self.features, self.nan = tuple(inputs), features, nan
        self._short = shortcut(self.inputs[0]) if len(self.inputs) == 1 else None

    def read(self, value: Any) -> tuple[dict[str, Any], Form]:
        """The model's arrays by name, and the form of the value.  Raises `InvalidInput`."""
        return self._read_short(value) or self._read(value)

    def _read_short(self, value: Any) -> tuple[dict[str, Any], Form] | None:
        """The way of nearly every value: a row or rows of numbers that fit.  None for all else, and
        for what does not fit: `_read` says why."""
        form: Form = "row"
        if self._short is None:
            return None
        if type(value) is dict and self.features is not None:
            rows = [[value.get(name) for name in self.features]]
        elif type(value) is list and value:
            first = type(value[0])
            rows, form = ([value], form) if first is float or first is int else (value, "rows")
            if first is dict:
                return None
        else:
            return None
        array = self._short(rows)
        return None if array is None else ({self.inputs[0].name: array}, form)

    def _read(self, value: Any) -> tuple[dict[str, Any], Form]:
        form, rows = self._form(value)
        try:
            if not isinstance(rows, list) or not isinstance(rows[0], Mapping):
                return self._matrix(rows), form
            return self._records(rows), form
        except InvalidInput as error:
            raise _without_row(error) if form == "row" else error from None

    def _form(self, value: Any) -> tuple[Form, Any]:
        if hasattr(value, "shape"):
            return "array", value
        if isinstance(value, Mapping):
            return "row", [value]
        if not isinstance(value, (list, tuple)):
            got = "null" if value is None else f"a {type(value).__name__}"
            refuse((), f"takes a row, rows, a dict of features or an array, got {got}", "form")
        if not value:
            refuse((), "no rows", "shape")
        if isinstance(value[0], Mapping):
            return "rows", list(value)
        rank = len(self.inputs[0].shape) if len(self.inputs) == 1 else 2
        return ("row", [list(value)]) if _depth(value) < (rank or 2) else ("rows", list(value))

    def _matrix(self, rows: Any) -> dict[str, Any]:
        first, *others = self.inputs
        if others:
            names = ", ".join(each.name for each in self.inputs)
            refuse((), f"takes a dict of {names}", "form")
        return {first.name: fit(rows, first, (), self.nan)}

    def _records(self, records: list[Any]) -> dict[str, Any]:
        for place, each in enumerate(records):
            if not isinstance(each, Mapping):
                refuse((place,), "takes a dict of features, like the first", "form")
        if self.features is None or len(self.inputs) > 1:
            self._check_named(records[0])
            return {each.name: self._column(records, each) for each in self.inputs}
        rows = [
            [_field(each, name, place) for name in self.features]
            for place, each in enumerate(records)
        ]
        return {self.inputs[0].name: fit(rows, self.inputs[0], (), self.nan, self.features)}

    def _check_named(self, record: Mapping[str, Any]) -> None:
        name = self.inputs[0].name
        if len(self.inputs) == 1 and name not in record:
            has = ", ".join(map(str, record)) or "nothing"
            message = f"missing: the value has {has}; say which are the features: inputs=[...]"
            refuse((0, name), message, "missing")

    def _column(self, records: list[Any], wanted: Tensor) -> Any:
        values = [_field(each, wanted.name, place) for place, each in enumerate(records)]
        scalar = not isinstance(values[0], (list, tuple)) and not hasattr(values[0], "shape")
        pair = scalar and len(wanted.shape) == 2
        try:
            return fit([[each] for each in values] if pair else values, wanted, (), self.nan)
        except InvalidInput as error:
            for each in error.details:
                row, *rest = each["path"] or [None]
                inside = rest[1:] if pair else rest
                each["path"] = [*([] if row is None else [row]), wanted.name, *inside]
            raise InvalidInput(error.details) from None


def _field(record: Mapping[str, Any], name: str, place: int) -> Any:
    if name not in record:
        refuse((place, name), "missing", "missing")
    return record[name]


def _without_row(error: InvalidInput) -> InvalidInput:
    """The error without the index of the only row: the value is that row."""
    return InvalidInput([{**each, "path": _rest(each["path"])} for each in error.details])


def _rest(path: Sequence[Any]) -> list[Any]:
    return list(path[1:] if path and path[0] == 0 else path)


def _depth(value: Any) -> int:
    """How many lists are inside one another, seen from the first item."""
    depth = 0
    while isinstance(value, (list, tuple)):
        depth, value = depth + 1, value[0] if value else None
    return depth + len(getattr(value, "shape", ()))


def give(found: Any, form: Form) -> Any:
    """A model's output in the form of the value that was asked."""
    if form == "array":
        return found
    listed = found.tolist() if hasattr(found, "tolist") else found
    return listed[0] if form == "row" and isinstance(listed, list) and len(listed) == 1 else listed
