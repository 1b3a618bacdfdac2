"""The folder that stands for /var/runtime: the runtime client and boto3, and nothing else.

The named distributions are linked file by file out of the emulator's own environment, so that a
function sees these and never its neighbours.  Made once per set of versions, in the cache folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

DISTRIBUTIONS = (
    "awslambdaric",
    "simplejson",
    "snapshot-restore-py",
    "boto3",
    "botocore",
    "s3transfer",
    "jmespath",
    "python-dateutil",
    "six",
    "urllib3",
)


class RuntimeMissing(Exception):
    """A distribution that AWS's runtime has is not installed here."""


def versions() -> dict[str, str]:
    """The distributions of the runtime folder with their versions; raises `RuntimeMissing`."""
    try:
        return {name: distribution(name).version for name in DISTRIBUTIONS}
    except PackageNotFoundError as error:
        raise RuntimeMissing(
            f"the emulator needs {error.name}, which is not installed: "
            "install it with `pip install 'pelton[emulator]'`"
        ) from error


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pelton"


def runtime_folder(cache: Path | None = None) -> Path:
    """The folder, made when it is not there yet; safe when two emulators make it at once."""
    known = versions()
    name = "".join(f"{each}={version};" for each, version in known.items())
    tag = f"{sys.implementation.cache_tag}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    folder = (cache or cache_folder()) / f"runtime-{tag}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=folder.parent))
        for each in known:
            _link(each, draft)
        draft.chmod(0o755)
        try:
            draft.rename(folder)
        except OSError:  # another emulator was first, with the same content
            shutil.rmtree(draft)
    return folder


def _link(name: str, folder: Path) -> None:
    for file in distribution(name).files or ():
        source = Path(str(file.locate()))
        if ".." in file.parts or "__pycache__" in file.parts or not source.is_file():
            continue
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except OSError:  # another file system, or one without hard links
            shutil.copy2(source, target)
