"""What a function's own code adds to its configuration: `function.yaml`, or a comment in a module.

What was passed wins; what it leaves open is taken from the code.  Source: Nuclio's page "Code
Entry Types Reference", and the block `@nuclio.configure` of its examples.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import DeployFailed

FILE = "function.yaml"
BLOCK = re.compile(r"^#[ \t]*@nuclio\.configure[^\n]*\n((?:#[^\n]*(?:\n|$))*)", re.MULTILINE)


def of_folder(code: Path, name: str = "") -> dict[str, Any]:
    """The `spec` of the configuration file in a folder; empty without one."""
    path = (code / (name or FILE)).resolve()
    if not path.is_relative_to(code.resolve()) or not path.is_file():
        if name:
            raise DeployFailed(f"build.functionConfigPath: there is no {name} in the code")
        return {}
    return _spec(path.read_text(errors="replace"), path.name)


def of_source(text: str) -> dict[str, Any]:
    """The `spec` in a module's comment.

    >>> of_source("# @nuclio.configure\\n# function.yaml:\\n#   spec:\\n#     runtime: x\\n")
    {'runtime': 'x'}
    >>> of_source("x = 1")
    {}
    """
    found = BLOCK.search(text)
    if found is None:
        return {}
    lines = [line[1:].removeprefix(" ") for line in found[1].splitlines()]
    return _spec("\n".join(lines), "@nuclio.configure", inside=FILE)


def _spec(text: str, where: str, inside: str = "") -> dict[str, Any]:
    import yaml

    try:
        document = yaml.safe_load(text) or {}
        document = document.get(inside) or {} if inside else document
        if isinstance(document, str):  # the block of YAML as a text
            document = yaml.safe_load(document) or {}
        spec = document.get("spec") or {}
    except (yaml.YAMLError, AttributeError) as error:
        raise DeployFailed(f"{where} is no configuration: {error}") from None
    if not isinstance(spec, dict):
        raise DeployFailed(f"{where} is no configuration: its spec is no object")
    return spec


def merged(given: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """A passed configuration with what it leaves open taken from another.

    >>> merged({"handler": "a:b", "env": []}, {"handler": "c:d", "env": [{"name": "A"}]})
    {'handler': 'a:b', 'env': [{'name': 'A'}]}
    """
    made = dict(given)
    for key, value in found.items():
        mine = made.get(key)
        if isinstance(mine, Mapping) and isinstance(value, Mapping):
            made[key] = merged(mine, value)
        elif key == "env" and mine and isinstance(value, list):
            names = {each.get("name") for each in mine}
            made[key] = [*mine, *(e for e in value if e.get("name") not in names)]
        elif mine in (None, "", [], {}):
            made[key] = value
    return made
