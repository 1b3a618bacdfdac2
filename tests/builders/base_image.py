"""Base images written by hand, as OCI layouts: what a test needs of AWS's own."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def put(layout: Path, data: bytes) -> tuple[str, int]:
    """Write a blob: (digest, size)."""
    digest = hashlib.sha256(data).hexdigest()
    folder = layout / "blobs" / "sha256"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / digest).write_bytes(data)
    return f"sha256:{digest}", len(data)


def described(layout: Path, kind: str, data: bytes, **more: Any) -> dict[str, Any]:
    digest, size = put(layout, data)
    return {"mediaType": kind, "digest": digest, "size": size, **more}


def base_image(layout: Path, *architectures: str) -> Path:
    """A layout with an image of one small layer for each architecture."""
    manifests = []
    for each in architectures or ("amd64",):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            info = tarfile.TarInfo("lambda-entrypoint.sh")
            info.size, info.mode = 6, 0o755
            archive.addfile(info, io.BytesIO(each[:6].ljust(6).encode()))
        plain = buffer.getvalue()
        config = {
            "os": "linux",
            "architecture": each,
            "config": {
                "Env": ["PATH=/bin", "LAMBDA_TASK_ROOT=/var/task"],
                "Entrypoint": ["/lambda-entrypoint.sh"],
                "Cmd": ["of the base"],
                "WorkingDir": "/var/task",
            },
            "rootfs": {
                "type": "layers",
                "diff_ids": [f"sha256:{hashlib.sha256(plain).hexdigest()}"],
            },
            "history": [{"created_by": "the base"}],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": described(layout, CONFIG, json.dumps(config).encode()),
            "layers": [described(layout, LAYER, gzip.compress(plain, mtime=0))],
        }
        manifests.append(described(layout, MANIFEST, json.dumps(manifest).encode()))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    index = {"schemaVersion": 2, "manifests": manifests}
    (layout / "index.json").write_text(json.dumps(index))
    return layout


def read_image(layout: Path) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, bytes]]]:
    """(manifest, configuration, files of each layer) of a layout's one image, all digests held
    against their blobs."""
    for path in (layout / "blobs" / "sha256").iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name

    def blob(descriptor: dict[str, Any]) -> bytes:
        path = layout / "blobs" / str(descriptor["digest"]).replace(":", "/")
        data = path.read_bytes()
        assert len(data) == descriptor["size"]
        return data

    (top,) = json.loads((layout / "index.json").read_text())["manifests"]
    manifest = json.loads(blob(top))
    config = json.loads(blob(manifest["config"]))
    layers = []
    for descriptor, diff in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True):
        plain = gzip.decompress(blob(descriptor))
        assert f"sha256:{hashlib.sha256(plain).hexdigest()}" == diff
        with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
            layers.append(
                {
                    each.name: file.read()
                    for each in archive
                    if (file := archive.extractfile(each)) is not None
                }
            )
    return manifest, config, layers
