"""A graph's spec as text that people read and keep: JSON and YAML, and back, losing nothing.

The order is always the same: what a step is comes first, what is empty is left out, options are
sorted.  Nothing that a text says is run: its references are only imported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..handlers.errors import GraphError
from .spec import BranchSpec, GraphSpec, StepSpec


def to_json(spec: GraphSpec) -> str:
    """
    >>> print(to_json(GraphSpec("empty")))
    {
      "name": "empty",
      "input": null,
      "steps": []
    }
    """
    return json.dumps(tidy(spec), indent=2, ensure_ascii=False)


def from_json(text: str) -> GraphSpec:
    """The spec that `to_json` wrote.  Raises `GraphError` for what is none, with its line."""
    try:
        return read(json.loads(text))
    except json.JSONDecodeError as error:
        raise GraphError(f"the graph's JSON does not parse: {error}") from error


def to_yaml(spec: GraphSpec) -> str:
    """
    >>> print(to_yaml(GraphSpec("empty")), end="")
    name: empty
    input: null
    steps: []
    """
    # PyYAML writes what is no character (half of a surrogate pair) only as an escape.
    return str(_yaml().safe_dump(tidy(spec), sort_keys=False, width=100, allow_unicode=False))


def from_yaml(text: str) -> GraphSpec:
    """The spec that `to_yaml` wrote.  Raises `GraphError` for what is none, with its line.

    Tags that would make objects are refused: YAML's safe loader reads the text.
    """
    yaml = _yaml()
    try:
        return read(yaml.safe_load(text))
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise GraphError(f"the graph's YAML does not parse: {said}") from error


def read(given: Any) -> GraphSpec:
    """A spec from JSON-ready values.  Raises `GraphError` for values of another form."""
    if not isinstance(given, Mapping):
        raise GraphError(
            f"a graph's text holds a mapping with name, input and steps, not {given!r:.60}"
        )
    try:
        return GraphSpec.from_dict(given)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise GraphError(
            f"the text is none of a graph: {type(error).__name__}: {error}",
            advice="write one with Graph.to_json or Graph.to_yaml",
        ) from error


def tidy(spec: GraphSpec) -> dict[str, Any]:
    """A spec as JSON-ready values in the order in which people read them."""
    return {
        "name": spec.name,
        "input": json.loads(spec.input),
        "steps": [_step(each) for each in spec.steps],
    }


def _step(spec: StepSpec) -> dict[str, Any]:
    told = {
        "kind": spec.kind,
        "name": spec.name,
        "after": list(spec.after),
        "reference": spec.reference,
        "options": json.loads(spec.options),
        "branches": [_branch(each) for each in spec.branches],
    }
    return {key: value for key, value in told.items() if value or key in ("kind", "name")}


def _branch(branch: BranchSpec) -> dict[str, Any]:
    return {"key": branch.key, "steps": [_step(each) for each in branch.steps]}


def _yaml() -> Any:
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise GraphError(
            "a graph as YAML needs PyYAML, which is not installed",
            advice="pip install 'pelton[yaml]', or use JSON",
        ) from error
    return yaml
