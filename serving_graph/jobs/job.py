"""A job: rows of a dataset go through a graph, on an engine, and come out in their order."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any, Literal, NamedTuple

from ...handlers.errors import JobFailed
from ..graph import Graph
from ..refer import resolve, wrong
from .executors import executor_of
from .executors.local import Local
from .sink import Sink, sink_at, write_errors
from .source import Source, source_of
from .work import Chunk, Outcome, RowError, Work

Errors = Literal["raise", "collect"]
Tick = Callable[[int], object]


class JobResult(NamedTuple):
    """What came of a job.

    answers: one a row, in the order of the rows, None for a row that failed; empty when they were
             written to a file
    errors:  the rows that failed, in order
    rows:    how many there were
    seconds: how long it took
    """

    answers: list[Any]
    errors: list[RowError]
    rows: int
    seconds: float

    def __repr__(self) -> str:
        """Without the answers: a notebook shows this, and there may be millions."""
        failed = f", {len(self.errors)} of them failed" if self.errors else ""
        first = f"; the first: {self.errors[0].message}" if self.errors else ""
        return f"<job: {self.rows} rows{failed} in {self.seconds:.1f} s{first}>"


def run_job(
    graph: Graph[Any, Any],
    data: Any,
    *,
    executor: Any = "local",
    workers: int | None = None,
    chunk: int = 256,
    errors: Errors = "raise",
    out: str | Path | None = None,
    progress: bool | None = None,
) -> JobResult:
    """See `Graph.job`."""
    graph.check()
    if errors not in ("raise", "collect"):
        raise wrong(f"errors={errors!r}", "use 'raise' or 'collect'")
    if graph.streams:
        raise wrong(
            f"graph {graph.name!r} gives a stream, and a row of a job has one answer",
            "gather its items in a last step that gives a list",
            at=graph.place,
        )
    if chunk < 1 or (workers is not None and workers < 1):
        raise wrong(f"a job with chunk={chunk}, workers={workers} runs nothing")
    engine = executor_of(executor, workers)
    source = source_of(data, graph.input_type)
    work = _work(graph, source, engine)
    path = Path(out) if out is not None else None
    sink = sink_at(path) if path else None
    began = monotonic()
    try:
        with _progress(progress, graph.name, source.total) as tick:
            found = _gathered(graph, engine.run(work, _chunks(source, chunk)), sink, errors, tick)
    except BaseException:
        if sink is not None:
            sink.gone()
        raise
    if sink is not None and path is not None:
        sink.done()
        write_errors(path, found.errors)
    return found._replace(seconds=monotonic() - began)


def _work(graph: Graph[Any, Any], source: Source, engine: Any) -> Work:
    if isinstance(engine, Local):
        engine.graph = graph
    if engine.remote:
        _check_sendable(graph)
    # The folder of a script is its first path; "" is wherever this process is.
    paths = tuple(each or str(Path.cwd()) for each in sys.path)
    return Work(uuid.uuid4().hex, graph.spec.to_dict(), source.decode, paths)


def _check_sendable(graph: Graph[Any, Any]) -> None:
    """Raise `GraphError` for a graph whose steps another process could not import."""
    for each in graph.walk():
        for reference in each.references:
            if reference.startswith("__main__:"):
                raise wrong(
                    f"step {each.name!r} is defined in the script that runs ({reference}), which "
                    "other processes do not import",
                    "define it in a module, and import it from there",
                    at=each.place,
                )
            resolve(reference)


def _chunks(source: Source, size: int) -> Iterator[Chunk]:
    rows, first = iter(source.rows), 0
    while part := list(islice(rows, size)):
        yield Chunk(first, part)
        first += len(part)


def _gathered(
    graph: Graph[Any, Any],
    outcomes: Any,
    sink: Sink | None,
    errors: Errors,
    tick: Tick,
) -> JobResult:
    answers, failed, rows = list[Any](), list[RowError](), 0
    encode = _encoder(graph) if sink else None
    with closing(outcomes):
        for part in outcomes:
            wrong_rows = [error for _, error in part if error is not None]
            if wrong_rows and errors == "raise":
                raise _failed(wrong_rows[0])
            failed += wrong_rows
            rows += len(part)
            if sink is not None and encode is not None:
                sink.add([encode(answer) for answer in _answers(part)])
            else:
                answers += _answers(part)
            tick(len(part))
    return JobResult(answers, failed, rows, 0.0)


def _answers(part: Iterable[Outcome]) -> list[Any]:
    return [answer for answer, _ in part]


def _failed(error: RowError) -> JobFailed:
    failure = JobFailed(str(error))
    failure.row_error = error
    failure.add_note(error.trace.rstrip() or "no trace")
    return failure


def _encoder(graph: Graph[Any, Any]) -> Callable[[Any], Any]:
    """What makes an answer what JSON has a form for; None stays None."""
    from ...handlers.codec import codec_for
    from ...handlers.codec.signature import Signature

    signature = Signature(
        order=("body",), input_type=Any, output_type=graph.output_type, is_async=False
    )
    encode = codec_for(signature, name=graph.name, where=(graph.file, graph.line)).encode

    def encoded(answer: Any) -> Any:
        if answer is None:
            return None
        value = encode(answer)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

    return encoded


@contextmanager
def _progress(asked: bool | None, name: str, total: int | None) -> Iterator[Tick]:
    """A bar on the terminal, where somebody sits at one and nothing else was asked."""
    if not (sys.stderr.isatty() if asked is None else asked):
        yield lambda rows: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    told = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Remaining())
    with Progress(*told, console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=total)
        yield lambda rows: bar.advance(task, rows)
