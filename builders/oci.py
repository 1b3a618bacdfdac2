"""Container images without an engine: files are laid on a base image that is at hand.

Base and image are OCI layouts: a folder (or a tar of one) with `index.json` and blobs by digest.
Every blob of the base is checked, the same files on the same base give the same image.
Source: the OCI image specification 1.1 (layout, index, manifest, configuration, layers).
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .artifacts.image_context import EPOCH, Image, mode_of
from .errors import BuildError
from .whole import said

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
LAYERS = {
    MANIFEST: "application/vnd.oci.image.layer.v1.tar+gzip",
    DOCKER: "application/vnd.docker.image.rootfs.diff.tar.gzip",
}
CREATED = datetime.fromtimestamp(EPOCH, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
NAME = "org.opencontainers.image.ref.name"
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Blob:
    """Content by its digest ("sha256:…"), as descriptors name it."""

    digest: str
    size: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Layer:
    """Files as a layer: compressed, and the digest of its tar uncompressed."""

    blob: Blob
    diff: str


def write_image(context: Path, image: Image, base: Path, layout: Path) -> str:
    """Lay a context's parts on a base, as an OCI layout; the digest of the image's manifest.

    base: an OCI layout, a folder or a tar; it may hold several images, for several platforms

    Raises `BuildError` for a base that is none, is damaged, or is for another platform.
    """
    with _opened(base) as source, said("the image", layout.parent):
        manifest, config = _base(source, image)
        layers = [_layer(context / part, place) for part, place in image.parts]
        new_config = _blob(_json(_configured(config, layers, image)))
        new_manifest = _blob(_json(_manifested(manifest, layers, new_config)))
        _write(layout, source, manifest, layers, [new_config, new_manifest], image)
    return new_manifest.digest


class _opened:
    """A layout as a folder: itself, or a tar's files for as long as they are needed."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._scratch: str | None = None

    def __enter__(self) -> Path:
        if self._base.is_dir():
            return self._base
        self._scratch = tempfile.mkdtemp(prefix="pelton-oci-")
        try:
            with tarfile.open(self._base) as archive:
                archive.extractall(self._scratch, filter="data")
        except (OSError, tarfile.TarError) as error:
            self.__exit__()
            raise BuildError(f"the base image {self._base} cannot be read: {error}") from None
        return Path(self._scratch)

    def __exit__(self, *_: object) -> None:
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)


def _base(source: Path, image: Image) -> tuple[dict[str, Any], dict[str, Any]]:
    """(manifest, configuration) of the base's image for a platform."""
    if not (source / "index.json").is_file():
        raise BuildError(
            f"the base image {source} is no OCI layout: it has no index.json; write one with "
            "`skopeo copy docker://IMAGE oci:FOLDER` or `podman save --format oci-dir`"
        )
    found = [
        (manifest, _document(source, manifest["config"]))
        for manifest in _manifests(source, json.loads((source / "index.json").read_text()))
    ]
    for manifest, config in found:
        if f"{config.get('os')}/{config.get('architecture')}" == image.platform:
            return manifest, config
    held = ", ".join(f"{each.get('os')}/{each.get('architecture')}" for _, each in found)
    raise BuildError(
        f"the base image is for {held or 'nothing'}, and the function for {image.platform} "
        f"({image.reference}); give --base one for {image.platform}"
    )


