"""An ONNX model on one worker: values to tensors, the session, tensors to values.

onnxruntime and numpy are imported when the model is loaded, never before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..steps.onnx import ModelFile

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
}


class OnnxModel:
    """One session; see `pelton.onnx` for what goes in and what comes out."""

    def __init__(
        self, file: ModelFile, features: Sequence[str] | None, outputs: Sequence[str] | None
    ) -> None:
        self.file, self.features, self.outputs = file, features, outputs
        self._session: Any = None

    def load(self) -> None:
        """Read the file, hold it to its pin, make the session.

        Raises `ImportError`, `FileNotFoundError` or `ValueError`, each in a sentence.
        """
        runtime, self._numpy = _libraries(self.file.declared)
        content = _read(self.file)
        try:
            self._session = runtime.InferenceSession(content, **_settings(runtime))
        except Exception as error:  # onnxruntime's errors share no base of their own
            raise ValueError(f"{self.file.declared} is no ONNX model: {error}") from error
        self._inputs = self._session.get_inputs()
        known = [each.name for each in self._session.get_outputs()]
        missing = [name for name in self.outputs or () if name not in known]
        if missing:
            raise ValueError(
                f"{self.file.declared} has no output {missing[0]!r}; it has {', '.join(known)}"
            )
        self._names = list(self.outputs or known)

    def close(self) -> None:
        self._session = None

    def __call__(self, value: Any) -> Any:
        feed, form = self._feed(value)
        found = self._session.run(self._names, feed)
        given = [self._give(each, form) for each in found]
        return given[0] if len(given) == 1 else dict(zip(self._names, given, strict=True))

    def _feed(self, value: Any) -> tuple[dict[str, Any], str]:
        """The session's inputs, and the form of the value: "row", "rows" or "array"."""
        if hasattr(value, "shape"):
            return self._matrix(value), "array"
        if isinstance(value, Mapping):
            return self._records([value]), "row"
        if not isinstance(value, (list, tuple)) or not value:
            raise TypeError(
                f"{self.file.declared} takes a row, rows, a dict of features or a numpy array, "
                f"not {type(value).__name__ if value != [] else 'no rows'}"
            )
        if isinstance(value[0], Mapping):
            return self._records(value), "rows"
        if isinstance(value[0], (list, tuple)):
            return self._matrix(value), "rows"
        return self._matrix([value]), "row"

    def _matrix(self, rows: Any) -> dict[str, Any]:
        first, *others = self._inputs
        if others:
            raise TypeError(
                f"{self.file.declared} has the inputs {', '.join(i.name for i in self._inputs)}: "
                "give a dict by those names"
            )
        return {first.name: self._tensor(rows, first)}

    def _records(self, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        names = [each.name for each in self._inputs]
        if self.features is not None:
            return self._matrix([self._row(each) for each in records])
        if all(set(names) <= each.keys() for each in records):
            return {each.name: self._column(records, each) for each in self._inputs}
        raise ValueError(
            f"{self.file.declared} has the inputs {', '.join(names)}, the value has "
            f"{', '.join(map(str, records[0]))}; name the features: onnx(..., inputs=[...])"
        )

    def _row(self, record: Mapping[str, Any]) -> list[Any]:
        assert self.features is not None
        missing = [name for name in self.features if name not in record]
        if missing:
            raise ValueError(f"{self.file.declared}: the feature {missing[0]!r} is missing")
        return [record[name] for name in self.features]

    def _column(self, records: Sequence[Mapping[str, Any]], wanted: Any) -> Any:
        values = [record[wanted.name] for record in records]
        scalar = not isinstance(values[0], (list, tuple)) and not hasattr(values[0], "shape")
        pair = len(wanted.shape) == 2
        return self._tensor([[each] for each in values] if scalar and pair else values, wanted)

    def _tensor(self, rows: Any, wanted: Any) -> Any:
        try:
            tensor = self._numpy.asarray(rows, dtype=_DTYPES.get(wanted.type))
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{self.file.declared} takes {wanted.type} for {wanted.name!r}: {error}"
            ) from error
        shape = wanted.shape
        fits = len(shape) == tensor.ndim and all(
            not isinstance(size, int) or size == have
            for size, have in zip(shape[1:], tensor.shape[1:], strict=False)
        )
        if shape and not fits:
            raise ValueError(
                f"{self.file.declared} takes {_shape(shape)} for {wanted.name!r}, "
                f"got {_shape(tensor.shape)}"
            )
        return tensor

    def _give(self, found: Any, form: str) -> Any:
        if form == "array":
            return found
        listed = found.tolist() if hasattr(found, "tolist") else found
        return listed[0] if form == "row" and len(listed) == 1 else listed


def _shape(sizes: Sequence[Any]) -> str:
    return " x ".join(str(each) if isinstance(each, int) else "n" for each in sizes)


def _libraries(declared: str) -> tuple[Any, Any]:
    try:
        import numpy
        import onnxruntime
    except ModuleNotFoundError as error:
        if error.name not in ("numpy", "onnxruntime"):
            raise
        raise ImportError(
            f"{declared} needs {error.name}; add it: requirements=['onnxruntime', 'numpy']"
        ) from error
    return onnxruntime, numpy


def _settings(runtime: Any) -> dict[str, Any]:
    """One thread: a worker serves one event at a time, and idle threads spin."""
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return {"sess_options": options, "providers": ["CPUExecutionProvider"]}


def _read(file: ModelFile) -> bytes:
    try:
        with open(file.path, "rb") as opened:
            content = opened.read()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"the model {file.declared} is not in {file.base}, beside the module {file.module}; "
            "make it there, or correct the path"
        ) from None
    if file.sha256:
        from hashlib import sha256

        found = sha256(content).hexdigest()
        if found != file.sha256:
            raise ValueError(
                f"the model {file.declared} has the sha256 {found}, pinned is {file.sha256}"
            )
    return content
