"""Projects: names that functions and API gateways belong to, kept before they are answered."""

from __future__ import annotations

import re
from typing import Any

from ..store import Shelf, Store
from .errors import Refused
from .shapes import check_project

DEFAULT = "default"
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character, and be 63 characters at the most"
)


class Projects:
    """Every project, by name; the default one is always there."""

    def __init__(self, store: Store) -> None:
        self._shelf = Shelf(store, "project")
        self.forget()

    def forget(self) -> None:
        """Be what the store says; nothing but the default project after a wipe."""
        self._shelf.load()
        if self._shelf.get(DEFAULT) is None:
            self.put({"metadata": {"name": DEFAULT}}, new=True)

    def names(self) -> list[str]:
        return [str(each["metadata"]["name"]) for each in self._shelf.all()]

    def show(self, name: str) -> dict[str, Any]:
        """Raises `Refused` 404."""
        found = self._shelf.get(name)
        if found is None:
            raise Refused(404, "Project not found")
        return {**found, "status": {}}

    def put(self, given: dict[str, Any], *, new: bool) -> dict[str, Any]:
        """Take a document; raises `Refused` 400, 404 or 409."""
        check_project(given)
        metadata = {**(given.get("metadata") or {})}
        name = str(metadata.get("name") or "")
        if not name:
            raise Refused(400, "Project name must be provided in metadata")
        if not LABEL.fullmatch(name):
            said = f"Project name must adhere to Kubernetes naming conventions. Errors: {RULE}"
            raise Refused(400, said)
        if new and self._shelf.get(name) is not None:
            raise Refused(409, f"Project {name} already exists")
        if not new:
            self.show(name)
        metadata["namespace"] = metadata.get("namespace") or "nuclio"
        self._shelf.put(name, {"metadata": metadata, "spec": given.get("spec") or {}})
        return self.show(name)

    def delete(self, name: str) -> None:
        self._shelf.delete(name)
