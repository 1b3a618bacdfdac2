"""Graphs over processes of this machine: as in-process, over kills, duplicates and a stop."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pelton import Graph, WrongUse
from pelton.handlers.errors import NotReady
from pelton.pytest_plugin import RunningEmulator
from pelton.serving_graph.brokers.base import Away, NotSent
from pelton.serving_graph.spread import Spread, spread

from .. import plain
from ..event_sources.servers.kafka import KafkaMock
from ..ports import free_port
from .conftest import JetStream

Module = Callable[[str], ModuleType]

STEPS = """
import asyncio
import os
from dataclasses import dataclass
from typing import TypedDict

from pelton import Context, Graph, ensemble, parallel, router, steps
from pelton.serving_graph.stores import store_at


@dataclass
class Order:
    name: str
    sizes: list[int]


class Parts(TypedDict):
    total: int
    most: float


def clean(order: Order) -> Order:
    return Order(order.name.strip(), [size for size in order.sizes if size > 0])


def sizes(order: Order) -> list[int]:
    return order.sizes


def square(n: int) -> int:
    return n * n


def some(numbers: list[int]) -> bool:
    return bool(numbers)


def total(numbers: list[int]) -> int:
    return sum(numbers)


async def most(numbers: list[int]) -> float:
    await asyncio.sleep(0)
    return max(numbers, default=0) / 3


def tell(parts: Parts) -> bytes:
    return f"{parts['total']}:{parts['most']!r}".encode()


def size(n: int) -> str:
    return "small" if n < 100 else "large"


def both(given: dict[str, object]) -> dict[str, object]:
    return given


def label(n: int) -> str:
    return f"no {n}"


line = (Graph("line", Order) >> clean >> steps.queue("a") >> sizes >> steps.map(square)
        >> steps.queue("b") >> steps.filter(some) >> total)
waits = (Graph("waits", Order) >> clean >> sizes >> steps.queue("c", key=some)
         >> parallel(total=total, most=most) >> steps.queue("d") >> tell)
flow = (Graph("flow", Order).to(clean).to(sizes).to(steps.queue("e")).to(total)
        .to(steps.map(square), after="e").to(both, after=["total", "map"]))
first = Graph("first", int) >> steps.queue("f") >> square >> router(size, {"small": label}, label)
"""


BROKERS = ["nats", "sqs", "kinesis", "kafka"]
TOPICS = [*"cdef", *(f"{graph}-answers" for graph in ("waits", "flow", "first"))]  # of `STEPS`


@pytest.fixture
def broker(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A broker with nothing in it."""
    if request.param == "kafka":
        kafka = KafkaMock()
        number = next(_books) + 1
        books = [f"{name}{number}" for name in ("books", "notes", "answers")]
        # librdkafka's own server makes none when it is asked to.
        for name in TOPICS if "every_kind" in request.node.name else books:
            kafka.create(name)
            kafka.create(f"{name}-dead")
        yield f"kafka://{kafka.url}"
        kafka.stop()
        return
    if request.param == "nats":
        server: JetStream = request.getfixturevalue("jetstream_process")
        yield server.url
        return
    emulator: RunningEmulator = request.getfixturevalue("pelton_emulator")
    monkeypatch.chdir(tmp_path)  # where the places in streams are kept
    yield f"{request.param}://{emulator.url.partition('://')[2]}"


def run_all(running: Spread, values: list[Any], many: int | None = None) -> list[Any]:
    """The answers in the order of the values; None for those that were dropped."""
    keys = [f"{place}-{random.random()}" for place in range(len(values))]
    running.send_many(values, keys=keys)
    answers = dict(running.answers(len(values) if many is None else many))
    return [answers.get(key) for key in keys]


