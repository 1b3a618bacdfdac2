"""The answers of a job as a file: a row for each row of the dataset, in its order.

Nothing is at the path until the job is done; a row that failed, or whose event went no further, is
null (in CSV empty).
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from ...handlers.errors import WrongUse
from .source import arrow
from .work import RowError

COLUMN = "answer"  # of answers that are no records


class Sink(Protocol):
    """Takes answers, then makes the file (`done`) or leaves no trace (`gone`)."""

    def add(self, answers: Sequence[Any]) -> None: ...

    def done(self) -> None: ...

    def gone(self) -> None: ...


def sink_at(path: Path) -> Sink:
    """The sink that a file's name asks for.  Raises `WrongUse` for any other name."""
    kinds: dict[str, type[_File]] = {
        ".csv": Csv,
        ".jsonl": JsonLines,
        ".ndjson": JsonLines,
        ".parquet": Parquet,
    }
    if path.suffix not in kinds:
        raise WrongUse(f"{path}: answers are written to a file of {', '.join(kinds)}")
    if not path.parent.is_dir():
        raise WrongUse(f"{path}: there is no folder {path.parent}")
    return kinds[path.suffix](path)


class _File:
    """What is written beside the path, and takes its place when all is there."""

    def __init__(self, path: Path) -> None:
        self.path, self._beside = path, path.with_name(f".{path.name}.{os.getpid()}")
        self._file: IO[str] = self._beside.open("w", encoding="utf-8", newline="")

    def add(self, answers: Sequence[Any]) -> None:
        raise NotImplementedError

    def done(self) -> None:
        self._file.close()
        self._beside.replace(self.path)

    def gone(self) -> None:
        self._file.close()
        self._beside.unlink(missing_ok=True)


class JsonLines(_File):
    """A line of JSON an answer."""

    def add(self, answers: Sequence[Any]) -> None:
        self._file.writelines(f"{json.dumps(each, ensure_ascii=False)}\n" for each in answers)


class Csv(_File):
    """Columns are the fields of the first answer; what is no record is in one column."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._writer: csv.DictWriter[str] | None = None
        self._empty = 0  # rows before the columns are known

    def add(self, answers: Sequence[Any]) -> None:
        for answer in answers:
            if self._writer is None and answer is None:
                self._empty += 1
                continue
            record = _record(answer)
            if self._writer is None:
                self._begin(list(record))
            self._row(record)

    def done(self) -> None:
        if self._writer is None:
            self._begin([COLUMN])
        super().done()

    def _begin(self, columns: list[str]) -> None:
        self._writer = csv.DictWriter(self._file, columns, lineterminator="\n")
        self._writer.writeheader()
        for _ in range(self._empty):
            self._row({})

    def _row(self, record: dict[str, Any]) -> None:
        assert self._writer is not None
        cells = {
            name: json.dumps(value) if isinstance(value, (dict, list)) else value
            for name, value in record.items()
        }
        try:
            self._writer.writerow(cells)
        except ValueError as error:
            raise WrongUse(
                f"{self.path}: an answer has other fields than the first: {error}",
                advice="write .jsonl",
            ) from error


class Parquet(_File):
    """Columns of the answers' fields; kept in memory until the job is done."""

    def __init__(self, path: Path) -> None:
        self._arrow, self._parquet = arrow(""), arrow("parquet")
        super().__init__(path)
        self._rows = list[dict[str, Any]]()

    def add(self, answers: Sequence[Any]) -> None:
        self._rows += [_record(each) for each in answers]

    def done(self) -> None:
        names = dict.fromkeys(name for row in self._rows for name in row) or {COLUMN: None}
        columns = {name: [row.get(name) for row in self._rows] for name in names}
        self._parquet.write_table(self._arrow.table(columns), self._beside)
        super().done()


def _record(answer: Any) -> dict[str, Any]:
    if isinstance(answer, dict):
        return answer
    return {} if answer is None else {COLUMN: answer}


def write_errors(path: Path, errors: Iterable[RowError]) -> Path:
    """The errors beside the answers, a line of JSON each; an old such file goes."""
    beside = path.with_name(f"{path.name}.errors.jsonl")
    lines = list(_lines(errors))
    if lines:
        beside.write_text("".join(lines), encoding="utf-8")
    else:
        beside.unlink(missing_ok=True)
    return beside


def _lines(errors: Iterable[RowError]) -> Iterator[str]:
    for each in errors:
        yield f"{json.dumps(each._asdict(), ensure_ascii=False)}\n"
