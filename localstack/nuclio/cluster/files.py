"""The files of a volume that is a Secret or a ConfigMap, as data: path, content and mode of each.

Nothing is written here.  Source: Kubernetes' core API (SecretVolumeSource, ConfigMapVolumeSource,
KeyToPath), and what a kubelet says of a volume that it cannot set up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from ..errors import DeployFailed
from .objects import CONFIG_MAP, SECRET, Cluster, Data

MODE = 0o644
# The member of a volume that names the kind, and the member of that which names the object.
MEMBERS = {"secret": (SECRET, "secretName"), "configMap": (CONFIG_MAP, "name")}
_KEYS = {SECRET: "secret key", CONFIG_MAP: "config key"}


@dataclass(frozen=True, slots=True)
class File:
    """One file of a volume; its path is below the volume's root."""

    path: PurePosixPath
    content: bytes
    mode: int = MODE


async def files(volume: Mapping[str, Any], cluster: Cluster | None) -> tuple[File, ...] | None:
    """The files of a volume; None for one of another kind.  Raises `DeployFailed`.

    cluster: None where there is none, as on Docker
    """
    for member, (kind, naming) in MEMBERS.items():
        if volume.get(member) is not None:
            if cluster is None:
                raise _failed(volume, f"Docker has no {member} (--nuclio-platform local)")
            told = volume[member]
            name = str(told.get(naming) or "")
            data = await cluster.find(kind, name)
            if data is None and not told.get("optional"):
                advice = cluster.advice(kind, name)
                raise _failed(volume, f'{kind} "{name}" not found: {advice}')
            advise = partial(cluster.advice, kind, name)
            return tuple(_files(volume, _KEYS[kind], told, data or {}, advise))
    return None


def _files(
    volume: Mapping[str, Any],
    what: str,
    told: Mapping[str, Any],
    data: Data,
    advise: Callable[[str], str],
) -> Iterator[File]:
    usual = MODE if told.get("defaultMode") is None else int(told["defaultMode"])
    items: Iterable[Mapping[str, Any]] = told.get("items") or [{"key": key} for key in data]
    for each in items:
        key = str(each.get("key") or "")
        path = PurePosixPath(str(each.get("path") or key))
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise _failed(volume, f"the path {path} of {key!r} must be below the volume")
        if key in data:
            yield File(path, data[key], usual if each.get("mode") is None else int(each["mode"]))
        elif not told.get("optional"):
            raise _failed(volume, f"references non-existent {what}: {key}: {advise(key)}")


def _failed(volume: Mapping[str, Any], why: str) -> DeployFailed:
    return DeployFailed(f'MountVolume.SetUp failed for volume "{volume.get("name")}" : {why}')