@pytest.mark.parametrize(
    "broker", ["sqs", pytest.param("kinesis", marks=pytest.mark.slow)], indirect=True
)
def test_processes_answer_as_the_graph_does(module: Module, broker: str) -> None:
    made = module(STEPS)
    orders = [made.Order(" a", [1, 2]), made.Order("b", [-1]), made.Order("c ", [3, 0, 4])]
    port = free_port(2)
    with spread(made.line, broker, answers=True, metrics=port) as running:
        expected = [made.line(each) for each in orders]
        assert expected == [5, None, 25]
        assert run_all(running, orders, 2) == expected
        assert [each.port for each in running.places] == [port, port + 1]
        page = plain.get(f"http://127.0.0.1:{port}/metrics", trust_env=False)
        assert 'step="line/' in page.text and page.headers["content-type"].startswith("text/plain")
        assert plain.get(f"http://127.0.0.1:{port}/", trust_env=False).status_code == 404
        assert {each.name for each in running.places} == {"line-a", "line-b"}
    assert [each.process.returncode for each in running.places] == [0, 0]


@pytest.mark.slow
@pytest.mark.parametrize("broker", BROKERS, indirect=True)
def test_every_kind_of_graph_answers_the_same_over_processes(module: Module, broker: str) -> None:
    made = module(STEPS)
    orders = [made.Order(str(n), list(range(-n, n))) for n in range(1, 30)]
    for graph, values in ((made.waits, orders), (made.flow, orders), (made.first, range(30))):
        with spread(graph, broker, answers=True, workers=2) as running:
            expected = [_asked(graph, each) for each in values]
            assert run_all(running, list(values)) == expected


def _asked(graph: Graph[Any, Any], value: Any) -> Any:
    return asyncio.run(graph.acall(value))


BOOKS = """
import time
from typing import TypedDict

from pelton import Context, Graph, steps
from pelton.serving_graph.stores import store_at

URL = "sqlite:PATH"
store = store_at(URL)


class Entry(TypedDict):
    name: str
    number: int


def check(entry: Entry) -> Entry:
    return entry


def book(entry: Entry, context: Context) -> Entry:
    if entry["number"] % 7 == 3 and context.delivery and context.delivery.attempt == 1:
        raise ValueError("not at the first time")
    store.execute("insert into books (name, number) values (?, ?)", tuple(entry.values()))
    time.sleep(0.002)
    return entry


def note(entry: Entry) -> list[object]:
    store.execute("insert into notes (name, number) values (?, ?)", tuple(entry.values()))
    return list(entry.values())


patient = {"window": 2, "attempts": 50, "backoff": 0.1}
graph = (
    Graph("books", Entry) >> check >> steps.queue("booksNUMBER", key="name", **patient)
    >> steps.once(book, store=URL, claim=1, name="book")
    >> steps.queue("notesNUMBER", **patient) >> steps.once(note, store=URL, claim=1, name="note")
    >> steps.queue("answersNUMBER")
)
"""
_books = count()


class Books:
    """A graph whose effects are rows of a file, and the books of what was sent to it."""

    def __init__(self, module: Module, folder: Path) -> None:
        self.path = folder / "books.db"
        with closing(sqlite3.connect(self.path)) as made, made:
            for table in ("books", "notes"):
                columns = "place integer primary key, name text, number integer"
                made.execute(f"create table {table} ({columns})")
        source = BOOKS.replace("PATH", str(self.path)).replace("NUMBER", str(next(_books)))
        self.graph = module(source).graph
        self.sent = dict[str, list[Any]]()

    def send(self, running: Spread, name: str, number: int) -> None:
        """Until it is acknowledged, as whoever has an event must."""
        key = f"{name}{number}"
        for _ in range(200):
            try:
                assert running({"name": name, "number": number}, key=key)
            except (NotSent, Away):
                time.sleep(0.05)
            else:
                self.sent[key] = [name, number]
                return
        raise AssertionError("the broker does not come back")

    def check(self, running: Spread) -> None:
        """Every acknowledged event has its answer, and its effects once and in its key's order."""
        answers = dict[str, Any]()
        while len(answers) < len(self.sent):
            came = dict(running.answers(len(self.sent) - len(answers), wait=30))
            assert came, f"{len(self.sent) - len(answers)} of {len(self.sent)} are lost"
            answers |= came
        assert answers == self.sent
        assert sorted(self.rows("notes")) == sorted(map(tuple, self.sent.values()))
        booked = self.rows("books")
        assert len(booked) == len(self.sent)
        for name in {name for name, _ in self.sent.values()}:
            assert [number for of, number in booked if of == name] == [
                number for of, number in self.sent.values() if of == name
            ]

    def rows(self, table: str) -> list[tuple[str, int]]:
        asked = f"select name, number from {table} order by place"
        with closing(sqlite3.connect(self.path)) as made:
            return made.execute(asked).fetchall()


