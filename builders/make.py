"""An app's function becomes an artifact: what was built before, where that still stands.

How it is built anew is in `anew`, which is loaded then: most builds of a day change nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..handlers.function import Function
from ..runtime.call import no_stream
from . import kept
from .artifacts import kind_of
from .artifacts.base import Artifact
from .assets import check_assets
from .errors import BuildError
from .notebook import Notebook
from .order import Built, Order
from .papers import write_provenance
from .provenance import WorkingCopy
from .resolve import Resolver, default_cache
from .target import Target
from .whole import said


def build(
    function: Function[..., Any],
    target: Target,
    *,
    root: Path,
    out: Path,
    resolver: Resolver | None = None,
    trim: Sequence[str] = (),
    package: str = "",
    import_budget: int | None = None,
    measure_imports: bool = False,
    copy: WorkingCopy | None = None,
) -> Artifact:
    """Build one function for one target; what is written goes into `out`.

    When nothing that a build looks at has changed since the last one, its answer is given again.

    trim: rules switched on and off, after those that the function's own setting says
    package: the kind of artifact, instead of the one that the function's settings name
    import_budget: milliseconds an import may take, instead of the function's own setting
    measure_imports: whether to measure that without a budget, too
    copy: the working copy that `root` is in, where several builds share it

    Raises `BuildError` (missing module, no wheel, too large, ...) before anything is written, and
    `TooSlow` after.
    """
    _refuse_streams(function, target)
    check_assets(function, target)
    kind = kind_of(function, target.platform, package)
    resolver = resolver or Resolver(default_cache())
    root, began = root.resolve(), time.time_ns()
    gathered = resolver.install(function, target, root)
    budget = import_budget or function.settings.import_budget
    order = Order(function, target, kind, root, out, gathered, tuple(trim), budget, measure_imports)
    key, folder = order.key, resolver.cache / "kept"
    built = kept.find(folder, key) if is_lasting(function) else None
    if not isinstance(built, Built):
        from .anew import build_anew

        built, looked = build_anew(order, resolver.cache)
        if is_lasting(function):
            kept.keep(folder, key, built, looked, began)
    artifact = built.artifact
    with said(f"function {function.name}", out):
        origin = write_provenance(
            function, artifact, root, out, built.places, order.packages, built.version,
            copy or WorkingCopy(root),
        )  # fmt: skip
    return replace(artifact, beside=(*artifact.beside, origin))


def is_lasting(function: Function[..., Any]) -> bool:
    """Whether files tell all of a function: what lives in this process only is built each time."""
    return not function.settings.pickled and not isinstance(function.user_function, Notebook)


def _refuse_streams(function: Function[..., Any], target: Target) -> None:
    """Neither platform's Python runtime can send an answer before it is whole.  Sources: the
    runtime client has no streamed response; Nuclio's wrapper writes one response an event."""
    if function.codec is not None and function.codec.streams:
        name = "Lambda" if target.platform == "lambda" else "Nuclio"
        raise BuildError(str(no_stream(function, f"by {name}'s Python runtime")))
