"""A model step: a pickle, which runs code when it is read, so never without its pinned hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ..kit.base import Branches, Step
from ..kit.model_file import file_step
from ..kit.model_file import rebuild as _rebuild
from ..refer import Place, place, wrong
from ..spec import StepSpec

if TYPE_CHECKING:
    from ...runtime.assets import Asset


def pickled(
    path: str | Asset,
    *,
    sha256: str,
    versions: Mapping[str, str],
    output_type: Any = Any,
    inputs: Sequence[str] | Mapping[str, str] | None = None,
    outputs: Sequence[str] | None = None,
    by_label: bool = False,
    nan: Literal["refuse", "allow"] = "refuse",
    warm_up: Any = None,
    name: str = "",
) -> Step[Any, Any]:
    """A step that runs a pickled model: prefer `skops` or `onnx`, whose files run no code.

    The file is held to its hash, and this Python and its packages to the versions it was pickled
    with, before any of it is read.  `pelton.serving_graph.models.pickled.pin` says both for a
    file that you have just written: `pickled("delay.pkl", **pin("delay.pkl", "scikit-learn"))`
    at training, the values written out in the app.

    sha256:   the file's hash in hex; there is no way without it
    versions: {"python": "3.11", ...} and the distributions whose classes are in it
    inputs, outputs, by_label: as for `skops`
    output_type, nan, warm_up, name: as for `onnx`

    Raises `GraphError` at build without a whole hash or without Python's version; `ValueError` at
    load for another file or another version; at run, `InvalidInput`.

    >>> pickled("delay.pkl", sha256="0" * 64, versions={"python": "3.11"})
    <pickled step delay: Any -> Any>
    """
    at = place()
    _check_pin(path, sha256, versions, at)
    return file_step(
        "pickled",
        path,
        at,
        name=name,
        sha256=sha256,
        output_type=output_type,
        inputs=inputs,
        outputs=outputs,
        nan=nan,
        warm_up=warm_up,
        more={"by_label": by_label or None, "versions": dict(versions)},
    )


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    """The step that a spec says; its pin is asked for again."""
    _check_pin(spec.option("path"), spec.option("sha256"), spec.option("versions"), at)
    return _rebuild(spec, branches, at)


def _check_pin(path: str | Asset, sha256: Any, versions: Any, at: Place) -> None:
    if not isinstance(sha256, str) or len(sha256) != 64 or set(sha256.lower()) - _HEX:
        raise wrong(
            f"pickled: {path!r} has no whole sha256 pinned, but {sha256!r:.80}",
            "a pickle runs code when it is read: pin the very file, `sha256sum` says its hash",
            at=at,
        )
    if not isinstance(versions, Mapping) or "python" not in versions:
        raise wrong(
            f"pickled: {path!r} does not say which Python it was made with",
            "give versions={'python': '3.11', ...}: `pin` of models.pickled writes them",
            at=at,
        )


_HEX = set("0123456789abcdef")
