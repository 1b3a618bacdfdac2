"""The shape of a function's or project's configuration, checked before anything is kept.

A member of the wrong type is refused with its path and what it must be; members that are not
named here pass, and null is as good as absent.  Source: Nuclio's public functionconfig types.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .errors import Refused

Check = Callable[[str, Any], None]
_DIGITS = re.compile(r"[0-9]{1,20}")


def check_function(given: Mapping[str, Any]) -> None:
    """Raises `Refused` 400 for the first member that is not as it must be.

    >>> check_function({"metadata": {"name": "f"}, "spec": {"build": "x"}})
    Traceback (most recent call last):
    pelton.localstack.nuclio.errors.Refused: spec.build must be an object, not "x"
    """
    _check("", given, FUNCTION)


def check_project(given: Mapping[str, Any]) -> None:
    """The same for a project."""
    _check("", given, {"metadata": METADATA, "spec": {}})


def check_event(given: Mapping[str, Any]) -> None:
    """The same for a function event."""
    _check("", given, EVENT)


def check_import(given: Mapping[str, Any]) -> None:
    """The same for an exported project."""
    _check("", given, IMPORT)


def check_gateway(given: Mapping[str, Any]) -> None:
    """The same for an API gateway."""
    _check("", given, {"metadata": METADATA, "spec": GATEWAY})


def _check(path: str, value: Any, wanted: Any) -> None:
    if value is None:
        return
    if callable(wanted):
        wanted(path, value)
    elif isinstance(wanted, list):
        _is(path, value, list, "a list")
        for number, each in enumerate(value):
            _check(f"{path}[{number}]", each, wanted[0])
    else:
        _is(path, value, dict, "an object")
        for key, inner in _members(value, wanted):
            _check(f"{path}.{key}" if path else key, value[key], inner)


def _members(value: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The members that are there and have a rule; "*" is the rule of any other."""
    for key in value:
        rule = wanted.get(key, wanted.get("*"))
        if rule is not None:
            yield key, rule


def _is(path: str, value: Any, kind: Any, words: str) -> None:
    wrong_bool = isinstance(value, bool) and kind is not bool
    if wrong_bool or not isinstance(value, kind):
        told = json.dumps(value, default=str)
        raise Refused(400, f"{path} must be {words}, not {told[:80]}")


def _text(path: str, value: Any) -> None:
    _is(path, value, str, "a string")


def _flag(path: str, value: Any) -> None:
    _is(path, value, bool, "true or false")


def _scalar(path: str, value: Any) -> None:
    if not isinstance(value, bool):
        _is(path, value, str | int | float, "a string")


def _whole(least: int, most: int = 2**31 - 1) -> Check:
    def check(path: str, value: Any) -> None:
        # nuclio-jupyter gives some numbers as text.
        number = int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value
        _is(path, number, int, "a whole number")
        if not least <= number <= most:
            raise Refused(400, f"{path} must be {least} to {most}, not {value}")

    return check


def _seconds(path: str, value: Any) -> None:
    _is(path, value, int | float, "a number of seconds")
    if value < 0:
        raise Refused(400, f"{path} must not be negative, it is {value}")


def _variable(path: str, value: Any) -> None:
    _check(path, value, VARIABLE)
    if isinstance(value, Mapping) and value.get("name") in (None, ""):
        raise Refused(400, f"{path}.name must be given")


