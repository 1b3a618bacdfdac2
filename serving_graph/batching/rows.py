"""Values as rows of a batch, and a batch's answers as each value's own.

Two rows may share a batch when they could be stacked: the same kinds of values in the same places.
A number is a number here, int or float (JSON makes no difference); an array has its dtype and
shape.  numpy is imported where arrays are put together, never before.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

Counts = Literal["one", "many", "either"]
Takes = Literal["list", "array", "columns"]
Kind = Literal["row", "rows", "array", "columns"]

_NUMBERS = {int, float}


class Piece(NamedTuple):
    """A part of a value that goes into one batch.

    kind: a single row; or several as a list, an array, or a dict of columns
    """

    value: Any
    rows: int
    kind: Kind
    group: Hashable


class Rows:
    """How a step's values are counted, put together and dealt out.

    counts:   "one": a value is one row; "many": it holds rows (a list, an array, a dict of
              columns); "either": as a model tells them apart
    takes:    what the step takes: a list of rows, an array of them, or a dict of columns
    by_shape: whether only rows that could be stacked share a batch
    max_rows: of a piece, at the most
    depth:    of a row, where a value may be one or several: how many lists it has in one another

    >>> rows = Rows("one", "list", by_shape=True, max_rows=8)
    >>> rows.split([1.0, 2])[0].group == rows.split([3, 4.5])[0].group != rows.split([1])[0].group
    True
    """

    def __init__(
        self,
        counts: Counts,
        takes: Takes,
        *,
        by_shape: bool = True,
        max_rows: int = 64,
        depth: int = 1,
    ) -> None:
        self.counts, self.takes, self.by_shape, self.max_rows = counts, takes, by_shape, max_rows
        self.depth = depth

    def split(self, value: Any) -> list[Piece]:
        """A value's pieces: one, unless it holds more rows than a batch.

        Raises `TypeError` for a value that holds no rows where it should, `ValueError` for columns
        of different lengths.
        """
        kind = self._kind(value)
        if kind == "row":
            return [Piece(value, 1, kind, ("list", self._group(value)))]
        count = length(value)
        if kind == "rows":
            return self._split_list(value, count)
        group = (kind, self._group_of_arrays(value))
        starts = range(0, count, self.max_rows) if count else [0]
        parts = [_slice(value, start, start + self.max_rows) for start in starts]
        return [Piece(each, length(each), kind, group) for each in parts]

    def _kind(self, value: Any) -> Kind:
        if self.counts == "one":
            return "row"
        if value.__class__ is list and self.counts == "either":
            return "rows" if _holds_rows(value, self.depth) else "row"
        if hasattr(value, "shape") and hasattr(value, "dtype"):
            return "array" if value.shape else "row"
        if isinstance(value, Mapping):
            return "row" if self.counts == "either" else "columns"
        if isinstance(value, (list, tuple)):
            several = self.counts == "many" or _holds_rows(value, self.depth)
            return "rows" if several else "row"
        if self.counts == "many":
            raise TypeError(f"takes rows (a list, an array, a dict of columns), not {value!r:.60}")
        return "row"

    def _split_list(self, value: Sequence[Any], count: int) -> list[Piece]:
        """Rows of one list that cannot be stacked are no business of anybody else."""
        groups = {self._group(each) for each in value}
        group: Hashable = ("list", groups.pop()) if len(groups) == 1 else object()
        starts = range(0, count, self.max_rows) if count else [0]
        parts = [value[start : start + self.max_rows] for start in starts]
        return [Piece(each, len(each), "rows", group) for each in parts]

    def _group(self, row: Any) -> Hashable:
        return kind_of(row) if self.by_shape else None

    def _group_of_arrays(self, value: Any) -> Hashable:
        if isinstance(value, Mapping):
            pairs = (name_and_kind for name_and_kind in value.items())
            return frozenset((name, _array_kind(each)) for name, each in pairs)
        return _array_kind(value)

    def gather(self, pieces: Sequence[Piece]) -> Any:
        """The pieces of one batch as the step takes them."""
        kind, values = pieces[0].kind, [each.value for each in pieces]
        if kind in ("array", "columns"):
            return values[0] if len(values) == 1 else _joined(values)
        rows: list[Any] = []
        for each in pieces:
            if each.kind == "row":
                rows.append(each.value)
            else:
                rows.extend(each.value)
        if self.takes == "columns":
            return {name: _stacked([row[name] for row in rows]) for name in rows[0]}
        return _stacked(rows) if self.takes == "array" else rows

    def deal(self, answers: Any, pieces: Sequence[Piece]) -> list[Any]:
        """Each piece's own of a batch's answers; an exception stands for a piece that failed.

        Raises `TypeError` or `ValueError` when there are not as many answers as rows.
        """
        wanted = sum(each.rows for each in pieces)
        if isinstance(answers, (str, bytes)) or not hasattr(answers, "__len__"):
            raise TypeError(
                f"the model gave {answers!r:.60} for a batch of {wanted} rows, and has to give "
                "an answer for each"
            )
        found = length(answers)
        if found != wanted:
            raise ValueError(
                f"the model gave {found} answers for a batch of {wanted} rows, and has to give one "
                "for each, in order"
            )
        dealt, start = [], 0
        for each in pieces:
            end = start + each.rows
            single = each.kind == "row"
            dealt.append(_at(answers, start) if single else _whole(_slice(answers, start, end)))
            start = end
        return dealt

    def rejoin(self, answers: Sequence[Any]) -> Any:
        """A value's answer, of its pieces' answers."""
        return answers[0] if len(answers) == 1 else _joined(answers)


def kind_of(row: Any) -> Hashable:
    """What has to be equal for rows to be stacked.

    >>> kind_of({"a": 1}) == kind_of({"a": 2.5}), kind_of([1, "x"]) == kind_of(["x", 1])
    (True, False)
    """
    if row.__class__ in _NUMBERS:
        return "number"
    if isinstance(row, (list, tuple)):
        if _NUMBERS.issuperset(map(type, row)):
            return (len(row), "number")
        return tuple(map(kind_of, row))
    if isinstance(row, Mapping):
        return frozenset((name, kind_of(each)) for name, each in row.items())
    if hasattr(row, "shape") and hasattr(row, "dtype"):
        return (str(row.dtype), tuple(row.shape))
    return (type(row),)


def length(value: Any) -> int:
    """How many rows an array, a list or a dict of columns has.

    Raises `ValueError` for columns of different lengths, `TypeError` for what has none.
    """
    if not isinstance(value, Mapping):
        return len(value)
    found = {name: len(each) for name, each in value.items()}
    if len(set(found.values())) > 1:
        said = ", ".join(f"{name} {count}" for name, count in found.items())
        raise ValueError(f"columns of different lengths: {said}")
    return next(iter(found.values()), 0)


def _holds_rows(value: Sequence[Any], depth: int) -> bool:
    """Whether a list holds rows: dicts, or what has as many lists in one another as a row."""
    if not value or value[0].__class__ in _NUMBERS:
        return False
    return isinstance(value[0], Mapping) or _depth(value[0]) >= depth


def _depth(value: Any) -> int:
    depth = 0
    while isinstance(value, (list, tuple)):
        depth, value = depth + 1, value[0] if value else None
    return depth + len(getattr(value, "shape", ()))


def _has_axes(value: Any) -> bool:
    return bool(getattr(value, "shape", ()))


def _array_kind(value: Any) -> Hashable:
    if hasattr(value, "dtype"):
        return (str(value.dtype), tuple(value.shape[1:]))
    kinds = {kind_of(each) for each in value}
    return kinds.pop() if len(kinds) == 1 else object()


def _slice(value: Any, start: int, end: int) -> Any:
    if isinstance(value, Mapping):
        return {name: each[start:end] for name, each in value.items()}
    return value[start:end]


def _at(answers: Any, place: int) -> Any:
    if isinstance(answers, Mapping):
        return {name: each[place] for name, each in answers.items()}
    return answers[place]


def _whole(answers: Any) -> Any:
    """Several rows' answers; the first exception among them, for all."""
    if not isinstance(answers, (list, tuple)):
        return answers
    return next((each for each in answers if isinstance(each, Exception)), answers)


def _joined(values: Sequence[Any]) -> Any:
    first = values[0]
    if isinstance(first, Mapping):
        return {name: _joined([each[name] for each in values]) for name in first}
    if hasattr(first, "dtype"):
        import numpy

        return numpy.concatenate(values)
    return [each for value in values for each in value]


def _stacked(rows: Sequence[Any]) -> Any:
    import numpy

    return numpy.asarray(rows) if not _has_axes(rows[0]) else numpy.stack(rows)
