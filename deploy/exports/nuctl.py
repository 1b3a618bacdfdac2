"""A `function.yaml` for each function, as `nuctl deploy --file` and a dashboard take it."""

from __future__ import annotations

from typing import Any

from ..kinds.nuclio_function import NuclioFunction
from ..place import Place
from .base import Asked, Exported, left_out, yaml_text

PLATFORM = "nuclio"
PLACE = Place("", "")
PROJECT_LABEL = "nuclio.io/project-name"


def write(asked: Asked) -> Exported:
    """A folder a function."""
    functions = asked.of(NuclioFunction)
    return Exported(
        {f"{each.name}/function.yaml": yaml_text(document(each, asked)) for each in functions},
        next=tuple(
            f"nuctl deploy {each.name} --project-name {each.project} "
            f"--file {each.name}/function.yaml"
            for each in functions
        ),
        notes=left_out(asked.resources, ("nuclio_function", "nuclio_project")),
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
