"""ONNX models: an onnxruntime session.

onnxruntime and numpy are imported when the model is loaded, never before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .file import needed
from .kind import FileModel, chosen
from .repository import Tensor

_DATATYPES = {
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(float16)": "FP16",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(bool)": "BOOL",
    "tensor(string)": "BYTES",
}


class OnnxModel(FileModel):
    """One session; see `pelton.onnx` for what goes in and what comes out.

    Outputs that are no tensors (the dicts of a `zipmap`) are in a value's answer, and not in the
    metadata.
    """

    platform = "onnx_onnxruntime"
    _session: Any = None

    def open(self, content: bytes) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        declared, requirements = self.file.declared, "requirements=['onnxruntime', 'numpy']"
        runtime: Any
        runtime, _ = needed(declared, requirements, "onnxruntime", "numpy")
        try:
            self._session = runtime.InferenceSession(content, **_settings(runtime))
        except Exception as error:  # onnxruntime's errors share no base of their own
            raise ValueError(f"{declared} is no ONNX model: {error}") from error
        known = {each.name: _tensor(each) for each in self._session.get_outputs()}
        self._names = chosen(self.outputs, list(known), declared)
        inputs = [_tensor(each) for each in self._session.get_inputs()]
        return inputs, [known[name] for name in self._names]

    def run(self, arrays: dict[str, Any]) -> list[Any]:
        found: list[Any] = self._session.run(self._names, arrays)
        return found

    def close(self) -> None:
        self._session = None


def _tensor(described: Any) -> Tensor:
    sizes = tuple(each if isinstance(each, int) else -1 for each in described.shape or ())
    return Tensor(described.name, _DATATYPES.get(described.type, ""), sizes)


def _settings(runtime: Any) -> dict[str, Any]:
    """One thread: a worker serves one event at a time, and idle threads spin."""
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return {"sess_options": options, "providers": ["CPUExecutionProvider"]}
