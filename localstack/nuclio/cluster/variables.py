"""What a configuration's references stand for in its environment: to Secrets, to ConfigMaps, to
fields of its pod.

Values go to the workers' environment and nowhere else.  Source: Kubernetes' core API (EnvVarSource,
EnvFromSource), and what a kubelet says of a container that cannot be made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import DeployFailed
from .objects import CONFIG_MAP, SECRET, TITLES, Cluster
from .pod import FIELDS, OWN, Pod

_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
KEYS = {"secretKeyRef": SECRET, "configMapKeyRef": CONFIG_MAP}
WHOLE = {"secretRef": SECRET, "configMapRef": CONFIG_MAP}


async def followed(spec: Mapping[str, Any], cluster: Cluster, pod: Pod) -> list[dict[str, str]]:
    """The variables of a configuration with the values that it refers to; `env` is over `envFrom`.
    What each replica has of its own has the `field` in the place of a value.

    Raises `DeployFailed`, as a container that cannot be made says it.
    """
    found: dict[str, dict[str, str]] = {}
    for source in spec.get("envFrom") or ():
        found |= {
            name: {"value": value} for name, value in (await _all_of(source, cluster)).items()
        }
    for each in spec.get("env") or ():
        name = str(each["name"])
        if (each.get("valueFrom") or {}).get("fieldRef"):
            found[name] = _field(each, pod)
        elif each.get("valueFrom"):
            value = await _one_of(each, pod, cluster)
            found |= {} if value is None else {name: {"value": value}}
        else:
            found[name] = {"value": str(each.get("value", ""))}
    return [{"name": name, **told} for name, told in found.items()]


def _field(variable: Mapping[str, Any], pod: Pod) -> dict[str, str]:
    path = str(variable["valueFrom"]["fieldRef"].get("fieldPath") or "")
    if path in OWN:
        return {"field": path}
    value = pod.field(path)
    if value is None:
        raise DeployFailed(
            f"environment {variable.get('name')}: fieldRef.fieldPath: Unsupported value: "
            f'"{path}": supported values: {", ".join(FIELDS)}'
        )
    return {"value": value}


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


async def _one_of(variable: Mapping[str, Any], pod: Pod, cluster: Cluster) -> str | None:
    """The value of a key; None where it is not there and need not be."""
    place = f"environment {variable.get('name')}"
    kind, asked = _reference(variable["valueFrom"], KEYS, place)
    name, key = str(asked.get("name")), str(asked.get("key"))
    data = await cluster.find(kind, name)
    if data is not None and key in data:
        return _text(data[key])
    if asked.get("optional"):
        return None
    if data is None:
        raise _absent(kind, name, cluster, key)
    raise DeployFailed(
        f"CreateContainerConfigError: couldn't find key {key} in {TITLES[kind]} "
        f"{pod.namespace}/{name}: {cluster.advice(kind, name, key)}"
    )


def _reference(
    source: Mapping[str, Any], kinds: Mapping[str, str], place: str
) -> tuple[str, Mapping[str, Any]]:
    """The kind and the reference of a source; raises `DeployFailed` for what is none of these."""
    for name, kind in kinds.items():
        if source.get(name):
            return kind, source[name]
    known = [*kinds, *(["fieldRef"] if kinds is KEYS else [])]
    raise DeployFailed(
        f"{place}: the emulator follows {' and '.join(known)}, not {', '.join(source) or 'nothing'}"
    )


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _absent(kind: str, name: str, cluster: Cluster, key: str = "KEY") -> DeployFailed:
    return DeployFailed(
        f'CreateContainerConfigError: {kind} "{name}" not found: {cluster.advice(kind, name, key)}'
    )
