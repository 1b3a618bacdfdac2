"""manifest.json: what a build wrote, with digests and sizes, for whoever takes it from there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .artifacts.base import Artifact, Layer
from .whole import said, write_whole

NAME = "manifest.json"
FORM = 1


def write_manifest(app: str, artifacts: Sequence[Artifact], out: Path) -> Path:
    """Write the manifest of a build into its folder; the same build writes the same."""
    document = {
        "form": FORM,
        "app": app,
        "artifacts": [told(each, out) for each in artifacts],
        "files": {place: _file(out / place) for place in sorted(set(_files(artifacts, out)))},
    }
    path = out / NAME
    with said("the manifest", out):
        write_whole(path, (json.dumps(document, indent=1) + "\n").encode())
    return path


def told(artifact: Artifact, out: Path) -> dict[str, Any]:
    """An artifact, JSON-ready; paths are relative to the folder."""
    target = artifact.target
    return {
        "function": artifact.function,
        "platform": target.platform,
        "for": target.variant,
        "package": artifact.package,
        "architecture": target.architecture,
        "runtime": artifact.runtime,
        "handler": artifact.handler,
        "path": _relative(artifact.path, out),
        "sha256": artifact.sha256,
        "digest": artifact.digest,
        "zipped": artifact.report.zipped,
        "unzipped": artifact.report.unzipped,
        "layers": [_layer(each, out) for each in artifact.layers],
        "image": artifact.image.reference if artifact.image else None,
        "commands": list(artifact.build_commands),
        "beside": [_relative(each, out) for each in artifact.beside],
    }


def _layer(layer: Layer, out: Path) -> dict[str, Any]:
    return {
        "name": layer.name,
        "path": _relative(layer.path, out),
        "sha256": layer.sha256,
        "digest": layer.digest,
        "runtimes": list(layer.runtimes),
        "architectures": list(layer.architectures),
        "zipped": layer.report.zipped,
        "unzipped": layer.report.unzipped,
    }


def _relative(path: Path, out: Path) -> str:
    return path.relative_to(out).as_posix() if path.is_relative_to(out) else str(path)


def _files(artifacts: Sequence[Artifact], out: Path) -> Iterator[str]:
    for artifact in artifacts:
        layers = (each.path for each in artifact.layers)
        for path in (artifact.path, *layers, *artifact.beside):
            inner = path.rglob("*") if path.is_dir() else (path,)
            yield from (_relative(each, out) for each in inner if each.is_file())


def _file(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"sha256": digest, "size": path.stat().st_size}
