"""The `Layers` of a function: which versions, and whether they fit together.

A function keeps what it needs of a layer (where its contents are, how large they are), so that it
runs on when the version is deleted.  The words are those recorded on AWS; that of the sum of sizes
is quoted in public reports of CloudFormation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import invalid
from .function_code import Code
from .layer_store import LayerStore
from .layers import not_allowed
from .names import Place
from .unpacking import UNZIPPED_LIMIT

MOST = 5
_ARN = re.compile(r"arn:[^:]*:lambda:([^:]+):(\d{12}):layer:([^:]+):(\d+)")


def with_layers(
    place: Place, layers: LayerStore, settings: Mapping[str, Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    """`settings` with the layers that a request asks for; none at all when it asks for none."""
    if "Layers" not in values:
        return dict(settings)
    rest = {name: value for name, value in settings.items() if name != "Layers"}
    found = _resolved(place, layers, values["Layers"])
    return {**rest, "Layers": found} if found else rest


def layers_of(settings: Mapping[str, Any]) -> list[str]:
    """The names of its layers' contents."""
    return [each["Sha256"] for each in settings.get("Layers", ())]


def check_total(settings: Mapping[str, Any], code: Code) -> None:
    """Raises InvalidParameterValueException when code and layers are too much together."""
    used = settings.get("Layers", [])
    total = code.unzipped + sum(each["Unzipped"] for each in used)
    if used and total > UNZIPPED_LIMIT:
        raise invalid(
            f"Function code combined with layers exceeds the maximum allowed size of "
            f"{UNZIPPED_LIMIT} bytes. The actual size is {total} bytes."
        )


def _resolved(place: Place, layers: LayerStore, arns: Sequence[str]) -> list[dict[str, Any]]:
    if len(arns) > MOST:
        raise invalid(f"Cannot reference more than {MOST} layers.")
    seen: dict[str, str] = {}
    found = []
    for arn in arns:
        found.append(_layer(place, layers, arn))
        layer = arn.rpartition(":")[0]
        if layer in seen:
            raise invalid(
                "Two different versions of the same layer are not allowed to be referenced in "
                f"the same function. {seen[layer]} and {arn} are versions of the same layer."
            )
        seen[layer] = arn
    return found


def _layer(place: Place, layers: LayerStore, arn: str) -> dict[str, Any]:
    parts = _ARN.fullmatch(arn)
    if parts is None:  # the model also lets arn:…:lambda:::awslayer:… pass
        raise invalid(f"Layer version {arn} does not exist.")
    region, account, name, number = parts.groups()
    if account != place.account:
        raise not_allowed(place, arn)
    if region != place.region:
        raise invalid(
            "Layers are not in the same region as the function. Layers are expected to be in "
            f"region {place.region}."
        )
    version = layers.find(name, int(number))
    if version is None:
        raise invalid(f"Layer version {arn} does not exist.")
    return {
        "Arn": arn,
        "CodeSize": version.code.size,
        "Sha256": version.code.sha256,
        "Unzipped": version.code.unzipped,
    }