METADATA = {"name": _text, "namespace": _text, "labels": {"*": _scalar}, "annotations": {}}
CORS = {
    "enabled": _flag,
    "allowCredentials": _flag,
    "allowOrigins": [_text],
    "allowMethods": [_text],
    "allowHeaders": [_text],
    "exposeHeaders": [_text],
    "preflightRequestMethod": _text,
    "preflightMaxAgeSeconds": _whole(-1),
}
TRIGGER = {
    "kind": _text,
    "name": _text,
    "disabled": _flag,
    "numWorkers": _whole(1, 1000),
    "maxWorkers": _whole(1, 1000),
    "workerAvailabilityTimeoutMilliseconds": _whole(0),
    "workerTerminationTimeout": _text,
    "explicitAckMode": _text,
    "batch": {"mode": _text, "batchSize": _whole(1), "timeout": _text},
    "attributes": {
        "port": _whole(0, 65535),
        "maxRequestBodySize": _whole(0),
        "readBufferSize": _whole(0),
        "cors": CORS,
        "schedule": _text,
        "interval": _text,
        "event": {"headers": {}},
    },
}
BUILD = {
    "path": _text,
    "functionSourceCode": _text,
    "codeEntryType": _text,
    "codeEntryAttributes": {"workDir": _text, "headers": {"*": _scalar}},
    "commands": [_text],
    "directives": {"*": [{"kind": _text, "value": _text}]},
    "buildTimeoutSeconds": _seconds,
    "noCache": _flag,
    "offline": _flag,
    "functionConfigPath": _text,
    "image": _text,
}
KEY_REFERENCE = {"name": _text, "key": _text, "optional": _flag}
FIELD_REFERENCE = {"fieldPath": _text}
VARIABLE = {
    "name": _scalar,
    "value": _scalar,
    "valueFrom": {
        "secretKeyRef": KEY_REFERENCE,
        "configMapKeyRef": KEY_REFERENCE,
        "fieldRef": FIELD_REFERENCE,
    },
}
REFERENCE = {"name": _text, "optional": _flag}
MODE = _whole(0, 0o777)
OF_OBJECT = {
    "secretName": _text,
    "name": _text,
    "optional": _flag,
    "defaultMode": MODE,
    "items": [{"key": _text, "path": _text, "mode": MODE}],
}
OF_POD = {
    "defaultMode": MODE,
    "items": [{"path": _text, "mode": MODE, "fieldRef": FIELD_REFERENCE}],
}
SPEC = {
    "handler": _text,
    "runtime": _text,
    "description": _text,
    "image": _text,
    "env": [_variable],
    "envFrom": [{"prefix": _text, "secretRef": REFERENCE, "configMapRef": REFERENCE}],
    "resources": {"requests": {"*": _scalar}, "limits": {"*": _scalar}},
    "nodeSelector": {"*": _text},
    "tolerations": [{"key": _text, "operator": _text, "value": _text, "effect": _text}],
    "imagePullSecrets": _text,
    "build": BUILD,
    "triggers": {"*": TRIGGER},
    "volumes": [
        {
            "volume": {
                "name": _text,
                "hostPath": {"path": _text, "type": _text},
                "persistentVolumeClaim": {"claimName": _text},
                "flexVolume": {"driver": _text},
                "secret": OF_OBJECT,
                "configMap": OF_OBJECT,
                "downwardAPI": OF_POD,
                "projected": {
                    "defaultMode": MODE,
                    "sources": [
                        {"secret": OF_OBJECT, "configMap": OF_OBJECT, "downwardAPI": OF_POD}
                    ],
                },
            },
            "volumeMount": {
                "name": _text,
                "mountPath": _text,
                "readOnly": _flag,
                "subPath": _text,
                "subPathExpr": _text,
            },
        }
    ],
    "eventTimeout": _text,
    "readinessTimeoutSeconds": _seconds,
    "minReplicas": _whole(0),
    "maxReplicas": _whole(0),
    "replicas": _whole(0),
    "scaleToZero": {"scaleResources": [{"windowSize": _text}]},
    "loggerSinks": [{"level": _text, "sink": _text}],
    "disableDefaultHTTPTrigger": _flag,
    "disable": _flag,
}
UPSTREAM = {
    "kind": _text,
    "nucliofunction": {"name": _text},
    "nuclioFunction": {"name": _text},
    "percentage": _whole(0, 100),
    "rewriteTarget": _text,
}
GATEWAY = {
    "name": _text,
    "host": _text,
    "path": _text,
    "description": _text,
    "authenticationMode": _text,
    "authentication": {"basicAuth": {"username": _text, "password": _text}},
    "upstreams": [UPSTREAM],
}
FUNCTION = {"metadata": METADATA, "spec": SPEC}
EVENT = {
    "metadata": METADATA,
    "spec": {"displayName": _text, "triggerKind": _text, "body": _text, "attributes": {}},
}
IMPORT = {
    "project": {"metadata": METADATA, "spec": {}},
    "functions": {"*": FUNCTION},
    "functionEvents": {"*": EVENT},
    "apiGateways": {"*": {"metadata": METADATA, "spec": GATEWAY}},
}
