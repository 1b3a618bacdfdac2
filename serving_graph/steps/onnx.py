"""A model step: an ONNX file that travels in the artifact, loaded once a worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from ..kit.base import Step
from ..kit.model_file import file_step
from ..kit.model_file import rebuild as rebuild
from ..refer import place

if TYPE_CHECKING:
    from ...runtime.assets import Asset

N = TypeVar("N")


@overload
def onnx(
    path: str | Asset,
    *,
    output_type: type[N],
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    nan: Literal["refuse", "allow"] = "refuse",
    warm_up: Any = None,
    sha256: str = "",
    name: str = "",
) -> Step[Any, N]: ...
@overload
def onnx(
    path: str | Asset,
    *,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    nan: Literal["refuse", "allow"] = "refuse",
    warm_up: Any = None,
    sha256: str = "",
    name: str = "",
) -> Step[Any, Any]: ...


def onnx(
    path: str | Asset,
    *,
    output_type: Any = Any,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    nan: Literal["refuse", "allow"] = "refuse",
    warm_up: Any = None,
    sha256: str = "",
    name: str = "",
) -> Step[Any, Any]:
    """A step that runs the ONNX model in `path`, relative to the module that says so, or fetched
    where it is a `pelton.asset`.

    The value is one row (a list of numbers, or a dict of feature to number), several rows (a list
    of those), or a numpy array; one row in gives one answer out, several give a list, an array
    gives an array.  Needs onnxruntime and numpy in the function's requirements; both are imported,
    and the file is read, when a worker loads the graph: once, whichever of its graphs name it.

    inputs:      the features' names in the model's order, for values that are dicts
    outputs:     the model's outputs to give; one name gives its value, several a dict by name;
                 all of them when left out
    output_type: what the step gives, for the checks at build; it converts nothing
    nan:         "refuse" a value that is not a number, missing or infinite, since most models
                 answer it with nonsense and no error; "allow" it where the model was trained so
                 (None is then not-a-number)
    warm_up:     a sample value, answered once at load
    sha256:      the file's hash in hex: another file is refused when it is loaded
    name:        the step's name; the file's own when left out

    Raises `GraphError` at build for an absolute path, or one that leaves the app; at run,
    `InvalidInput` with the place of what the model cannot take.

    >>> onnx("models/delay.onnx", outputs=["probabilities"])
    <onnx step delay: Any -> Any>
    """
    return file_step(
        "onnx",
        path,
        place(),
        name=name,
        sha256=sha256,
        output_type=output_type,
        inputs=inputs,
        outputs=outputs,
        nan=nan,
        warm_up=warm_up,
    )
