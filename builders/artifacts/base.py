"""What every kind of artifact is made of and what it becomes, as data.

A kind is a file beside this one: it says for which platform it is and by which word it is chosen,
what it refuses, and how decided files are written.  It never looks for files itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...handlers.function import Function
    from ..content import File, Files
    from ..import_time import Times
    from ..installed import Installed
    from ..report import Report
    from ..target import Target
    from .image_context import Image


@dataclass(frozen=True, slots=True)
class Layer:
    """Dependencies apart from code, named by what is in them: equal ones are one layer.

    sha256: of the zip, hex;     digest: of its files' names and contents, hex, but for bytecode
    runtimes, architectures: what it is published as compatible with
    """

    name: str
    path: Path
    sha256: str
    digest: str
    runtimes: tuple[str, ...]
    architectures: tuple[str, ...]
    report: Report

    @property
    def needs_s3(self) -> bool:
        return self.report.needs_s3


@dataclass(frozen=True, slots=True)
class Artifact:
    """What a platform is given.

    package:        the kind's word: "zip", "layers", "image", "archive", "sourceCode"
    path:           the zip; of an image the folder of its build context, of a source the file
    sha256:         of the zip, hex (of an image: `digest`)
    digest:         of the files' names and contents, hex, but for bytecode: which machine built it
                    makes no other artifact; layers have their own
    handler, runtime: in the platform's own form
    spec:           Nuclio's function configuration; None for Lambda
    build_commands: what Nuclio runs to install the requirements
    layers:         what goes with the code, in the order of the function's Layers
    image:          how an engine, or `oci.write_image`, makes it of the folder
    beside:         other files that were written with it
    imports:        how long it takes to import, where that was measured
    sources:        CRC-32, hex, of each of the user's files in it, by place: tells which one is
                    another than it was; the digest is what decides
    """

    function: str
    target: Target
    path: Path
    sha256: str
    digest: str
    handler: str
    runtime: str
    report: Report
    spec: Mapping[str, Any] | None = None
    build_commands: tuple[str, ...] = ()
    package: str = "zip"
    layers: tuple[Layer, ...] = ()
    image: Image | None = None
    beside: tuple[Path, ...] = ()
    imports: Times | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def needs_s3(self) -> bool:
        """Whether the upload is too large for the request itself."""
        from ..report import DIRECT_LIMIT

        layers = sum(each.report.zipped for each in self.layers)
        return self.image is None and self.report.zipped - layers > DIRECT_LIMIT


@dataclass(frozen=True, slots=True)
class Content:
    """An artifact's files, decided and not yet written.

    entry:     the generated module's name
    files:     content by place; by these an artifact is known
    installed: what requirements brought
    whole:     `files` and the bytecode; note: what to say of that
    notes:     what else somebody should know
    """

    function: Function[..., Any]
    target: Target
    entry: str
    files: Files
    installed: Installed
    whole: Files = field(default_factory=dict)
    note: str = ""
    notes: tuple[str, ...] = ()

    def brought(self, files: Files) -> dict[str, File]:
        """Those of the files that requirements brought."""
        owner = self.installed.owner
        return {place: data for place, data in files.items() if place in owner}

    def own(self, files: Files) -> dict[str, File]:
        """Those that are the user's own and pelton's."""
        owner = self.installed.owner
        return {place: data for place, data in files.items() if place not in owner}

    def report(self, zipped: int = 0) -> Report:
        """What is in it, and how large it is."""
        from ..report import make_report

        found = self.installed
        return make_report(
            self.whole or self.files,
            found.owner,
            zipped,
            self.note,
            found.trimmed,
            found.sizes,
            self.notes,
            requirers=found.requirers,
        )

    def path(self, out: Path, suffix: str) -> Path:
        """Where in `out` it goes: by function, platform and who it is for."""
        return out / f"{self.function.name}-{self.target.platform}-{self.target.variant}{suffix}"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of artifact.

    name:     the word by which settings and --package choose it
    inside:   whether requirements go into the artifact; else the platform installs them
    bytecode: whether compiled modules go along
    shared:   whether requirements are a part by themselves, which others may share
    check:    raises `BuildError` for what the platform would refuse, before anything is written
    write:    writes the content into a folder, with the folder that builds keep things in
    """

    platform: str
    name: str
    inside: bool
    check: Callable[[Content], None]
    write: Callable[[Content, Path, Path], Artifact]
    bytecode: bool = True
    shared: bool = False
