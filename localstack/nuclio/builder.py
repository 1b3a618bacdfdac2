"""A function's code and dependencies on disk, from what its configuration says.

Code comes as inline source or as an archive; of build commands only pip installs are run, into a
folder of the function's own, cached by what is installed.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import io
import re
import shlex
import shutil
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from ..link_farm import lend_python, link_farm
from .errors import DeployFailed

RUNTIMES = tuple(f"python:3.{minor}" for minor in range(9, 15))
DISTRIBUTIONS = ("nuclio-sdk", "msgpack")
ENTRY_TYPES = ("", "sourceCode", "archive")
# The wrapper's own rule; it also keeps the source's path inside the function's folder.
HANDLER = re.compile(r"[\w|-]+(\.[\w|-]+)*:\w+")


async def make_code(spec: dict[str, Any], folder: Path) -> None:
    """Write the function's code into `folder`.  Raises `DeployFailed`."""
    build = spec.get("build") or {}
    kind = build.get("codeEntryType") or ""
    if kind not in ENTRY_TYPES:
        raise DeployFailed(
            f"the emulator does not build from code entry type {kind!r} "
            f"(it needs a container engine or a repository); it builds from sourceCode and archive"
        )
    handler = str(spec.get("handler") or "")
    if not HANDLER.fullmatch(handler):
        raise DeployFailed(f"malformed handler - {handler!r}: it must be module.sub:function")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if source := build.get("functionSourceCode"):
        module = handler.partition(":")[0]
        _write_source(source, folder / f"{module.replace('.', '/')}.py")
    elif path := build.get("path"):
        data = await _fetch(str(path), build.get("codeEntryAttributes") or {})
        _unpack(data, folder, (build.get("codeEntryAttributes") or {}).get("workDir", ""))
    else:
        raise DeployFailed("the function has no code: give build.functionSourceCode or build.path")


def _write_source(source: str, path: Path) -> None:
    try:
        content = base64.b64decode(source, validate=True)
    except (binascii.Error, ValueError):
        raise DeployFailed("build.functionSourceCode is not base64") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


async def _fetch(path: str, attributes: dict[str, Any]) -> bytes:
    if path.startswith(("http://", "https://")):
        import httpx

        headers = {str(k): str(v) for k, v in (attributes.get("headers") or {}).items()}
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
                answer = await client.get(path, headers=headers, follow_redirects=True)
                answer.raise_for_status()
        except httpx.HTTPError as error:
            raise DeployFailed(f"the archive {path} cannot be fetched: {error}") from None
        return answer.content
    file = Path(path.removeprefix("file://"))
    try:
        return await asyncio.to_thread(file.read_bytes)
    except OSError as error:
        raise DeployFailed(f"the archive {path} cannot be read: {error.strerror}") from None


def _unpack(data: bytes, folder: Path, work_dir: str) -> None:
    import tarfile

    try:
        if zipfile.is_zipfile(io.BytesIO(data)):
            zipfile.ZipFile(io.BytesIO(data)).extractall(folder)
        else:
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                archive.extractall(folder, filter="data")
    except (zipfile.BadZipFile, tarfile.TarError) as error:
        raise DeployFailed(f"the archive is neither zip nor tar: {error}") from None
    inner = (folder / work_dir.strip("/")).resolve()
    if not inner.is_dir() or not inner.is_relative_to(folder.resolve()):
        raise DeployFailed(f"the archive has no folder {work_dir!r}")


@dataclass(frozen=True, slots=True)
class Built:
    """A function's code on disk, ready for workers.

    folder: where all of it is;  code: where its modules are;  packages: what it can import
    besides, first found first;  python: what its own children are started with
    """

    folder: Path
    code: Path
    packages: tuple[Path, ...]
    python: Path

    @property
    def path(self) -> list[str]:
        """`sys.path` of the workers: code, installs, nuclio_sdk, the standard library."""
        library = [sysconfig.get_paths()["stdlib"], str(sysconfig.get_config_var("DESTSHARED"))]
        return [str(self.code), *map(str, self.packages), *library]


