"""Nuclio's function.yaml.  Source: Nuclio's "Function-configuration reference"."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import BuildError
from .base import Taken, TakenFunction, call, listed
from .yaml_lines import Lines, load

_PIP = re.compile(r"(python3? -m )?pip3? install ")
_CARRIED = {
    "description", "handler", "runtime", "env", "minReplicas", "maxReplicas", "eventTimeout",
    "resources", "nodeSelector", "tolerations", "imagePullSecrets", "triggers", "build",
}  # fmt: skip
_BUILD = {"functionSourceCode", "commands", "codeEntryType", "path"}


def read(path: Path) -> Taken:
    """The function of a configuration.  Raises `BuildError` where it is no Python one."""
    document = load(path.read_text(), path.name)
    spec = document.get("spec") if isinstance(document, Lines) else None
    if not isinstance(spec, Lines):
        raise BuildError(f"{path}: function.yaml has a spec")
    metadata = document.get("metadata") or Lines()
    name = str(metadata.get("name") or path.resolve().parent.name)
    taken = Taken(path.name, name)
    runtime = str(spec.get("runtime", "python"))
    if not runtime.startswith("python"):
        raise BuildError(f"{path}:{spec.line('runtime')}: the runtime {runtime} is no Python")
    for member in spec.keys() - _CARRIED:
        taken.lose(spec.line(member), f"spec.{member} is not carried over")
    module, _, function = str(spec.get("handler", "main:handler")).partition(":")
    build = spec.get("build") or Lines()
    for member in build.keys() - _BUILD:
        taken.lose(build.line(member), f"spec.build.{member} is not carried over")
    if source := build.get("functionSourceCode"):
        taken.files[f"{module.replace('.', '/')}.py"] = base64.b64decode(source).decode()
    settings = dict(_settings(taken, spec, metadata, runtime))
    taken.functions.append(TakenFunction(name, "", f"{module}.{function}", "nuclio", settings))
    return taken


def _settings(
    taken: Taken, spec: Lines, metadata: Lines, runtime: str
) -> Iterator[tuple[str, str]]:
    if spec.get("description"):
        yield "description", repr(str(spec["description"]))
    limits = dict((spec.get("resources") or Lines()).get("limits") or {})
    if matched := re.fullmatch(r"(\d+)(Mi|Gi)", str(limits.get("memory", ""))):
        limits.pop("memory")
        yield "memory", str(int(matched[1]) * (1024 if matched[2] == "Gi" else 1))
    if matched := re.fullmatch(r"(\d+)([sm])", str(spec.get("eventTimeout", ""))):
        yield "timeout", str(int(matched[1]) * (60 if matched[2] == "m" else 1))
    if variables := dict(_variables(taken, spec)):
        said = ", ".join(f"{name!r}: {value}" for name, value in variables.items())
        yield "environment", f"{{{said}}}"
    if requirements := list(_requirements(taken, spec)):
        yield "requirements", repr(requirements)
    if triggers := list(_triggers(taken, spec)):
        yield "triggers", listed(triggers)
    if nuclio := call("pelton.Nuclio", dict(_nuclio(spec, metadata, runtime, limits))):
        yield "nuclio", nuclio


def _variables(taken: Taken, spec: Lines) -> Iterator[tuple[str, str]]:
    """Names, and values as Python writes them."""
    for each in spec.get("env") or []:
        asked = (each.get("valueFrom") or {}).get("secretKeyRef")
        if "value" in each:
            yield str(each["name"]), repr(str(each["value"]))
        elif asked and asked.get("name") and asked.get("key"):
            yield (
                str(each["name"]),
                call("pelton.secret", {"field": str(asked["key"])}, str(asked["name"])),
            )
        else:
            line = each.line("name")
            taken.lose(line, f"env {each.get('name')} is not carried over: it is no Secret's key")


def _requirements(taken: Taken, spec: Lines) -> Iterator[str]:
    build = spec.get("build") or Lines()
    for command in build.get("commands") or []:
        if _PIP.match(command):
            words = shlex.split(_PIP.sub("", command, count=1))
            yield from (each for each in words if not each.startswith("-"))
        else:
            line = build.line("commands")
            taken.lose(line, f"the build command {command!r} is not carried over")


def _triggers(taken: Taken, spec: Lines) -> Iterator[str]:
    triggers = spec.get("triggers") or Lines()
    for name, trigger in triggers.items():
        said = trigger.get("attributes") or Lines()
        if trigger.get("kind") == "http":
            yield call("pelton.http", {}, "ANY", "/")
        elif trigger.get("kind") == "cron" and said.get("schedule"):
            yield call("pelton.cron", {"schedule": str(said["schedule"])})
        elif trigger.get("kind") == "cron" and re.fullmatch(
            r"\d+[smhd]", str(said.get("interval", ""))
        ):
            yield call("pelton.cron", {"every": str(said["interval"])})
        else:
            kind = trigger.get("kind")
            taken.lose(triggers.line(name), f"the trigger {name} ({kind}) is not carried over")


def _nuclio(
    spec: Lines, metadata: Lines, runtime: str, limits: dict[str, Any]
) -> Iterator[tuple[str, Any]]:
    if ":" in runtime:
        yield "runtime", runtime
    least, most = spec.get("minReplicas"), spec.get("maxReplicas")
    if least is not None or most is not None:
        yield "replicas", (least or 0, most or least or 1)
    if metadata.get("namespace"):
        yield "namespace", str(metadata["namespace"])
    if gpus := limits.pop("nvidia.com/gpu", None):
        yield "gpu", int(gpus)
    if limits:
        yield "limits", {key: str(value) for key, value in limits.items()}
    if requests := (spec.get("resources") or Lines()).get("requests"):
        yield "requests", {key: str(value) for key, value in requests.items()}
    if spec.get("nodeSelector"):
        yield "node_selector", dict(spec["nodeSelector"])
    if spec.get("tolerations"):
        yield "tolerations", [dict(each) for each in spec["tolerations"]]
    if spec.get("imagePullSecrets"):
        yield "image_pull_secret", str(spec["imagePullSecrets"])
