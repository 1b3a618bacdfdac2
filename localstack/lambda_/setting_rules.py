"""What each setting of a function may be, in AWS's words where they are known.

The model's own constraints (lengths, patterns, enums) are checked before, for every operation;
here is what the service checks after them.  It knows settings as plain data, no function and no
request.

Sources, where the contract records no sentence: for log levels
https://github.com/aws/aws-cdk/pull/28045; for SnapStart the limits of
https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html in the sentence that the service uses
for runtimes; for sizes the quotas of
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html in the sentence that it
uses for memory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .errors import invalid

# The runtimes AWS accepts today, in the order in which it lists them where that was recorded.
SUPPORTED = (
    "nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x",
    "nodejs22.x", "java25", "python3.10", "python3.11", "java21", "ruby3.3", "ruby3.4",
    "java17", "java11", "java8.al2", "provided.al2", "dotnet8", "dotnet10", "python3.9",
)  # fmt: skip
_DEPRECATED = frozenset(
    "nodejs nodejs4.3 nodejs6.10 nodejs8.10 nodejs10.x nodejs12.x nodejs14.x nodejs16.x nodejs18.x "
    "java8 python2.7 python3.6 python3.7 python3.8 dotnetcore1.0 dotnetcore2.0 dotnetcore2.1 "
    "dotnetcore3.1 dotnet6 nodejs4.3-edge go1.x ruby2.5 ruby2.7 ruby3.2 provided".split()
)
_RESERVED_NAMES = (
    "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
)  # fmt: skip
_ENVIRONMENT_LIMIT = 4096  # bytes of JSON
# Lower than the model's own maxima, which are those of managed instances.
_MEMORY_LIMIT = 10240  # MB
_STORAGE_LIMIT = 10240  # MB
_TIMEOUT_LIMIT = 900  # seconds
_WITHOUT_SNAPSHOTS = ("python3.9", "python3.10", "python3.11")
_SNAPSHOT_STORAGE = 512  # MB
_UNABLE = (
    "Lambda was unable to configure your environment variables because the environment variables "
    "you have provided "
)


def check(settings: Mapping[str, Any]) -> None:
    """Raises InvalidParameterValueException for settings that no function may have."""
    if "Runtime" in settings:
        _check_runtime(settings["Runtime"])
    _check_most("MemorySize", settings["MemorySize"], _MEMORY_LIMIT)
    _check_most("Timeout", settings["Timeout"], _TIMEOUT_LIMIT)
    _check_most("EphemeralStorage", settings["EphemeralStorage"]["Size"], _STORAGE_LIMIT)
    _check_environment(settings.get("Environment", {}))
    _check_files(settings)
    if settings["SnapStart"]["ApplyOn"] != "None":
        _check_snap_start(settings)


def merged(old: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What a request leaves out stays as it was."""
    return {**old, **given}


def logging(old: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Levels are JSON's alone: filled in with it, gone with it, refused without it.

    >>> logging({"LogFormat": "Text", "LogGroup": "g"}, {"LogFormat": "JSON"})["SystemLogLevel"]
    'INFO'
    """
    changed = {**old, **given}
    levels = ("ApplicationLogLevel", "SystemLogLevel")
    if changed["LogFormat"] == "JSON":
        return {**dict.fromkeys(levels, "INFO"), **changed}
    if any(level in given for level in levels):
        raise invalid(
            'LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your '
            'request or change the LogFormat to "JSON" and try again.'
        )
    return {name: value for name, value in changed.items() if name not in levels}


def vpc(old: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A VPC is left with empty lists; `given` has the VpcId that the subnets are in."""
    nowhere = {
        "SubnetIds": [],
        "SecurityGroupIds": [],
        "VpcId": "",
        "Ipv6AllowedForDualStack": False,
    }
    changed = {**nowhere, **old, **given}
    if bool(changed["SubnetIds"]) != bool(changed["SecurityGroupIds"]):
        raise invalid(
            "A VpcConfig must name both SubnetIds and SecurityGroupIds, or neither of them."
        )
    return changed if changed["SubnetIds"] else nowhere


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


def _check_most(name: str, value: int, limit: int) -> None:
    if value > limit:
        raise invalid(
            f"'{name}' value failed to satisfy constraint: Member must have value less than or "
            f"equal to {limit}"
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


def _check_files(settings: Mapping[str, Any]) -> None:
    if settings.get("FileSystemConfigs") and not settings.get("VpcConfig", {}).get("SubnetIds"):
        raise invalid("A function with FileSystemConfigs must be in a VPC: give it a VpcConfig.")


def _check_snap_start(settings: Mapping[str, Any]) -> None:
    refused = ""
    if "Runtime" not in settings:
        refused = "PackageType Image"
    elif settings["Runtime"] in _WITHOUT_SNAPSHOTS:
        refused = settings["Runtime"]
    elif settings["EphemeralStorage"]["Size"] > _SNAPSHOT_STORAGE:
        refused = f"EphemeralStorage greater than {_SNAPSHOT_STORAGE} MB"
    elif settings.get("FileSystemConfigs"):
        refused = "FileSystemConfigs"
    if refused:
        raise invalid(f"{refused} is not supported for SnapStart enabled functions.")
