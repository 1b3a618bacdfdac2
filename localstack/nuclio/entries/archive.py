"""Code in an archive (zip, tar, tar.gz …), a file or a folder: by URL, or on this machine."""

from __future__ import annotations

import asyncio
import io
import shutil
import tarfile
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import DeployFailed
from .entry import Entry

SECONDS = 60


async def lay_out(entry: Entry, folder: Path) -> None:
    if not entry.path:
        raise DeployFailed("the function has no code: give build.functionSourceCode or build.path")
    if entry.path.startswith(("http://", "https://")):
        data = await download(entry.path, entry.headers)
        await asyncio.to_thread(put, data, urlsplit(entry.path).path, folder)
    else:
        await asyncio.to_thread(_copy, Path(entry.path.removeprefix("file://")), folder)


async def download(url: str, headers: dict[str, str]) -> bytes:
    """What a URL has; raises `DeployFailed`."""
    import httpx

    try:
        async with httpx.AsyncClient(trust_env=False, timeout=SECONDS) as client:
            answer = await client.get(url, headers=headers, follow_redirects=True)
            answer.raise_for_status()
    except httpx.HTTPStatusError as error:
        said = f"{error.response.status_code} {error.response.reason_phrase}"
        raise DeployFailed(f"the archive {_bare(url)} cannot be fetched: {said}") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DeployFailed(f"the archive {_bare(url)} cannot be fetched: {error}") from None
    return answer.content


def _bare(url: str) -> str:
    """A URL without what may let others in: user, query.

    >>> _bare("https://ann:sesame@host.test:8/a.zip?X-Amz-Signature=1")
    'https://host.test:8/a.zip'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _copy(path: Path, folder: Path) -> None:
    try:
        if path.is_dir():
            shutil.copytree(path, folder, dirs_exist_ok=True)
        else:
            put(path.read_bytes(), path.name, folder)
    except OSError as error:
        raise DeployFailed(f"the archive {path} cannot be read: {error.strerror}") from None


def put(data: bytes, name: str, folder: Path) -> None:
    """Unpack an archive, or write a module; raises `DeployFailed` for what is neither."""
    if name.endswith(".py"):
        (folder / Path(name).name).write_bytes(data)
        return
    try:
        if zipfile.is_zipfile(io.BytesIO(data)):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                archive.extractall(folder)
        else:
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                tar.extractall(folder, filter="data")
    except (zipfile.BadZipFile, tarfile.TarError) as error:
        raise DeployFailed(f"the archive is neither zip nor tar: {error}") from None