def built(folder: Path, spec: dict[str, Any], site: Path | None, runtime: Path) -> Built:
    """What was made in `folder`, with its installs and the folder that has nuclio_sdk."""
    attributes = (spec.get("build") or {}).get("codeEntryAttributes") or {}
    code = folder / str(attributes.get("workDir", "")).strip("/")
    packages = (site, runtime) if site else (runtime,)
    return Built(folder, code, packages, runtime / "bin" / "python3")


def wanted_packages(commands: list[str]) -> list[str]:
    """The packages that the build commands install; raises `DeployFailed` for other commands.

    >>> wanted_packages(["pip install 'a>=1' b", "python -m pip install --no-cache-dir c"])
    ['a>=1', 'b', 'c']
    """
    packages: list[str] = []
    for command in commands:
        words = shlex.split(command)
        while words and words[0] in ("python", "python3", "-m"):
            words = words[1:]
        if words[:2] not in (["pip", "install"], ["pip3", "install"]):
            raise DeployFailed(
                f"build command {command!r}: the emulator runs `pip install …` and no other command"
            )
        for word in words[2:]:
            if word.startswith("-") and word not in ("--no-cache-dir", "--upgrade", "-U", "-q"):
                raise DeployFailed(f"build command {command!r}: the option {word} is not supported")
            if not word.startswith("-"):
                packages.append(word)
    return packages


async def install(commands: list[str], cache: Path) -> Path | None:
    """A folder with what the build commands install; None when they install nothing."""
    packages = wanted_packages(commands)
    if not packages:
        return None
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    key = hashlib.sha256("\n".join([version, *packages]).encode()).hexdigest()[:24]
    folder = cache / f"site-{key}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=cache))
        await _pip(packages, draft)
        try:
            draft.rename(folder)
        except OSError:  # another build was first, with the same content
            shutil.rmtree(draft, ignore_errors=True)
    return folder


async def _pip(packages: list[str], folder: Path) -> None:
    import uv

    process = await asyncio.create_subprocess_exec(
        uv.find_uv_bin(), "pip", "install", "--quiet", "--python", sys.executable,
        "--compile-bytecode", "--target", str(folder), *packages,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    if process.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        raise DeployFailed(f"pip install {' '.join(packages)} failed:\n{output.decode()}")


# Takes a level and a line for the function's deployment log.
Log = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Made:
    """A function that was built: its configuration as it runs, and its code."""

    spec: dict[str, Any]
    code: Built


class Builder:
    """Makes functions from their configurations, in folders below `folder`."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder, self._environment = folder, environment

    def sweep(self) -> None:
        """Remove what an emulator left that was killed."""
        shutil.rmtree(self._folder / "functions", ignore_errors=True)

    def remove(self, code: Built) -> None:
        """Remove a function's code; what others can share stays."""
        shutil.rmtree(code.folder, ignore_errors=True)

    async def build(self, name: str, spec: dict[str, Any], log: Log) -> Made:
        """Raises `DeployFailed`, `RuntimeMissing`."""
        _check_runtime(str(spec.get("runtime") or "python"), log)
        folder = self._folder / "functions" / f"{name}-{uuid4().hex[:12]}"
        await make_code(spec, folder)
        commands = [str(each) for each in (spec.get("build") or {}).get("commands") or []]
        site = await install(commands, self._folder / "sites")
        farm = await asyncio.to_thread(_runtime)
        return Made(spec, built(folder, spec, site, farm))


def _check_runtime(runtime: str, log: Log) -> None:
    """Raises `DeployFailed` for what is no Python of Nuclio's; warns of another than ours."""
    if runtime not in ("python", *RUNTIMES):
        raise DeployFailed(
            f"the emulator runs {', '.join(RUNTIMES)}; runtime {runtime!r} it cannot run"
        )
    here = f"python:{sys.version_info.major}.{sys.version_info.minor}"
    if runtime not in ("python", here):
        told = f"runtime {runtime} is asked for; the function runs on the emulator's own {here}"
        log("warn", told)


def _runtime() -> Path:
    """The folder of what every function finds: nuclio_sdk, and a Python for its children."""
    return link_farm(
        DISTRIBUTIONS, "nuclio2", finish=lambda folder: lend_python(folder, sys.executable)
    )
