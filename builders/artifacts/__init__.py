"""The kinds of artifact, one a file, all of one shape: `base.Kind`; each is loaded when it is first
asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ...handlers.function import Function
from ..errors import BuildError
from ..notebook import Notebook
from .base import Kind

# (platform, the word by which settings choose it): its file
KINDS: Mapping[tuple[str, str], str] = {
    ("lambda", "zip"): "lambda_zip",
    ("lambda", "layers"): "lambda_layers",
    ("lambda", "image"): "lambda_image",
    ("nuclio", "archive"): "nuclio_archive",
    ("nuclio", "sourceCode"): "nuclio_source",
    ("nuclio", "image"): "nuclio_image",
}


def kind(file: str) -> Kind:
    """The kind that a file of this folder makes.

    >>> {name for name, file in KINDS.items() if (kind(file).platform, kind(file).name) != name}
    set()
    """
    found = import_module(f".{file}", __name__).KIND
    assert isinstance(found, Kind)
    return found


def kind_of(function: Function[..., Any], platform: str, package: str = "") -> Kind:
    """The kind that `package` names, else the one that the function's settings do.

    Raises `BuildError` for one that the platform has not.
    """
    if isinstance(function.user_function, Notebook):
        if platform != "nuclio":
            raise BuildError(
                f"the notebook {function.file} is a function of Nuclio; give --to nuclio, or to "
                "deploy it --on nuclio"
            )
        return kind("nuclio_notebook")
    settings = function.settings.aws if platform == "lambda" else function.settings.nuclio
    wanted = package or settings.package
    if (platform, wanted) not in KINDS:
        known = ", ".join(name for of, name in KINDS if of == platform)
        raise BuildError(
            f"function {function.name}: {platform} has no package {wanted!r}; it has {known}"
        )
    return kind(KINDS[platform, wanted])
