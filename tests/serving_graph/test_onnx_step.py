"""The model step over the flights model: forms of input, pins, and what is refused."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pelton import Graph, InvalidInput, onnx
from pelton.serving_graph.models.file import ModelFile
from pelton.serving_graph.models.onnx import OnnxModel
from pelton.serving_graph.models.repository import Tensor
from pelton.serving_graph.models.values import Reader

FLIGHTS = Path(__file__).parent / "data"
ROW = [9.0, 8.5, 500.0, 12.0, *([0.0] * 19)]
FEATURES = [f"f{place}" for place in range(23)]


def model(
    features: list[str] | None = None, outputs: list[str] | None = None, sha256: str = ""
) -> OnnxModel:
    file = ModelFile("model.onnx", str(FLIGHTS), "app", sha256)
    made = OnnxModel(file, features=features, outputs=outputs)
    made.load()
    return made


def test_a_row_rows_a_dict_and_an_array_say_the_same() -> None:
    run = model(FEATURES, ["probabilities"])
    row = run(ROW)
    assert len(row) == 2 and sum(row) == pytest.approx(1)
    assert run([ROW, ROW]) == [row, row]
    record = dict(zip(FEATURES, ROW, strict=True))
    assert run(record) == row and run([record, record]) == [row, row]
    array = run(numpy.array([ROW]))
    assert isinstance(array, numpy.ndarray) and array.tolist() == [row]


def test_several_outputs_come_by_name_and_one_input_by_its_own() -> None:
    run = model()
    answer = run(ROW)
    assert set(answer) == {"label", "probabilities"} and answer["label"] in (0, 1)
    assert run({"features": ROW}) == answer


@pytest.mark.parametrize(
    ("value", "path", "says", "kind"),
    [
        (ROW[:5], [], "takes n x 23, got 1 x 5", "shape"),
        ([ROW, ROW[:2]], [1], "a row of 2, where the first is a row of 23", "ragged"),
        ([ROW, 1.0], [1], "no row, where the first is a row of 23", "ragged"),
        ([*ROW[:3], "a", *ROW[4:]], [3], "takes numbers (FP32), got the text 'a'", "datatype"),
        ([ROW, ["1.5", *ROW[1:]]], [1, 0], "got the text '1.5'", "datatype"),
        ([None, *ROW[1:]], [0], "missing: null is no number", "nan"),
        ([*ROW[:22], math.nan], [22], "not a number (NaN)", "nan"),
        ([ROW, [-math.inf, *ROW[1:]]], [1, 0], "infinite", "nan"),
        ([1e300, *ROW[1:]], [0], "1e+300 is too large for FP32", "too_large"),
        ([ROW[0], {}, *ROW[2:]], [1], "got a list or a dict", "datatype"),
        ("text", [], "got a str", "form"),
        (None, [], "got null", "form"),
        ([], [], "no rows", "shape"),
        ({"a": 1}, ["features"], "the value has a; say which are the features", "missing"),
        (numpy.zeros((1, 2, 23)), [], "takes n x 23, got 1 x 2 x 23", "shape"),
        (numpy.zeros((0, 23)), [], "no rows", "shape"),
        (numpy.full((1, 23), "a"), [0, 0], "got the text 'a'", "datatype"),
        (numpy.full((1, 23), "2026", "datetime64[Y]"), [], "array of datetime64[Y]", "datatype"),
        (numpy.full((1, 23), numpy.nan), [0, 0], "not a number (NaN)", "nan"),
    ],
)
def test_what_the_model_cannot_take(value: Any, path: list[Any], says: str, kind: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        model()(value)
    (fault,) = caught.value.details
    assert (fault["path"], fault["type"]) == (path, kind) and says in fault["message"]


def test_a_feature_is_named_in_the_path() -> None:
    record = dict(zip(FEATURES, ROW, strict=True))
    for wrong, path in [
        ({"f0": 1}, ["f1"]),
        (record | {"f3": "soon"}, ["f3"]),
        ([record, record | {"f4": math.nan}], [1, "f4"]),
        ([record, 3], [1]),
    ]:
        with pytest.raises(InvalidInput) as caught:
            model(FEATURES)(wrong)
        assert caught.value.details[0]["path"] == path


def test_not_a_number_is_let_through_where_the_model_knows_it() -> None:
    file = ModelFile("model.onnx", str(FLIGHTS), "app")
    run = OnnxModel(file, outputs=["probabilities"], nan="allow")
    run.load()
    assert run([None, *ROW[1:]]) == run([math.nan, *ROW[1:]])
    with pytest.raises(InvalidInput, match="got the text"):
        run(["1", *ROW[1:]])


def test_arrays_are_asked_by_name() -> None:
    run = model()
    rows = numpy.array([ROW, ROW], numpy.float32)
    answer = run.infer({"features": rows})
    assert {name: each.shape for name, each in answer.items()} == {
        "label": (2,),
        "probabilities": (2, 2),
    }
    assert run.metadata.inputs == (("features", "FP32", (-1, 23)),)
    assert [each.datatype for each in run.metadata.outputs] == ["INT64", "FP32"]
    assert run.metadata.platform == "onnx_onnxruntime"
    digest = hashlib.sha256((FLIGHTS / "model.onnx").read_bytes()).hexdigest()
    assert run.metadata.sha256 == digest
    wrong: dict[str, Any]
    assert run.infer({"features": rows > 0})["label"].shape == (2,)
    for wrong, path, kind in [
        ({}, ["features"], "missing"),
        ({"features": rows, "more": rows}, ["more"], "unexpected"),
        ({"features": rows[:, :2]}, ["features"], "shape"),
        ({"features": rows.astype(str)}, ["features", 0, 0], "datatype"),
    ]:
        with pytest.raises(InvalidInput) as caught:
            run.infer(wrong)
        assert caught.value.details[0]["path"] == path
        assert caught.value.details[0]["type"] == kind


def test_the_pin_and_the_outputs_are_held_at_load() -> None:
    digest = hashlib.sha256((FLIGHTS / "model.onnx").read_bytes()).hexdigest()
    model(sha256=digest)
    with pytest.raises(ValueError, match="pinned is abc"):
        model(sha256="abc")
    with pytest.raises(ValueError, match="no output 'score'; it has label, probabilities"):
        model(outputs=["score"])


def test_a_file_that_is_not_there_names_the_step() -> None:
    graph = Graph("g") >> onnx("missing.onnx", name="model")
    with pytest.raises(FileNotFoundError, match=r"missing\.onnx is not in") as caught:
        graph.load()
    assert caught.value.__notes__ == ["in step g/model"]


def test_a_file_is_found_beside_its_module_or_under_the_apps_root(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    file = ModelFile("m.onnx", str(tmp_path / "sub"), "sub.mod")
    assert Path(file.path) == tmp_path / "sub" / "m.onnx"
    (tmp_path / "m.onnx").touch()
    assert Path(file.path).resolve() == (tmp_path / "m.onnx").resolve()
    (tmp_path / "sub" / "m.onnx").touch()
    assert Path(file.path) == tmp_path / "sub" / "m.onnx"


def test_the_declared_output_survives_the_spec() -> None:
    graph = Graph("kept") >> onnx("data/model.onnx", output_type=list[float])
    assert graph.output_type == list[float]
    assert graph.spec.to_dict()["steps"][0]["options"]["gives"]["type"] == "builtins:list"


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "junk.onnx").write_bytes(b"not a model")
    junk = OnnxModel(ModelFile("junk.onnx", str(tmp_path), "app", ""))
    with pytest.raises(ValueError, match=r"junk\.onnx is no ONNX model"):
        junk.load()


class Huge:
    """An array that nobody has the memory for."""

    shape, dtype = (10**12, 23), numpy.dtype("float64")

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise MemoryError("Unable to allocate 167. TiB for an array with shape (1000000000000, 23)")


def test_more_than_there_is_memory_for_is_the_sender_s_fault_in_our_words() -> None:
    for ask in (model(), lambda huge: model().infer({"features": huge})):
        with pytest.raises(InvalidInput, match="more values than this worker has memory") as caught:
            ask(Huge())
        assert caught.value.details[0]["type"] == "too_large"


numbers = st.one_of(
    st.floats(width=64),
    st.integers(-(2**70), 2**70),
    st.booleans(),
    st.none(),
    st.text(max_size=2),
    st.lists(st.floats(0, 1), max_size=2),
)


@example([3.4028235677973366e38, -9_223_372_036_854_775_809, 0], 0)
@given(st.lists(numbers, max_size=3), st.integers(0, 2))
def test_whatever_a_row_holds_it_is_taken_or_refused_with_its_place(
    row: list[Any], rows: int
) -> None:
    """The short way and the long one agree, and nothing but `InvalidInput` ever comes of it."""
    reader = Reader([Tensor("x", "FP32", (-1, 3))], ["a", "b", "c"], "refuse")
    value: Any = [row] * rows if rows else row
    try:
        (array,) = reader.read(value)[0].values()
    except InvalidInput as error:
        assert error.details[0]["message"]
        with pytest.raises(InvalidInput) as again:
            reader._read(value)
        assert again.value.details == error.details
    else:
        (long,) = reader._read(value)[0].values()
        assert array.dtype == long.dtype == "float32" and array.tolist() == long.tolist()
        assert numpy.isfinite(array).all() and array.shape == (max(rows, 1), 3)
