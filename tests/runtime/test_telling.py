"""Metrics as scrapers and as CloudWatch read them, from a function on each platform."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton import App, Context, Graph, Metrics, Telemetry, WrongUse, http
from pelton.handlers.event import Event
from pelton.runtime.asgi import Application
from pelton.runtime.aws import make_handler
from pelton.runtime.telling.emf import Emf
from pelton.runtime.telling.prometheus import expose
from pelton.runtime.worker import Worker
from pelton.testing import http_v2, lambda_context

# Prometheus's own grammar of a sample's line, for names without UTF-8.
SAMPLE = re.compile(r'([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)+\})? (\S+)')


@given(st.dictionaries(st.sampled_from("abc"), st.text(), max_size=3), st.floats(), st.text())
def test_every_line_is_one_whatever_labels_and_helps_say(
    labels: dict[str, str], value: float, help: str
) -> None:
    metrics = Metrics()
    metrics.gauge("level", help, **labels).set(value)
    text = expose(metrics)
    assert text.endswith("\n")
    *comments, sample = text[:-1].split("\n")
    assert all(re.match(r"# (HELP|TYPE) level ", each) for each in comments)
    found = SAMPLE.fullmatch(sample)
    assert found is not None
    read = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', found[2] or ""))
    plain = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
    unescaped = {
        name: re.sub(r"\\.", lambda each: plain[each[0]], each) for name, each in read.items()
    }
    assert unescaped == labels
    assert float(found[3]) == value or value != value


def test_a_histogram_adds_up() -> None:
    metrics = Metrics()
    histogram = metrics.histogram("size_bytes", "", (1, 10))
    for value in (1, 2, 11):
        histogram.observe(value)
    assert expose(metrics) == (
        "# TYPE size_bytes histogram\n"
        'size_bytes_bucket{le="1"} 1\n'
        'size_bytes_bucket{le="10"} 2\n'
        'size_bytes_bucket{le="+Inf"} 3\n'
        "size_bytes_sum 14\n"
        "size_bytes_count 3\n"
    )


def double(n: int, context: Context) -> int:
    context.metrics.counter("doubled", "Numbers doubled", sign="-" if n < 0 else "+").add()
    return 2 * n


def served(telemetry: Any = True) -> Any:
    app = App("shop")
    graph = Graph("twice", int) >> double
    return app.serve(graph, triggers=[http("POST", "/twice")], telemetry=telemetry)


def post(handler: Any, n: int) -> Any:
    return handler(http_v2(n, path="/twice"), lambda_context())


def test_a_function_answers_with_its_metrics_where_it_is_asked_to() -> None:
    handler = make_handler(served(Telemetry(route="/metrics")))
    assert post(handler, 4)["body"] == "8"
    answer = handler(http_v2("", method="GET", path="/metrics"), lambda_context())
    assert answer["headers"]["content-type"].startswith("text/plain; version=0.0.4")
    assert 'doubled_total{sign="+"} 1' in answer["body"]
    assert 'pelton_step_seconds_count{graph="twice",step="twice/double"} 1' in answer["body"]


def test_without_a_route_nothing_is_there_and_without_telemetry_no_step_is_counted() -> None:
    handler = make_handler(served())
    found = handler(http_v2("", method="GET", path="/metrics"), lambda_context())
    assert found["statusCode"] == 404
    function = served(telemetry=False)
    worker = Worker(function)
    post(make_handler(function, worker), 4)
    assert [family.name for family in worker.metrics().families()] == ["doubled"]


def test_lambda_s_log_has_a_line_for_each_label_set_of_an_event(
    capsys: pytest.CaptureFixture[str],
) -> None:
    handler = make_handler(served(Telemetry(emf=True, namespace="shop")))
    post(handler, 4)
    capsys.readouterr()
    post(handler, 5)
    lines = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    for line in lines:
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "shop" and line["_aws"]["Timestamp"] > 10**12
        assert all(name in line for name in directive["Dimensions"][0])
        assert all(each["Name"] in line for each in directive["Metrics"])
    doubled, *_ = [each for each in lines if "doubled" in each]
    assert doubled["doubled"] == 1 and doubled["sign"] == "+"  # what the second event added
    (step,) = [each for each in lines if each.get("step") == "twice/double"]
    assert isinstance(step["pelton_step_seconds"], float)


def test_many_values_are_told_a_hundred_a_line_and_none_twice() -> None:
    metrics, lines = Metrics(keep_values=True), list[str]()
    emf = Emf(metrics, "shop", write=lines.append)
    metrics.histogram("wait_seconds").merge([float(each) for each in range(250)])
    metrics.gauge("odd").set(float("nan"))
    emf.flush()
    told = [json.loads(each)["wait_seconds"] for each in lines]
    assert [len(each) for each in told] == [100, 100, 50]
    assert sorted(value for each in told for value in each) == [float(each) for each in range(250)]
    emf.flush()
    assert len(lines) == 3


def test_a_failing_event_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(n: int) -> int:
        raise LookupError(n)

    app = App("shop")
    function = app.serve(Graph("bad", int) >> fail, telemetry=Telemetry(emf=True))
    with pytest.raises(LookupError):
        make_handler(function)(3, lambda_context())
    assert '"type": "LookupError"' in capsys.readouterr().out


def test_pelton_serve_s_server_has_them_all() -> None:
    application = Application([served()])
    page = application.find(Event(method="GET", path="/metrics"))
    assert page.status == 200  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("given_as", "says"),
    [("yes", "neither True, False"), (Telemetry, "neither True, False")],
)
def test_a_wrong_telemetry_is_said_with_its_line(given_as: Any, says: str) -> None:
    with pytest.raises(WrongUse, match=says) as caught:
        served(given_as)
    assert caught.value.file == __file__
    with pytest.raises(WrongUse, match="not allowed in CloudWatch"):
        Telemetry(namespace="AWS/Lambda")


def test_a_graph_that_was_called_before_it_was_served_is_counted_too() -> None:
    app = App("shop")
    graph = Graph("early", int) >> double
    assert graph(2, Context()) == 4
    worker = Worker(app.serve(graph, triggers=[http("POST", "/twice")]))
    handler = make_handler(worker.function, worker)
    post(handler, 4)
    post(handler, 4)
    text = expose(worker.metrics())
    assert 'pelton_step_seconds_count{graph="early",step="early/double"} 2' in text
