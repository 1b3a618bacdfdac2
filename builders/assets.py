"""The assets that a function's code declares: whether they can be had on its target, and fit."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..handlers.function import Function
from ..runtime.assets import Asset, asset
from ..runtime.assets.from_file import path_of
from .errors import BuildError
from .report import human
from .target import Target


def assets_of(function: Function[..., Any]) -> tuple[Asset, ...]:
    """The assets that the function's module names, and those of its graphs, each once."""
    names = vars(sys.modules.get(function.module, None) or object) if function.module else {}
    found = [each for each in dict(names).values() if isinstance(each, Asset)]
    return tuple(dict.fromkeys([*found, *_of_graphs(function, names)]))


def _of_graphs(function: Function[..., Any], names: Any) -> Iterator[Asset]:
    for graph in (function.user_function, *dict(names).values()):
        if hasattr(graph, "walk") and hasattr(graph, "spec") and not isinstance(graph, type):
            for step in graph.walk():
                file: Any = getattr(step, "file", None)
                if "://" in getattr(file, "declared", ""):
                    yield asset(file.declared, sha256=file.sha256)


def check_assets(function: Function[..., Any], target: Target) -> None:
    """Raise `BuildError` for assets that the target cannot reach, or that /tmp does not take."""
    found = assets_of(function)
    for each in found:
        if each.uri.startswith("file://") and target.variant != "local":
            raise BuildError(
                f"function {function.name}: the asset {each.uri} is on this machine only; put it "
                "where the platform can fetch it: s3://… or https://…"
            )
    total, room = sum(map(_size, found)), function.settings.aws.ephemeral_mb << 20
    if target.platform == "lambda" and total > room:
        named = ", ".join(f"{each.uri} {human(_size(each))}" for each in found)
        raise BuildError(
            f"function {function.name}: its assets take {human(total)} of /tmp, which has "
            f"{human(room)} ({named}); give it aws=pelton.Aws(ephemeral_mb={-(-total >> 20) + 64})"
        )


def _size(each: Asset) -> int:
    """What is known of it: as declared, or of a file that is here."""
    path = Path(path_of(each.uri))
    if not each.size and each.uri.startswith("file://") and path.is_file():
        return path.stat().st_size
    return each.size
