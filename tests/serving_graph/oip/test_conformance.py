"""The protocol row by row, over REST and over gRPC from one table: the same question, the same
answer.  Sources: the Open Inference Protocol's pages and the extensions that clients know."""

from __future__ import annotations

import struct
from typing import Any

import grpc
import pytest

from .skins import Given, Grpc, Rest

Skin = Rest | Grpc


def test_the_server_is_live_and_ready(skin: Skin) -> None:
    assert skin.server_live() == ("OK", {"live": True})
    assert skin.server_ready() == ("OK", {"ready": True})
    said = skin.server_metadata()
    assert (said.code, said.body["name"]) == ("OK", "pelton")
    assert said.body["extensions"] == ["binary_tensor_data", "model_repository"]


def tensor(name: str, datatype: str, *shape: int) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": list(shape)}


METADATA = {
    "score": (
        [
            tensor("id", "BYTES", 1),
            tensor("distance", "FP64", 1),
            tensor("delays", "INT64", -1),
            tensor("kind", "BYTES", 1),
        ],
        [tensor("minutes", "FP64", 1), tensor("says", "BYTES", 1)],
    ),
    "rows": (
        [tensor("minutes", "FP64", -1), tensor("says", "BYTES", -1)],
        [tensor("minutes", "FP64", -1), tensor("says", "BYTES", -1)],
    ),
    "matrix": ([tensor("input", "INT64", -1, -1)], [tensor("output", "INT64", -1)]),
    "waits": ([tensor("input", "BYTES", 1)], [tensor("output", "INT64", 1)]),
    "turned": ([tensor("input", "FP32", -1)], [tensor("output", "FP32", -1)]),
    "opened": ([], []),
    "echo_object": ([tensor("input", "BYTES", -1)], [tensor("output", "BYTES", -1)]),
}


@pytest.mark.parametrize("name", METADATA)
@pytest.mark.parametrize("version", ["", "1"])
def test_a_model_says_its_tensors(skin: Skin, name: str, version: str) -> None:
    inputs, outputs = METADATA[name]
    said = skin.model_metadata(name, version)
    assert said.code == "OK"
    assert said.body == {
        "name": name,
        "versions": ["1"],
        "platform": "pelton_graph",
        "inputs": inputs,
        "outputs": outputs,
    }
    assert skin.model_ready(name, version) == ("OK", {"name": name, "ready": True})


def test_a_repository_s_model_has_its_versions(skin: Skin) -> None:
    said = skin.model_metadata("scaled").body
    assert (said["versions"], said["platform"]) == (["1", "2"], "python")
    given = [Given("x", "FP64", [2], [1.0, 2.0])]
    for version, answered, values in (("1", "1", [1, 2]), ("2", "2", [2, 4]), ("", "2", [2, 4])):
        body = skin.infer("scaled", given, version).body
        assert (body["model_version"], body["outputs"]["y"]) == (answered, ("FP64", [2], values))


# datatype: (graph, values, the same as bytes)
VALUES: dict[str, tuple[str, list[Any], bytes]] = {
    "BOOL": ("echo_bool", [True, False], b"\1\0"),
    "UINT8": ("echo_uint8", [0, 255], struct.pack("<2B", 0, 255)),
    "UINT16": ("echo_uint16", [0, 65535], struct.pack("<2H", 0, 65535)),
    "UINT32": ("echo_uint32", [0, 2**32 - 1], struct.pack("<2I", 0, 2**32 - 1)),
    "UINT64": ("echo_uint64", [0, 2**64 - 1], struct.pack("<2Q", 0, 2**64 - 1)),
    "INT8": ("echo_int8", [-128, 127], struct.pack("<2b", -128, 127)),
    "INT16": ("echo_int16", [-32768, 7], struct.pack("<2h", -32768, 7)),
    "INT32": ("echo_int32", [-(2**31), 7], struct.pack("<2i", -(2**31), 7)),
    "INT64": ("echo_int64", [-(2**63), 7], struct.pack("<2q", -(2**63), 7)),
    "FP16": ("echo_float16", [0.5, -2.0], struct.pack("<2e", 0.5, -2)),
    "FP32": ("echo_float32", [0.5, -2.0], struct.pack("<2f", 0.5, -2)),
    "FP64": ("echo_float64", [0.1, 1e300], struct.pack("<2d", 0.1, 1e300)),
    "BYTES": ("echo_object", ["", "é"], b"\0\0\0\0\2\0\0\0\xc3\xa9"),
}


