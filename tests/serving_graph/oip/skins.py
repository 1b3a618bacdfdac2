"""One question, two wires: the protocol by REST and by gRPC, with answers that can be compared."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import grpc

from pelton.serving_graph.oip.grpc_messages import MESSAGES

from ... import plain

OF_STATUS = {
    200: "OK",
    400: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
CONTENTS = {
    "BOOL": "bool_contents",
    "INT64": "int64_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
}


class Given(NamedTuple):
    """An input: `data` as values (BYTES as text), or `raw` as bytes."""

    name: str
    datatype: str
    shape: list[Any]
    data: Any = None
    raw: bytes | None = None


class Said(NamedTuple):
    """An answer: gRPC's word for how it went, and what it says (of an error, the message)."""

    code: str
    body: Any


class Rest:
    def __init__(self, url: str) -> None:
        self.client = plain.Client(base_url=url, trust_env=False, timeout=30)

    def close(self) -> None:
        self.client.close()

    def ask(self, method: str, path: str, **more: Any) -> Said:
        answer = self.client.request(method, path, **more)
        body = answer.json()
        word = OF_STATUS[answer.status_code]
        if word != "OK" and "error" in body:
            return Said(word, body["error"])
        return Said(word, body)

    def server_live(self) -> Said:
        return self.ask("GET", "/v2/health/live")

    def server_ready(self) -> Said:
        return self.ask("GET", "/v2/health/ready")

    def server_metadata(self) -> Said:
        return self.ask("GET", "/v2")

    def _model(self, name: str, version: str, rest: str = "") -> str:
        return f"/v2/models/{name}{f'/versions/{version}' if version else ''}{rest}"

    def model_metadata(self, name: str, version: str = "") -> Said:
        return self.ask("GET", self._model(name, version))

    def model_ready(self, name: str, version: str = "") -> Said:
        said = self.ask("GET", self._model(name, version, "/ready"))
        # A model that is not ready is a 503 for probes that look at the status alone.
        return Said("OK" if "ready" in said.body else said.code, said.body)

    def index(self, ready: bool = False) -> Said:
        return self.ask("POST", "/v2/repository/index", json={"ready": ready})

    def load(self, name: str, parameters: Any = None) -> Said:
        body = {"parameters": parameters} if parameters else {}
        return self.ask("POST", f"/v2/repository/models/{name}/load", json=body)

    def unload(self, name: str) -> Said:
        return self.ask("POST", f"/v2/repository/models/{name}/unload", json={})

    def infer(
        self,
        name: str,
        inputs: list[Given],
        version: str = "",
        outputs: list[str] | None = None,
        id: str = "",
        parameters: Any = None,
        raw: bool = False,
    ) -> Said:
        tail = b"".join(each.raw for each in inputs if each.raw is not None)
        document: dict[str, Any] = {"inputs": [_rest_input(each) for each in inputs]}
        if outputs is not None:
            document["outputs"] = [{"name": each} for each in outputs]
        document |= {"id": id} if id else {}
        given = dict(parameters or {}) | ({"binary_data_output": True} if raw else {})
        document |= {"parameters": given} if given else {}
        head = json.dumps(document).encode()
        headers = {"inference-header-content-length": str(len(head))} if tail else {}
        path = self._model(name, version, "/infer")
        answer = self.client.post(path, content=head + tail, headers=headers)
        word = OF_STATUS[answer.status_code]
        if word != "OK":
            return Said(word, answer.json()["error"])
        size = int(answer.headers.get("inference-header-content-length", len(answer.content)))
        return Said(word, _rest_outputs(json.loads(answer.content[:size]), answer.content[size:]))


def _rest_input(given: Given) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": given.name,
        "datatype": given.datatype,
        "shape": given.shape,
    }
    if given.raw is not None:
        return said | {"parameters": {"binary_data_size": len(given.raw)}}
    return said | ({} if given.data is None else {"data": given.data})


def _rest_outputs(document: Any, tail: bytes) -> Any:
    found = {}
    for each in document.pop("outputs"):
        if "data" in each:
            data = each["data"]
        else:
            size = each["parameters"]["binary_data_size"]
            data, tail = tail[:size], tail[size:]
        found[each["name"]] = (each["datatype"], each["shape"], data)
    assert tail == b""
    return document | {"outputs": found}


