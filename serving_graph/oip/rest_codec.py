"""The protocol's inference messages as HTTP bodies: JSON, and JSON with binary data behind it.

Source: the protocol's REST page and its binary tensor data extension (the JSON's size in the header
Inference-Header-Content-Length, a tensor's in its parameter binary_data_size).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...handlers.event import Result
from .errors import ProtocolError, WrongTensor
from .messages import InferRequest, InferResponse, Wanted, by_name, check_parameters
from .tensors import Tensor

JSON_SIZE = "inference-header-content-length"


def read_request(
    body: Any, headers: Mapping[str, str], model: str, version: str = ""
) -> InferRequest:
    """The request of a body (bytes, or JSON that the platform has parsed) to a model.

    Raises `ProtocolError` and `WrongTensor`.
    """
    document, binary = _parts(body, headers)
    if not isinstance(document, dict):
        raise ProtocolError("the body is no JSON object")
    inputs = document.get("inputs")
    if not isinstance(inputs, list):
        raise ProtocolError('the body has no "inputs", a list of tensors')
    parameters = check_parameters("the request", document.get("parameters"))
    taken = _Binary(binary)
    found = by_name([_input(each, taken) for each in inputs])
    taken.check_end()
    return InferRequest(
        model=model,
        version=version,
        id=_text(document.get("id", ""), "id"),
        parameters=parameters,
        inputs=found,
        outputs=tuple(_wanted(document.get("outputs"))),
        binary=parameters.get("binary_data_output") is True,
    )


def write_response(response: InferResponse, request: InferRequest) -> Result:
    """The answer as the request wants it: JSON, or JSON with the outputs it asks as binary."""
    forms = {each.name: each.binary for each in request.outputs}
    pieces: list[bytes] = []
    outputs = []
    for each in response.outputs:
        as_binary = forms.get(each.name)
        outputs.append(_output(each, request.binary if as_binary is None else as_binary, pieces))
    document = {
        "model_name": response.model,
        **({"model_version": response.version} if response.version else {}),
        **({"id": response.id} if response.id else {}),
        **({"parameters": dict(response.parameters)} if response.parameters else {}),
        "outputs": outputs,
    }
    text = json.dumps(document, allow_nan=False)
    if not pieces:
        return Result(text, content_type="application/json")
    head = text.encode()
    return Result(
        b"".join([head, *pieces]),
        headers={JSON_SIZE: str(len(head))},
        content_type="application/octet-stream",
    )


def _parts(body: Any, headers: Mapping[str, str]) -> tuple[Any, memoryview]:
    """(the JSON document, what is behind it)."""
    said = headers.get(JSON_SIZE)
    if not isinstance(body, bytes | str):
        return body, memoryview(b"")
    raw = body.encode() if isinstance(body, str) else body
    if said is None:
        return parse(raw), memoryview(b"")
    if not said.isascii() or not said.isdigit() or int(said[:20]) > len(raw):
        raise ProtocolError(f"{JSON_SIZE} is {said!r:.40}, of a body of {len(raw)} bytes")
    size = int(said)
    return parse(raw[:size]), memoryview(raw)[size:]


def parse(raw: bytes) -> Any:
    """The JSON of a body.  Raises `ProtocolError`, also for NaN, which is no JSON."""
    try:
        return json.loads(raw, parse_constant=_no_constant)
    except RecursionError:
        raise ProtocolError("the body is JSON nested too deep") from None
    except ValueError as error:
        raise ProtocolError(f"the body is not JSON: {error}") from None


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON; send it as binary data")


class _Binary:
    """What is behind the JSON, taken in the order of the inputs."""

    def __init__(self, data: memoryview) -> None:
        self._data, self._place = data, 0

    def take(self, name: str, size: Any) -> memoryview:
        left = len(self._data) - self._place
        if size.__class__ is not int or not 0 <= size <= left:
            raise WrongTensor(name, f"says binary_data_size {size!r:.40}, there are {left} bytes")
        self._place += size
        return self._data[self._place - size : self._place]

    def check_end(self) -> None:
        left = len(self._data) - self._place
        if left:
            raise ProtocolError(f"the body has {left} bytes that no input's binary_data_size takes")


def _input(given: Any, binary: _Binary) -> Tensor:
    if not isinstance(given, dict):
        raise ProtocolError(f"an input is {given!r:.40}, which is no object")
    name = _text(given.get("name"), "name of an input")
    parameters = check_parameters(f"input {name!r}", given.get("parameters"))
    for field in ("datatype", "shape"):
        if field not in given:
            raise WrongTensor(name, f"has no {field}")
    kind, shape, size = given["datatype"], given["shape"], parameters.get("binary_data_size")
    if (size is None) == ("data" not in given):
        what = "has data and binary data" if "data" in given else "has no data"
        raise WrongTensor(name, what)
    if not isinstance(kind, str):
        raise WrongTensor(name, f"has the datatype {kind!r:.40}, which is no string")
    if size is None:
        return Tensor.from_json(name, kind, shape, given["data"])
    return Tensor.from_raw(name, kind, shape, binary.take(name, size))


def _output(tensor: Tensor, as_binary: bool, pieces: list[bytes]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": tensor.name,
        "datatype": tensor.datatype,
        "shape": list(tensor.shape),
    }
    if as_binary:
        pieces.append(tensor.raw())
        said["parameters"] = {"binary_data_size": len(pieces[-1])}
    else:
        said["data"] = tensor.json()
    return said


def _wanted(given: Any) -> Iterator[Wanted]:
    if given is None:
        return
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise ProtocolError(f"outputs are {given!r:.40}, which is no list")
    for each in given:
        if not isinstance(each, dict):
            raise ProtocolError(f"an output is {each!r:.40}, which is no object")
        name = _text(each.get("name"), "name of an output")
        binary = check_parameters(f"output {name!r}", each.get("parameters")).get("binary_data")
        yield Wanted(name, binary if isinstance(binary, bool) else None)


def _text(given: Any, what: str) -> str:
    if not isinstance(given, str):
        raise ProtocolError(f"the {what} is {given!r:.40}, which is no string")
    return given
