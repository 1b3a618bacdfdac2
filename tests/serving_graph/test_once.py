"""`once`: one effect however often an event comes; the stores, all held to one behaviour."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from pelton import App, Context, Graph, WrongUse, steps
from pelton import sqs as sqs_trigger
from pelton.handlers.delivery import Delivery
from pelton.handlers.errors import NotReady
from pelton.pytest_plugin import RunningEmulator
from pelton.serving_graph.brokers.nats import NatsBroker
from pelton.serving_graph.kit.base import Step
from pelton.serving_graph.spec import GraphSpec
from pelton.serving_graph.stores import store_at
from pelton.serving_graph.stores.base import Busy, Store
from pelton.serving_graph.stores.dynamodb import DynamoStore
from pelton.serving_graph.stores.memory import MemoryStore
from pelton.serving_graph.stores.nats import NatsStore
from pelton.serving_graph.stores.sqlite import SqliteStore
from pelton.testing import on_lambda, sqs

from .conftest import JetStream

effects: list[int] = []
_numbers = count()


def charge(cents: int) -> bytes:
    effects.append(cents)
    if cents < 0:
        raise ValueError("no negative charge")
    return bytes([cents])


async def charge_later(cents: int) -> bytes:
    await asyncio.sleep(0)
    return charge(cents)


def small(cents: int) -> bool:
    effects.append(cents)
    return cents < 10


def context(key: str) -> Context:
    return Context(delivery=Delivery(key))


@pytest.fixture(autouse=True)
def no_effects() -> None:
    effects.clear()


class Hands:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture(params=["memory", "sqlite", "dynamodb", "nats"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Store, Hands]:
    now = Hands()
    if request.param == "memory":
        return MemoryStore("memory:", now), now
    if request.param == "sqlite":
        return SqliteStore(f"sqlite:{tmp_path / 'once.db'}", now), now
    if request.param == "nats":
        server: JetStream = request.getfixturevalue("jetstream_process")
        broker = NatsBroker(server.url)
        broker.ask(lambda js: js.create_key_value(bucket="once"))
        broker.close()
        return NatsStore(f"{server.url}/once", now), now
    emulator: RunningEmulator = request.getfixturevalue("pelton_emulator")
    client = emulator.client("dynamodb")
    client.create_table(
        TableName="once",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return DynamoStore("dynamodb:once", client, now), now


def test_every_store_keeps_claims_and_answers(store: tuple[Store, Hands]) -> None:
    there, now = store
    first = there.claim("a", 60)
    assert first.token
    busy = there.claim("a", 60)
    assert (busy.token, busy.answer) == ("", None)
    assert 59 <= busy.after <= 60
    assert there.claim("b", 60).token, "another key is free"
    there.release("a", first.token)
    again = there.claim("a", 60)
    assert again.token
    there.release("a", first.token)  # not the claim's own token: nothing happens
    now.seconds += 61
    taken = there.claim("a", 60)
    assert taken.token, "the claim of a killed worker is over"
    assert not there.keep("a", again.token, "late", 100)
    assert there.keep("a", taken.token, "answer", 100)
    assert there.claim("a", 60).answer == "answer"
    there.release("a", taken.token)
    assert there.claim("a", 60).answer == "answer", "what is done stays done"
    now.seconds += 101
    assert there.claim("a", 60).token, "answers have an end"
    there.close()


@pytest.fixture(params=[charge, charge_later])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[int, Context | None], Any]:
    store = f"sqlite:{tmp_path / 'graph.db'}"
    graph = Graph("pay", int) >> steps.once(request.param, store=store)
    return lambda cents, context: asyncio.run(graph.acall(cents, context))


def test_an_event_that_comes_again_gets_the_first_answer(
    run: Callable[[int, Context | None], Any],
) -> None:
    assert [run(5, context("k")), run(5, context("k"))] == [b"\x05", b"\x05"]
    assert effects == [5]
    run(6, context("other"))
    run(7, None)
    run(7, None)
    assert effects == [5, 6, 7, 7], "without a delivery there is nothing to go by"


def test_a_failure_is_tried_again(run: Callable[[int, Context | None], Any]) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="no negative"):
            run(-1, context("k"))
    assert effects == [-1, -1]


def test_another_worker_is_at_it() -> None:
    url = f"memory:{next(_numbers)}"
    graph = Graph("pay", int) >> steps.once(charge, store=url)
    held = store_at(url).claim("pay/once k", 30)
    with pytest.raises(Busy, match="pay/once: another worker is at this event") as caught:
        graph(5, context("k"))
    assert 29 < (caught.value.after or 0) <= 30
    store_at(url).release("pay/once k", held.token)
    assert graph(5, context("k")) == b"\x05"


def test_what_was_dropped_is_dropped_again() -> None:
    graph = Graph("pay", int) >> steps.once(steps.filter(small), store=f"memory:{next(_numbers)}")
    assert [graph(50, context("k")), graph(50, context("k"))] == [None, None]
    assert effects == [50]


def test_a_spec_keeps_all_of_it() -> None:
    graph = Graph("pay") >> steps.once(charge, store="sqlite:a.db", claim=5, keep=9, name="one")
    again = Graph.from_spec(GraphSpec.from_dict(graph.spec.to_dict()))
    assert again.spec == graph.spec


def odd(cents: int) -> Step[Any, Any]:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: steps.once(charge, store="redis:x"), "'redis:x' names no store"),
        (lambda: steps.once(charge, store="sqlite:"), "does not say which sqlite store"),
        (lambda: steps.once(charge, store="nats://h:1"), "does not say which bucket"),
        (lambda: steps.once(charge, claim=0), "claim and keep are seconds above 0"),
        (lambda: steps.once(odd), "step 'once' gives Step.*, which has no form as JSON"),
        (lambda: steps.map(steps.once(charge)), "map 'map' runs 'once' several times"),
    ],
)
def test_wrong_words(make: Callable[[], object], said: str) -> None:
    with pytest.raises(WrongUse, match=said):
        make()


def test_a_graph_without_queues_is_delivered_to_as_well() -> None:
    app = App("pay")
    graph = Graph("pay", int) >> steps.once(charge, store=f"memory:{next(_numbers)}")
    served = app.serve(graph, triggers=[sqs_trigger("charges")])
    for _ in range(2):
        assert on_lambda(served, sqs(5, 6, queue="charges")) == {"batchItemFailures": []}
    assert effects == [5, 6], "messages 0 and 1, each delivered twice"


def test_a_batch_is_known_by_the_ids_of_its_messages() -> None:
    app, keys = App("pay"), list[str]()

    def total(cents: list[int], context: Context) -> int:
        assert context.delivery is not None
        keys.append(context.delivery.idempotency_key)
        return charge(sum(cents))[0]

    graph = Graph("pay", list[int]) >> steps.once(total, store=f"memory:{next(_numbers)}")
    served = app.serve(graph, triggers=[sqs_trigger("charges")])
    for _ in range(2):
        assert on_lambda(served, sqs(5, 6, queue="charges")) == {"batchItemFailures": []}
    assert effects == [11], "the same two messages, delivered twice, each time by another request"
    on_lambda(served, sqs(5, queue="charges"))
    assert effects == [11, 5], "one of them alone is another batch"
    assert keys[0] != keys[1] == sqs(5, queue="charges")["Records"][0]["messageId"]


def test_memory_keeps_so_many_answers(tmp_path: Path) -> None:
    store = MemoryStore("memory:", most=2)
    held = store.claim("held", 60)
    for key in "abc":
        store.keep(key, store.claim(key, 60).token, key, 60)
    assert store.keep("held", held.token, "late", 60), "work under way is never forgotten"
    assert [store.claim(key, 60).answer for key in ("c", "held")] == ["c", "late"]
    assert [store.claim(key, 60).answer for key in "ab"] == [None, None]


def test_sqlite_forgets_what_has_outlived_its_time(tmp_path: Path) -> None:
    now = Hands()
    store = SqliteStore(f"sqlite:{tmp_path / 'old.db'}", now)
    for key in "abc":
        store.keep(key, store.claim(key, 60).token, key, 100)
    now.seconds += 101
    store.keep("d", store.claim("d", 60).token, "d", 100)
    assert store.forget() == 3
    assert store.claim("d", 60).answer == "d"
    store.close()


KILLED = """
import os, signal, sys
from pelton import Context, Graph, steps
from pelton.handlers.delivery import Delivery
from pelton.handlers.errors import NotReady
from pelton.serving_graph.stores import store_at