class Grpc:
    def __init__(self, address: str) -> None:
        self.channel = grpc.insecure_channel(address)
        self.metadata: dict[str, str] = {}

    def close(self) -> None:
        self.channel.close()

    def call(self, method: str, request: Any, timeout: float = 30) -> Said:
        try:
            answer = self.channel.unary_unary(
                f"/inference.GRPCInferenceService/{method}",
                request_serializer=lambda it: it.SerializeToString(),
                response_deserializer=MESSAGES[f"{method}Response"].FromString,
            )(request, timeout=timeout, metadata=tuple(self.metadata.items()))
        except grpc.RpcError as error:
            return Said(error.code().name, error.details())
        return Said("OK", answer)

    def ask(self, method: str, request: Any = None, **fields: Any) -> Said:
        request = request or MESSAGES[f"{method}Request"](**fields)
        said = self.call(method, request)
        return said if said.code != "OK" else Said("OK", _plain(said.body))

    def server_live(self) -> Said:
        return self.ask("ServerLive")

    def server_ready(self) -> Said:
        return self.ask("ServerReady")

    def server_metadata(self) -> Said:
        return self.ask("ServerMetadata")

    def model_metadata(self, name: str, version: str = "") -> Said:
        return self.ask("ModelMetadata", name=name, version=version)

    def model_ready(self, name: str, version: str = "") -> Said:
        said = self.ask("ModelReady", name=name, version=version)
        return said if said.code != "OK" else Said("OK", {"name": name, **said.body})

    def index(self, ready: bool = False) -> Said:
        said = self.ask("RepositoryIndex", ready=ready)
        return Said(said.code, said.body["models"] if said.code == "OK" else said.body)

    def load(self, name: str, parameters: Any = None) -> Said:
        request = MESSAGES["RepositoryModelLoadRequest"](model_name=name)
        for key, value in (parameters or {}).items():
            request.parameters[key].string_param = value
        said = self.ask("RepositoryModelLoad", request)
        return Said(said.code, {} if said.code == "OK" else said.body)

    def unload(self, name: str) -> Said:
        said = self.ask("RepositoryModelUnload", model_name=name)
        return Said(said.code, {} if said.code == "OK" else said.body)

    def infer(
        self,
        name: str,
        inputs: list[Given],
        version: str = "",
        outputs: list[str] | None = None,
        id: str = "",
        parameters: Any = None,
        raw: bool = False,
    ) -> Said:
        request = MESSAGES["ModelInferRequest"](model_name=name, model_version=version, id=id)
        for key, value in (parameters or {}).items():
            field = "string_param" if isinstance(value, str) else "int64_param"
            setattr(request.parameters[key], field, value)
        for each in inputs:
            made = request.inputs.add(name=each.name, datatype=each.datatype, shape=each.shape)
            if each.raw is not None:
                request.raw_input_contents.append(each.raw)
            elif each.data is not None:
                values = [x.encode() if isinstance(x, str) else x for x in _flat(each.data)]
                getattr(made.contents, CONTENTS[each.datatype]).extend(values)
        for wanted in outputs or ():
            request.outputs.add(name=wanted)
        said = self.call("ModelInfer", request)
        return said if said.code != "OK" else Said("OK", _grpc_outputs(said.body))


def _flat(data: Any) -> list[Any]:
    return [x for each in data for x in _flat(each)] if isinstance(data, list) else [data]


def _grpc_outputs(message: Any) -> Any:
    found = {}
    for place, each in enumerate(message.outputs):
        if message.raw_output_contents:
            data: Any = message.raw_output_contents[place]
        else:
            data = list(getattr(each.contents, CONTENTS[each.datatype]))
            data = [x.decode() if isinstance(x, bytes) else x for x in data]
        found[each.name] = (each.datatype, list(each.shape), data)
    document: dict[str, Any] = {
        "model_name": message.model_name,
        "model_version": message.model_version,
    }
    if message.parameters:
        document["parameters"] = {k: v.string_param for k, v in message.parameters.items()}
    return document | ({"id": message.id} if message.id else {}) | {"outputs": found}


def _plain(message: Any) -> Any:
    """A message as plain values, fields at their defaults too."""
    found = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.message_type is not None:
            value = [_plain(each) for each in value]
        found[field.name] = list(value) if hasattr(value, "__iter__") and field.type != 9 else value
        if field.type == 9 and not isinstance(value, str):
            found[field.name] = list(value)
    return found
