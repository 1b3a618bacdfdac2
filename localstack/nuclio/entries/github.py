"""Code in a repository of GitHub's, fetched as the archive of a branch, without git."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from ..errors import DeployFailed
from . import archive
from .entry import Entry


async def lay_out(entry: Entry, folder: Path) -> None:
    if not entry.path.startswith(("http://", "https://")):
        raise DeployFailed(
            f"code entry type 'github' needs a URL in build.path, not {entry.path!r}"
        )
    branch = entry.attribute("branch")
    if not branch:
        raise DeployFailed("If code entry type is github, branch must be provided")
    url = f"{entry.path.rstrip('/')}/archive/{branch}.zip"
    data = await archive.download(url, entry.headers)
    await asyncio.to_thread(archive.put, data, url, folder)
    await asyncio.to_thread(_lift, folder)


def _lift(folder: Path) -> None:
    """GitHub puts all into one folder, named like the repository and the branch."""
    inside = list(folder.iterdir())
    if len(inside) != 1 or not inside[0].is_dir():
        raise DeployFailed("the archive of a repository has one folder at its top, this one not")
    for each in list(inside[0].iterdir()):
        shutil.move(each, folder / each.name)
    inside[0].rmdir()
