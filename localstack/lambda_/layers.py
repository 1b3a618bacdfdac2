"""Layers: archives that functions share, published under numbers that never come again.

What a layer's version may be asked for by name is here, with the words recorded on AWS; how
functions take layers is in `layer_settings`, who may use them in `layer_permissions`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from .account import Account, Act, Answer, Values
from .errors import AwsError, invalid, not_found
from .layer_store import Layer, LayerVersion
from .model import load
from .names import Place
from .paging import page
from .setting_rules import SUPPORTED
from .states import stamp
from .uploads import uploaded
from .validation import Problem, failed

_ARN = re.compile(r"arn:[^:]*:lambda:([^:]+):(\d{12}):layer:([^:]+)")
_ARCHITECTURES = ("x86_64", "arm64")
# The set that the lists print for a runtime they do not know; of today's answer only the beginning
# was recorded, the rest is that of an older one.
_LISTED_RUNTIMES = (
    "ruby3.5 ruby2.6 dotnetcore1.0 python3.7 nodejs8.10 nasa ruby2.7 python2.7-greengrass "
    "dotnetcore2.0 python3.8 java21 dotnet6 dotnetcore2.1 python3.9 java11 nodejs6.10 provided "
    "dotnetcore3.1 dotnet8 java17 nodejs nodejs4.3 java8.al2 go1.x nodejs20.x go1.9 byol "
    "nodejs10.x provided.al2023 nodejs22.x python3.10 java8 nodejs12.x python3.11 nodejs8.x "
    "python3.12 nodejs14.x nodejs8.9 python3.13 nodejs16.x provided.al2 nodejs4.3-edge "
    "nodejs18.x ruby3.2 python3.4 ruby3.3 ruby2.5 python3.6 python2.7"
).split()


class Layers:
    """The operations on layers and their versions."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry

    def operations(self) -> dict[str, Act]:
        return {
            "PublishLayerVersion": self.publish,
            "GetLayerVersion": self.get,
            "GetLayerVersionByArn": self.get_by_arn,
            "DeleteLayerVersion": self.delete,
            "ListLayers": self.list,
            "ListLayerVersions": self.list_versions,
        }

    async def publish(self, values: Values) -> Answer:
        _check_compatible(values)
        name = layer_name(self._account.place, values["LayerName"])
        content = values["Content"]
        archive = await uploaded(self._account, content)
        if archive is None:
            raise invalid("Please provide a source for layer content.")
        code = await asyncio.to_thread(self._registry.archives.keep, archive)
        version = LayerVersion(
            0,
            code,
            stamp(self._account.clock.time()),
            values.get("Description", ""),
            values.get("LicenseInfo"),
            values.get("CompatibleRuntimes"),
            values.get("CompatibleArchitectures"),
        )
        return self._told(name, self._registry.layers.publish(name, version))

    async def get(self, values: Values) -> Answer:
        name = layer_name(self._account.place, values["LayerName"])
        return self._got(name, version_number(values))

    async def get_by_arn(self, values: Values) -> Answer:
        arn, _, number = values["Arn"].rpartition(":")
        if not number.isdecimal():  # arn:…:lambda:::awslayer:… : AWS's own, none of them is here
            raise not_found("The resource you requested does not exist.")
        return self._got(layer_name(self._account.place, arn), int(number))

    async def delete(self, values: Values) -> Answer:
        """What is not there is deleted already.  Functions keep what they have."""
        name = layer_name(self._account.place, values["LayerName"])
        self._registry.layers.delete(name, version_number(values))
        return {}

    async def list(self, values: Values) -> Answer:
        wanted = _filter(values)
        told = []
        for layer in self._registry.layers.all():
            latest = next((each for each in layer.newest() if each.fits(*wanted)), None)
            if latest is not None:
                told.append(self._listed(layer, latest))
        return page(values, told, "Layers")

    async def list_versions(self, values: Values) -> Answer:
        wanted = _filter(values)
        layer = self._registry.layers.layer(layer_name(self._account.place, values["LayerName"]))
        told = [self._version(layer.name, each) for each in layer.newest() if each.fits(*wanted)]
        return page(values, told, "LayerVersions")

    # -- telling
    def _got(self, name: str, number: int) -> Answer:
        version = self._registry.layers.find(name, number)
        if version is None:
            raise not_found("The resource you requested does not exist.")
        return self._told(name, version)

    def _told(self, name: str, version: LayerVersion) -> Answer:
        return {
            **self._version(name, version),
            "LayerArn": self._account.place.layer_arn(name),
            "Content": {
                "Location": f"{self._account.around.url}/_pelton/code/{version.code.sha256}",
                "CodeSha256": version.code.told_sha256,
                "CodeSize": version.code.size,
            },
        }

    def _version(self, name: str, version: LayerVersion) -> dict[str, Any]:
        return {
            "LayerVersionArn": self._account.place.layer_arn(name, version.number),
            "Version": version.number,
            "Description": version.description,
            "CreatedDate": version.created,
            "CompatibleRuntimes": version.runtimes,
            "CompatibleArchitectures": version.architectures,
            "LicenseInfo": version.license,
        }

    def _listed(self, layer: Layer, latest: LayerVersion) -> dict[str, Any]:
        return {
            "LayerName": layer.name,
            "LayerArn": self._account.place.layer_arn(layer.name),
            "LatestMatchingVersion": self._version(layer.name, latest),
        }


