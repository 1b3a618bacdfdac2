"""Folders of named distributions, linked file by file out of the emulator's own environment.

A function's process sees such a folder and never the distributions' neighbours.  Made once per
set of versions, in the cache folder; safe when two emulators make it at once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path


class RuntimeMissing(Exception):
    """A distribution that a platform's runtime has is not installed here."""


def versions(names: Sequence[str]) -> dict[str, str]:
    """The distributions with their versions; raises `RuntimeMissing`."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        return {name: distribution(name).version for name in names}
    except PackageNotFoundError as error:
        raise RuntimeMissing(
            f"the emulator needs {error.name}, which is not installed: "
            "install it with `pip install 'pelton[emulator]'`"
        ) from error


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pelton"


def is_native(name: str) -> bool:
    """Whether a distribution has native modules, so that each Python needs its own."""
    from importlib.metadata import distribution

    return any(file.suffix == ".so" for file in distribution(name).files or ())


def lend_python(folder: Path, executable: str) -> None:
    """Make `folder` an environment of its own around the Python `executable`.

    A child that a function starts (`sys.executable`, multiprocessing, `python3` by its path) is
    then as alone as the function: without it, it would find the emulator's own packages.
    Source: PEP 405 (pyvenv.cfg beside the folder of a linked executable).
    """
    real = Path(executable).resolve()
    (folder / "bin").mkdir(exist_ok=True)
    for name in {"python", "python3", real.name}:
        (folder / "bin" / name).symlink_to(real)
    (folder / "pyvenv.cfg").write_text(
        f"home = {real.parent}\ninclude-system-site-packages = false\n"
    )


def link_farm(
    names: Sequence[str],
    prefix: str,
    cache: Path | None = None,
    *,
    tag: str = "",
    also: Sequence[str] = (),
    fill: Callable[[Path], None] = lambda folder: None,
    finish: Callable[[Path], None] = lambda folder: None,
) -> Path:
    """The folder, made when it is not there yet.

    tag:    the Python it is for, when that is not the emulator's own
    also:   distributions that `fill` puts there, because they differ by Python
    finish: what is done to it when all is there, before it is anyone's
    """
    known = "".join(f"{name}={version};" for name, version in versions([*names, *also]).items())
    digest = hashlib.sha256(known.encode()).hexdigest()[:16]
    folder = (cache or cache_folder()) / f"{prefix}-{tag or sys.implementation.cache_tag}-{digest}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=folder.parent))
        try:
            fill(draft)
            for name in names:
                _link(name, draft)
            finish(draft)
            draft.chmod(0o755)
            draft.rename(folder)
        except OSError:
            if not folder.exists():  # else another emulator was first, with the same content
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return folder


def _link(name: str, folder: Path) -> None:
    from importlib.metadata import distribution

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
