"""Values as rows: what shares a batch, how it is put together, and to whom each answer goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton import Graph, onnx, steps
from pelton.handlers.errors import InvalidInput
from pelton.handlers.failed import Failed
from pelton.serving_graph.batching.rows import kind_of

CALLS: list[Any] = []
ROW = [9.0, 8.5, 500.0, 12.0, *([0.0] * 19)]


@pytest.fixture(autouse=True)
def _forget() -> None:
    CALLS.clear()


def totals(rows: list[list[float]]) -> list[float]:
    CALLS.append(len(rows))
    assert len({len(each) for each in rows}) == 1
    return [sum(each) for each in rows]


def array_totals(rows: numpy.ndarray[Any, Any]) -> numpy.ndarray[Any, Any]:
    CALLS.append(rows.shape)
    total: numpy.ndarray[Any, Any] = rows.sum(axis=1)
    return total


def columns(rows: dict[str, numpy.ndarray[Any, Any]]) -> dict[str, Any]:
    CALLS.append({name: each.shape for name, each in rows.items()})
    return {"sum": rows["a"] + rows["b"], "size": [len(rows["a"])] * len(rows["a"])}


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(-9, 9), min_size=1, max_size=3), max_size=30))
def test_rows_of_one_length_share_a_batch_and_none_other(rows: list[list[float]]) -> None:
    CALLS.clear()
    graph = Graph("g", list[float]) >> steps.batched(totals, max_rows=4)
    assert graph.many(rows) == [sum(each) for each in rows]
    sizes = [sum(len(each) == n for each in rows) for n in (1, 2, 3)]
    assert sorted(CALLS) == sorted(n for size in sizes for n in [4] * (size // 4) + [size % 4] if n)


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(-9, 9), min_size=2, max_size=2), max_size=12), st.data())
def test_a_value_that_holds_rows_gets_as_many_answers(rows: Any, data: st.DataObject) -> None:
    CALLS.clear()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(rows)), max_size=4)))
    values = [rows[start:end] for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    graph = Graph("g", list[list[float]]) >> steps.batched(summed, rows="many", max_rows=3)
    assert graph.many(values) == [[sum(each) for each in value] for value in values]
    assert all(count <= 3 for count in CALLS)


def summed(rows: list[list[float]]) -> list[float]:
    CALLS.append(len(rows))
    return [sum(each) for each in rows]


def test_arrays_are_stacked_or_joined_and_dealt_out() -> None:
    one = Graph("g") >> steps.batched(array_totals)
    assert [float(each) for each in one.many([[1.0, 2.0], numpy.array([3.0, 4.0])[:]])] == [3, 7]
    many = Graph("g") >> steps.batched(array_totals, rows="many", max_rows=4)
    found = many.many([numpy.ones((2, 3)), numpy.ones((7, 3)), numpy.ones((1, 3), "float32")])
    assert [each.tolist() for each in found] == [[3] * 2, [3] * 7, [3]]
    assert [each.dtype for each in found] == ["float64", "float64", "float32"]
    assert all(shape[0] <= 4 for shape in CALLS)


def test_columns_are_made_and_dealt_out() -> None:
    one = Graph("g") >> steps.batched(columns)
    values = [{"a": 1, "b": 2}, {"b": 5, "a": 4}]
    assert one.many(values) == [{"sum": 3, "size": 2}, {"sum": 9, "size": 2}]
    assert CALLS == [{"a": (2,), "b": (2,)}]
    many = Graph("g") >> steps.batched(columns, rows="many")
    found = many.many([{"a": numpy.ones(2), "b": numpy.ones(2)}] * 2)
    assert [each["sum"].tolist() for each in found] == [[2, 2], [2, 2]]
    (failed,) = many.many([{"a": numpy.ones(2), "b": numpy.ones(3)}])
    assert "columns of different lengths: a 2, b 3" in str(failed.error)


def test_any_rows_share_a_batch_where_told() -> None:
    graph = Graph("g", list[float]) >> steps.batched(summed, group="any")
    assert graph.many([[1.0], [1.0, 2.0]]) == [1.0, 3.0]
    assert CALLS == [2]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ([1, 2.5], [1.5, 2], True),
        ([1, 2], [1, 2, 3], False),
        ([1, "a"], ["a", 1], False),
        ({"a": 1, "b": [1]}, {"b": [2.0], "a": 3}, True),
        ({"a": 1}, {"b": 1}, False),
        ([True], [1], False),
        (None, 1, False),
        (numpy.ones(2), numpy.ones(2, "float32"), False),
        (numpy.ones((2, 3)), numpy.zeros((2, 3)), True),
        ("long text", "short", True),
    ],
)
def test_what_could_be_stacked(one: Any, other: Any, same: bool) -> None:
    assert (kind_of(one) == kind_of(other)) is same


def test_a_model_file_is_what_it_is_alone_in_every_form() -> None:
    plain = _model()
    batched = _model(batched=True)
    names = [f"f{place}" for place in range(23)]
    record = dict(zip(names, ROW, strict=True))
    array = numpy.array([ROW] * 3)
    values = [ROW, [ROW, ROW], array, record, [record], [ROW] * 100]
    found = batched.many(values)
    for value, got in zip(values, found, strict=True):
        want = plain(value)
        assert type(got) is type(want)
        assert numpy.allclose(got["probabilities"], want["probabilities"])
        assert numpy.shape(got["label"]) == numpy.shape(want["label"])
    for value in (ROW[:5], {"a": 1}, "text", [], None):
        with pytest.raises(InvalidInput) as alone:
            plain(value)
        with pytest.raises(InvalidInput) as together:
            batched(value)
        assert str(together.value) == str(alone.value)
    mixed = batched.many([ROW, ROW[:5], [float("nan"), *ROW[1:]], ROW])
    assert [isinstance(each, Failed) for each in mixed] == [False, True, True, False]


def _model(batched: bool = False) -> Graph[Any, Any]:
    names = [f"f{place}" for place in range(23)]
    step = onnx("model.onnx", inputs=names, name="model")
    step.file = step.file._replace(base=str(Path(__file__).parent.parent / "data"))  # type: ignore[attr-defined]
    return Graph("g") >> (steps.batched(step, max_rows=64) if batched else step)