def layer_name(place: Place, text: str) -> str:
    """A layer's name from a name or an ARN.  Raises AccessDeniedException for another account's
    layer, as no policy of another account is here, and ResourceNotFoundException for another
    region's.

    >>> layer_name(Place(), "arn:aws:lambda:us-east-1:000000000000:layer:shared")
    'shared'
    """
    found = _ARN.fullmatch(text)
    if found is None:
        return text
    region, account, name = found.groups()
    if account != place.account:
        raise not_allowed(place, text)
    if region != place.region:
        raise not_found("The resource you requested does not exist.")
    return name


def not_allowed(place: Place, arn: str) -> AwsError:
    """403: a layer of another account that has not let this one use it."""
    return AwsError(
        "AccessDeniedException",
        f"User: arn:aws:iam::{place.account}:root is not authorized to perform: "
        f"lambda:GetLayerVersion on resource: {arn} because no resource-based policy allows the "
        "lambda:GetLayerVersion action",
        403,
    )


def version_number(values: Values) -> int:
    """Raises InvalidParameterValueException for a number that no version can have."""
    number = int(values["VersionNumber"])
    if number < 1:
        raise invalid("Layer Version Cannot be less than 1")
    return number


def _check_compatible(values: Values) -> None:
    """What a version says it runs on, in the words recorded for this operation alone."""
    problems: list[Problem] = []
    runtimes = values.get("CompatibleRuntimes", [])
    architectures = values.get("CompatibleArchitectures", [])
    if any(each not in _runtimes() for each in runtimes):
        told = f"Member must satisfy enum value set: [{', '.join(SUPPORTED)}]"
        problems.append((_quoted(runtimes), "compatibleRuntimes", told))
    if any(each not in _ARCHITECTURES for each in architectures):
        told = "[Member must satisfy enum value set: [x86_64, arm64]]"
        told = f"Member must satisfy constraint: {told}"
        problems.append((_quoted(architectures), "compatibleArchitectures", told))
    if problems:
        raise failed(problems)


def _filter(values: Values) -> tuple[str | None, str | None]:
    """The runtime and the architecture that a list is asked for."""
    runtime = values.get("CompatibleRuntime")
    if runtime is not None and runtime not in _runtimes():
        told = f"Member must satisfy enum value set: [{', '.join(_LISTED_RUNTIMES)}]"
        raise failed([(f"'{runtime}'", "compatibleRuntime", told)])
    return runtime, values.get("CompatibleArchitecture")


def _runtimes() -> Sequence[str]:
    """Every runtime of the model: layers may be for one that is no longer given."""
    known: Sequence[str] = load().shapes["Runtime"]["enum"]
    return known


def _quoted(items: Sequence[str]) -> str:
    return f"'[{', '.join(items)}]'"
