"""What is wrong with a request is said with the tensor's name, over both wires."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import MODELS
from .skins import Given, Grpc, Rest, Said

Skin = Rest | Grpc

FP64 = {"name": "input", "datatype": "FP64", "shape": [2]}


def one(**changed: Any) -> list[Given]:
    return [
        Given(**({"name": "input", "datatype": "FP64", "shape": [2], "data": [1, 2]} | changed))
    ]


# what is wrong: (graph, inputs, words of the answer)
WRONG: dict[str, tuple[str, list[Given], str]] = {
    "no input": ("double", [], "input 'input' is missing"),
    "another name": ("double", one(name="x"), "input 'x' is not of this model; it takes input"),
    "a name twice": ("double", one() * 2, "input 'input' comes twice"),
    "no such datatype": ("double", one(datatype="FP128", raw=b""), "has the datatype 'FP128'"),
    "another datatype": ("double", one(datatype="BOOL", data=[True, False]), "is BOOL, the model"),
    "another family": ("matrix", one(shape=[1, 2]), "is FP64, the model takes INT64"),
    "a dtype of another size": ("turned", one(), "is FP64, the model takes FP32"),
    "too few dimensions": ("matrix", one(datatype="INT64"), "has the shape [2], the model takes"),
    "not one value": ("fails", one(datatype="INT64"), "has the shape [2], the model takes [1]"),
    "too few elements": ("double", one(shape=[3]), "has 2 elements, its shape [3] says 3"),
    "too many elements": ("double", one(shape=[1]), "has 2 elements, its shape [1] says 1"),
    "a huge shape": ("double", one(shape=[2**40, 2**20]), "has 2 elements, its shape"),
    "a huge shape of bytes": ("double", one(shape=[2**62], data=None, raw=b"x" * 16), "16 bytes"),
    "many dimensions": ("double", one(shape=[1] * 40), "has 40 dimensions; 32 are allowed"),
    "empty and huge": ("matrix", one(shape=[2**40, 0], datatype="INT64", data=[]), "empty rows"),
    "a size below zero": ("double", one(shape=[-1]), "has the size -1 in its shape"),
    "too few bytes": ("double", one(data=None, raw=b"x" * 15), "has 15 bytes, FP64 of shape [2]"),
    "too many bytes": ("double", one(data=None, raw=b"x" * 17), "has 17 bytes, FP64 of shape [2]"),
    "an element too long": (
        "raw",
        one(datatype="BYTES", shape=[1], raw=b"\xff\0\0\0a"),
        "says 255",
    ),
    "an element cut off": ("raw", one(datatype="BYTES", shape=[1], raw=b"\1\0"), "ends inside"),
    "one element too many": (
        "raw",
        one(datatype="BYTES", shape=[1], raw=b"\0\0\0\0" * 2),
        "has 2 elements, its shape [1] says 1",
    ),
    "no text": (
        "waits",
        one(datatype="BYTES", shape=[1], raw=b"\1\0\0\0\xff"),
        "input 'input' is not UTF-8 text",
    ),
    "a BOOL that is 2": (
        "echo_bool",
        one(datatype="BOOL", shape=[1], raw=b"\2"),
        "has a BOOL that is neither 0 nor 1",
    ),
    "out of a model's choice": (
        "score",
        [
            Given("id", "BYTES", [1], ["a"]),
            Given("distance", "FP64", [1], [1.0]),
            Given("delays", "INT64", [0], []),
            Given("kind", "BYTES", [1], ["never"]),
        ],
        "input 'kind' expected one of 'early', 'late', got the string 'never'",
    ),
    "columns of two lengths": (
        "rows",
        [Given("minutes", "FP64", [2], [1, 2]), Given("says", "BYTES", [1], ["a"])],
        "input 'says' has 1 rows, 'minutes' has 2",
    ),
    "of a repository's model, a name": ("scaled", one(), "input 'input' is not of this model"),
    "of a repository's model, a shape": (
        "scaled",
        one(name="x", shape=[1, 2]),
        "input 'x' has the shape [1, 2], the model takes [-1]",
    ),
    "of a repository's model, a datatype": (
        "scaled",
        one(name="x", datatype="INT64"),
        "input 'x' is INT64, the model takes FP64",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_tensor_is_named(skin: Skin, what: str) -> None:
    name, inputs, words = WRONG[what]
    said = skin.infer(name, inputs)
    assert said.code == "INVALID_ARGUMENT", said
    assert words in said.body


def test_wrong_requests(skin: Skin) -> None:
    for said, words in (
        (skin.infer("double", one(), outputs=["x"]), "there is no output 'x'; there are output"),
        (skin.infer("opened", one(shape=[1], data=[1]), outputs=["x"]), "there are input_seen"),
        (skin.infer("double", one(), parameters={"sequence_id": 3}), "sequences are not kept"),
    ):
        assert said.code == "INVALID_ARGUMENT"
        assert words in said.body


# Only JSON can say these.
DOCUMENTS: dict[str, tuple[Any, str]] = {
    "no object": ([], "the body is no JSON object"),
    "no inputs": ({}, 'the body has no "inputs"'),
    "an input that is none": ({"inputs": [3]}, "an input is 3, which is no object"),
    "an input without a name": ({"inputs": [{}]}, "the name of an input is None"),
    "no datatype": ({"inputs": [{"name": "input"}]}, "input 'input' has no datatype"),
    "no data": ({"inputs": [FP64]}, "input 'input' has no data"),
    "data twice": (
        {"inputs": [FP64 | {"data": [1, 2], "parameters": {"binary_data_size": 0}}]},
        "input 'input' has data and binary data",
    ),
    "data of no list": ({"inputs": [FP64 | {"data": 3}]}, "has data that are no array: 3"),
    "ragged": (
        {"inputs": [FP64 | {"shape": [2, 2], "data": [[1, 2], [3]]}]},
        "is ragged: a part of dimension 1 is 1 long, not 2 long",
    ),
    "half nested": (
        {"inputs": [FP64 | {"shape": [2, 2], "data": [[1, 2], 3]}]},
        "is ragged: a part of dimension 1 is no list, not 2 long",
    ),
    "a text among numbers": ({"inputs": [FP64 | {"data": [1, "2"]}]}, "its element 1 is '2'"),
    "null": ({"inputs": [FP64 | {"data": [None, 2]}]}, "its element 0 is None"),
    "a boolean among numbers": ({"inputs": [FP64 | {"data": [1, True]}]}, "its element 1 is True"),
    "out of range": (
        {"inputs": [{"name": "x", "datatype": "INT8", "shape": [1], "data": [300]}]},
        "input 'x' is INT8, and its element 0 is 300",
    ),
    "too large for FP32": (
        {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1e39]}]},
        "input 'x' is FP32, and its element 0 is 1e+39",
    ),
    "BF16 as JSON": (
        {"inputs": [{"name": "x", "datatype": "BF16", "shape": [1], "data": [1]}]},
        "input 'x' is BF16, which has no JSON form",
    ),
    "a shape of no list": ({"inputs": [FP64 | {"shape": 2, "data": [1, 2]}]}, "the shape 2"),
    "a size that is true": ({"inputs": [FP64 | {"shape": [True], "data": [1]}]}, "the size True"),
    "a size of 1.0": ({"inputs": [FP64 | {"shape": [1.0], "data": [1]}]}, "the size 1.0"),
    "parameters of no object": ({"inputs": [], "parameters": 3}, "parameters are 3"),
    "a parameter of no scalar": ({"inputs": [], "parameters": {"a": []}}, "parameter 'a'"),
    "an id of no string": ({"inputs": [], "id": 3}, "the id is 3, which is no string"),
    "outputs of no list": ({"inputs": [], "outputs": "x"}, "outputs are 'x'"),
    "an output of no object": ({"inputs": [], "outputs": ["x"]}, "an output is 'x'"),
    "classification": (
        {"inputs": [], "outputs": [{"name": "output", "parameters": {"classification": 3}}]},
        "classification is not done here",
    ),
    "shared memory": (
        {"inputs": [FP64 | {"parameters": {"shared_memory_region": "r"}}]},
        "tensors in shared memory are not taken",
    ),
}


@pytest.mark.parametrize("what", DOCUMENTS)
def test_a_wrong_document_is_a_400(rest: Rest, what: str) -> None:
    document, words = DOCUMENTS[what]
    said = rest.ask("POST", "/v2/models/double/infer", json=document)
    assert said.code == "INVALID_ARGUMENT"
    assert words in said.body


BODIES: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"{", "the body is not JSON"),
    "no UTF-8": (b'{"inputs": "\xff"}', "the body is not JSON"),
    "NaN": (b'{"inputs": [NaN]}', "NaN is no number of JSON; send it as binary data"),
    "Infinity": (b'{"inputs": [-Infinity]}', "-Infinity is no number of JSON"),
    "too deep": (b"[" * 200_000, "nested too deep"),
    "an integer without end": (b'{"inputs": [' + b"9" * 5000 + b"]}", "the body is not JSON"),
}


@pytest.mark.parametrize("what", BODIES)
def test_a_wrong_body_is_a_400(rest: Rest, what: str) -> None:
    body, words = BODIES[what]
    said = rest.ask("POST", "/v2/models/double/infer", content=body)
    assert said.code == "INVALID_ARGUMENT"
    assert words in said.body


def binary(size: Any, *, header: int | str | None = None, tail: bytes = b"\0" * 16) -> Any:
    given = FP64 | {"parameters": {"binary_data_size": size}}
    head = json.dumps({"inputs": [given]}).encode()
    said = str(len(head)) if header is None else str(header)
    return {"content": head + tail, "headers": {"inference-header-content-length": said}}


LIES: dict[str, tuple[Any, str]] = {
    "a tensor past the end": (binary(17), "says binary_data_size 17, there are 16 bytes"),
    "less than is there": (binary(8), "has 8 bytes, FP64 of shape [2] has 16"),
    "bytes of nobody": (binary(16, tail=b"\0" * 17), "has 1 bytes that no input's"),
    "below zero": (binary(-16), "says binary_data_size -16"),
    "no number": (binary("16"), "says binary_data_size '16'"),
    "a header past the end": (binary(16, header=9999), "of a body of"),
    "a header of no number": (binary(16, header="many"), "is 'many', of a body of"),
    "a header inside the JSON": (binary(16, header=5), "the body is not JSON"),
}


@pytest.mark.parametrize("what", LIES)
def test_sizes_that_lie_are_a_400(rest: Rest, what: str) -> None:
    request, words = LIES[what]
    said = rest.ask("POST", "/v2/models/double/infer", **request)
    assert said.code == "INVALID_ARGUMENT"
    assert words in said.body


def test_nan_goes_in_and_out_as_bytes_and_not_as_json(rest: Rest) -> None:
    nan = b"\0\0\0\0\0\0\xf8\x7f"
    given = [Given("input", "FP64", [1], raw=nan)]
    assert rest.infer("double", given, raw=True).body["outputs"]["output"][2] == nan
    said = rest.infer("double", given)
    assert (said.code, "holds nan, which JSON cannot say" in said.body) == ("INTERNAL", True)


def test_paths_and_methods(rest: Rest) -> None:
    for path in ("/v2/models", "/v2/models/double/explain", "/v2/models//ready", "/v2/zzz"):
        assert rest.ask("GET", path).code == "NOT_FOUND"
    wrong = rest.client.get("/v2/models/double/infer")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    squeezed = {"content-encoding": "gzip"}
    assert rest.client.post("/v2/models/double/infer", headers=squeezed).status_code == 415
    after = rest.client.post("/v2/models/fails/infer", json={"inputs": [FP64]}).headers
    assert "retry-after" not in after
    busy = {"inputs": [{"name": "input", "datatype": "INT64", "shape": [1], "data": [2]}]}
    assert rest.client.post("/v2/models/fails/infer", json=busy).headers["retry-after"] == "3"


def test_more_than_is_taken_is_a_429_and_a_body_too_large_a_413(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    with start(MODELS, "--grpc-port", "0", "--most", "1", "--max-body", "1") as said:
        rest, remote = Rest(said["url"]), Grpc(said["grpc"])
        answers: list[Said] = []
        text = Given("input", "BYTES", [1], [str(tmp_path)])
        first = threading.Thread(target=lambda: answers.append(rest.infer("hold", [text])))
        first.start()
        while not (tmp_path / "in").exists():
            time.sleep(0.01)
        for skin in (rest, remote):
            refused = skin.infer("double", one())
            assert refused.code == "RESOURCE_EXHAUSTED"
            assert "1 calls are under way" in refused.body
        (tmp_path / "go").touch()
        first.join()
        assert answers[0].body["outputs"]["output"][2] == ["gone"]
        assert rest.infer("double", one()).code == "OK"
        large = rest.client.post("/v2/models/double/infer", content=b"x" * (1 << 20) + b"x")
        assert large.status_code == 413
        rest.close()
        remote.close()


def test_a_deadline_of_grpc_s_ends_the_wait(grpc_: Grpc, tmp_path: Path) -> None:
    from pelton.serving_graph.oip.grpc_messages import MESSAGES

    request = MESSAGES["ModelInferRequest"](model_name="hold")
    made = request.inputs.add(name="input", datatype="BYTES", shape=[1])
    made.contents.bytes_contents.append(str(tmp_path).encode())
    assert grpc_.call("ModelInfer", request, timeout=0.2).code == "DEADLINE_EXCEEDED"