@pytest.mark.parametrize("datatype", VALUES)
@pytest.mark.parametrize("shape", [[2], [1, 2], [2, 1, 1]], ids=str)
def test_every_datatype_as_values(skin: Skin, datatype: str, shape: list[int]) -> None:
    graph, values, _ = VALUES[datatype]
    if datatype == "FP16" and isinstance(skin, Grpc):
        pytest.skip("gRPC has no contents for it: raw only")
    said = skin.infer(graph, [Given("input", datatype, shape, values)])
    assert said.code == "OK", said
    assert said.body["outputs"] == {"output": (datatype, shape, values)}


@pytest.mark.parametrize("datatype", VALUES)
@pytest.mark.parametrize("shape", [[2], [1, 2]], ids=str)
def test_every_datatype_as_bytes(skin: Skin, datatype: str, shape: list[int]) -> None:
    graph, _, raw = VALUES[datatype]
    said = skin.infer(graph, [Given("input", datatype, shape, raw=raw)], raw=True)
    assert said.code == "OK", said
    assert said.body["outputs"] == {"output": (datatype, shape, raw)}


def test_bfloat16_is_the_upper_half_of_a_float32(skin: Skin) -> None:
    raw = b"".join(struct.pack("<f", each)[2:] for each in (1.5, -0.25))
    said = skin.infer("double", [Given("input", "BF16", [2], raw=raw)])
    if isinstance(skin, Rest):
        assert said.body["outputs"] == {"output": ("FP64", [2], [3.0, -0.5])}
    else:
        assert said.body["outputs"] == {"output": ("FP64", [2], struct.pack("<2d", 3, -0.5))}


FLIGHT = [
    Given("id", "BYTES", [1], ["UA1"]),
    Given("distance", "FP32", [1], [1.5]),
    Given("delays", "INT16", [2], [2, 3]),
]


def test_a_record_is_a_tensor_a_field_and_an_optional_one_may_be_left_out(skin: Skin) -> None:
    said = skin.infer("score", FLIGHT)
    assert said.body["outputs"] == {
        "minutes": ("FP64", [1], [6.5]),
        "says": ("BYTES", [1], ["UA1, late"]),
    }
    early = [*FLIGHT, Given("kind", "BYTES", [1], ["early"])]
    said = skin.infer("score", early, outputs=["says"], id="a-7", parameters={"note": "x", "n": 3})
    assert said.body["outputs"] == {"says": ("BYTES", [1], ["UA1, early"])}
    assert (said.body["id"], said.body["model_name"]) == ("a-7", "score")


def test_a_list_of_records_is_a_column_a_field(skin: Skin) -> None:
    columns = [Given("minutes", "FP64", [3], [1, 2, 3]), Given("says", "BYTES", [3], list("abc"))]
    said = skin.infer("rows", columns, outputs=["minutes"])
    assert said.body["outputs"] == {"minutes": ("FP64", [3], [-1, -2, -3])}
    none = [Given("minutes", "FP64", [0], []), Given("says", "BYTES", [0], [])]
    outputs = skin.infer("rows", none).body["outputs"]
    assert outputs == {"minutes": ("FP64", [0], []), "says": ("BYTES", [0], [])}


def test_nested_lists_arrays_and_open_records(skin: Skin) -> None:
    said = skin.infer("matrix", [Given("input", "INT32", [2, 2], [[1, 2], [3, 4]])])
    assert said.body["outputs"] == {"output": ("INT64", [2], [3, 7])}
    said = skin.infer("turned", [Given("input", "FP32", [2, 3], [1, 2, 3, 4, 5, 6])])
    assert said.body["outputs"] == {"output": ("FP32", [3, 2], [1, 4, 2, 5, 3, 6])}
    said = skin.infer("opened", [Given("a", "FP64", [1], [1.0])], outputs=["a_seen"])
    assert said.body["outputs"] == {"a_seen": ("FP64", [1], [1.0])}
    said = skin.infer("waits", [Given("input", "BYTES", [1], ["four"])])
    assert said.body["outputs"] == {"output": ("INT64", [1], [4])}


def test_bytes_that_are_no_text(skin: Skin) -> None:
    raw, back = b"\2\0\0\0\xff\xfe", b"\2\0\0\0\xfe\xff"
    said = skin.infer("raw", [Given("input", "BYTES", [1], raw=raw)], raw=True)
    assert said.body["outputs"] == {"output": ("BYTES", [1], back)}
    if isinstance(skin, Rest):
        said = skin.infer("raw", [Given("input", "BYTES", [1], raw=raw)])
        assert said.code == "INTERNAL"
        assert "output 'output' is not UTF-8 text" in said.body


