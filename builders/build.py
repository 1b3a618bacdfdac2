"""An app's function becomes an artifact: decide on the files first, write last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..handlers.app import App
from ..handlers.function import Function
from ..runtime.call import no_stream
from .artifacts import kind_of
from .artifacts.base import Artifact, Content
from .artifacts.nuclio_notebook import files_of
from .bytecode import bytecode
from .errors import BuildError
from .imports import check_imports
from .installed import Installed, read_installed
from .notebook import Notebook
from .parts import shipped
from .report import UNZIPPED_LIMIT, human
from .resolve import Resolver, default_cache
from .sources import find_sources
from .target import Target
from .trim import choose

# What loading makes lives as long as its worker, so looking through it for garbage is time lost:
# a tenth of an import's.  The user's module may set the collector otherwise; that is then kept.
_LOADING = '''"""{platform}'s way into {app}.{function}; written by pelton's builder."""

import gc

usual = gc.get_threshold()
gc.set_threshold(50_000)

from pelton.runtime.{adapter} import {maker}

{names} = {maker}({module!r}, {function!r}, {attribute!r})

if gc.get_threshold()[0] == 50_000:
    gc.set_threshold(*usual)
'''
ENTRY = {
    "lambda": ("Lambda", "aws", "handler_for", "handler"),
    "nuclio": ("Nuclio", "nuclio", "entry_for", "handler, init_context"),
}


def build(
    function: Function[..., Any],
    target: Target,
    *,
    root: Path,
    out: Path,
    resolver: Resolver | None = None,
    trim: Sequence[str] = (),
    package: str = "",
) -> Artifact:
    """Build one function for one target; what is written goes into `out`.

    trim: rules switched on and off, after those that the function's own setting says
    package: the kind of artifact, instead of the one that the function's settings name

    Raises `BuildError` (missing module, no wheel, too large, ...) before anything is written.
    """
    _refuse_streams(function, target)
    kind = kind_of(function, target.platform, package)
    resolver = resolver or Resolver(default_cache())
    files, installed = collect(function, target, root, resolver, trim, inside=kind.inside)
    content = Content(function, target, entry_module(function, target), files, installed)
    kind.check(content)
    if kind.bytecode:
        whole = dict(files)
        note = add_bytecode(whole, installed.owner, target, resolver.cache / "bytecode")
        content = replace(content, whole=whole, note=note)
    return kind.write(content, out, resolver.cache)


def _refuse_streams(function: Function[..., Any], target: Target) -> None:
    """Neither platform's Python runtime can send an answer before it is whole.  Sources: the
    runtime client has no streamed response; Nuclio's wrapper writes one response an event."""
    if function.codec is not None and function.codec.streams:
        name = "Lambda" if target.platform == "lambda" else "Nuclio"
        raise BuildError(str(no_stream(function, f"by {name}'s Python runtime")))


def collect(
    function: Function[..., Any],
    target: Target,
    root: Path,
    resolver: Resolver,
    trim: Sequence[str] = (),
    *,
    inside: bool = True,
) -> tuple[dict[str, bytes], Installed]:
    """(content by place in the artifact, what came of the requirements): everything decided, no
    writing.

    inside: whether what the requirements bring is to be among it
    """
    if isinstance(function.user_function, Notebook):
        return files_of(function.user_function), Installed()
    choice = choose([*function.settings.trim, *trim])
    sources = find_sources(function, root.resolve())
    unpacked = resolver.install(function, target, root.resolve())
    parts = shipped(sources.files)
    own = {place: path.read_bytes() for place, path in sources.files.items()}
    own[f"{entry_module(function, target)}.py"] = _entry(function, target).encode()
    offered = unpacked.modules if unpacked else ()
    check_imports(sources.imports, [*own, *parts], offered, target, function.name)
    shipping = unpacked if inside else None
    brought = read_installed(shipping, choice, target)
    files = parts | brought.files
    _refuse_collisions(function, own, files)
    return files | own, brought


def add_bytecode(
    files: dict[str, bytes], owner: dict[str, str], target: Target, cache: Path
) -> str:
    """Add what the sources compile to; what to say about it."""
    made = bytecode(files, target.python, cache)
    if made is None:
        return f"no bytecode: this machine has no Python {target.python} to compile for the target"
    size = sum(map(len, made.values()))
    if sum(map(len, files.values())) + size > UNZIPPED_LIMIT:
        return f"no bytecode: its {human(size)} would go over {human(UNZIPPED_LIMIT)} unzipped"
    for place in made:
        folder, _, name = place.rpartition("__pycache__/")
        if source := owner.get(f"{folder}{name.partition('.')[0]}.py"):
            owner[place] = source
    files |= made
    return f"with bytecode for Python {target.python}, {human(size)}"


def _refuse_collisions(
    function: Function[..., Any], own: Mapping[str, bytes], others: Mapping[str, bytes]
) -> None:
    for place in own:
        if place in others:
            raise BuildError(
                f"function {function.name}: your file {place} has the place of one that a "
                "requirement or pelton brings; rename it"
            )


def entry_module(function: Function[..., Any], target: Target) -> str:
    """The name of the generated module; '-' is no part of a module's name."""
    prefix = "pelton_entry" if target.platform == "lambda" else "pelton_nuclio"
    return f"{prefix}_{function.name.replace('-', '_')}"


def _entry(function: Function[..., Any], target: Target) -> str:
    platform, adapter, maker, names = ENTRY[target.platform]
    return _LOADING.format(
        platform=platform,
        adapter=adapter,
        maker=maker,
        names=names,
        app=function.app.name,
        function=function.name,
        module=function.module,
        attribute=_attribute(function.app, function.module),
    )


def _attribute(app: App, module: str) -> str:
    """Under which name the function's module knows its app."""
    import sys

    for name, value in vars(sys.modules[module]).items():
        if value is app:
            return name
    raise BuildError(
        f"module {module} has no name for the app {app.name}; assign it at module level"
    )
