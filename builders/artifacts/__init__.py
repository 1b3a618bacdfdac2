"""The kinds of artifact, one a file, all of one shape: `base.Kind`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...handlers.function import Function
from ..errors import BuildError
from ..notebook import Notebook
from . import (
    lambda_image,
    lambda_layers,
    lambda_zip,
    nuclio_archive,
    nuclio_image,
    nuclio_notebook,
    nuclio_source,
)
from .base import Kind

KINDS: Mapping[tuple[str, str], Kind] = {
    (each.platform, each.name): each
    for each in (
        lambda_zip.KIND,
        lambda_layers.KIND,
        lambda_image.KIND,
        nuclio_archive.KIND,
        nuclio_source.KIND,
        nuclio_image.KIND,
    )
}


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
        return nuclio_notebook.KIND
    settings = function.settings.aws if platform == "lambda" else function.settings.nuclio
    wanted = package or settings.package
    if (platform, wanted) not in KINDS:
        known = ", ".join(name for of, name in KINDS if of == platform)
        raise BuildError(
            f"function {function.name}: {platform} has no package {wanted!r}; it has {known}"
        )
    return KINDS[platform, wanted]
