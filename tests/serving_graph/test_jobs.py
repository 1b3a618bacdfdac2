"""A graph as a job: the answers are those of the graph, in the rows' order, on every engine."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton import Context, Graph, JobFailed, WrongUse, step
from pelton.cli import command
from pelton.handlers.errors import GraphError
from pelton.serving_graph.jobs.work import Chunk, Outcome, Work, close, run_chunk

from ..tries import tries
from .random_graphs import Recipe, graphs

MODULE = """
import asyncio, os, signal
from dataclasses import dataclass
from pathlib import Path
import pelton


@dataclass
class Flight:
    id: str
    distance: float


class Scale:
    def __init__(self, by):
        self.by = by

    def load(self):
        self.loaded = True

    def __call__(self, flight: Flight) -> float:
        if flight.distance < 0:
            raise LookupError(flight.id)
        return flight.distance * self.by

    def close(self):
        with Path(os.environ.get("CLOSED", os.devnull)).open("a") as file:
            file.write("closed\\n")


def die(flight: Flight) -> float:
    if flight.distance == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    return flight.distance


async def later(value: float) -> float:
    await asyncio.sleep(0)
    return value + 1


def nothing_to_send(value: float) -> object:
    return (lambda: value) if value == 2 else value


graph = pelton.Graph("scaled", Flight) >> pelton.step(Scale, by=2) >> later
deadly = pelton.Graph("deadly", Flight) >> die
closed = pelton.Graph("closed", float) >> nothing_to_send
"""


class Inline:
    """What a cluster does, in this process: everything goes through pickle, chunks one by one."""

    remote = True

    def __init__(self) -> None:
        self.chunks = list[int]()
        self.taken_back = 0

    def run(self, work: Work, chunks: Iterable[Chunk]) -> Iterator[list[Outcome]]:
        try:
            for chunk in chunks:
                self.chunks.append(len(chunk.rows))
                sent = pickle.loads(pickle.dumps((work, chunk)))
                yield pickle.loads(run_chunk(*sent))
        finally:
            close(work.token)
            self.taken_back += 1


@pytest.fixture
def flights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "flights_of_jobs.py").write_text(MODULE)
    import importlib

    yield importlib.import_module("flights_of_jobs")
    sys.modules.pop("flights_of_jobs", None)


ROWS = [{"id": f"F{n}", "distance": float(n)} for n in range(25)]
ANSWERS = [2.0 * n + 1 for n in range(25)]


@settings(max_examples=tries(20), deadline=None)
@given(graphs(), st.lists(st.integers(-9, 9), max_size=12), st.integers(1, 5))
def test_a_job_answers_as_the_graph_does(recipe: Recipe, rows: list[int], chunk: int) -> None:
    graph = recipe.graph()
    wanted = [graph(row) for row in rows]
    assert graph.job(rows, chunk=chunk).answers == wanted
    assert recipe.graph("all").job(rows, chunk=chunk).answers == wanted
    engine = Inline()
    assert graph.job(iter(rows), executor=engine, chunk=chunk).answers == wanted
    assert sum(engine.chunks) == len(rows) and max(engine.chunks, default=0) <= chunk


def test_tables_files_and_lists_are_the_same_rows(flights: Any, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    columns = {name: [row[name] for row in ROWS] for name in ("id", "distance")}
    frame = pandas.DataFrame(columns)
    lines, table = tmp_path / "f.jsonl", tmp_path / "f.csv"
    lines.write_text("\n".join(map(json.dumps, ROWS)) + "\n\n")
    frame.to_csv(table, index=False)
    frame.to_parquet(parquet := tmp_path / "f.parquet")
    instances = [flights.Flight(**row) for row in ROWS]
    for data in (ROWS, columns, frame, lines, str(table), parquet, instances, iter(instances)):
        assert flights.graph.job(data, chunk=7).answers == ANSWERS, data


@dataclass
class Person:
    zip: str
    age: int


def show(person: Person) -> str:
    return f"{person.zip!r} {person.age!r}"


def test_a_text_in_csv_stays_one_where_the_graph_takes_a_text(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("zip,age\n01234,7\n99,8\n")
    assert (Graph("show", Person) >> show).job(path).answers == ["'01234' 7", "'99' 8"]
    path.write_text("zip,age\n01234,7,9\n")
    with pytest.raises(WrongUse, match=r"people\.csv:2: the row has another number of cells"):
        (Graph("show", Person) >> show).job(path)


def bad(n: int) -> int:
    if n % 3 == 1:
        raise LookupError(n)
    return n


def test_a_row_that_fails_ends_the_job_or_is_listed(tmp_path: Path) -> None:
    graph = Graph("g", int) >> bad
    with pytest.raises(JobFailed, match=r"^row 1: LookupError: 1 in step g/bad") as caught:
        graph.job(range(9), chunk=2)
    assert caught.value.row_error.step == "g/bad" and "LookupError" in caught.value.__notes__[0]
    out = tmp_path / "out.jsonl"
    with pytest.raises(JobFailed):
        graph.job(range(9), out=out)
    assert list(tmp_path.iterdir()) == []
    done = graph.job(range(9), chunk=2, errors="collect", out=out)
    assert [each.row for each in done.errors] == [1, 4, 7] and done.rows == 9
    assert [json.loads(each) for each in out.read_text().splitlines()] == [
        *(0, None, 2, 3, None, 5, 6, None, 8)
    ]
    (first, *_) = map(json.loads, (tmp_path / "out.jsonl.errors.jsonl").read_text().splitlines())
    assert first["row"] == 1 and first["type"] == "LookupError"
    graph.job([0], errors="collect", out=out)
    assert [each.name for each in tmp_path.iterdir()] == ["out.jsonl"]  # no old errors beside it


def test_a_row_that_does_not_fit_is_that_row_s_error(flights: Any) -> None:
    rows = [ROWS[0], {"id": "x"}, ROWS[2]]
    done = flights.graph.job(rows, errors="collect")
    assert [each is None for each in done.answers] == [False, True, False]
    assert (done.errors[0].type, done.errors[0].row) == ("InvalidInput", 1)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_answers_are_written_in_each_form(suffix: str, tmp_path: Path) -> None:
    out, again = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    graph = Graph("g", int) >> bad >> record
    done = graph.job(range(5), errors="collect", out=out)
    assert done.answers == [] and len(done.errors) == 2
    copied = (Graph("copy") >> same).job(out, out=again)
    assert copied.rows == 5
    if suffix != ".parquet":
        assert out.read_text().count("\n") == 5 + (suffix == ".csv")
    else:
        from pelton.serving_graph.jobs.source import arrow

        assert arrow("parquet").read_table(out).column("twice").to_pylist()[0] == 0


def record(n: int) -> dict[str, int]:
    return {"n": n, "twice": 2 * n}


def same(value: Any) -> Any:
    return value


def counted(n: int, context: Context) -> str:
    context.metrics.counter("rows").add()
    return f"{context.request_id}: {context.metrics.counter('rows').value:g}"


def test_steps_have_a_context() -> None:
    assert (Graph("g", int) >> counted).job([5, 5]).answers == ["row-0: 1", "row-1: 2"]


def test_an_endless_dataset_is_read_a_little_ahead() -> None:
    taken = []

    def numbers() -> Iterator[int]:
        for n in range(10**9):
            taken.append(n)
            yield n

    with pytest.raises(JobFailed, match="row 1:"):
        (Graph("g", int) >> bad).job(numbers(), chunk=10)
    assert len(taken) == 10


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (3, "rows, columns, a DataFrame or a file"),
        (b"rows", "rows, columns, a DataFrame or a file"),
        ("none.csv", "there is no file"),
        ("none.txt", r"a file of \.csv"),
        ({"a": [1], "b": [1, 2]}, "different lengths"),
    ],
)
def test_data_that_is_none(data: Any, says: str) -> None:
    with pytest.raises(WrongUse, match=says):
        (Graph("g") >> same).job(data)


def test_wrong_words_are_said(tmp_path: Path) -> None:
    graph = Graph("g", int) >> bad
    with pytest.raises(GraphError, match="did you mean 'processes'"):
        graph.job([1], executor="process")
    with pytest.raises(GraphError, match="runs nothing"):
        graph.job([1], chunk=0)
    with pytest.raises(WrongUse, match="there is no folder"):
        graph.job([1], out=tmp_path / "no" / "out.csv")
    with pytest.raises(WrongUse, match="a file of"):
        graph.job([1], out="out.xls")
    with pytest.raises(GraphError, match="names nothing that can be imported"):
        (Graph("g", int) >> step(lambda n: n, name="here")).job([1], executor=Inline())
    bad.__module__, before = "__main__", bad.__module__
    try:
        with pytest.raises(GraphError, match="defined in the script that runs"):
            (Graph("g", int) >> bad).job([1], executor=Inline())
    finally:
        bad.__module__ = before


def test_an_answer_that_cannot_leave_its_process_is_its_row_s_error(flights: Any) -> None:
    done = flights.closed.job([1.0, 2.0, 3.0], executor=Inline(), errors="collect")
    assert done.answers == [1.0, None, 3.0]
    assert "cannot leave its process" in done.errors[0].message


def test_processes_give_the_same_and_close_what_they_made(
    flights: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOSED", str(tmp_path / "closed"))
    done = flights.graph.job(ROWS, executor="processes", workers=2, chunk=4)
    assert done.answers == ANSWERS
    assert set((tmp_path / "closed").read_text().splitlines()) == {"closed"}
    failing = [*ROWS, {"id": "bad", "distance": -1.0}]
    done = flights.graph.job(failing, executor="processes", workers=1, errors="collect")
    assert repr(done).startswith(f"<job: {len(failing)} rows, 1 of them failed in ")
    assert done.answers == [*ANSWERS, None] and done.errors[0].step == "scaled/Scale"


def test_a_script_without_its_guard_is_told_of_it(flights: Any, tmp_path: Path) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(
        "import flights_of_jobs as flights\n"
        "rows = [{'id': 'F1', 'distance': 1.0}]\n"
        "print(flights.graph.job(rows, executor='processes', workers=1).answers)\n"
    )
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 1 and "by what it says above" in ran.stderr
    assert "start the job under `if __name__ == '__main__':`" in ran.stderr


def test_a_process_that_dies_ends_the_job_with_a_sentence(flights: Any) -> None:
    with pytest.raises(JobFailed, match="a worker process died"):
        flights.deadly.job(ROWS, executor="processes", workers=1, chunk=4)


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same(flights: Any) -> None:
    assert flights.graph.job(ROWS, executor="dask", workers=2, chunk=4).answers == ANSWERS
    done = flights.graph.job(
        [*ROWS, {"id": "bad", "distance": -1.0}], executor="dask", workers=1, errors="collect"
    )
    assert done.answers == [*ANSWERS, None] and done.errors[0].row == 25


def test_pelton_job(flights: Any, tmp_path: Path) -> None:
    data, out = tmp_path / "f.jsonl", tmp_path / "out.csv"
    data.write_text("\n".join(map(json.dumps, ROWS)))
    words = ["job", "flights_of_jobs:graph", str(data), "--out", str(out)]
    done = CliRunner().invoke(command, words)
    assert done.exit_code == 0 and "25 rows in" in done.stdout
    assert out.read_text().split()[:2] == ["answer", "1.0"]
    data.write_text(data.read_text() + '\n{"id": "bad", "distance": -1}')
    failed = CliRunner().invoke(command, words)
    assert (
        failed.exit_code == 1 and "row 25: LookupError: bad in step scaled/Scale" in failed.output
    )
    listed = CliRunner().invoke(command, [*words, "--errors", "collect", "--json"])
    assert listed.exit_code == 1 and json.loads(listed.stdout)["errors"][0]["row"] == 25


def test_a_bar_is_drawn_where_it_is_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    (Graph("bar", int) >> bad).job([0, 2, 3], progress=True)
    assert "3/3" in capfd.readouterr().err
