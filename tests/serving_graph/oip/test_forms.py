"""What has no tensor form is refused when it is made a model, with its line and what to do."""

from __future__ import annotations

import json
import sys
from typing import Any, TypedDict

import numpy as np
import pytest

import pelton
from pelton import testing
from pelton.builders import load_app
from pelton.builders.sources import find_sources
from pelton.handlers.errors import WrongUse
from pelton.serving_graph.oip import Tensor, WrongTensor
from pelton.serving_graph.oip.forms import form_of


class Inner(TypedDict):
    x: float


class Outer(TypedDict):
    inner: Inner


REFUSED: list[tuple[Any, str]] = [
    (Any, "the output of graph 'g' is Any: it says nothing of what is in it"),
    (object, "the output of graph 'g' is object: it says nothing of what is in it"),
    (tuple[int, str], "a tuple of several has no names for its tensors"),
    (int | str, "int | str has no tensor form"),
    (Outer, "Inner has no tensor form"),
    (np.ndarray, "an array whose dtype is not said"),
    (np.ndarray[Any, np.dtype[np.complex64]], "the protocol has no datatype for complex64"),
    (list[np.ndarray[Any, np.dtype[np.float32]]], "a list of arrays has no tensor form"),
    (dict[int, float], "dict[int, float] has no tensor form"),
]


@pytest.mark.parametrize(("annotation", "words"), REFUSED, ids=[str(each[1]) for each in REFUSED])
def test_a_type_without_tensors_is_refused_with_the_line(annotation: Any, words: str) -> None:
    def step(x: float) -> Any:
        return x

    step.__annotations__ = {"x": float, "return": annotation}
    globals()["step"] = step
    step.__qualname__ = "step"
    graph = pelton.Graph("g") >> step
    with pytest.raises(WrongUse) as refused:
        pelton.oip(graph)
    assert words in str(refused.value)
    assert str(refused.value).startswith(f"{__file__}:{graph.line}: ")
    assert "annotate it with numbers" in str(refused.value)


def sized(text: str) -> int:
    return len(text)


def test_a_graph_with_a_queue_is_no_model() -> None:
    graph = pelton.Graph("g", str) >> pelton.steps.queue("later") >> sized
    with pytest.raises(WrongUse, match="graph 'g' is cut at its queue 'later'"):
        pelton.oip(graph)


def test_a_body_that_the_platform_has_parsed_is_read_as_any_other() -> None:
    """Nuclio hands over JSON as values, and binary data as bytes."""
    served = pelton.App("parsed").serve(pelton.oip(pelton.Graph("m") >> sized))
    tensor = {"name": "input", "datatype": "BYTES", "shape": [1], "data": ["four"]}
    path = "/v2/models/m/infer"
    for body in ({"inputs": [tensor]}, json.dumps({"inputs": [tensor]}).encode()):
        answer = testing.on_nuclio(served, testing.nuclio_http(body, path=path))
        assert json.loads(answer.body)["outputs"][0]["data"] == [4]
    for wrong in ({"inputs": [tensor | {"data": [1]}]}, [1], b"{"):
        answer = testing.on_nuclio(served, testing.nuclio_http(wrong, path=path))
        assert (answer.status_code, list(json.loads(answer.body))) == (400, ["error"])


def test_what_oip_cannot_serve_is_said() -> None:
    with pytest.raises(WrongUse, match=r"oip\(\) has nothing to serve"):
        pelton.oip()
    with pytest.raises(WrongUse, match="which is no graph"):
        pelton.oip(sized)  # type: ignore[arg-type]
    one = pelton.Graph("one") >> sized
    with pytest.raises(WrongUse, match="two graphs are named 'one'"):
        pelton.oip(one, one)


@pytest.mark.parametrize(
    ("annotation", "value", "words"),
    [
        (list[list[int]], [[1], [2, 3]], "it is ragged, with parts of 1 and 2"),
        (list[int], [1, None], "a value of it is no scalar"),
        (list[int], 3, "a part of it is no list"),
        (int, "3", "it holds '3'"),
        (int, 2**63, "holds an integer that INT64 cannot"),
        (float, True, "it holds True"),
        (np.ndarray[Any, np.dtype[np.float32]], [1.0], "is a list, no numpy array"),
        (
            np.ndarray[Any, np.dtype[np.float32]],
            np.zeros(1, dtype=np.complex64),
            "the protocol has no datatype for",
        ),
    ],
)
def test_an_answer_that_is_not_what_was_said_is_the_graph_s_fault(
    annotation: Any, value: Any, words: str
) -> None:
    with pytest.raises(WrongTensor, match=r"output 'output' ") as refused:
        form_of(annotation, "the output", "output").write(value)
    assert words in str(refused.value)
    assert refused.value.status == 500


def test_tensors_without_numpy() -> None:
    """JSON in, lists through, bytes out: numpy is for arrays alone."""
    code = (
        "import sys; from pelton.serving_graph.oip import Tensor;"
        "t = Tensor.from_json('x', 'FP32', [2], [1, 2]);"
        "assert Tensor.from_raw('x', 'FP32', [2], t.raw()).nested() == [1.0, 2.0];"
        "assert 'numpy' not in sys.modules and 'asyncio' not in sys.modules"
    )
    import subprocess

    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_array_made_of_a_tensor_is_one_s_own() -> None:
    raw = np.arange(4, dtype=np.float32).tobytes()
    array = Tensor.from_raw("x", "FP32", [2, 2], raw).array()
    array += 1
    assert array.tolist() == [[1, 2], [3, 4]]
    texts = Tensor.from_json("x", "BYTES", [1], ["é"]).array()
    assert texts.tolist() == ["é".encode()]


def test_the_files_of_a_graph_inside_oip_travel(tmp_path: Any) -> None:
    (tmp_path / "model.onnx").write_bytes(b"x")
    (tmp_path / "inline_app.py").write_text(
        "import pelton\n"
        "def row(x: float) -> list[float]:\n    return [x]\n"
        "app = pelton.App('inline')\n"
        "app.serve(pelton.oip(pelton.Graph('m') >> row"
        " >> pelton.onnx('model.onnx', output_type=float)))\n"
    )
    app, root = load_app(str(tmp_path / "inline_app.py"))
    assert "model.onnx" in find_sources(app.functions["oip"], root).files
