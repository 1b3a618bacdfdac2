"""Nuclio's function.yaml.  Source: Nuclio's "Function-configuration reference"."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Callable, Iterator
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
_WORKERS = ("numWorkers", "maxWorkers")
_WORD = re.compile(r"[A-Za-z@=]+")
_MONTHS = {word: n for n, word in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
)}  # fmt: skip
_WEEKDAYS = {w: n for n, w in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_DESCRIBED = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0", "@daily": "0 0 * * *", "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
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
    elif "memory" not in limits:
        taken.lose(0, "it has no memory limit, and here every function has one: memory=128 (MB)")
    if matched := re.fullmatch(r"(\d+)([sm])", str(spec.get("eventTimeout", ""))):
        yield "timeout", str(int(matched[1]) * (60 if matched[2] == "m" else 1))
    elif said := spec.get("eventTimeout"):
        taken.lose(spec.line("eventTimeout"), f"the eventTimeout {said} is not carried over")
    else:
        taken.lose(0, "it has no eventTimeout, and here every function has one: timeout=3 (s)")
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
        if made := _trigger(trigger):
            yield made
            _lose_rest(taken, name, trigger)
        else:
            kind = trigger.get("kind")
            taken.lose(triggers.line(name), f"the trigger {name} ({kind}) is not carried over")


def _trigger(trigger: Lines) -> str:
    """A trigger as Python writes it; "" for one that has no words."""
    said = trigger.get("attributes") or Lines()
    every = str(said.get("interval", ""))
    if trigger.get("kind") == "http":
        return call("pelton.http", {}, "ANY", "/")
    if trigger.get("kind") == "cron" and said.get("schedule"):
        line = _schedule(str(said["schedule"]))
        return call("pelton.cron", {"schedule": line}) if line else ""
    if trigger.get("kind") == "cron" and re.fullmatch(r"\d+[smhd]", every):
        return call("pelton.cron", {"every": every})
    return ""


def _schedule(line: str) -> str:
    """Nuclio's line in five fields; "" where it ticks by the second, or cannot be said in numbers.

    >>> _schedule("0 30 4 * * mon-FRI"), _schedule("*/5 * * * *"), _schedule("@daily")
    ('30 4 * * 1-5', '*/5 * * * *', '0 0 * * *')
    >>> _schedule("*/10 * * * * *")
    ''
    """
    fields = _DESCRIBED.get(line.strip(), line).replace("?", "*").split()
    if len(fields) == 6 and fields[0] in ("0", "*"):  # Nuclio takes a second `*` for 0
        del fields[0]
    if len(fields) != 5:
        return ""
    for place, known in ((3, _MONTHS), (4, _WEEKDAYS)):
        fields[place] = _WORD.sub(_number_in(known), fields[place])
    return "" if _WORD.search(" ".join(fields)) else " ".join(fields)


def _number_in(known: dict[str, int]) -> Callable[[re.Match[str]], str]:
    return lambda word: str(known.get(word[0].lower(), word[0]))


def _lose_rest(taken: Taken, name: str, trigger: Lines) -> None:
    """What a trigger that is carried over says besides."""
    carried = {"kind", "name", "attributes", *(_WORKERS if trigger["kind"] == "http" else ())}
    for member in trigger.keys() - carried:
        taken.lose(trigger.line(member), f"{member} of the trigger {name} is not carried over")
    said = trigger.get("attributes") or Lines()
    for member in said.keys() - ({"schedule", "interval"} if trigger["kind"] == "cron" else set()):
        taken.lose(said.line(member), f"{member} of the trigger {name} is not carried over")


def _workers(spec: Lines) -> int:
    """Those of the HTTP trigger; 0 where it does not say.  Older Nuclios call them maxWorkers."""
    for trigger in (spec.get("triggers") or Lines()).values():
        if trigger.get("kind") == "http":
            return next((int(trigger[each]) for each in _WORKERS if trigger.get(each)), 0)
    return 0


def _nuclio(
    spec: Lines, metadata: Lines, runtime: str, limits: dict[str, Any]
) -> Iterator[tuple[str, Any]]:
    if ":" in runtime:
        yield "runtime", runtime
    least, most = spec.get("minReplicas"), spec.get("maxReplicas")
    if least is not None or most is not None:
        yield "replicas", (least or 0, most or least or 1)
    if workers := _workers(spec):
        yield "workers", workers
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
