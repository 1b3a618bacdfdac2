"""Where a function's code comes from: one kind of code entry a file, all of one shape.

A kind is a function `lay_out(entry, folder)`, which puts the code into an empty folder or raises
`DeployFailed` with what is missing.  Source: Nuclio's page "Code Entry Types Reference", and its
builder (pkg/processor/build) for the attributes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from ..errors import DeployFailed
from . import archive, git, github, image, s3, source
from .entry import Entry

LayOut = Callable[[Entry, Path], Awaitable[None]]
KINDS: Mapping[str, LayOut] = {
    "sourceCode": source.lay_out,
    "archive": archive.lay_out,
    "git": git.lay_out,
    "github": github.lay_out,
    "s3": s3.lay_out,
    "image": image.lay_out,
}


async def lay_out(entry: Entry, folder: Path) -> Path:
    """Put the code into `folder`, which is empty; returns where its modules are."""
    kind = entry.kind
    if kind not in KINDS:
        raise DeployFailed(f"code entry type {kind!r}: there are {', '.join(KINDS)}")
    await KINDS[kind](entry, folder)
    inner = (folder / entry.attribute("workDir").strip("/")).resolve()
    if not inner.is_dir() or not inner.is_relative_to(folder.resolve()):
        raise DeployFailed(f"the {entry.noun} has no folder {entry.attribute('workDir')!r}")
    return inner
