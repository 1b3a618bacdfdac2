"""The model step over the flights model: forms of input, pins, and what is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy
import pytest

from pelton import Graph, onnx
from pelton.serving_graph.models.onnx import OnnxModel
from pelton.serving_graph.models.file import ModelFile

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
    ("value", "says"),
    [
        (ROW[:5], "takes n x 23 for 'features', got 1 x 5"),
        ([ROW, ROW[:2]], "takes tensor"),
        (["a"] * 23, "takes tensor"),
        ("text", "not str"),
        ([], "not no rows"),
        ({"a": 1}, "name the features"),
    ],
)
def test_what_the_model_cannot_take(value: Any, says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        model()(value)


def test_a_missing_feature_is_named() -> None:
    with pytest.raises(ValueError, match="the feature 'f1' is missing"):
        model(FEATURES)({"f0": 1})


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