def _manifests(source: Path, index: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for descriptor in index.get("manifests", ()):
        document = _document(source, descriptor)
        kind = descriptor.get("mediaType") or document.get("mediaType", "")
        if kind in INDEXES:
            yield from _manifests(source, document)
        elif "config" in document and document.get("layers") is not None:
            yield {"mediaType": kind or MANIFEST, **document}


def _document(source: Path, descriptor: Mapping[str, Any]) -> dict[str, Any]:
    path = _place(source, str(descriptor["digest"]))
    _check(path, str(descriptor["digest"]))
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def _place(folder: Path, digest: str) -> Path:
    algorithm, _, value = digest.partition(":")
    if algorithm != "sha256" or len(value) != 64 or not value.isalnum():
        raise BuildError(f"the base image names a blob {digest!r}; only sha256 is known here")
    return folder / "blobs" / algorithm / value


def _check(path: Path, digest: str) -> None:
    """Raise `BuildError` unless a blob is what its name says."""
    total = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(CHUNK):
                total.update(piece)
    except OSError as error:
        raise BuildError(f"the base image lacks the blob {digest}: {error.strerror}") from None
    if f"sha256:{total.hexdigest()}" != digest:
        raise BuildError(f"the base image is damaged: its blob {digest} has another content")


def _layer(part: Path, place: str) -> Layer:
    """A part of a context as a layer of the image."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, path in _entries(part, place.strip("/")):
            _add(archive, name, path)
    plain = buffer.getvalue()
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    packed = packer.compress(plain) + packer.flush()
    return Layer(_blob(packed), f"sha256:{hashlib.sha256(plain).hexdigest()}")


def _entries(part: Path, place: str) -> Iterator[tuple[str, Path]]:
    """(name in the image, path) of a folder's members in one order, or of the file that it is."""
    if part.is_file():
        yield place, part
        return
    for path in sorted(part.rglob("*"), key=lambda each: each.relative_to(part).as_posix()):
        yield f"{place}/{path.relative_to(part).as_posix()}", path


def _add(archive: tarfile.TarFile, name: str, path: Path) -> None:
    entry = tarfile.TarInfo(name)
    entry.mtime = EPOCH
    if path.is_dir():
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(entry)
        return
    content = path.read_bytes()
    entry.size, entry.mode = len(content), mode_of(name, content)
    archive.addfile(entry, io.BytesIO(content))


def _configured(config: Mapping[str, Any], layers: list[Layer], image: Image) -> dict[str, Any]:
    """The base's configuration with our layers, and our command in place of its own."""
    said = [f"COPY {part} {place} # pelton" for part, place in image.parts]
    history: list[dict[str, Any]] = [{"created": CREATED, "created_by": each} for each in said]
    command = f"CMD {json.dumps(list(image.command))} # pelton"
    history.append({"created": CREATED, "created_by": command, "empty_layer": True})
    files = config.get("rootfs", {})
    return {
        **config,
        "created": CREATED,
        "config": {**(config.get("config") or {}), "Cmd": list(image.command)},
        "rootfs": {"type": "layers", "diff_ids": [*files.get("diff_ids", ()), *_diffs(layers)]},
        "history": [*(config.get("history") or ()), *history],
    }


def _diffs(layers: list[Layer]) -> list[str]:
    return [each.diff for each in layers]


def _manifested(manifest: Mapping[str, Any], layers: list[Layer], config: Blob) -> dict[str, Any]:
    kind = manifest["mediaType"]
    added = [_descriptor(LAYERS.get(kind, LAYERS[MANIFEST]), each.blob) for each in layers]
    of_config = _descriptor(manifest["config"]["mediaType"], config)
    return {**manifest, "config": of_config, "layers": [*manifest["layers"], *added]}


def _descriptor(kind: str, blob: Blob) -> dict[str, Any]:
    return {"mediaType": kind, "digest": blob.digest, "size": blob.size}


def _blob(data: bytes) -> Blob:
    return Blob(f"sha256:{hashlib.sha256(data).hexdigest()}", len(data), data)


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _write(
    layout: Path,
    source: Path,
    manifest: Mapping[str, Any],
    layers: list[Layer],
    documents: list[Blob],
    image: Image,
) -> None:
    """Write the layout, in place of the one that was there, when it is whole."""
    layout.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{layout.name}-", dir=layout.parent))
    try:
        draft.chmod(0o755)
        (draft / "blobs" / "sha256").mkdir(parents=True)
        for each in manifest["layers"]:
            _carry(_place(source, each["digest"]), _place(draft, each["digest"]), each["digest"])
        for blob in (*(each.blob for each in layers), *documents):
            _place(draft, blob.digest).write_bytes(blob.data)
        top = _descriptor(manifest["mediaType"], documents[-1])
        system, _, machine = image.platform.partition("/")
        top["platform"] = {"os": system, "architecture": machine}
        top["annotations"] = {NAME: image.reference}
        index = {"schemaVersion": 2, "mediaType": INDEXES[0], "manifests": [top]}
        (draft / "index.json").write_bytes(_json(index))
        (draft / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        shutil.rmtree(layout, ignore_errors=True)
        draft.rename(layout)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _carry(source: Path, target: Path, digest: str) -> None:
    """A blob of the base, checked; a second name of the same file where the disk allows it."""
    _check(source, digest)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
