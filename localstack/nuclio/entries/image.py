"""Code in an image: what it holds of code is copied out of it by this machine's engine.

A container of it is looked into and never started: its code, which Nuclio's images have in
/opt/nuclio, runs like any other's.  What an image has installed elsewhere is not there.
"""

from __future__ import annotations

import asyncio
import io
import re
import secrets
import tarfile
from pathlib import Path, PurePosixPath

from ...lambda_.containers.engine import Engine, EngineRefused, Engines, NoEngine
from ..errors import DeployFailed
from .entry import Entry

HOME = "/opt/nuclio"
PULL_SECONDS = 600.0
_NAME = re.compile(r"[A-Za-z0-9][\w./:@-]*", re.ASCII)


async def lay_out(entry: Entry, folder: Path) -> None:
    image = entry.image
    if not _NAME.fullmatch(image):
        raise DeployFailed(f"spec.image {image!r} is no name of an image")
    try:
        engine = await Engines().find()
    except NoEngine as error:
        raise DeployFailed(
            f"the image {image} cannot be had: code entry type 'image' needs a container engine, "
            f"and none works here ({error}); deploy the source code or an archive"
        ) from None
    try:
        packed = await _copied(engine, image)
    except EngineRefused as error:
        raise DeployFailed(
            f"the image {image} cannot be had, or has no code in {HOME}: {engine.name}, the "
            f"container engine of this machine, says: {error}"
        ) from None
    await asyncio.to_thread(_unpack, packed, folder)


async def _copied(engine: Engine, image: str) -> bytes:
    """The folder of an image as tar; the image is fetched where it is not there."""
    try:
        await engine.ask("image", "inspect", image)
    except EngineRefused:
        await engine.ask("pull", "--quiet", image, seconds=PULL_SECONDS)
    name = f"pelton-look-{secrets.token_hex(8)}"
    await engine.ask("create", "--pull", "never", "--name", name, image, "none")
    try:
        return await engine.give("cp", f"{name}:{HOME}", "-")
    finally:
        await engine.ask("rm", "--force", name)


def _unpack(packed: bytes, folder: Path) -> None:
    """Its files, without the folder that they are in."""
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for each in archive:
            inner = PurePosixPath(each.name).parts[1:]
            if inner:
                archive.extract(each.replace(name="/".join(inner)), folder, filter="data")
