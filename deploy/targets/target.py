"""Where resources are read and made: an account, a dashboard, and the artifacts to upload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .aws import Aws
from .nuclio import Nuclio


@dataclass(frozen=True, slots=True)
class Target:
    """What every kind of resource is given.

    app:      the app that tags are to name
    archives: the zips at hand, by their SHA-256 in hex
    """

    aws: Aws
    nuclio: Nuclio | None = None
    app: str = ""
    archives: Mapping[str, Path] = field(default_factory=dict)
