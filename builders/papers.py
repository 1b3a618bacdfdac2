"""What is written beside an artifact, and never into it: its SBOM and its provenance.

Inside, the next commit would make another artifact of the same files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ..handlers.function import Function
from .artifacts.base import Artifact, Content
from .lockfile import NAME as LOCK
from .lockfile import Package
from .provenance import WorkingCopy, make_provenance
from .sbom import make_sbom
from .trim import normal

SBOM, PROVENANCE = ".cdx.json", ".intoto.json"


@cache
def pelton_version() -> str:
    """The version of pelton that builds, "0" where it was never installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("pelton")
    except PackageNotFoundError:
        return "0"


def write_sbom(
    content: Content, artifact: Artifact, out: Path, packages: Sequence[Package]
) -> Path:
    """The SBOM of what was written; its path."""
    function, installed = content.function, content.installed
    made = make_sbom(
        function.app.name,
        function.name,
        artifact.digest,
        content.files,
        installed.owner,
        installed.requirers,
        pelton_version(),
        {normal(each.name): each.sha256 for each in packages if each.sha256},
    )
    return _write(content.path(out, SBOM), json.dumps(made, indent=1, sort_keys=True))


def write_provenance(
    function: Function[..., Any],
    artifact: Artifact,
    root: Path,
    out: Path,
    places: Sequence[str],
    packages: Sequence[Package],
    version: str,
    copy: WorkingCopy,
) -> Path:
    """The provenance of what was written; its path.

    places: the user's files in the artifact; version: of pelton; copy: that `root` is in
    """
    settings, target = function.settings, artifact.target
    lock = root / LOCK
    made = make_provenance(
        function.app.name,
        function.name,
        target,
        {artifact.path.name: artifact.sha256}
        | {each.path.name: each.sha256 for each in artifact.layers},
        copy.source(places),
        {LOCK: hashlib.sha256(lock.read_bytes()).hexdigest()} if lock.is_file() else {},
        {
            "requirements": list(settings.requirements),
            "include": list(settings.include),
            "trim": list(settings.trim),
            "package": artifact.package,
        },
        version,
        {f"pkg:pypi/{normal(e.name)}@{e.version}": e.sha256 for e in packages if e.sha256},
    )
    name = f"{function.name}-{target.platform}-{target.variant}{PROVENANCE}"
    return _write(out / name, json.dumps(made, sort_keys=True))  # on one line: made at each build


def _write(path: Path, document: str) -> Path:
    """Write a document, when what lies there says something else."""
    text = f"{document}\n".encode()
    if not path.is_file() or path.read_bytes() != text:
        path.write_bytes(text)
    return path