def kill_one(running: Spread, chance: random.Random) -> None:
    place = chance.choice(running.places)
    place.process.send_signal(signal.SIGKILL)


def test_kills_of_processes_and_of_the_broker_lose_and_repeat_nothing(
    module: Module, tmp_path: Path
) -> None:
    server = JetStream(tmp_path / "js")
    books = Books(module, tmp_path)
    try:
        with spread(books.graph, server.url) as running:
            for number in range(12):
                books.send(running, "ab"[number % 2], number)
                if number == 4:
                    for place in running.places:
                        place.process.send_signal(signal.SIGKILL)
                if number == 8:
                    server.kill()
            books.check(running)
            assert [each.restarts for each in running.places] == [1, 1]
    finally:
        server.stop()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("broker", BROKERS, indirect=True)
def test_kills_at_random(module: Module, tmp_path: Path, broker: str, seed: int) -> None:
    books, chance = Books(module, tmp_path), random.Random(seed)
    with spread(books.graph, broker, workers=2) as running:
        for number in range(300):
            books.send(running, chance.choice("abcde"), number)
            if chance.random() < 0.05:
                kill_one(running, chance)
        books.check(running)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(3))
def test_kills_of_processes_and_broker_at_random(module: Module, tmp_path: Path, seed: int) -> None:
    server = JetStream(tmp_path / "js")
    books, chance = Books(module, tmp_path), random.Random(seed)
    try:
        with spread(books.graph, server.url, workers=2) as running:
            for number in range(200):
                books.send(running, chance.choice("abcde"), number)
                if chance.random() < 0.03:
                    server.kill()
                if chance.random() < 0.03:
                    kill_one(running, chance)
            books.check(running)
    finally:
        server.stop()


@pytest.mark.slow
@pytest.mark.parametrize("broker", BROKERS, indirect=True)
def test_a_stop_finishes_what_is_in_hand(module: Module, tmp_path: Path, broker: str) -> None:
    books = Books(module, tmp_path)
    with spread(books.graph, broker) as running:
        for number in range(30):
            books.send(running, "abc"[number % 3], number)
    assert [each.process.returncode for each in running.places] == [0, 0]
    began = books.rows("books")
    with spread(books.graph, broker) as again:
        books.check(again)
    assert books.rows("books")[: len(began)] == began


def test_a_program_s_own_steps_are_refused() -> None:
    def double(n: int) -> int:
        return 2 * n

    from pelton import steps

    with pytest.raises(WrongUse, match="graph 'g' has no queue"):
        spread(Graph("g", str) >> len, "memory:")
    with pytest.raises(WrongUse, match="names nothing that can be imported"):
        spread(Graph("g", int) >> steps.queue("q") >> double, "memory:")
    for none in ("amqp://127.0.0.1", "kafka:", "nats://"):
        with pytest.raises(WrongUse, match=f"'{none}' names no broker"):
            spread(Graph("g") >> steps.queue("q") >> len, none)


def test_a_process_that_cannot_start_is_said(
    module: Module, jetstream_process: JetStream, tmp_path: Path
) -> None:
    made = module(
        "from pelton import Graph, steps\n"
        "def half(n: int) -> float:\n    return n / 2\n"
        "graph = Graph('half', int) >> steps.queue('half-q') >> half\n"
    )
    Path(str(made.__file__)).write_text("raise ValueError('not here')")
    with pytest.raises(NotReady, match="the process of half-half-q ended with 1 before it was"):
        spread(made.graph, jetstream_process.url)
