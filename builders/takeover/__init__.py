"""Somebody's template becomes an app: their handlers stay as they are, settings are carried over.

One format a file, all of one shape: `read(path)`, which gives a `Taken`.  What cannot be carried
over is one of its `lost`, with the line of the template that says it.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from ..errors import BuildError
from .base import Taken, TakenFunction, render

__all__ = ["Taken", "TakenFunction", "read_template", "render"]


def read_template(path: Path) -> Taken:
    """A SAM template or a Nuclio function.yaml.  Raises `BuildError` for what is neither."""
    if not path.is_file():
        raise BuildError(f"there is no file {path}")
    text = path.read_text()
    kind = "sam" if "AWS::" in text else "nuclio"
    if kind == "nuclio" and "spec" not in text:
        raise BuildError(
            f"{path} is neither a SAM template (no AWS:: type is in it) nor Nuclio's function.yaml "
            "(it has no spec)"
        )
    taken: Taken = import_module(f".{kind}", __name__).read(path)
    return taken
