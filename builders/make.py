"""An app's function becomes an artifact: decide on the files first, write last."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zlib import crc32

from ..handlers.app import App
from ..handlers.function import Function
from ..runtime.call import no_stream
from . import kept, pickles
from .artifacts import kind_of
from .artifacts.base import Artifact, Content, Kind
from .artifacts.nuclio_notebook import files_of
from .assets import check_assets
from .bytecode import bytecode
from .content import File, Files, held
from .errors import BuildError, CannotImport
from .gathered import Gathered
from .import_time import Times, measure, refuse_too_slow
from .imports import check_imports
from .installed import read_installed
from .interpreters import there
from .lockfile import Package
from .notebook import Notebook
from .papers import pelton_version, write_provenance, write_sbom
from .parts import shipped
from .provenance import WorkingCopy
from .report import UNZIPPED_LIMIT, human
from .resolve import Resolver, default_cache
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


@dataclass(frozen=True, slots=True)
class Built:
    """What is kept of a build: the artifact, which of the user's files are in it, and the version
    of pelton that built it (to ask for it takes longer than all the rest)."""

    artifact: Artifact
    places: tuple[str, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of one build; see `build`."""

    function: Function[..., Any]
    target: Target
    kind: Kind
    root: Path
    out: Path
    gathered: Gathered | None
    trim: tuple[str, ...]
    budget: int | None
    measure: bool

    @property
    def packages(self) -> tuple[Package, ...]:
        """The requirements that go into the artifact."""
        return self.gathered.packages if self.gathered and self.kind.inside else ()

    @property
    def key(self) -> str:
        """Everything that is said of the build, and not in a file that it looks at."""
        function, gathered = self.function, self.gathered
        graphs = [(each.modules(), each.files()) for each in graphs_of(function)]
        brought = (gathered.home, gathered.asked) if gathered else ()
        return kept.key_of(
            function.app.name, function.name, function.module, function.settings,
            self.target, self.kind.name, self.root, self.out.resolve(), self.trim, self.budget,
            self.measure, graphs, brought, there(self.target.python), kept.own_digest(),
        )  # fmt: skip


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
        built, looked = _build(order, resolver.cache)
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


def _build(order: Order, cache: Path) -> tuple[Built, kept.Looked]:
    function, kind, out = order.function, order.kind, order.out
    content, sources = collect(order)
    files = content.files
    kind.check(content)
    if kind.bytecode:
        whole, note = dict(files), "without bytecode, as trim= says"
        if "bytecode" not in choose([*function.settings.trim, *order.trim]).rules:
            note = add_bytecode(whole, content.installed.owner, order.target, cache / "bytecode")
        content = replace(content, whole=whole, note=note)
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


def _refuse_streams(function: Function[..., Any], target: Target) -> None:
    """Neither platform's Python runtime can send an answer before it is whole.  Sources: the
    runtime client has no streamed response; Nuclio's wrapper writes one response an event."""
    if function.codec is not None and function.codec.streams:
        name = "Lambda" if target.platform == "lambda" else "Nuclio"
        raise BuildError(str(no_stream(function, f"by {name}'s Python runtime")))


def collect(order: Order) -> tuple[Content, Sources]:
    """The artifact's content, and where the user's files come from: everything decided, no
    writing."""
    function, target, gathered = order.function, order.target, order.gathered
    entry = entry_module(function, target)
    if isinstance(function.user_function, Notebook):
        return Content(function, target, entry, files_of(function.user_function)), Sources()
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
    files = held(parts) | brought.files
    _refuse_collisions(function, own, files)
    notes = [*dynamic_notes(function.module, order.root, sources), *sources.ignored]
    notes += gathered.notes if gathered else ()
    content = Content(function, target, entry, files | held(own), brought, notes=tuple(notes))
    return content, sources


def add_bytecode(files: dict[str, File], owner: dict[str, str], target: Target, cache: Path) -> str:
    """Add what the sources compile to; what to say about it."""
    sources = {place: file.read() for place, file in files.items() if place.endswith(".py")}
    made = bytecode(sources, target.python, cache)
    if made is None:
        return f"no bytecode: this machine has no Python {target.python} to compile for the target"
    size = sum(map(len, made.values()))
    if sum(each.size for each in files.values()) + size > UNZIPPED_LIMIT:
        return f"no bytecode: its {human(size)} would go over {human(UNZIPPED_LIMIT)} unzipped"
    for place in made:
        folder, _, name = place.rpartition("__pycache__/")
        if source := owner.get(f"{folder}{name.partition('.')[0]}.py"):
            owner[place] = source
    files |= held(made)
    return f"with bytecode for Python {target.python}, {human(size)}"


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
