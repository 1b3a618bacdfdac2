"""A function built anew: decide on the files first, write last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

from ..handlers.app import App
from ..handlers.function import Function
from . import kept, pickles
from .artifacts.base import Artifact, Content
from .artifacts.nuclio_notebook import files_of
from .compiled import add_bytecode, worth_compiling
from .content import Files, held
from .errors import BuildError, CannotImport
from .import_time import Times, measure, refuse_too_slow
from .imports import check_imports
from .installed import Installed, read_installed
from .notebook import Notebook
from .order import Built, Order
from .papers import pelton_version, write_sbom
from .parts import shipped
from .sources import Sources, find_sources, graphs_of
from .target import Target
from .trial import dynamic_notes
from .trim import choose
from .whole import said

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


def build_anew(order: Order, cache: Path) -> tuple[Built, kept.Looked]:
    """The artifact, written, and what was looked at for it."""
    function, kind, out = order.function, order.kind, order.out
    content, sources = collect(order)
    files = content.files
    kind.check(content)
    if kind.bytecode:
        content = _compiled(order, content, cache)
    with said(f"function {function.name}", out):
        artifact = kind.write(content, out, cache)
        sbom = write_sbom(content, artifact, out, order.packages)
    outputs = [artifact.path, *(each.path for each in artifact.layers), *artifact.beside, sbom]
    artifact = replace(
        artifact, beside=(*artifact.beside, sbom), imports=_imports(order, artifact, content),
        sources={e: f"{crc32(files[e].read()):08x}" for e in sorted(sources.files) if e in files},
    )  # fmt: skip
    read = {path: files[e].sha256 for e, path in sources.files.items() if e in files}
    looked = kept.looked(
        order.root, sources.files.values(), function.settings.include, outputs, out.resolve(),
        sources.sought, read,
    )  # fmt: skip
    return Built(artifact, tuple(sorted(sources.files)), pelton_version()), looked


def _compiled(order: Order, content: Content, cache: Path) -> Content:
    """With the bytecode of what is worth it, unless that is switched off."""
    choice = choose([*order.function.settings.trim, *order.trim])
    whole, found = dict(content.files), content.installed
    if "bytecode" in choice.rules:
        return replace(content, whole=whole, note="without bytecode, as trim= says")
    shared = order.kind.shared or order.function.settings.pickled
    places = worth_compiling(whole, found, choice, shared, graphs_of(order.function))
    note = add_bytecode(whole, found, places, order.target, cache / "bytecode")
    return replace(content, whole=whole, note=note)


def _imports(order: Order, artifact: Artifact, content: Content) -> Times | None:
    """Import times, when they are asked for; refuses those over the budget."""
    function, target = order.function, order.target
    if not order.budget and not order.measure:
        return None
    if artifact.path.suffix != ".zip" or (function.settings.requirements and not order.kind.inside):
        return Times(target.python, why_not=f"not measured: {artifact.package} is not all of it")
    archives = [artifact.path, *(each.path for each in artifact.layers)]
    try:
        times = measure(archives, content.entry, target, function.settings.environment)
    except CannotImport as error:
        raise CannotImport(
            "\n".join([f"function {function.name}: {error}", *content.notes])
        ) from None
    if order.budget:
        refuse_too_slow(function.name, times, order.budget)
    return times


def collect(order: Order) -> tuple[Content, Sources]:
    """The artifact's content, and where the user's files come from: everything decided, no
    writing."""
    function, target, gathered = order.function, order.target, order.gathered
    entry = entry_module(function, target)
    if isinstance(function.user_function, Notebook):
        files = files_of(function.user_function)
        return Content(function, target, entry, files, Installed()), Sources()
    choice = choose([*function.settings.trim, *order.trim])
    pickled = None
    if function.settings.pickled:
        pickled = pickles.make_pickle(function, order.root, target)
        pickles.check_pins(pickled, gathered, function)
    pickles.check_models(graphs_of(function), gathered, function, target)
    sources = find_sources(function, order.root, pickled.modules if pickled else None)
    parts = shipped(sources.files)
    own = {place: path.read_bytes() for place, path in sources.files.items()}
    if pickled:
        own[pickled.file] = pickled.content
        own[f"{entry}.py"] = pickles.entry(function, pickled, target.platform).encode()
    else:
        own[f"{entry}.py"] = _entry(function, target).encode()
    offered = gathered.modules if gathered else ()
    check_imports(sources.imports, [*own, *parts], offered, target, function.name)
    shipping = gathered
    if gathered is not None and not order.kind.inside:
        shipping = gathered.beside_the_app()  # which no platform can install
    brought = read_installed(shipping, choice, target)
    if gathered is not None and not order.kind.inside:
        brought = replace(brought, pins=gathered.pins)
    others = held(parts) | brought.files
    _refuse_collisions(function, own, others)
    notes = [*dynamic_notes(function.module, order.root, sources), *sources.ignored]
    notes += gathered.notes if gathered else ()
    content = Content(function, target, entry, others | held(own), brought, notes=tuple(notes))
    return content, sources


def _refuse_collisions(
    function: Function[..., Any], own: Mapping[str, bytes], others: Files
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
    return f"{prefix}_{function.entry.replace('-', '_')}"


def _entry(function: Function[..., Any], target: Target) -> str:
    platform, adapter, maker, names = ENTRY[target.platform]
    return _LOADING.format(
        platform=platform,
        adapter=adapter,
        maker=maker,
        names=names,
        app=function.app.name,
        function=function.entry,
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
