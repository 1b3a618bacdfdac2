"""Code that is in the configuration itself, as one file in base64."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from ..errors import DeployFailed
from .entry import Entry


async def lay_out(entry: Entry, folder: Path) -> None:
    """Write it as the module that the handler names."""
    module = entry.handler.partition(":")[0]
    path = folder / f"{module.replace('.', '/')}.py"
    try:
        content = base64.b64decode(str(entry.build["functionSourceCode"]), validate=True)
    except (binascii.Error, ValueError):
        raise DeployFailed("build.functionSourceCode is not base64") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
