"""Laws of the codec: what goes in one way comes out the same every way, and nothing but the
protocol's own errors comes of what is no request."""

from __future__ import annotations

import importlib.util
import json
import math
import struct
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import tritonclient.grpc.service_pb2 as triton
from google.protobuf import descriptor_pb2
from hypothesis import given
from hypothesis import strategies as st

from pelton.serving_graph.oip import (
    InferResponse,
    ProtocolError,
    Tensor,
    grpc_codec,
    grpc_messages,
    rest_codec,
)
from pelton.serving_graph.oip.datatypes import DATATYPES
from pelton.serving_graph.oip.messages import InferRequest

ROOT = Path(__file__).parents[3]


def values_of(datatype: str) -> st.SearchStrategy[Any]:
    kind = DATATYPES[datatype]
    if kind.family == "bool":
        return st.booleans()
    if kind.family == "bytes":
        return st.text(max_size=5)
    if kind.family == "int":
        return st.integers(int(kind.low), int(kind.high))
    finite = {"allow_nan": False, "allow_infinity": False}
    if datatype == "FP16":
        return st.floats(width=16, **finite)
    return st.floats(width=32 if datatype == "FP32" else 64, **finite)


@st.composite
def tensors(draw: st.DrawFn) -> tuple[str, list[int], list[Any]]:
    datatype = draw(st.sampled_from([name for name in DATATYPES if name != "BF16"]))
    shape = draw(st.lists(st.integers(0, 3), max_size=3))
    count = math.prod(shape)
    return datatype, shape, draw(st.lists(values_of(datatype), min_size=count, max_size=count))


@given(tensors())
def test_a_tensor_is_the_same_every_way(drawn: tuple[str, list[int], list[Any]]) -> None:
    datatype, shape, values = drawn
    tensor = Tensor.from_json("x", datatype, shape, values)
    assert tensor.json() == values
    raw = Tensor.from_raw("x", datatype, shape, tensor.raw())
    assert (raw.json(), raw.raw()) == (values, tensor.raw())
    array = Tensor.from_array("x", raw.array())
    assert (array.datatype, list(array.shape), array.json()) == (datatype, shape, values)
    assert array.raw() == tensor.raw()
    nested = tensor.texts() if datatype == "BYTES" else tensor.nested()
    if shape and values:
        assert Tensor.from_json("x", datatype, shape, nested).json() == values


@given(tensors(), st.booleans())
def test_both_wires_carry_the_same(drawn: tuple[str, list[int], list[Any]], raw: bool) -> None:
    datatype, shape, values = drawn
    tensor = Tensor.from_json("x", datatype, shape, values)
    response = InferResponse("m", "1", "7", [tensor])
    said = rest_codec.write_response(response, InferRequest("m", binary=raw))
    body = said.body if isinstance(said.body, bytes) else said.body.encode()
    document = json.loads(body[: int(said.headers.get(rest_codec.JSON_SIZE, len(body)))])
    document["inputs"] = document.pop("outputs")
    head = json.dumps(document).encode()
    tail = body[int(said.headers[rest_codec.JSON_SIZE]) :] if said.headers else b""
    headers = {rest_codec.JSON_SIZE: str(len(head))} if tail else {}
    by_rest = rest_codec.read_request(head + tail, headers, "m").inputs["x"]

    message = grpc_codec.write_response(response, InferRequest("m", binary=raw))
    asked = grpc_messages.MESSAGES["ModelInferRequest"](model_name="m")
    output = message.outputs[0]
    made = asked.inputs.add(name="x", datatype=output.datatype, shape=output.shape)
    if message.raw_output_contents:
        asked.raw_input_contents.extend(message.raw_output_contents)
    else:
        made.contents.MergeFromString(output.contents.SerializeToString())
    by_grpc = grpc_codec.read_request(asked).inputs["x"]
    assert by_rest.json() == by_grpc.json() == values


@given(st.floats(width=32), st.floats(width=32))
def test_bfloat16_is_the_nearest_float32_of_16_bits(one: float, other: float) -> None:
    """Rounded to the nearest, ties to even: held against the two neighbours."""
    raw = Tensor("x", "BF16", (2,), flat=[one, other]).raw()
    for value, found in zip(
        (one, other), Tensor.from_raw("x", "BF16", [2], raw).flat(), strict=True
    ):
        if math.isnan(value):
            assert math.isnan(found)
            continue
        bits = struct.unpack("<I", struct.pack("<f", value))[0] & 0xFFFF0000
        below = struct.unpack("<f", struct.pack("<I", bits))[0]
        above = struct.unpack("<f", struct.pack("<I", min(bits + 0x10000, 0xFFFF0000)))[0]
        assert found in (below, above)
        if math.isfinite(above) and math.isfinite(value):
            assert abs(found - value) == min(abs(below - value), abs(above - value))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
WORDS = st.sampled_from(["name", "datatype", "shape", "data", "parameters", "binary_data_size"])
INPUTS = st.lists(st.dictionaries(WORDS, JSON | st.just("FP64") | st.just([1])), max_size=2)


@given(
    st.fixed_dictionaries({"inputs": INPUTS | JSON}, optional={"outputs": JSON, "id": JSON}) | JSON,
    st.binary(max_size=9),
    st.none() | st.text(max_size=4) | st.integers(-2, 200).map(str),
)
def test_what_is_no_request_is_refused_as_the_protocol_does(
    document: Any, tail: bytes, said: str | None
) -> None:
    body = json.dumps(document).encode() + tail
    headers = {} if said is None else {rest_codec.JSON_SIZE: said}
    try:
        rest_codec.read_request(body, headers, "m")
    except ProtocolError as error:
        assert error.status == 400


@given(st.binary(max_size=60))
def test_what_is_no_request_of_grpc_is_refused_too(raw: bytes) -> None:
    message = grpc_messages.MESSAGES["ModelInferRequest"]()
    try:
        message.MergeFromString(raw)
    except Exception:  # the wire's own error, before the codec
        return
    try:
        grpc_codec.read_request(message)
    except ProtocolError as error:
        assert error.status == 400


def make_proto() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_proto", ROOT / "tools" / "make_proto.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_messages_are_those_of_the_proto() -> None:
    text = (ROOT / "serving_graph" / "oip" / "grpc_messages.py").read_text()
    assert text == make_proto().source(), "run tools/make_proto.py"


def fields(message: Any) -> dict[str, tuple[int, int, int]]:
    made = descriptor_pb2.DescriptorProto()
    message.CopyToProto(made)
    return {each.name: (each.number, each.type, each.label) for each in made.field}


@pytest.mark.parametrize("name", grpc_messages.MESSAGES)
def test_the_wire_is_that_of_triton_s_client(name: str) -> None:
    theirs = triton.DESCRIPTOR.message_types_by_name[name]
    ours = grpc_messages.MESSAGES[name].DESCRIPTOR
    shared = fields(ours).keys() & fields(theirs).keys()
    assert {key: fields(ours)[key] for key in shared} == {
        key: fields(theirs)[key] for key in shared
    }
    more = fields(ours).keys() - shared
    assert not more or name.endswith(("LoadResponse", "UnloadResponse")), "KServe's, in answers"
    assert not fields(theirs).keys() - shared
    for inner in theirs.nested_types:
        assert fields(ours.nested_types_by_name[inner.name]) == fields(inner)
