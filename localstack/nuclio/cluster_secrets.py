"""What a configuration's references to Secrets stand for, as Kubernetes gives it to a container.

The cluster's Secrets are the secrets of the emulator's Secrets Manager: a JSON object's members are
the keys, a plain text is the key `value`.  Values go to the workers' environment and nowhere else.

Source: Kubernetes' core API (EnvVarSource, EnvFromSource), and what a kubelet says of a container
that cannot be made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from .errors import DeployFailed

Call = Callable[[str, str, dict[str, Any]], Awaitable[dict[str, Any]]]
Find = Callable[[str], Awaitable[Mapping[str, str] | None]]
_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")


def finder(call: Call) -> Find:
    """Who finds the data of a Secret by its name; None is for one that is not there.

    call: one operation of a service, as `Services.call`
    """

    async def ask(operation: str, **members: Any) -> dict[str, Any]:
        return await call("secretsmanager", f"secretsmanager.{operation}", members)

    async def find(name: str) -> Mapping[str, str] | None:
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


async def nothing(name: str) -> None:
    """A cluster without Secrets."""


def kubernetes_name(name: str) -> str:
    """A name of Secrets Manager as a Secret can be called.

    >>> kubernetes_name("shop/db")
    'shop-db'
    """
    return re.sub(r"[/_]", "-", name.strip("/")).lower()


def data_of(text: str) -> dict[str, str]:
    """A secret's text as a Secret's data.

    >>> data_of('{"user": "ana", "port": 5432}'), data_of("s3cret")
    ({'user': 'ana', 'port': '5432'}, {'value': 's3cret'})
    """
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return {"value": text}
    return {key: each if isinstance(each, str) else json.dumps(each) for key, each in found.items()}


async def followed(spec: Mapping[str, Any], namespace: str, find: Find) -> list[dict[str, str]]:
    """The variables of a configuration with the values that it refers to; `env` is over `envFrom`.

    Raises `DeployFailed`, as a container that cannot be made says it.
    """
    found: dict[str, str] = {}
    for source in spec.get("envFrom") or ():
        found |= await _all_of(source, find)
    for each in spec.get("env") or ():
        if each.get("valueFrom"):
            found |= dict(await _one_of(each, namespace, find))
        else:
            found[str(each["name"])] = str(each.get("value", ""))
    return [{"name": name, "value": value} for name, value in found.items()]


async def _all_of(source: Mapping[str, Any], find: Find) -> dict[str, str]:
    asked = source.get("secretRef")
    if not asked:
        raise DeployFailed("the emulator takes envFrom of Secrets (secretRef) alone")
    data = await find(str(asked.get("name")))
    if data is None:
        if asked.get("optional"):
            return {}
        raise _absent(asked)
    prefix = str(source.get("prefix") or "")
    names = {f"{prefix}{key}": value for key, value in data.items()}
    return {name: value for name, value in names.items() if _VARIABLE.fullmatch(name)}


async def _one_of(
    variable: Mapping[str, Any], namespace: str, find: Find
) -> Iterator[tuple[str, str]]:
    asked = variable["valueFrom"].get("secretKeyRef")
    if not asked:
        raise DeployFailed(
            f"environment {variable.get('name')}: the emulator follows secretKeyRef alone"
        )
    name, key = str(asked.get("name")), str(asked.get("key"))
    data = await find(name)
    if data is not None and key in data:
        return iter([(str(variable["name"]), data[key])])
    if asked.get("optional"):
        return iter([])
    if data is None:
        raise _absent(asked)
    raise DeployFailed(
        f"CreateContainerConfigError: couldn't find key {key} in Secret {namespace}/{name}"
    )


def _absent(asked: Mapping[str, Any]) -> DeployFailed:
    return DeployFailed(f'CreateContainerConfigError: secret "{asked.get("name")}" not found')
