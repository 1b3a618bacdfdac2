"""Volumes of a function as folders that its workers see, each at its place.

What a volume is on a cluster becomes a folder of this machine: a `hostPath` the one that it names,
a claim one of the data directory, an `emptyDir` one of the function's, a Secret, a ConfigMap or
what is projected one that is written for it.  A worker binds them in a mount namespace of its own,
which takes root; elsewhere only a `hostPath` at its own place can be had.
Source: Kubernetes' core API (Volume, VolumeMount), as Nuclio's `spec.volumes` has them.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..lambda_.environment import may_mount
from .cluster.files import File
from .errors import DeployFailed

_EXPRESSION = re.compile(r"\$\$|\$\(([^()]*)\)")
_CLAIM = re.compile(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?")
# The files of each volume of a configuration; None for one that is no Secret or ConfigMap.
Written = Sequence[tuple[File, ...] | None]


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or a file, where the function sees it, and whether it may only read.

    below: of the source, what a worker's own variables say (subPathExpr);  fixed: it must be there
    """

    source: Path
    target: Path
    read_only: bool
    below: str = ""
    fixed: bool = False


def mounts(
    spec: Mapping[str, Any],
    claims: Path,
    folder: Path,
    kept: tuple[Path, ...],
    written: Written = (),
) -> tuple[Mount, ...]:
    """The mounts of a configuration, with their sources there; raises `DeployFailed`.

    claims:  where the folders of claims are;  folder: where those of the function's own are
    kept:    what must stay seen: a mount above one of these is refused
    written: the files of each volume that is a Secret or a ConfigMap
    """
    given = spec.get("volumes") or []
    all_written = [*written, *[None] * (len(given) - len(written))]
    found = [
        _mount(each, claims, folder / ".volumes" / str(number), all_written[number])
        for number, each in enumerate(given)
    ]
    wanted = tuple(each for each in found if each.below or each.source != each.target)
    for each in wanted:
        hidden = [path for path in (Path(tempfile.gettempdir()), *kept) if _is_at(path, each)]
        if hidden:
            raise DeployFailed(f"a volume at {each.target} would hide {hidden[0]}")
        if not may_mount():
            raise DeployFailed(
                f"a volume at {each.target} needs a mount namespace, which takes root on Linux: "
                "run the emulator as root, or mount a hostPath at its own path"
            )
        if not each.below:
            _make_place(each)
    return wanted


def for_worker(
    wanted: Sequence[Mount], variables: Mapping[str, str]
) -> list[tuple[str, str, bool]]:
    """Source, target and whether it may only be read, of each mount of a worker with these
    variables of its own.  Raises `DeployFailed`."""
    found = []
    for each in wanted:
        if each.below:
            below = expanded(each.below, variables)
            source = _below(str(each.target), each.source, below, make=not each.fixed)
            each = replace(each, source=source.resolve(), below="")
            _make_place(each)
        found.append((str(each.source), str(each.target), each.read_only))
    return found


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """A subPathExpr with its variables; `$$` is a `$`.  Raises `DeployFailed`.

    >>> expanded("logs/$(POD)/$$(POD)", {"POD": "nuclio-f-0"})
    'logs/nuclio-f-0/$(POD)'
    """

    def value(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        if found[1] not in variables:
            raise DeployFailed(
                f"CreateContainerConfigError: failed to expand subPathExpr {text}: "
                f'missing value for "{found[1]}"'
            )
        return variables[found[1]]

    return _EXPRESSION.sub(value, text)


def _make_place(mount: Mount) -> None:
    """What is mounted needs a place of its kind, which nobody else sees anything at."""
    if mount.source.is_dir():
        mount.target.mkdir(parents=True, exist_ok=True)
        return
    mount.target.parent.mkdir(parents=True, exist_ok=True)
    if mount.target.is_dir():
        raise DeployFailed(f"a volume's file at {mount.target} would be in a folder's place")
    mount.target.touch(exist_ok=True)


def _is_at(path: Path, mount: Mount) -> bool:
    return path.resolve().is_relative_to(mount.target)


def _mount(
    given: Mapping[str, Any], claims: Path, own: Path, written: tuple[File, ...] | None
) -> Mount:
    """own: a folder for this volume alone"""
    volume, place = given.get("volume") or {}, given.get("volumeMount") or {}
    name = str(volume.get("name") or place.get("name") or "")
    target = Path(str(place.get("mountPath") or ""))
    if not target.is_absolute() or ".." in target.parts or target == Path("/"):
        raise DeployFailed(f"volume {name}: mountPath must be an absolute path, not {target}")
    below, told = str(place.get("subPath") or ""), str(place.get("subPathExpr") or "")
    if below and told:
        raise DeployFailed(f"volume {name}: subPathExpr and subPath are mutually exclusive")
    if written is not None:
        _write(own, written)
    source = own if written is not None else _source(name, volume, claims, own.parent)
    if below:
        source = _below(name, source, below, make=written is None)
    fixed = written is not None
    return Mount(source.resolve(), target, bool(place.get("readOnly")) or fixed, told, fixed)


def _write(folder: Path, written: tuple[File, ...]) -> None:
    folder.mkdir(parents=True)
    for each in written:
        path = folder / each.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(each.content)
        path.chmod(each.mode)


def _below(name: str, source: Path, given: str, *, make: bool) -> Path:
    """What is at a subPath; a folder is made of it where the volume can be written to."""
    found = source / given
    inside = found.resolve().is_relative_to(source.resolve())
    if Path(given).is_absolute() or ".." in Path(given).parts or not inside:
        raise DeployFailed(f"volume {name}: subPath {given} must be below the volume")
    if make:
        return found if found.exists() else _made(found)
    if not found.exists():
        raise DeployFailed(
            f'CreateContainerConfigError: failed to prepare subPath for volumeMount "{name}": '
            f"there is no {given} in it"
        )
    return found


def _source(name: str, volume: Mapping[str, Any], claims: Path, shared: Path) -> Path:
    """shared: where folders are that volumes of one name share"""
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
        return _made(shared / f"empty-{(name or 'unnamed').replace('/', '-')}")
    raise DeployFailed(
        f"volume {name}: the emulator has hostPath, persistentVolumeClaim, emptyDir, secret, "
        f"configMap, downwardAPI and projected, not {_kind(volume)}"
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