URL = "sqlite:" + sys.argv[1]
store = store_at(URL)

def charge(cents: int) -> int:
    store.execute("insert into charges values (?)", (cents,))
    if sys.argv[2] == "in":
        os.kill(os.getpid(), signal.SIGKILL)
    return cents

graph = Graph("pay", int) >> steps.once(charge, store=URL, claim=0.001)
graph(5, Context(delivery=Delivery("k")))
if sys.argv[2] == "after":
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_effects_in_the_store_s_own_file_are_exactly_once_over_kills(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    path = tmp_path / "pay.db"
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("create table charges (cents integer)")
    codes = []
    for when in ("in", "in", "after", "not", "in"):
        command = [sys.executable, "-c", KILLED, str(path), when]
        codes.append(subprocess.run(command, check=False).returncode)
    assert codes == [-signal.SIGKILL, -signal.SIGKILL, -signal.SIGKILL, 0, 0]
    with closing(sqlite3.connect(path)) as made:
        assert made.execute("select cents from charges").fetchall() == [(5,)]


def test_statements_outside_of_a_step_are_refused(tmp_path: Path) -> None:
    store = SqliteStore(f"sqlite:{tmp_path / 'x.db'}")
    with pytest.raises(RuntimeError, match="no step of this thread"):
        store.execute("select 1")
    store.claim("a", 1)
    store.claim("b", 1)
    with pytest.raises(RuntimeError, match="2 events of this thread"):
        store.execute("select 1")
    store.close()


def test_a_bucket_is_shared_and_must_be_there(jetstream_process: JetStream) -> None:
    broker = NatsBroker(jetstream_process.url)
    broker.ask(lambda js: js.create_key_value(bucket="shared"))
    broker.close()
    url = f"{jetstream_process.url}/shared"
    one, two = NatsStore(url), NatsStore(url)
    claim = one.claim("k", 60)
    assert two.claim("k", 60).token == ""
    assert not two.keep("k", claim.token, "not theirs", 60)
    assert one.keep("k", claim.token, "done", 60)
    assert two.claim("k", 60).answer == "done"
    one.close()
    two.close()
    missing = NatsStore(f"{jetstream_process.url}/nowhere")
    with pytest.raises(NotReady, match="no bucket 'nowhere'"):
        missing.claim("k", 1)
    missing.close()
