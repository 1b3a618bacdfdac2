"""A function's settings: what may be asked for, what is filled in, and how they are told.

Settings that the emulator cannot honour are refused by name, so that nothing is silently
ignored.  What each setting may be is in `setting_rules`; what other services must be asked for
(a VPC's id) is asked before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import setting_rules as rules
from .errors import invalid
from .names import Place, runtime_arn
from .states import Function, Version

_DEFAULTS: Mapping[str, Any] = {
    "Timeout": 3,
    "MemorySize": 128,
    "Architectures": ["x86_64"],
    "TracingConfig": {"Mode": "PassThrough"},
    "EphemeralStorage": {"Size": 512},
    "SnapStart": {"ApplyOn": "None"},
}
# Taken as they are, and told again.
_PLAIN = (
    "Runtime", "Role", "Handler", "Timeout", "MemorySize", "Architectures", "EphemeralStorage",
)  # fmt: skip
# Absent when they say nothing: an empty value takes them away.
_WHEN_SOMETHING = ("KMSKeyArn", "DeadLetterConfig", "FileSystemConfigs", "ImageConfig")
# Members that keep what they had where a request leaves them out: setting, then its rule.
_MERGED: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]] = {
    "LoggingConfig": rules.logging,
    "VpcConfig": rules.vpc,
    "TracingConfig": rules.merged,
    "SnapStart": rules.merged,
}
PACKAGE_TYPE, IMAGE = "PackageType", "Image"  # kept for an image only
# Of the code, and told with it; nothing is encrypted here.
SOURCE_KEY = "SourceKMSKeyArn"
# Not honoured: given with content, they are refused by name.
REFUSED = (
    "DurableConfig", "CapacityProviderConfig", "TenancyConfig",
    "PublishTo",
)  # fmt: skip


def created(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The settings of a new function.  Raises InvalidParameterValueException."""
    start: dict[str, Any] = {
        **_DEFAULTS,
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"},
    }
    if values.get("PackageType", "Zip") == IMAGE:
        start[PACKAGE_TYPE] = IMAGE
    elif "Runtime" not in values or "Handler" not in values:
        raise invalid(
            "Runtime and Handler are mandatory parameters for functions created with deployment "
            "packages."
        )
    return updated(start, values)


def is_image(settings: Mapping[str, Any]) -> bool:
    """Whether the code is a container image, and so brings its own runtime and handler."""
    return settings.get(PACKAGE_TYPE) == IMAGE


def updated(settings: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` with what a request changes.  Raises InvalidParameterValueException."""
    _refuse(values, is_image(settings))
    changed = {**settings, **{name: values[name] for name in _PLAIN if name in values}}
    for name in _WHEN_SOMETHING:
        if name in values:
            _put(changed, name, values[name] if _holds_something(values[name]) else None)
    for name, merge in _MERGED.items():
        if name in values:
            changed[name] = merge(settings.get(name, {}), values[name])
    if "Environment" in values:
        _put(changed, "Environment", values["Environment"].get("Variables"))
    rules.check(changed)
    return changed


def with_key(settings: Mapping[str, Any], code: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` with the key that new code is said to be encrypted with, or without one."""
    changed = {**settings}
    _put(changed, SOURCE_KEY, code.get(SOURCE_KEY) or None)
    return changed


def _put(changed: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        changed.pop(name, None)
    else:
        changed[name] = value


def _refuse(values: Mapping[str, Any], image: bool) -> None:
    """What is not supported here, and what does not go with the package's type."""
    for name in REFUSED:
        if _holds_something(values.get(name)):
            raise invalid(f"The pelton emulator does not support {name} yet.")
    if image and any(values.get(name) for name in ("Runtime", "Handler", "Layers")):
        # As public reports quote it.
        raise invalid(
            "Please don't provide Handler or Runtime or Layer when the intended function "
            "PackageType is Image."
        )
    if not image and _holds_something(values.get("ImageConfig")):
        raise invalid(
            "Please don't provide ImageConfig when the intended function PackageType is Zip."
        )


def _holds_something(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_something(each) for each in value.values())
    return bool(value)


# -- telling


def configuration(
    place: Place, function: Function, version: Version, qualifier: str = ""
) -> dict[str, Any]:
    """A FunctionConfiguration; `qualifier` is what its ARN ends with."""
    settings = version.settings
    told = {
        **settings,
        "FunctionName": function.name,
        "FunctionArn": place.function_arn(function.name, qualifier),
        "Description": version.description,
        "CodeSize": version.code.size,
        "CodeSha256": version.code.told_sha256,
        "LastModified": version.last_modified,
        "Version": version.version,
        "RevisionId": version.revision_id,
        "PackageType": settings.get(PACKAGE_TYPE, "Zip"),
        "SnapStart": _snap_start(version),
        **version.told(),
    }
    if "Runtime" in settings:
        arn = _runtime_version(place, function, version)
        told["RuntimeVersionConfig"] = {"RuntimeVersionArn": arn}
    if "ImageConfig" in settings:
        told["ImageConfigResponse"] = {"ImageConfig": told.pop("ImageConfig")}
    if "Environment" in settings:
        told["Environment"] = {"Variables": settings["Environment"]}
    return told


def _snap_start(version: Version) -> dict[str, str]:
    """Snapshots are of published versions only; On says that this one has (or gets) its own."""
    apply_on = version.settings["SnapStart"]["ApplyOn"]
    return {"ApplyOn": apply_on, "OptimizationStatus": "On" if version.has_snapshot else "Off"}


_NOT_LISTED = (
    "State", "StateReason", "StateReasonCode", "LastUpdateStatus", "LastUpdateStatusReason",
    "LastUpdateStatusReasonCode", "RuntimeVersionConfig",
)  # fmt: skip


def listed(place: Place, function: Function, version: Version, qualifier: str) -> dict[str, Any]:
    """A FunctionConfiguration as lists tell it: without the states."""
    told = configuration(place, function, version, qualifier)
    return {key: value for key, value in told.items() if key not in _NOT_LISTED}


def _runtime_version(place: Place, function: Function, version: Version) -> str:
    pinned = function.runtime_updates.get(version.version, {}).get("RuntimeVersionArn")
    return pinned or runtime_arn(place.region, version.settings["Runtime"])
