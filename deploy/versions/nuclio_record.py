"""The record of a function's releases on Nuclio: an annotation of its project."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..errors import CannotRelease
from ..targets.nuclio import Nuclio

NOTE = "releases.pelton/"


@dataclass(frozen=True, slots=True)
class Record:
    """What a project keeps of one function's releases.

    live: the version that answers;  published: what the last deploy published, as a digest;
    versions: their configurations, by number, the oldest first
    """

    live: str = ""
    published: str = ""
    versions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    ledger: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Record:
        """The record that an annotation says; an empty one for ""."""
        found = json.loads(text) if text else {}
        return cls(
            found.get("live", ""),
            found.get("published", ""),
            found.get("versions", {}),
            found.get("aliases", {}),
            found.get("ledger", {}),
        )


def read_record(nuclio: Nuclio, project: str, function: str) -> Record:
    """What the function's project keeps of it."""
    notes = (_document(nuclio, project) or {}).get("metadata", {}).get("annotations") or {}
    return Record.read(notes.get(f"{NOTE}{function}", ""))


def keep_record(nuclio: Nuclio, project: str, function: str, record: Record) -> None:
    """Keep it; raises `CannotRelease` where the project is gone."""
    document = _document(nuclio, project)
    if document is None:
        raise CannotRelease(f"there is no project {project!r} on nuclio")
    metadata = document["metadata"]
    said = {f"{NOTE}{function}": json.dumps(asdict(record))}
    notes = {**(metadata.get("annotations") or {}), **said}
    body = {"metadata": {**metadata, "annotations": notes}, "spec": document.get("spec") or {}}
    nuclio.call("PUT", "/api/projects", project, json=body)


def _document(nuclio: Nuclio, project: str) -> dict[str, Any] | None:
    return nuclio.get(f"/api/projects/{project}", project) if project else None
