"""A function's code, wherever it is kept: an archive that was uploaded, or a container image.

Plain data: what it is called, and how the API tells it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Image:
    """A container image as an engine has it.

    uri:      what was asked for; `resolved` is the same by its digest
    id:       what the engine calls it, whatever a tag means by now
    entry_point, command, directory: what it says of how it is run
    extensions: the programs in its /opt/extensions
    """

    uri: str
    resolved: str
    id: str
    entry_point: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    directory: str = ""
    extensions: tuple[str, ...] = ()

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        lists = {
            name: tuple(document.get(name, ())) for name in ("entry_point", "command", "extensions")
        }
        return cls(**{**document, **lists})


@dataclass(frozen=True, slots=True)
class Code:
    """Code that is kept: `sha256` in hex, `size` in bytes as uploaded.

    image: the container image that it is, None for an archive; then `sha256` is its digest
    """

    sha256: str
    size: int
    native: bool = False  # whether it holds native modules
    unzipped: int = 0  # bytes
    image: Image | None = None

    @property
    def told_sha256(self) -> str:
        """CodeSha256: in base64 for an archive; an image's is its digest as it is."""
        if self.image is not None:
            return self.sha256
        return base64.b64encode(bytes.fromhex(self.sha256)).decode()

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        image = document.get("image")
        return cls(**{**document, "image": None if image is None else Image.read(image)})