UNKNOWN = {
    "a model": ("nope", "", "there is no model 'nope'"),
    "a version of a graph": ("score", "9", "there is no version '9' of the model 'score'"),
    "a version of a model": ("scaled", "9", "there is no version '9' of the model 'scaled'"),
}


@pytest.mark.parametrize("which", UNKNOWN)
def test_what_is_not_there(skin: Skin, which: str) -> None:
    name, version, words = UNKNOWN[which]
    given = [Given("x", "FP64", [1], [1.0])]
    for said in (
        skin.model_metadata(name, version),
        skin.model_ready(name, version),
        skin.infer(name, given, version),
    ):
        assert said.code == "NOT_FOUND"
        assert words in said.body


def test_a_repository_is_listed_unloaded_and_loaded(skin: Skin) -> None:
    for name, version, given in (
        ("double", "1", [Given("input", "FP64", [1], [1.0])]),
        ("scaled", "2", [Given("x", "FP64", [1], [1.0])]),
    ):
        line = {"name": name, "version": version, "state": "READY", "reason": ""}
        assert line in skin.index().body
        assert skin.unload(name) == ("OK", {})
        assert line | {"state": "UNAVAILABLE", "reason": "unloaded"} in skin.index().body
        assert name not in [each["name"] for each in skin.index(ready=True).body]
        assert skin.model_ready(name) == ("OK", {"name": name, "ready": False})
        said = skin.infer(name, given)
        assert (said.code, "not ready: unloaded" in said.body) == ("UNAVAILABLE", True)
        assert skin.server_ready() == ("OK", {"ready": True}), "as its owner wants it"
        assert skin.load(name) == ("OK", {})
        assert skin.infer(name, given).code == "OK"
    for call in (skin.load, skin.unload):
        assert call("nope").code == "NOT_FOUND"
    said = skin.load("double", {"config": "{}"})
    assert (said.code, "takes no parameters" in said.body) == ("INVALID_ARGUMENT", True)


FAILURES = [
    (0, "INTERNAL", "ZeroDivisionError: a bug"),
    (1, "INVALID_ARGUMENT", "n: is odd"),
    (2, "RESOURCE_EXHAUSTED", "the queue is full"),
    (3, "DEADLINE_EXCEEDED", "the store took too long"),
    (4, "UNAVAILABLE", "warming up"),
]


@pytest.mark.parametrize(("which", "code", "words"), FAILURES)
def test_what_a_model_raises_has_its_code(skin: Skin, which: int, code: str, words: str) -> None:
    said = skin.infer("fails", [Given("input", "INT64", [1], [which])])
    assert said.code == code
    assert words in said.body


def test_an_optional_step_that_failed_is_said(skin: Skin) -> None:
    said = skin.infer("partial", [Given("input", "FP64", [1], [1.0])])
    assert said.body["outputs"] == {"output": ("FP64", [1], [2.0])}
    assert said.body["parameters"]["failed"].startswith("partial/parallel/weather")


def test_a_step_sees_the_headers_of_its_request(rest: Rest, grpc_: Grpc) -> None:
    given = [Given("input", "BYTES", [1], ["x-tenant"])]
    rest.client.headers["x-tenant"] = grpc_.metadata["x-tenant"] = "seven"
    for skin in (rest, grpc_):
        assert skin.infer("headed", given).body["outputs"]["output"][2] == ["seven"]
    del rest.client.headers["x-tenant"], grpc_.metadata["x-tenant"]


@pytest.mark.parametrize(
    ("path", "method", "words"),
    [
        ("/v2/models/half/config", "ModelConfig", "its metadata"),
        ("/v2/models/half/versions/1/stats", "ModelStatistics", "/metrics"),
    ],
)
def test_what_is_triton_s_own_is_refused_by_name(
    rest: Rest, grpc_: Grpc, path: str, method: str, words: str
) -> None:
    answer = rest.client.get(path)
    assert answer.status_code == 501
    ask = grpc_.channel.unary_unary(f"/inference.GRPCInferenceService/{method}")
    with pytest.raises(grpc.RpcError) as error:
        ask(b"")
    assert error.value.code().name == "UNIMPLEMENTED"
    for said in (answer.json()["error"], error.value.details()):
        assert "an extension of Triton's, which is not served here" in said and words in said
