"""Volumes of a function as folders that its workers see, each at its place.

What a volume is on a cluster becomes a folder of this machine: a `hostPath` the one that it names,
a claim one of the data directory, an `emptyDir` one of the function's.  A worker binds them in a
mount namespace of its own, which takes root; elsewhere only a `hostPath` at its own place can be
had.
Source: Kubernetes' core API (Volume, VolumeMount), as Nuclio's `spec.volumes` has them.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..lambda_.environment import may_mount
from .errors import DeployFailed

_CLAIM = re.compile(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder, where the function sees it, and whether it may only read."""

    source: Path
    target: Path
    read_only: bool


def mounts(
    spec: Mapping[str, Any], claims: Path, folder: Path, kept: tuple[Path, ...]
) -> tuple[Mount, ...]:
    """The mounts of a configuration, with their sources there; raises `DeployFailed`.

    claims: where the folders of claims are;  folder: where those of the function's own are
    kept:   what must stay seen: a mount above one of these is refused
    """
    found = [_mount(each, claims, folder) for each in spec.get("volumes") or []]
    wanted = tuple(each for each in found if each.source != each.target)
    for each in wanted:
        hidden = [path for path in (Path(tempfile.gettempdir()), *kept) if _is_at(path, each)]
        if hidden:
            raise DeployFailed(f"a volume at {each.target} would hide {hidden[0]}")
        if not may_mount():
            raise DeployFailed(
                f"a volume at {each.target} needs a mount namespace, which takes root on Linux: "
                "run the emulator as root, or mount a hostPath at its own path"
            )
        each.target.mkdir(parents=True, exist_ok=True)
    return wanted


def _is_at(path: Path, mount: Mount) -> bool:
    return path.resolve().is_relative_to(mount.target)


def _mount(given: Mapping[str, Any], claims: Path, folder: Path) -> Mount:
    volume, place = given.get("volume") or {}, given.get("volumeMount") or {}
    name = str(volume.get("name") or place.get("name") or "")
    target = Path(str(place.get("mountPath") or ""))
    if not target.is_absolute() or ".." in target.parts or target == Path("/"):
        raise DeployFailed(f"volume {name}: mountPath must be an absolute path, not {target}")
    source = _source(name, volume, claims, folder)
    if place.get("subPath"):
        raise DeployFailed(f"volume {name}: subPath is not there in the emulator")
    return Mount(source.resolve(), target, bool(place.get("readOnly")))


def _source(name: str, volume: Mapping[str, Any], claims: Path, folder: Path) -> Path:
    if host := (volume.get("hostPath") or {}).get("path"):
        path = Path(str(host))
        if (volume.get("hostPath") or {}).get("type") == "DirectoryOrCreate":
            path.mkdir(parents=True, exist_ok=True)
        if not path.is_dir():
            raise DeployFailed(f"volume {name}: {host} is no folder of this machine")
        return path
    claim = str((volume.get("persistentVolumeClaim") or {}).get("claimName") or "")
    if _CLAIM.fullmatch(claim):
        return _made(claims / claim)
    if "emptyDir" in volume:
        return _made(folder / ".volumes" / (name or "unnamed").replace("/", "-"))
    raise DeployFailed(
        f"volume {name}: the emulator has hostPath, persistentVolumeClaim and emptyDir, "
        f"not {_kind(volume)}"
    )


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _kind(volume: Mapping[str, Any]) -> str:
    """
    >>> _kind({"name": "fs", "flexVolume": {"driver": "v3io/fuse"}})
    'flexVolume v3io/fuse'
    """
    kinds = [key for key in volume if key != "name"]
    driver = (volume.get("flexVolume") or {}).get("driver")
    return f"flexVolume {driver}" if driver else ", ".join(kinds) or "a volume of no kind"
