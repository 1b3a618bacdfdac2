"""Function events: requests kept by name, to try a function with, bound to it by a label.

Source: EnrichFunctionEvent of Nuclio's platform, for what is filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

from ..store import Shelf, Store
from .errors import Refused
from .shapes import check_event

FUNCTION_LABEL = "nuclio.io/function-name"
PROJECT_LABEL = "nuclio.io/project-name"


class FunctionEvents:
    """Every function event, by name.

    project_of: the project of a function; raises `Refused` 404 for one that is not there
    """

    def __init__(self, store: Store, project_of: Callable[[str], str]) -> None:
        self._shelf, self._project_of = Shelf(store, "function_event"), project_of

    def forget(self) -> None:
        """Be what the store says."""
        self._shelf.load()

    def all(self, function: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
        """Events with their names; of one function where it is named."""
        for each in self._shelf.all():
            if function in ("", each["metadata"]["labels"][FUNCTION_LABEL]):
                yield each["metadata"]["name"], each

    def show(self, name: str) -> dict[str, Any]:
        """Raises `Refused` 404."""
        found = self._shelf.get(name)
        if found is None:
            raise Refused(404, "Function event not found")
        return found

    def put(self, given: dict[str, Any], *, new: bool) -> dict[str, Any]:
        """Take an event, with a name of its own where it has none; raises `Refused`."""
        check_event(given)
        event = self._completed(given)
        name = event["metadata"]["name"]
        if new and self._shelf.get(name) is not None:
            raise Refused(409, f"Function event {name} already exists")
        if not new:
            self.show(name)
        self._shelf.put(name, event)
        return event

    def delete(self, name: str) -> None:
        """Raises `Refused` 404."""
        self.show(name)
        self._shelf.delete(name)

    def _completed(self, given: dict[str, Any]) -> dict[str, Any]:
        metadata, spec = {**(given.get("metadata") or {})}, {**(given.get("spec") or {})}
        metadata["name"] = metadata.get("name") or str(uuid4())
        metadata["namespace"] = metadata.get("namespace") or "nuclio"
        labels = metadata["labels"] = {**(metadata.get("labels") or {})}
        if FUNCTION_LABEL not in labels:
            raise Refused(400, f"Function event has a missing label - `{FUNCTION_LABEL}`")
        project = self._project_of(str(labels[FUNCTION_LABEL]))
        labels[PROJECT_LABEL] = labels.get(PROJECT_LABEL) or project
        spec["displayName"] = spec.get("displayName") or metadata["name"]
        spec["triggerKind"] = spec.get("triggerKind") or "http"
        if spec["triggerKind"] == "http":
            usual = {"headers": {"Content-Type": "text/plain"}, "method": "POST", "path": ""}
            spec["attributes"] = {**usual, **(spec.get("attributes") or {})}
        return {"metadata": metadata, "spec": spec}
