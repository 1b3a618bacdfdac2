"""A `function.yaml` for each function, as `nuctl deploy --file` and a dashboard take it; projects
and API gateways, which nuctl makes by name, are commands of what is to be done.

A function that keeps versions is one like any other here: its versions are what `pelton deploy`
keeps.  Source: Nuclio's "nuctl" reference, `create project`, `create apigateway`, `deploy`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from shlex import quote
from typing import Any

from ..kinds.nuclio_function import NuclioFunction
from ..kinds.nuclio_gateway import NuclioGateway
from ..kinds.nuclio_project import NuclioProject
from ..kinds.nuclio_release import NuclioRelease
from ..place import Place
from .base import Asked, Exported, left_out, yaml_text

PLATFORM = "nuclio"
PLACE = Place("", "")
KNOWN = ("nuclio_function", "nuclio_gateway", "nuclio_project", "nuclio_release")
PROJECT_LABEL = "nuclio.io/project-name"


def write(asked: Asked) -> Exported:
    """A folder a function."""
    functions = [*asked.of(NuclioFunction), *(e.configured for e in asked.of(NuclioRelease))]
    return Exported(
        {f"{each.name}/function.yaml": yaml_text(document(each, asked)) for each in functions},
        next=tuple(_commands(asked, functions)),
        notes=(*left_out(asked.resources, KNOWN), *_notes(asked)),
    )


def _commands(asked: Asked, functions: Sequence[NuclioFunction]) -> Iterator[str]:
    for name in dict.fromkeys(each.name for each in asked.of(NuclioProject)):
        yield f"nuctl create project {name}"
    for each in functions:
        file = f"--file {each.name}/function.yaml"
        yield f"nuctl deploy {each.name} --project-name {each.project} {file}"
    for gateway in asked.of(NuclioGateway):
        where = f"--host {quote(gateway.host)} --path / --function {gateway.name}"
        yield f"nuctl create apigateway {gateway.name} {where} --project {gateway.project}"


def _notes(asked: Asked) -> Iterator[str]:
    for each in asked.of(NuclioRelease):
        yield (
            f"function {each.name} is exported as it is now: its versions, canaries and rollbacks "
            "are those of `pelton deploy`"
        )


def document(it: NuclioFunction, asked: Asked) -> dict[str, Any]:
    """The function's configuration, with the address of its archive."""
    archive = asked.archives[it.name]
    path = f"{asked.address.rstrip('/')}/{archive}" if asked.address else archive
    build = {**it.spec.get("build", {}), "codeEntryType": "archive", "path": path}
    labels = {**it.labels, PROJECT_LABEL: it.project}
    return {
        "apiVersion": "nuclio.io/v1",
        "kind": "NuclioFunction",
        "metadata": {"name": it.name, "namespace": it.namespace, "labels": labels},
        "spec": {**it.spec, "build": build},
    }
