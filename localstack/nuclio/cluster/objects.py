"""The Secrets and ConfigMaps of the cluster that the emulator stands for, by their names.

Each is a folder NAME with a file a key, as Kubernetes mounts it and `kubectl create secret
--from-file` takes it, byte for byte.  A Secret that is not there may be one of the emulator's
Secrets Manager: a JSON object's members are its keys, a plain text is the key `value`.  Namespaces
are not told apart.  What is done with the values this never knows.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECRET, CONFIG_MAP = "secret", "configmap"
OPTIONS = {SECRET: "--nuclio-secrets", CONFIG_MAP: "--nuclio-config-maps"}
TITLES = {SECRET: "Secret", CONFIG_MAP: "ConfigMap"}
Data = Mapping[str, bytes]
Call = Callable[[str, str, dict[str, Any]], Awaitable[dict[str, Any]]]
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")


async def _none(name: str) -> Data | None:
    return None


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster's Secrets and ConfigMaps.

    folders: where those of a kind are, as NAME/KEY;  managed: who finds other Secrets by name
    """

    folders: Mapping[str, Path] = field(default_factory=dict)
    managed: Callable[[str], Awaitable[Data | None]] = _none

    async def find(self, kind: str, name: str) -> Data | None:
        """The data of one; None is for one that is not there.  Raises OSError."""
        if not _NAME.fullmatch(name):
            return None
        if kind in self.folders:
            found = await asyncio.to_thread(_read, self.folders[kind] / name)
            if found is not None:
                return found
        return await self.managed(name) if kind == SECRET else None

    def advice(self, kind: str, name: str, key: str = "KEY") -> str:
        """What to do about one that is not there, as the end of a sentence.

        >>> Cluster({CONFIG_MAP: Path("maps")}).advice(CONFIG_MAP, "shop", "rate")
        'write maps/shop/rate, which is to hold its value'
        """
        if kind in self.folders:
            told = f"write {self.folders[kind]}/{name}/{key}, which is to hold its value"
        else:
            told = f"start the emulator with {OPTIONS[kind]} FOLDER, which has {name}/{key}"
        return f"{told}, or make {name} in Secrets Manager" if kind == SECRET else told


def _read(folder: Path) -> Data | None:
    """A file a key; what can be no key is left out, as the `..data` of a mounted Secret."""
    if not folder.is_dir():
        return None
    files = [each for each in folder.iterdir() if each.is_file() and _is_key(each.name)]
    return {each.name: each.read_bytes() for each in sorted(files)}


def _is_key(name: str) -> bool:
    return bool(_KEY.fullmatch(name)) and not name.startswith("..") and name != "."


def manager(call: Call) -> Callable[[str], Awaitable[Data | None]]:
    """Who finds a Secret among the secrets of Secrets Manager.

    call: one operation of a service, as `Services.call`
    """

    async def ask(operation: str, **members: Any) -> dict[str, Any]:
        return await call("secretsmanager", f"secretsmanager.{operation}", members)

    async def find(name: str) -> Data | None:
        more: dict[str, Any] = {}
        while True:
            page = await ask("ListSecrets", MaxResults=100, **more)
            for each in page.get("SecretList", ()):
                if name in (each["Name"], kubernetes_name(each["Name"])):
                    told = await ask("GetSecretValue", SecretId=each["Name"])
                    return data_of(str(told.get("SecretString", "")))
            if not page.get("NextToken"):
                return None
            more = {"NextToken": page["NextToken"]}

    return find


def kubernetes_name(name: str) -> str:
    """A name of Secrets Manager as a Secret can be called.

    >>> kubernetes_name("shop/db")
    'shop-db'
    """
    return re.sub(r"[/_]", "-", name.strip("/")).lower()


def data_of(text: str) -> Data:
    """A secret's text as a Secret's data.

    >>> data_of('{"user": "ana", "port": 5432}'), data_of("s3cret")
    ({'user': b'ana', 'port': b'5432'}, {'value': b's3cret'})
    """
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return {"value": text.encode()}
    return {
        key: (each if isinstance(each, str) else json.dumps(each)).encode()
        for key, each in found.items()
    }
