"""What a graph is, as frozen data: names, references and options that JSON can hold.

A spec never holds a live object: a step is named by "module:qualname", its options are canonical
JSON text.  So two specs are equal when they say the same, and a spec can be kept, sent or compared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..handlers.errors import GraphError
from ..handlers.frozen import Frozen

Key = str | int | bool | None


class StepSpec(Frozen):
    """One step.

    kind:      the kind's word: one of `steps.KINDS`
    name:      unique among its neighbours; the last word of the step's path
    reference: "module:qualname" of the function, class or model; "" where the kind needs none
    options:   canonical JSON text, see `option`
    branches:  what a router, parallel, ensemble or sub-graph holds
    after:     the names of the steps whose values it takes; () for the one before it

    >>> spec = StepSpec("call", "clean", "shop:clean", canonical({"arguments": {"top": 3}}))
    >>> spec.option("arguments")
    {'top': 3}
    >>> StepSpec.from_dict(spec.to_dict()) == spec
    True
    """

    kind: str
    name: str
    reference: str = ""
    options: str = "{}"
    branches: tuple[BranchSpec, ...] = ()
    after: tuple[str, ...] = ()

    def option(self, name: str, default: Any = None) -> Any:
        return json.loads(self.options).get(name, default)

    def to_dict(self) -> dict[str, Any]:
        """This step as JSON-ready values."""
        after = {"after": list(self.after)} if self.after else {}
        return after | {
            "kind": self.kind,
            "name": self.name,
            "reference": self.reference,
            "options": json.loads(self.options),
            "branches": [
                {"key": branch.key, "steps": [each.to_dict() for each in branch.steps]}
                for branch in self.branches
            ],
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> StepSpec:
        """The step that `to_dict` gave.  Raises `GraphError` when a field is missing."""
        branches = given.get("branches", ())
        return cls(
            kind=_field(given, "kind"),
            name=_field(given, "name"),
            reference=given.get("reference", ""),
            options=canonical(given.get("options", {})),
            branches=tuple(BranchSpec(each["key"], steps_from(each["steps"])) for each in branches),
            after=tuple(given.get("after", ())),
        )


class BranchSpec(Frozen):
    """One branch of a step: the route's or the result's key, and the steps in order."""

    key: Key
    steps: tuple[StepSpec, ...]


class GraphSpec(Frozen):
    """A whole graph: its name, its input type (see `fit.type_to_dict`) and its steps.

    >>> GraphSpec("score").to_dict()
    {'name': 'score', 'input': None, 'steps': []}
    """

    name: str
    input: str = "null"
    steps: tuple[StepSpec, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """This graph as JSON-ready values; `from_dict` gives back an equal spec."""
        steps = [each.to_dict() for each in self.steps]
        return {"name": self.name, "input": json.loads(self.input), "steps": steps}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> GraphSpec:
        """The graph that `to_dict` gave.  Raises `GraphError` when a field is missing."""
        return cls(
            name=_field(given, "name"),
            input=canonical(given.get("input")),
            steps=steps_from(_field(given, "steps")),
        )


def steps_from(given: Any) -> tuple[StepSpec, ...]:
    return tuple(StepSpec.from_dict(each) for each in given)


def canonical(value: Any) -> str:
    """`value` as JSON text that is the same for equal values.  Raises `TypeError`, `ValueError`."""
    return json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":"))


def _field(given: Mapping[str, Any], name: str) -> Any:
    if name not in given:
        raise GraphError(f"a graph's spec has no {name!r} in {dict(given)!r:.80}")
    return given[name]
