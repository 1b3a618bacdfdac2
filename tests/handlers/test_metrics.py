"""Metrics: names that are refused, memory that is bounded, sums that add up over threads."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton import Context
from pelton.handlers.metrics import SERIES, VALUES, Histogram, Metrics


@pytest.mark.parametrize("name", ["", "7up", "a-b", "é", "a b", "__own", "le"])
def test_a_name_that_prometheus_refuses_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="Prometheus"):
        Metrics().counter(name)
    with pytest.raises(ValueError, match="Prometheus"):
        Metrics().counter("fine", **{name: 1})


def test_a_name_is_of_one_kind_and_a_counter_never_falls() -> None:
    metrics = Metrics()
    metrics.counter("seen").add()
    with pytest.raises(ValueError, match="'seen' is a counter, not a gauge"):
        metrics.gauge("seen")
    for less in (-1, float("nan")):
        with pytest.raises(ValueError, match="use a gauge"):
            metrics.counter("seen").add(less)
    with pytest.raises(ValueError, match="do not ascend"):
        metrics.histogram("size", "", (2, 1))


def test_labels_without_end_take_memory_with_one() -> None:
    metrics = Metrics()
    for number in range(SERIES + 50):
        metrics.counter("orders", id=number).add()
    (family,) = metrics.families()
    assert len(family.series) == SERIES + 1
    assert metrics.counter("orders", id="one more").value == 50
    assert sum(each.value for each in family.series.values()) == SERIES + 50


def test_a_gauge_follows_or_stands() -> None:
    gauge = Metrics().gauge("depth")
    waiting = [1, 2, 3]
    gauge.follow(lambda: len(waiting))
    assert gauge.value == 3
    gauge.set(7)
    gauge.add(-2)
    assert gauge.value == 5


@given(st.lists(st.floats(0, 100), min_size=1), st.lists(st.floats(0, 50), min_size=1, max_size=5))
def test_merging_is_observing_one_by_one(values: list[float], edges: list[float]) -> None:
    edges = sorted(set(edges))
    one, many = Histogram(edges, keep=True), Histogram(edges, keep=True)
    for value in values:
        one.observe(value)
    many.merge(list(values))
    assert one.buckets == many.buckets and one.count == many.count == len(values)
    assert one.sum == pytest.approx(many.sum)
    assert sorted(one.take()) == sorted(many.take()) == sorted(values)
    assert one.take() == []


def test_kept_values_are_bounded() -> None:
    histogram = Histogram(keep=True)
    histogram.merge([1.0] * (VALUES + 10))
    histogram.observe(1.0)
    assert histogram.count == VALUES + 11 and len(histogram.take()) == VALUES


def test_threads_lose_no_count() -> None:
    metrics = Metrics()

    def count() -> None:
        for _ in range(2000):
            metrics.counter("n").add()
            metrics.histogram("h").observe(1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert metrics.counter("n").value == metrics.histogram("h").count == 8000


def test_a_context_has_metrics_and_shares_them_with_a_nearer_deadline() -> None:
    context = Context()
    near = context.within(5)
    near.metrics.counter("seen").add()
    assert context.metrics.counter("seen").value == 1
    mine = Metrics()
    assert Context(metrics=mine).metrics is mine
    assert Context(make_metrics=lambda: mine).within(1).metrics is mine


def test_a_gauge_that_cannot_be_read_hides_no_other() -> None:
    metrics = Metrics()
    metrics.gauge("broken").follow(lambda: 1 / 0)
    metrics.gauge("fine").set(1)
    values = {family.name: each.value for family, _, each in metrics}
    assert values["fine"] == 1 and values["broken"] != values["broken"]
