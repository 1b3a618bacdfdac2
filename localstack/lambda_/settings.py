"""A function's settings: what may be asked for, what is filled in, and how they are told.

Settings that the emulator cannot honour are refused by name, so that nothing is silently
ignored; the texts of AWS's own refusals are those recorded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .archives import refused_image
from .errors import invalid
from .names import Place
from .states import Function, Version

# The runtimes AWS accepts today, in the order in which it lists them where that was recorded.
SUPPORTED = (
    "nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x",
    "nodejs22.x", "java25", "python3.10", "python3.11", "java21", "ruby3.3", "ruby3.4",
    "java17", "java11", "java8.al2", "provided.al2", "dotnet8", "dotnet10", "python3.9",
)  # fmt: skip
_DEFAULTS: Mapping[str, Any] = {
    "Timeout": 3,
    "MemorySize": 128,
    "Architectures": ["x86_64"],
    "TracingConfig": {"Mode": "PassThrough"},
    "EphemeralStorage": {"Size": 512},
    "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
}
# Taken as they are, and told again.
_PLAIN = (
    "Runtime", "Role", "Handler", "Timeout", "MemorySize", "Architectures", "TracingConfig",
    "EphemeralStorage", "KMSKeyArn",
)  # fmt: skip
# Not honoured yet: given with content, they are refused by name.
_REFUSED = (
    "VpcConfig", "DeadLetterConfig", "ImageConfig", "FileSystemConfigs",
    "DurableConfig", "CapacityProviderConfig", "TenancyConfig",
    "PublishTo",
)  # fmt: skip
_RESERVED_NAMES = (
    "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
)  # fmt: skip
_ENVIRONMENT_LIMIT = 4096  # bytes of JSON
_MEMORY_LIMIT = 10240
_UNABLE = (
    "Lambda was unable to configure your environment variables because the environment variables "
    "you have provided "
)


def created(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The settings of a new function.  Raises InvalidParameterValueException."""
    if values.get("PackageType", "Zip") == "Image":
        raise refused_image()
    if "Runtime" not in values or "Handler" not in values:
        raise invalid(
            "Runtime and Handler are mandatory parameters for functions created with deployment "
            "packages."
        )
    logging = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"}
    return updated({**_DEFAULTS, "LoggingConfig": logging}, values)


def updated(settings: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` with what a request changes.  Raises InvalidParameterValueException."""
    _refuse(values)
    changed = {**settings, **{name: values[name] for name in _PLAIN if name in values}}
    _check_runtime(changed["Runtime"])
    if changed["MemorySize"] > _MEMORY_LIMIT:
        raise invalid(
            f"'MemorySize' value failed to satisfy constraint: Member must have value less than or "
            f"equal to {_MEMORY_LIMIT}"
        )
    if "Environment" in values:
        changed["Environment"] = values["Environment"].get("Variables", {})
        _check_environment(changed["Environment"])
    if "LoggingConfig" in values:
        changed["LoggingConfig"] = _logging(settings["LoggingConfig"], values["LoggingConfig"])
    return changed


def _refuse(values: Mapping[str, Any]) -> None:
    for name in _REFUSED:
        if _holds_something(values.get(name)):
            raise invalid(f"The pelton emulator does not support {name} yet.")
    if values.get("SnapStart", {}).get("ApplyOn", "None") != "None":
        raise invalid("The pelton emulator does not support SnapStart yet.")


def _holds_something(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_something(each) for each in value.values())
    return bool(value)


def _check_runtime(runtime: str) -> None:
    if runtime in SUPPORTED:
        if not runtime.startswith("python3"):
            raise invalid(
                f"The pelton emulator runs Python functions only: the runtime {runtime} "
                "is not there."
            )
    elif runtime in _DEPRECATED:
        raise invalid(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating "
            "AWS Lambda functions. We recommend you use a supported runtime while creating or "
            "updating functions."
        )
    else:
        raise invalid(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum "
            f"value set: [{', '.join(SUPPORTED)}] or be a valid ARN"
        )


_DEPRECATED = frozenset(
    "nodejs nodejs4.3 nodejs6.10 nodejs8.10 nodejs10.x nodejs12.x nodejs14.x nodejs16.x nodejs18.x "
    "java8 python2.7 python3.6 python3.7 python3.8 dotnetcore1.0 dotnetcore2.0 dotnetcore2.1 "
    "dotnetcore3.1 dotnet6 nodejs4.3-edge go1.x ruby2.5 ruby2.7 ruby3.2 provided".split()
)


def _check_environment(variables: Mapping[str, str]) -> None:
    reserved = [name for name in variables if name in _RESERVED_NAMES]
    if reserved:
        raise invalid(
            f"{_UNABLE}contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > _ENVIRONMENT_LIMIT:
        raise invalid(f"{_UNABLE}exceeded the 4KB limit. String measured: {measured}")


def _logging(old: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    changed = {**old, **given}
    if changed["LogFormat"] == "JSON":
        changed.setdefault("ApplicationLogLevel", "INFO")
        changed.setdefault("SystemLogLevel", "INFO")
    elif "ApplicationLogLevel" in given or "SystemLogLevel" in given:
        raise invalid("Log Level is not supported when LogFormat is set to Text.")
    else:
        changed.pop("ApplicationLogLevel", None)
        changed.pop("SystemLogLevel", None)
    return changed


# -- telling


def configuration(
    place: Place, function: Function, version: Version, qualifier: str = ""
) -> dict[str, Any]:
    """A FunctionConfiguration; `qualifier` is what its ARN ends with."""
    settings = {key: value for key, value in version.settings.items() if key != "Environment"}
    told = {
        **settings,
        "FunctionName": function.name,
        "FunctionArn": place.function_arn(function.name, qualifier),
        "Description": version.description,
        "CodeSize": version.code.size,
        "CodeSha256": version.code.sha256_base64,
        "LastModified": version.last_modified,
        "Version": version.version,
        "RevisionId": version.revision_id,
        "PackageType": "Zip",
        "RuntimeVersionConfig": {"RuntimeVersionArn": _runtime_version(place, function, version)},
        **version.told(),
    }
    if version.settings.get("Environment"):
        told["Environment"] = {"Variables": version.settings["Environment"]}
    return told


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
    return pinned or _runtime_arn(place, version.settings["Runtime"])


def _runtime_arn(place: Place, runtime: str) -> str:
    import hashlib

    digest = hashlib.sha256(runtime.encode()).hexdigest()
    return f"arn:aws:lambda:{place.region}::runtime:{digest}"
