"""A model step: a scikit-learn model in a file of skops, loaded once a worker, never unpickled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ..kit.base import Step
from ..kit.model_file import file_step
from ..kit.model_file import rebuild as rebuild
from ..refer import place

if TYPE_CHECKING:
    from ...runtime.assets import Asset


def skops(
    path: str | Asset,
    *,
    trusted: Sequence[str] = (),
    output_type: Any = Any,
    inputs: Sequence[str] | Mapping[str, str] | None = None,
    outputs: Sequence[str] | None = None,
    by_label: bool = False,
    nan: Literal["refuse", "allow"] = "refuse",
    warm_up: Any = None,
    sha256: str = "",
    name: str = "",
) -> Step[Any, Any]:
    """A step that runs the scikit-learn model that `skops.io.dump` wrote to `path`.

    Nothing is unpickled: only types that skops trusts, and those you name, are made.  Values and
    answers are as for `onnx`.  A model that was fitted on a data frame takes dicts and needs
    pandas.

    trusted:  full names of further types to make; the error of a load without them lists them
    inputs:   the features' names in the model's order, for values that are dicts; name to datatype
              where some are texts: {"carrier": "BYTES", "distance": "FP64"}.  Left out: the names
              it was fitted with, all numbers
    outputs:  the methods to call, ["predict"] when left out; one gives its value, several a dict
    by_label: answer probabilities as a dict by label, {"early": 0.2, "late": 0.8}
    output_type, nan, warm_up, sha256, name: as for `onnx`

    Raises `GraphError` at build as `onnx` does; `ValueError` at load for a type not trusted, or
    a method that the model lacks; at run, `InvalidInput`.

    >>> skops("models/delay.skops", outputs=["predict_proba"], by_label=True)
    <skops step delay: Any -> Any>
    """
    return file_step(
        "skops",
        path,
        place(),
        name=name,
        sha256=sha256,
        output_type=output_type,
        inputs=inputs,
        outputs=outputs,
        nan=nan,
        warm_up=warm_up,
        more={"trusted": trusted or None, "by_label": by_label or None},
    )
