"""Functions to begin with, as the dashboard offers them, and how a template becomes one.

A template is a function's configuration in YAML with values in it, written like Go's templates:
`{{ .name }}` or `{{ .limits.memory }}` is a value; conditions, loops and functions are refused.
Sources: the dashboard's functiontemplates package, for what is asked and answered; the functions
themselves are ours.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import Refused

ACTION = re.compile(r"{{-?\s*(.*?)\s*-?}}", re.DOTALL)
VALUE = re.compile(r"\.(\w+(?:\.\w+)*)")


@dataclass(frozen=True, slots=True)
class Template:
    """One function to begin with; with `values` its text is a template of a configuration."""

    name: str
    description: str
    source: str = ""
    text: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    def contains(self, words: str) -> bool:
        """Whether the words are in its name or its configuration; "" is in all."""
        return words in self.name or words in json.dumps(self.shown())

    def shown(self) -> dict[str, Any]:
        if self.text:
            return {"template": self.text, "values": dict(self.values)}
        spec = {
            "description": self.description,
            "handler": "main:handler",
            "runtime": "python",
            "build": {"functionSourceCode": base64.b64encode(self.source.encode()).decode()},
        }
        return {"rendered": {"meta": {"name": self.name}, "spec": spec}}


TEMPLATES = (
    Template(
        "hello:python",
        "Answers with a greeting, and writes a line to its log.",
        'def handler(context, event):\n    context.logger.info("called")\n    return "hello"\n',
    ),
    Template(
        "echo:python",
        "Answers with what it was sent, in the same content type.",
        "def handler(context, event):\n"
        "    kind = event.content_type or 'application/octet-stream'\n"
        "    kind = kind.decode() if isinstance(kind, bytes) else kind\n"
        "    return context.Response(body=event.body, content_type=kind)\n",
    ),
    Template(
        "packages:python",
        "Installs packages from the index when it is built.",
        text="metadata:\n  name: {{ .name }}\nspec:\n  handler: main:handler\n"
        "  runtime: python\n  build:\n    commands:\n    - pip install {{ .packages }}\n",
        values={
            "name": {"displayName": "Name", "kind": "string", "required": True},
            "packages": {"displayName": "Packages", "kind": "string", "required": True},
        },
    ),
)


def render(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration that a template and its values make; raises `Refused` 400.

    >>> render({"template": "metadata: {name: '{{ .name }}'}", "values": {"name": "f"}})
    {'metadata': {'name': 'f'}, 'spec': {}}
    """
    import yaml

    text, values = asked.get("template") or "", asked.get("values") or {}
    if not isinstance(text, str) or not isinstance(values, dict):
        raise Refused(400, "template must be a string, and values an object")
    filled = ACTION.sub(lambda match: _value(match[1], values), text)
    try:
        made = yaml.safe_load(filled) or {}
    except yaml.YAMLError as error:
        raise Refused(400, f"the rendered template is no YAML: {error}") from None
    if not isinstance(made, dict):
        raise Refused(400, "the rendered template must be an object with metadata and spec")
    return {"metadata": made.get("metadata") or {}, "spec": made.get("spec") or {}}


def _value(action: str, values: Mapping[str, Any]) -> str:
    found = VALUE.fullmatch(action)
    if found is None:
        said = f"the template has {{{{ {action} }}}}: only values like {{{{ .name }}}} are rendered"
        raise Refused(400, said)
    value: Any = values
    for word in found[1].split("."):
        value = value.get(word) if isinstance(value, dict) else None
    if value is None:
        raise Refused(400, f"the template needs a value for {found[1]!r}")
    return value if isinstance(value, str) else json.dumps(value)
