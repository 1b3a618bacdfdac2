"""Images as the engine has them: by name, fetched when they are not there, known by their digest.

A function keeps what its image was when it was deployed, as on AWS, where a tag is resolved once;
so it runs by the engine's own name of the image.  Words of refusals are those that AWS's users
quote in public.
"""

from __future__ import annotations

import io
import json
import re
import secrets
from contextlib import suppress
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from ..errors import invalid
from ..function_code import Code, Image
from .engine import Engine, EngineRefused

PULL_SECONDS = 600.0
EXTENSIONS = "/opt/extensions"
_NAME = re.compile(r"[A-Za-z0-9][\w./:@-]*", re.ASCII)


async def find_image(engine: Engine, uri: str, seen: dict[str, tuple[str, ...]]) -> Code:
    """The code that `uri` names, from the engine or from where it pulls.

    seen: the extensions of images by their id, which says all that is in one: each is looked into
          once
    Raises InvalidParameterValueException.
    """
    if not _NAME.fullmatch(uri):
        raise invalid(f"Source image {uri} is not valid. Provide a valid source image.")
    try:
        try:
            told = await engine.ask("image", "inspect", uri)
        except EngineRefused:  # it is not here yet
            await engine.ask("pull", "--quiet", uri, seconds=PULL_SECONDS)
            told = await engine.ask("image", "inspect", uri)
    except EngineRefused as error:
        raise invalid(
            f"Source image {uri} does not exist. Provide a valid source image. "
            f"({engine.name} of this machine says: {error})"
        ) from None
    code = read(uri, json.loads(told)[0])
    assert code.image is not None
    if code.image.id not in seen:
        with suppress(EngineRefused):  # the next deployment looks again
            seen[code.image.id] = await _extensions(engine, code.image.id)
    return replace(code, image=replace(code.image, extensions=seen.get(code.image.id, ())))


async def _extensions(engine: Engine, image: str) -> tuple[str, ...]:
    """The programs in its /opt/extensions: looked for in a container that is never started.

    Raises `EngineRefused` when there can be none.
    """
    import tarfile

    name = f"pelton-look-{secrets.token_hex(8)}"
    await engine.ask("create", "--pull", "never", "--name", name, image, "none")
    try:
        packed = await engine.give("cp", f"{name}:{EXTENSIONS}", "-")
    except EngineRefused:  # there is no such folder
        return ()
    finally:
        await engine.ask("rm", "--force", name)
    with tarfile.open(fileobj=io.BytesIO(packed)) as folder:
        paths = [PurePosixPath(each.name) for each in folder if not each.isdir()]
    return tuple(sorted(path.name for path in paths if len(path.parts) == 2))


def read(uri: str, told: dict[str, Any]) -> Code:
    """What an engine tells of an image.

    >>> code = read("host:5000/a:1", {"Id": "sha256:ab", "Config": {"Cmd": ["main.handler"]}})
    >>> code.told_sha256, code.image.resolved, code.image.command
    ('ab', 'host:5000/a@sha256:ab', ('main.handler',))
    """
    config = told.get("Config") or {}
    repository = repository_of(uri)
    digest = _digest(repository, told)
    image = Image(
        uri,
        f"{repository}@sha256:{digest}",
        told["Id"],
        tuple(config.get("Entrypoint") or ()),
        tuple(config.get("Cmd") or ()),
        config.get("WorkingDir") or "",
    )
    return Code(digest, 0, image=image)


def repository_of(uri: str) -> str:
    """A reference without its tag and its digest.

    >>> repository_of("host:5000/a/b:1@sha256:ab"), repository_of("host:5000/a")
    ('host:5000/a/b', 'host:5000/a')
    """
    name = uri.partition("@")[0]
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(":")[0]


def _digest(repository: str, told: dict[str, Any]) -> str:
    """That of its manifest; an image that was never pushed may have none but its own name."""
    pushed = dict(each.rsplit("@", 1) for each in told.get("RepoDigests") or ())
    digest = pushed.get(repository) or told.get("Digest") or next(iter(pushed.values()), told["Id"])
    return str(digest).rpartition(":")[2]
