"""An app as another tool's template: what a deploy would make, said in that tool's words.

One format a file, all of one shape: `PLACE`, where things are in the format's own words;
`PLATFORM`; and `write(asked)`, resources in, files out.  Pure: `collect` builds, and nothing here
ever calls a platform.  A resource that a format has no words for is named in `Exported.notes`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from ..place import Place
from .base import Asked, Exported

__all__ = ["FORMATS", "Asked", "Exported", "Format", "format_of"]

FORMATS = ("sam", "cloudformation", "terraform", "nuctl")


class Format(Protocol):
    """What each file of this folder is."""

    PLACE: Place
    PLATFORM: str

    def write(self, asked: Asked) -> Exported: ...


def format_of(name: str) -> Format:
    """A format by its name."""
    return cast(Format, import_module(f".{name}", __name__))
