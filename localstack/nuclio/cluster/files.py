"""The files of a volume that is a Secret, a ConfigMap, fields of the pod, or several of these in
one (projected), as data: path, content and mode of each.

Nothing is written here.  Source: Kubernetes' core API (SecretVolumeSource, ConfigMapVolumeSource,
DownwardAPIVolumeSource, ProjectedVolumeSource, KeyToPath), and what a kubelet says of a volume that
it cannot set up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from ..errors import DeployFailed
from .objects import CONFIG_MAP, SECRET, Cluster, Data
from .pod import Pod

MODE = 0o644
# The member of a volume that names the kind, and the member of that which names the object.
MEMBERS = {"secret": (SECRET, "secretName"), "configMap": (CONFIG_MAP, "name")}
PROJECTED, OF_POD = "projected", "downwardAPI"
_KEYS = {SECRET: "secret key", CONFIG_MAP: "config key"}


@dataclass(frozen=True, slots=True)
class File:
    """One file of a volume; its path is below the volume's root."""

    path: PurePosixPath
    content: bytes
    mode: int = MODE


async def files(
    volume: Mapping[str, Any], cluster: Cluster | None, pod: Pod
) -> tuple[File, ...] | None:
    """The files of a volume; None for one of another kind.  Raises `DeployFailed`.

    cluster: None where there is none, as on Docker
    """
    member = next((m for m in (*MEMBERS, OF_POD, PROJECTED) if volume.get(m) is not None), None)
    if member is None:
        return None
    if cluster is None:
        raise _failed(volume, f"Docker has no {member} (--nuclio-platform local)")
    told = volume[member]
    if member != PROJECTED:
        return await _source(volume, member, told, cluster, pod)
    found: list[File] = []
    for each in told.get("sources") or ():
        kind = next(iter(each), "a source of no kind")
        if kind not in (*MEMBERS, OF_POD):
            raise _failed(
                volume, f"the emulator projects secret, configMap, downwardAPI, not {kind}"
            )
        usual = {"defaultMode": told.get("defaultMode"), **each[kind]}
        found += await _source(volume, kind, usual, cluster, pod)
    return tuple(found)


async def _source(
    volume: Mapping[str, Any], member: str, told: Mapping[str, Any], cluster: Cluster, pod: Pod
) -> tuple[File, ...]:
    if member == OF_POD:
        return tuple(_of_pod(volume, told, pod))
    kind, naming = MEMBERS[member]
    # Projected, a Secret is called by its `name` as well.
    name = str(told.get(naming) or told.get("name") or "")
    data = await cluster.find(kind, name)
    if data is None and not told.get("optional"):
        raise _failed(volume, f'{kind} "{name}" not found: {cluster.advice(kind, name)}')
    advise = partial(cluster.advice, kind, name)
    return tuple(_files(volume, _KEYS[kind], told, data or {}, advise))


def _of_pod(volume: Mapping[str, Any], told: Mapping[str, Any], pod: Pod) -> Iterator[File]:
    for each in told.get("items") or ():
        if not each.get("fieldRef"):
            raise _failed(volume, f"the emulator has no resourceFieldRef ({each.get('path')})")
        field = str(each["fieldRef"].get("fieldPath") or "")
        content = pod.file(field)
        if content is None:
            raise _failed(
                volume,
                "the emulator has metadata.namespace, .labels and .annotations in its files, which "
                f"replicas share, not {field}",
            )
        yield File(_path(volume, each, field), content.encode(), _mode(told, each))


def _mode(told: Mapping[str, Any], item: Mapping[str, Any]) -> int:
    given = item.get("mode") if item.get("mode") is not None else told.get("defaultMode")
    return MODE if given is None else int(given)


def _path(volume: Mapping[str, Any], item: Mapping[str, Any], key: str) -> PurePosixPath:
    path = PurePosixPath(str(item.get("path") or key))
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise _failed(volume, f"the path {path} of {key!r} must be below the volume")
    return path


def _files(
    volume: Mapping[str, Any],
    what: str,
    told: Mapping[str, Any],
    data: Data,
    advise: Callable[[str], str],
) -> Iterator[File]:
    items: Iterable[Mapping[str, Any]] = told.get("items") or [{"key": key} for key in data]
    for each in items:
        key = str(each.get("key") or "")
        path = _path(volume, each, key)
        if key in data:
            yield File(path, data[key], _mode(told, each))
        elif not told.get("optional"):
            raise _failed(volume, f"references non-existent {what}: {key}: {advise(key)}")


def _failed(volume: Mapping[str, Any], why: str) -> DeployFailed:
    return DeployFailed(f'MountVolume.SetUp failed for volume "{volume.get("name")}" : {why}')
