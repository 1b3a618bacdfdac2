"""What lies between functions of a graph on Nuclio, as data."""

from __future__ import annotations

import pytest

from pelton import App, Graph, Nuclio, steps
from pelton.builders.nuclio_spec import function_config
from pelton.deploy.errors import CannotPlan
from pelton.deploy.kinds.jetstream import JetStream
from pelton.deploy.wants.brokers import needed, on_brokers
from pelton.deploy.wants.missing import refuse_missing_triggers

BROKER = "nats://127.0.0.1:4222"


def same(n: int) -> int:
    return n


def other(n: int) -> int:
    return n


def app_of(**more: object) -> App:
    app = App("shop")
    graph = Graph("g", int) >> same >> steps.queue("in", broker=BROKER, **more)  # type: ignore[arg-type]
    nuclio = Nuclio(replicas=(0, 3), workers=4)
    app.serve(graph >> other >> steps.queue("out", broker=BROKER), timeout=7, nuclio=nuclio)
    return app


def test_streams_and_who_needs_them() -> None:
    app = app_of(attempts=2, backoff=1)
    letters, queue, out = on_brokers(list(app.functions.values()))
    assert letters == JetStream(name=f"{BROKER}/in-dead", letters_of=("in",))
    assert queue == JetStream(name=f"{BROKER}/in", window=20, at_once=12, receives=22)
    assert (out.name, out.function) == (f"{BROKER}/out", "g-in")
    assert needed(app.functions["g-in"]) == (f"jetstream:{BROKER}/in", f"jetstream:{BROKER}/out")
    assert needed(app.functions["g"]) == (
        f"jetstream:{BROKER}/in",
        "nuclio_function:g-in",
        "nuclio_release:g-in",
    )


def test_the_functions_configuration() -> None:
    app = app_of(attempts=2, backoff=1)
    spec = function_config(app.functions["g-in"], "main:handler", "python:3.11")["spec"]
    assert (spec["eventTimeout"], spec["minReplicas"], spec["maxReplicas"]) == ("15s", 1, 3)
    assert spec["triggers"]["natsjetstream-0"] == {
        "kind": "natsjetstream",
        "name": "natsjetstream-0",
        "numWorkers": 4,
        "url": BROKER,
        "attributes": {"stream": "in", "consumer": "work"},
    }
    entry = function_config(app.functions["g"], "main:handler", "python:3.11")["spec"]
    assert (entry["eventTimeout"], entry["minReplicas"], [*entry["triggers"]]) == (
        "7s",
        0,
        ["http"],
    )


def test_an_order_takes_one_at_a_time() -> None:
    (queue,) = [
        e for e in on_brokers(list(app_of(key=str).functions.values())) if e.name[-2:] == "in"
    ]
    assert isinstance(queue, JetStream)
    assert queue.at_once == 1


def test_two_that_want_another_thing_of_one_stream() -> None:
    functions = [*app_of().functions.values(), *app_of(attempts=9).functions.values()]
    with pytest.raises(CannotPlan, match="wants another stream 'in' than function 'g-in' does"):
        list(on_brokers(functions))


def test_lambda_does_not_read_it() -> None:
    for name in ("g", "g-in"):
        with pytest.raises(CannotPlan, match="natsjetstream"):
            refuse_missing_triggers(app_of().functions[name], "lambda")
