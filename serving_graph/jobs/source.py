"""A dataset as rows: a list, columns, a DataFrame, or a file of CSV, JSON lines or Parquet.

Files are read a part at a time: a dataset may be larger than memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

from ...handlers.errors import WrongUse
from ..fit import plain

_SCALARS = (int, float, str, bool)


class Source(NamedTuple):
    """rows: each what the graph takes, or as JSON has it (`decode`); total: how many, if known"""

    rows: Iterable[Any]
    total: int | None
    decode: bool


def source_of(data: Any, input_type: Any) -> Source:
    """The rows of a dataset for a graph that takes `input_type`.

    A table's row is a dict by column; of a table with one column it is the value, for a graph that
    takes a number, a text or a bool.  Rows of a list are taken as they are, but dicts for a graph
    that takes a class are read as its fields.

    Raises `WrongUse` for data of no known form, and for columns of different lengths.

    >>> list(source_of({"n": [1, 2]}, int).rows)
    [1, 2]
    """
    single = plain(input_type) in _SCALARS
    if isinstance(data, (str, Path)):
        return Source(_table(_file(Path(data), input_type), single), None, True)
    if isinstance(data, Mapping):
        columns = {str(name): list(values) for name, values in data.items()}
        return Source(_table(_columns(columns), single), _length(columns), True)
    if hasattr(data, "columns") and hasattr(data, "shape"):
        return Source(_table(_frame(data), single), int(data.shape[0]), True)
    if isinstance(data, Iterable) and not isinstance(data, (bytes, bytearray)):
        total = len(data) if isinstance(data, Sequence) else None
        first, rows = _peek(data)
        return Source(rows, total, isinstance(first, dict) and _is_class(plain(input_type)))
    raise WrongUse(
        f"a job runs over rows, columns, a DataFrame or a file, not {data!r:.60}",
        advice="give a list, a dict of columns, or a path to .csv, .jsonl or .parquet",
    )


def _is_class(given: Any) -> bool:
    return isinstance(given, type) and given.__module__ != "builtins"


def _peek(data: Iterable[Any]) -> tuple[Any, Iterable[Any]]:
    """The first row, and all of them."""
    if isinstance(data, Sequence):
        return (data[0] if data else None), data
    from itertools import chain

    rows = iter(data)
    first = next(rows, _NOTHING)
    return (None, iter(())) if first is _NOTHING else (first, chain([first], rows))


_NOTHING = object()


def _table(rows: Iterable[Any], single: bool) -> Iterator[Any]:
    for row in rows:
        alone = single and isinstance(row, dict) and len(row) == 1
        yield next(iter(row.values())) if alone else row


def _length(columns: Mapping[str, list[Any]]) -> int:
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise WrongUse(f"the columns are of different lengths: {lengths!r:.120}")
    return next(iter(lengths.values()), 0)


def _columns(columns: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    for values in zip(*columns.values(), strict=True):
        yield {name: _python(value) for name, value in zip(columns, values, strict=True)}


def _frame(frame: Any) -> Iterator[dict[str, Any]]:
    if hasattr(frame, "iter_rows"):  # polars
        yield from frame.iter_rows(named=True)
        return
    names = [str(name) for name in frame.columns]
    for values in frame.itertuples(index=False, name=None):
        yield {name: _python(value) for name, value in zip(names, values, strict=True)}


def _python(value: Any) -> Any:
    """A cell as Python has it: of numpy's scalars the number, of a timestamp its ISO text."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.item() if hasattr(value, "item") and not hasattr(value, "__len__") else value


def _file(path: Path, input_type: Any) -> Iterator[dict[str, Any]]:
    known: dict[str, Callable[[Path, Any], Iterator[dict[str, Any]]]] = {
        ".csv": _csv,
        ".jsonl": _json_lines,
        ".ndjson": _json_lines,
        ".parquet": _parquet,
    }
    if path.suffix not in known:
        raise WrongUse(f"{path}: a dataset is a file of {', '.join(known)}")
    if not path.is_file():
        raise WrongUse(f"there is no file {path}")
    return known[path.suffix](path, input_type)


def _csv(path: Path, input_type: Any) -> Iterator[dict[str, Any]]:
    """Cells as the graph's fields say: text stays text, all else is read as JSON would have it."""
    import csv

    texts = _text_fields(input_type)
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, strict=True)
        for row in reader:
            if None in row or None in row.values():
                raise WrongUse(f"{path}:{reader.line_num}: the row has another number of cells")
            yield {name: cell if name in texts else _cell(cell) for name, cell in row.items()}


def _text_fields(input_type: Any) -> frozenset[str]:
    given = plain(input_type)
    if not isinstance(given, type):
        return frozenset()
    hints = get_type_hints(given) if given.__module__ != "builtins" else {}
    return frozenset(name for name, kind in hints.items() if plain(kind) is str)


def _cell(text: str) -> Any:
    """
    >>> [_cell(each) for each in ("", "12", "-1.5e3", "012", "true", "late")]
    [None, 12, -1500.0, '012', True, 'late']
    """
    if text == "":
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if type(value) in (int, float) else text


def _json_lines(path: Path, _: Any) -> Iterator[Any]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise WrongUse(f"{path}:{number}: the line is no JSON: {error}") from error


def _parquet(path: Path, _: Any) -> Iterator[dict[str, Any]]:
    parquet = arrow("parquet")
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches():
            for row in batch.to_pylist():
                yield {name: _python(value) for name, value in row.items()}


def arrow(part: str) -> Any:
    """A part of pyarrow.  Raises `WrongUse` when it is not installed."""
    from importlib import import_module

    try:
        return import_module(f"pyarrow.{part}" if part else "pyarrow")
    except ModuleNotFoundError as error:
        raise WrongUse(
            "Parquet needs pyarrow, which is not installed", advice="pip install 'pelton[parquet]'"
        ) from error
