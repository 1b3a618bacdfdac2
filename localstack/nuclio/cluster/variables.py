"""What a configuration's references to Secrets and ConfigMaps stand for in its environment.

Values go to the workers' environment and nowhere else.  Source: Kubernetes' core API (EnvVarSource,
EnvFromSource), and what a kubelet says of a container that cannot be made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import DeployFailed
from .objects import CONFIG_MAP, SECRET, TITLES, Cluster

_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
KEYS = {"secretKeyRef": SECRET, "configMapKeyRef": CONFIG_MAP}
WHOLE = {"secretRef": SECRET, "configMapRef": CONFIG_MAP}


async def followed(
    spec: Mapping[str, Any], namespace: str, cluster: Cluster
) -> list[dict[str, str]]:
    """The variables of a configuration with the values that it refers to; `env` is over `envFrom`.

    Raises `DeployFailed`, as a container that cannot be made says it.
    """
    found: dict[str, str] = {}
    for source in spec.get("envFrom") or ():
        found |= await _all_of(source, cluster)
    for each in spec.get("env") or ():
        if each.get("valueFrom"):
            found |= dict(await _one_of(each, namespace, cluster))
        else:
            found[str(each["name"])] = str(each.get("value", ""))
    return [{"name": name, "value": value} for name, value in found.items()]


async def _all_of(source: Mapping[str, Any], cluster: Cluster) -> dict[str, str]:
    kind, asked = _reference(source, WHOLE, "envFrom")
    name = str(asked.get("name"))
    data = await cluster.find(kind, name)
    if data is None:
        if asked.get("optional"):
            return {}
        raise _absent(kind, name, cluster)
    prefix = str(source.get("prefix") or "")
    names = {f"{prefix}{key}": _text(value) for key, value in data.items()}
    return {name: value for name, value in names.items() if _VARIABLE.fullmatch(name)}


async def _one_of(
    variable: Mapping[str, Any], namespace: str, cluster: Cluster
) -> Iterator[tuple[str, str]]:
    place = f"environment {variable.get('name')}"
    kind, asked = _reference(variable["valueFrom"], KEYS, place)
    name, key = str(asked.get("name")), str(asked.get("key"))
    data = await cluster.find(kind, name)
    if data is not None and key in data:
        return iter([(str(variable["name"]), _text(data[key]))])
    if asked.get("optional"):
        return iter([])
    if data is None:
        raise _absent(kind, name, cluster, key)
    raise DeployFailed(
        f"CreateContainerConfigError: couldn't find key {key} in {TITLES[kind]} {namespace}/{name}"
        f": {cluster.advice(kind, name, key)}"
    )


def _reference(
    source: Mapping[str, Any], kinds: Mapping[str, str], place: str
) -> tuple[str, Mapping[str, Any]]:
    """The kind and the reference of a source; raises `DeployFailed` for what is none of these."""
    for name, kind in kinds.items():
        if source.get(name):
            return kind, source[name]
    raise DeployFailed(
        f"{place}: the emulator follows {' and '.join(kinds)}, not {', '.join(source) or 'nothing'}"
    )


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _absent(kind: str, name: str, cluster: Cluster, key: str = "KEY") -> DeployFailed:
    return DeployFailed(
        f'CreateContainerConfigError: {kind} "{name}" not found: {cluster.advice(kind, name, key)}'
    )
