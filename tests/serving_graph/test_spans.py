"""OpenTelemetry's spans of a graph: their parents, their errors, what a message carries."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pelton import Context, Event, Graph, parallel, steps
from pelton.handlers.delivery import Delivery
from pelton.handlers.trace_context import correlation_of, traceparent_of
from pelton.serving_graph.brokers.memory import MemoryBroker
from pelton.serving_graph.clock import ManualClock
from pelton.serving_graph.cut import split
from pelton.serving_graph.spans import Spans
from pelton.serving_graph.station import Station

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Kit:
    """A provider of its own, and what it exported."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = provider.get_tracer("test")
        self.spans = Spans(self.tracer)

    def by_name(self) -> dict[str, ReadableSpan]:
        return {each.name: each for each in self.exporter.get_finished_spans()}


def ids(span: ReadableSpan) -> Any:
    return span.get_span_context()


def half(n: float) -> float:
    return n / 2


def double(n: float) -> float:
    return 2 * n


async def later_half(n: float) -> float:
    await asyncio.sleep(0)
    return n / 2


def fail(n: float) -> float:
    raise LookupError(n)


def never(n: float) -> bool:
    return False


def carried(n: float, context: Any) -> str:
    return traceparent_of(context)


def come(to: Any) -> Any:
    async def wait() -> Any:
        return await to

    return asyncio.run(wait()) if hasattr(to, "__await__") else to


@pytest.mark.parametrize("one", [half, later_half])
def test_steps_are_spans_below_their_graph_s_which_is_below_the_event_s(one: Any) -> None:
    kit = Kit()
    run = (Graph("g", float) >> parallel(a=one, b=half)).compile(spans=kit.spans)
    context = Context(request_id="7")
    context.event = Event(headers={"traceparent": PARENT})
    come(run(8.0, context))
    found = kit.by_name()
    graph, held, inner = found["g"], found["parallel"], found[one.__name__]
    assert graph.parent and f"{graph.parent.span_id:016x}" == PARENT.split("-")[2]
    assert f"{ids(graph).trace_id:032x}" == PARENT.split("-")[1]
    assert held.parent and held.parent.span_id == ids(graph).span_id
    assert inner.parent and inner.parent.span_id == ids(held).span_id
    assert dict(graph.attributes or {}) == {"pelton.graph": "g", "pelton.correlation_id": "7"}
    assert dict(inner.attributes or {})["pelton.step"].startswith("g/parallel/")  # type: ignore[union-attr]


def test_an_error_is_one_and_what_goes_no_further_is_none() -> None:
    kit = Kit()
    with pytest.raises(LookupError):
        (Graph("bad", float) >> fail).compile(spans=kit.spans)(1.0)
    assert (Graph("drops", float) >> steps.filter(never)).compile(spans=kit.spans)(1.0) is None
    found = kit.by_name()
    for name in ("bad", "fail"):
        assert found[name].status.description == "LookupError: 1.0"
    assert [each.name for each in found["fail"].events] == ["exception"]
    assert found["never"].status.is_unset and found["drops"].status.is_unset
    assert dict(found["never"].attributes or {})["pelton.dropped"] is True


def test_a_message_carries_the_step_s_span_and_without_spans_what_the_event_brought() -> None:
    kit = Kit()
    graph = Graph("g", float) >> carried
    text = graph.compile(spans=kit.spans)(1.0)
    span = ids(kit.by_name()["carried"])
    assert text == f"00-{span.trace_id:032x}-{span.span_id:016x}-{int(span.trace_flags):02x}"
    context = Context(request_id="7").delivered(
        Delivery("k", correlation_id="first", traceparent=PARENT)
    )
    assert graph(1.0, context) == PARENT and correlation_of(context) == "first"
    assert graph(1.0) == "" and correlation_of(None) == ""


@pytest.mark.parametrize("text", ["", "00-1-2-01", "x" * 55, PARENT.replace("0af", "xyz")])
def test_a_wrong_header_starts_a_trace_of_its_own(text: str) -> None:
    kit = Kit()
    context = Context()
    context.event = Event(headers={"traceparent": text})
    (Graph("g", float) >> half).compile(spans=kit.spans)(1.0, context)
    assert kit.by_name()["g"].parent is None


def test_nothing_of_opentelemetry_is_imported_unless_asked_for() -> None:
    code = """
import sys
from pelton import Graph, Metrics
from pelton.serving_graph.watch import StepWatch
(Graph("g", str) >> len).compile(watch=StepWatch(Metrics()))("four")
assert not any(name.startswith("opentelemetry") for name in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


SERVED = """
import os
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
import pelton
from pelton.runtime.aws import make_handler
from pelton.testing import http_v2, lambda_context

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)

def half(n: float) -> float:
    return n / 2

app = pelton.App("shop")
graph = pelton.Graph("g", float) >> half
handler = make_handler(app.serve(graph, telemetry=pelton.Telemetry(traces=True)))
parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
assert handler(http_v2("8", headers={"traceparent": parent}), lambda_context())["body"] == "4.0"
os.environ["_X_AMZN_TRACE_ID"] = (
    "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
)
assert handler(8.0, lambda_context()) == 4.0
runs = [each for each in exporter.get_finished_spans() if each.name == "g"]
print(*(f"{each.parent.span_id:016x}" for each in runs))
"""


def test_a_served_graph_s_spans_hang_below_the_header_s_or_x_ray_s() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SERVED], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["b7ad6b7169203331", "53995c3f42cd8ad8"], done.stderr


def test_asking_for_spans_without_opentelemetry_says_what_to_add() -> None:
    code = """
import sys
sys.modules["opentelemetry"] = None
from pelton import Graph, Telemetry, WrongUse, Context
try:
    (Graph("g", str) >> len).load(Context(), telemetry=Telemetry(traces=True))
except WrongUse as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "add opentelemetry-api, and an exporter, to the requirements" in done.stdout


def test_a_trace_goes_on_behind_a_queue() -> None:
    kit, clock = Kit(), ManualClock()
    segments = split(Graph("g", float) >> half >> steps.queue("later") >> double)
    broker = MemoryBroker(clock)
    for each in segments:
        each.connect(broker)
        each.executor.spans = kit.spans
        broker.prepare([each.address_of(each.target)] if each.target else [])
    context = Context(request_id="7")
    context.event = Event(headers={"traceparent": PARENT})
    segments[0](8.0, context)
    assert Station(segments[1], broker, clock=clock, wait=0, write=print).turn() == 1
    first, second = [each for each in kit.exporter.get_finished_spans() if each.name == "g"]
    assert ids(first).trace_id == ids(second).trace_id == int(PARENT.split("-")[1], 16)
    assert second.parent and second.parent.span_id == ids(first).span_id
