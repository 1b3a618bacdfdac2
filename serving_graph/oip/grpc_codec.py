"""The protocol's inference messages as protobuf: contents by datatype, or raw bytes.

Knows the messages of open_inference.proto and no server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import ProtocolError, WrongTensor
from .grpc_messages import MESSAGES
from .messages import InferRequest, InferResponse, Wanted, by_name, check_parameters
from .tensors import Tensor

# FP16 and BF16 have no field: they go as raw contents only.
_FIELDS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def read_request(message: Any) -> InferRequest:
    """The request that a ModelInferRequest says.  Raises `ProtocolError` and `WrongTensor`."""
    raw = list(message.raw_input_contents)
    if raw and len(raw) != len(message.inputs):
        raise ProtocolError(f"{len(message.inputs)} inputs have {len(raw)} raw contents")
    inputs = [
        _input(each, raw[place] if raw else None) for place, each in enumerate(message.inputs)
    ]
    wanted = []
    for each in message.outputs:
        _parameters(f"output {each.name!r}", each.parameters)
        wanted.append(Wanted(each.name))
    return InferRequest(
        model=message.model_name,
        version=message.model_version,
        id=message.id,
        parameters=_parameters("the request", message.parameters),
        inputs=by_name(inputs),
        outputs=tuple(wanted),
        binary=bool(raw),
    )


def write_response(response: InferResponse, request: InferRequest) -> Any:
    """A ModelInferResponse: raw where the request was, or where a datatype has nothing else."""
    made = MESSAGES["ModelInferResponse"](
        model_name=response.model, model_version=response.version, id=response.id
    )
    for key, value in response.parameters.items():
        made.parameters[key].string_param = value
    raw = request.binary or any(each.datatype not in _FIELDS for each in response.outputs)
    for each in response.outputs:
        output = made.outputs.add(name=each.name, datatype=each.datatype, shape=each.shape)
        if raw:
            made.raw_output_contents.append(each.raw())
        else:
            getattr(output.contents, _FIELDS[each.datatype]).extend(each.flat())
    return made


def _input(message: Any, raw: bytes | None) -> Tensor:
    _parameters(f"input {message.name!r}", message.parameters)
    name, kind, shape = message.name, message.datatype, list(message.shape)
    filled = [field.name for field, _ in message.contents.ListFields()]
    if raw is not None:
        if filled:
            raise WrongTensor(name, "has contents and raw contents")
        return Tensor.from_raw(name, kind, shape, raw)
    field = _FIELDS.get(kind)
    if field is None and kind in ("FP16", "BF16"):
        raise WrongTensor(name, f"is {kind}, which goes as raw contents")
    for other in filled:
        if other != field:
            raise WrongTensor(name, f"is {kind} and has {other}")
    values = list(getattr(message.contents, field)) if field else []
    return Tensor.from_values(name, kind, shape, values)


def _parameters(where: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    found = {}
    for name, value in given.items():
        choice = value.WhichOneof("parameter_choice")
        if choice is None:
            raise ProtocolError(f"{where}: the parameter {name!r} has no value")
        found[name] = getattr(value, choice)
    return check_parameters(where, found)
